"""Which class a checkpoint holds, what is missing and what has no place in it."""

import json

import numpy as np
import pytest

from roberta import RobertaConfig
from roberta.convert.plan import expected, find_head, make_plan
from roberta.errors import CheckpointError
from roberta.model.parameters import HEADS
from roberta.weights.folder import Weights
from tests.conftest import tiny_config
from tests.convert.checkpoints import saved, stored
from tests.model.test_models import CLASSES, build


def zeros(config, head, *without, **more):
    tensors = {name: np.zeros(shape, np.float32) for name, shape in expected(config, head).items()}
    return Weights({name: x for name, x in tensors.items() if not name.startswith(without)} | more, "a file")


@pytest.mark.parametrize("kind", CLASSES)
def test_a_plan_has_a_row_for_each_tensor_of_the_file(tmp_path, kind):
    tensors = stored(saved(tmp_path, kind))
    plan, found = make_plan(RobertaConfig.from_pretrained(tmp_path), Weights(tensors, "a file"))
    assert plan.architecture == kind
    assert {row.ours for row in plan.rows} == tensors.keys() == found.keys()
    assert (plan.missing, plan.unused) == ([], [])
    assert plan.parameters == build(kind).num_parameters()


@pytest.mark.parametrize("prefix", ["", "TF", "Flax"])
def test_the_config_names_the_class_whatever_the_framework(prefix):
    for head, row in HEADS.items():
        assert find_head(RobertaConfig(architectures=[prefix + row.architecture]), ()) == head
    assert find_head(RobertaConfig(architectures=[f"{prefix}RobertaModel"]), ["qa_outputs.weight"]) is None


@pytest.mark.parametrize("kind", CLASSES)
def test_without_a_class_in_the_config_the_weights_tell_it(tmp_path, kind):
    tensors = stored(saved(tmp_path, kind))
    said = json.loads((tmp_path / "config.json").read_text())
    del said["architectures"]
    plan, _ = make_plan(RobertaConfig.from_dict(said), Weights(tensors, "a file"))
    assert plan.architecture == kind


def test_what_the_class_has_no_place_for_is_named():
    config = tiny_config(architectures=["RobertaForMaskedLM"])
    more = {"roberta.pooler.dense.bias": np.zeros(16, np.float32), "score": np.zeros(2, np.float32)}
    plan, found = make_plan(config, zeros(config, "masked_lm", **more))
    assert plan.unused == ["roberta.pooler.dense.bias", "score"]
    assert not found.keys() & more.keys()


def test_a_head_that_is_not_there_leaves_the_encoder():
    config = tiny_config(architectures=["RobertaForQuestionAnswering"])
    plan, _ = make_plan(config, zeros(config, "question_answering", "qa_outputs"))
    assert plan.architecture == "RobertaModel"
    assert plan.config.architectures == ["RobertaModel"]
    assert plan.missing == ["qa_outputs.weight", "qa_outputs.bias", "pooler.dense.weight", "pooler.dense.bias"]


def test_half_a_head_or_encoder_is_refused_by_name():
    config = tiny_config(architectures=["RobertaForQuestionAnswering"])
    with pytest.raises(CheckpointError, match=r"a file: no weights for qa_outputs.bias; the file is incomplete"):
        make_plan(config, zeros(config, "question_answering", "qa_outputs.bias"))
    with pytest.raises(
        CheckpointError, match=r"no weights for roberta.encoder.layer.1.attention.self.query.weight, .* 11 more"
    ):
        make_plan(config, zeros(config, "question_answering", "roberta.encoder.layer.1"))


def test_a_shape_of_another_config_is_refused():
    config = tiny_config(architectures=["RobertaModel"])
    with pytest.raises(CheckpointError, match=r"word_embeddings.weight is \(60, 16\), the model needs \(61, 16\)"):
        make_plan(tiny_config(vocab_size=61), zeros(config, None))


def test_old_names_stand_beside_the_published_ones():
    config = tiny_config(architectures=["RobertaModel"])
    weights = zeros(config, None, "embeddings.LayerNorm.weight")
    weights.tensors["embeddings.LayerNorm.gamma"] = np.ones(16, np.float32)
    plan, _ = make_plan(config, weights, "float16")
    [row] = [row for row in plan.rows if row.theirs != row.ours]
    assert (row.theirs, row.ours) == ("embeddings.LayerNorm.gamma", "embeddings.LayerNorm.weight")
    assert (row.shape, row.dtype, row.bytes) == ((16,), "float16", 32)
    assert plan.config.dtype == "float16"
