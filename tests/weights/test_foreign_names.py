"""What TensorFlow and Flax call the weights, and the way there and back."""

import numpy as np
import pytest

import roberta
from roberta.errors import CheckpointError
from roberta.hub import Origin
from roberta.model.loading import to_array
from roberta.model.parameters import HEADS, body_shapes
from roberta.weights import safetensors_file
from roberta.weights.folder import read_weights
from roberta.weights.foreign_names import FLAX, NAMINGS, TENSORFLOW, tensorflow_scope, to_published
from roberta.weights.names import match
from tests.conftest import seeded, tiny_config

CLASSES = ["RobertaModel", *(head.architecture for head in HEADS.values())]
WORDS = "roberta.embeddings.word_embeddings.weight"


def state(architecture, **changes):
    """The tensors of a tiny model as they are published, and its config."""
    model = seeded(getattr(roberta, architecture), tiny_config(architectures=[architecture], **changes))
    twice = {"lm_head.decoder.bias"} | ({"lm_head.decoder.weight"} if model.config.tie_word_embeddings else set())
    return {name: to_array(tensor) for name, tensor in model.state_dict().items() if name not in twice}, model.config


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("naming", NAMINGS, ids=lambda naming: naming.framework)
@pytest.mark.parametrize("architecture", CLASSES)
def test_every_weight_of_every_class_comes_back_bit_for_bit(naming, architecture):
    tensors, config = state(architecture)
    theirs = naming.from_published(tensors, config)
    assert not theirs.keys() & tensors.keys()
    assert [each for each in NAMINGS if each.recognise(theirs)] == [naming]
    found = to_published(theirs, source="x")
    assert same(found, tensors)
    assert all(array.flags.c_contiguous and array.flags.writeable for array in found.values())
    assert not theirs  # taken out one by one, so that no two copies of all are held at once


@pytest.mark.parametrize("naming", NAMINGS, ids=lambda naming: naming.framework)
def test_cross_attention_has_its_names(naming):
    tensors, config = state("RobertaForCausalLM", is_decoder=True, add_cross_attention=True)
    assert any("crossattention" in name for name in tensors)
    assert same(to_published(naming.from_published(tensors, config), source="x"), tensors)


def test_published_names_are_no_foreign_ones():
    published = list(body_shapes(tiny_config(add_cross_attention=True), pooler=True))
    published += [f"roberta.{name}" for name in published]
    published += ["lm_head.bias", "lm_head.dense.bias", "encoder.layer.0.output.LayerNorm.gamma", "classifier.bias"]
    assert not any(naming.recognise(published) for naming in NAMINGS)
    tensors = dict.fromkeys(published, np.zeros(1, np.float32))
    assert to_published(tensors, source="x") is tensors


def test_a_scope_before_a_tensorflow_name_is_dropped_whatever_it_is():
    path = "roberta/encoder/layer_._11/attention/self/query/kernel:0"
    ours = ("roberta.encoder.layer.11.attention.self.query.weight", True)
    for scope in ("", "tf_roberta_for_masked_lm_3/", "roberta/tf_roberta_model/", "roberta/model_2/"):
        assert TENSORFLOW.find(scope + path) == ours
    assert TENSORFLOW.find("lm_head/tf_roberta_for_causal_lm/lm_head/bias:0") == ("lm_head.bias", False)
    assert TENSORFLOW.find("classifier/x/classifier/dense/kernel:0") == ("classifier.dense.weight", True)
    assert TENSORFLOW.find("a/b/c/" + path) is None
    assert TENSORFLOW.find(path.removesuffix(":0")) is None


def test_a_flax_name_has_slashes_or_dots_and_may_stand_below_params():
    ours = ("roberta.encoder.layer.3.output.LayerNorm.weight", False)
    path = "encoder/layer/3/output/LayerNorm/scale"
    for name in (path, f"roberta/{path}", f"params/roberta/{path}", f"roberta/{path}".replace("/", ".")):
        assert FLAX.find(name) == ours
    assert FLAX.find("lm_head/decoder/kernel") == ("lm_head.decoder.weight", True)


@pytest.mark.parametrize("name", ["encoder/layer/{}/output/dense/kernel", "encoder/layer/007/output/dense/kernel", ""])
def test_a_layers_number_is_a_plain_number(name):
    assert all(naming.find(name) is None for naming in NAMINGS)


def test_names_that_no_table_has_stay_as_they_are():
    tensors = {"qa_outputs/kernel": np.zeros((4, 2), np.float32), "adapter/kernel": np.zeros(3, np.float32)}
    found = to_published(tensors, source="x")
    assert {name: array.shape for name, array in found.items()} == {"qa_outputs.weight": (2, 4), "adapter/kernel": (3,)}


def test_two_sources_of_one_weight_must_be_equal():
    one, two = "roberta/s/roberta/pooler/dense/bias:0", "lm_head/s/roberta/pooler/dense/bias:0"
    ones = np.ones(3, np.float32)
    assert list(to_published({one: ones, two: ones.copy()}, source="x")) == ["pooler.dense.bias"]
    with pytest.raises(CheckpointError, match=r"x\.h5: 'roberta/s.*' and 'lm_head/s.*' mean the same parameter"):
        to_published({one: ones, two: ones * 2}, source="x.h5")


@pytest.mark.parametrize("naming", NAMINGS, ids=lambda naming: naming.framework)
def test_relative_positions_have_no_place(naming):
    tensors, config = state("RobertaModel", position_embedding_type="relative_key")
    with pytest.raises(CheckpointError, match=rf"distance_embedding.*: {naming.framework} files have no place for it"):
        naming.from_published(tensors, config)


@pytest.mark.parametrize("naming", [TENSORFLOW, FLAX], ids=lambda naming: naming.framework)
def test_pruned_heads_have_no_place(naming):
    tensors, config = state("RobertaModel", pruned_heads={0: [1]})
    with pytest.raises(CheckpointError, match=f"pruned_heads: {naming.framework} files have no place for it"):
        naming.from_published(tensors, config)


def test_an_untied_decoder_has_a_place_in_flax_only():
    tensors, config = state("RobertaForMaskedLM", tie_word_embeddings=False)
    assert same(to_published(FLAX.from_published(tensors, config), source="x"), tensors)
    with pytest.raises(CheckpointError, match=r"lm_head\.decoder\.weight: TensorFlow files have no place for it"):
        TENSORFLOW.from_published(tensors, config)


@pytest.mark.parametrize("naming", NAMINGS, ids=lambda naming: naming.framework)
def test_a_tied_decoder_is_left_out_and_old_names_and_buffers_are_understood(naming):
    tensors, config = state("RobertaForMaskedLM")
    usual = naming.from_published(tensors, config)
    norm = "roberta.encoder.layer.0.output.LayerNorm"
    old = tensors | {
        "lm_head.decoder.weight": tensors[WORDS],
        "lm_head.decoder.bias": tensors["lm_head.bias"],
        "roberta.embeddings.position_ids": np.arange(4),
        f"{norm}.gamma": tensors[f"{norm}.weight"],
    }
    assert same(naming.from_published(old, config), usual)
    with pytest.raises(CheckpointError, match="mean the same parameter but differ"):
        naming.from_published(tensors | {"lm_head.decoder.weight": tensors[WORDS] * 2}, config)


def test_a_scope_is_the_classs_name_in_small_letters():
    assert [tensorflow_scope(name) for name in CLASSES] == [
        "tf_roberta_model",
        "tf_roberta_for_masked_lm",
        "tf_roberta_for_causal_lm",
        "tf_roberta_for_sequence_classification",
        "tf_roberta_for_multiple_choice",
        "tf_roberta_for_token_classification",
        "tf_roberta_for_question_answering",
    ]


@pytest.mark.parametrize("naming", NAMINGS, ids=lambda naming: naming.framework)
def test_safetensors_with_foreign_names_are_a_checkpoint_too(tmp_path, naming):
    tensors, config = state("RobertaForMaskedLM")
    theirs = naming.from_published(tensors, config)
    if naming is TENSORFLOW:  # as its own save_pretrained: the path without the scope
        theirs = {name.partition("/")[2]: array for name, array in theirs.items()}
    else:
        theirs = {name.replace("/", "."): array for name, array in theirs.items()}
    safetensors_file.write(tmp_path / "model.safetensors", theirs)
    found = read_weights(Origin(tmp_path)).tensors
    assert same(found, tensors)
    assert not match(found, tensors, source="x").missing
