"""Adapters: merged weights give what the wrapped layers give; what does not belong to the model is refused by name."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

import roberta
from roberta.errors import CheckpointError, UsageError
from roberta.files import read_json
from roberta.hub import Origin
from roberta.training.lora import LINEARS, Adapter
from roberta.weights import safetensors_file
from roberta.weights.adapter import merged, read_config
from roberta.weights.folder import read_weights
from roberta.weights.sentence_folder import read_sentence_folder, save_modules
from tests.conftest import random_ids, tiny_config


@pytest.fixture
def base(tmp_path):
    torch.manual_seed(0)
    folder = tmp_path / "base"
    roberta.RobertaForMaskedLM(tiny_config()).save_pretrained(folder)
    return folder


def adapted(base, folder, kind="RobertaForSequenceClassification", modules=LINEARS, **config):
    """A model with an adapter that changes something, and the adapter saved."""
    with pytest.warns(UserWarning, match="started at random"):
        model = getattr(roberta, kind).from_pretrained(base, **config)
    adapter = Adapter(model, str(base), rank=2, modules=modules)
    with torch.no_grad():
        for tensor in adapter.tensors().values():
            tensor.normal_(0, 0.2)
    folder.mkdir()
    adapter.save(folder)
    return model


@pytest.mark.parametrize(
    ("kind", "labels"),
    [
        ("RobertaForSequenceClassification", 3),
        ("RobertaForTokenClassification", 5),
        ("RobertaForQuestionAnswering", 2),
    ],
)
def test_the_merged_model_gives_what_the_adapted_one_gives(base, tmp_path, kind, labels):
    model = adapted(base, tmp_path / "adapter", kind, num_labels=labels)
    loaded = getattr(roberta, kind).from_pretrained(base, adapter=tmp_path / "adapter", strict=True)
    ids = random_ids(2, 7)
    for name, expected in model.eval()(ids).items():
        assert torch.allclose(loaded(ids)[name], expected, atol=1e-5), name


@pytest.mark.parametrize("modules", [("query", "value"), ("word_embeddings",), ("dense", "word_embeddings")])
def test_any_parts_may_be_adapted(base, tmp_path, modules):
    model = adapted(base, tmp_path / "adapter", modules=modules)
    loaded = roberta.RobertaForSequenceClassification.from_pretrained(base, adapter=tmp_path / "adapter", strict=True)
    ids = random_ids(2, 7)
    assert torch.allclose(loaded(ids).logits, model.eval()(ids).logits, atol=1e-5)
    stored = {name.split(".lora_")[0].rpartition(".")[2] for name in model.state_dict() if ".lora_" in name}
    assert stored == set(modules)
    assert read_json(tmp_path / "adapter" / "adapter_config.json")["target_modules"] == list(modules)


def test_a_new_adapter_changes_nothing(base):
    ids = random_ids(2, 7)
    model = roberta.RobertaModel.from_pretrained(base, add_pooling_layer=False)
    expected = model(ids).last_hidden_state
    Adapter(model, str(base), rank=2, modules=(*LINEARS, "word_embeddings"))
    assert torch.equal(model(ids).last_hidden_state, expected)


@pytest.mark.parametrize("modules", [(), ("query", "keys")])
def test_a_part_that_cannot_be_adapted_is_refused(base, modules):
    with pytest.raises(UsageError, match="choose from query, key, value, dense, word_embeddings"):
        Adapter(roberta.RobertaModel.from_pretrained(base, add_pooling_layer=False), str(base), rank=2, modules=modules)


def test_the_head_and_its_labels_come_from_the_adapter(base, tmp_path):
    adapted(base, tmp_path / "adapter", id2label={0: "bad", 1: "good"})
    config = read_config(Origin(base, adapter=tmp_path / "adapter"))
    assert config.id2label == {0: "bad", 1: "good"}
    assert config.architectures == ["RobertaForSequenceClassification"]


def test_without_a_config_the_rows_of_the_head_count_the_labels(base, tmp_path):
    adapted(base, tmp_path / "adapter", num_labels=5)
    (tmp_path / "adapter" / "config.json").unlink()  # as PEFT leaves it
    config = read_config(Origin(base, adapter=tmp_path / "adapter"))
    assert (config.num_labels, config.architectures) == (5, ["RobertaForSequenceClassification"])


def test_names_that_peft_wraps_are_unwrapped(base, tmp_path):
    adapted(base, tmp_path / "adapter", num_labels=3)
    path = tmp_path / "adapter" / "adapter_model.safetensors"
    plain = merged(read_weights(Origin(base)).tensors, Origin(tmp_path / "adapter"))
    stored = {name: array.copy() for name, array in safetensors_file.read(path).items()}
    wrapped = {name.replace(".classifier.", ".classifier.modules_to_save.default."): a for name, a in stored.items()}
    assert wrapped.keys() != stored.keys()
    safetensors_file.write(path, wrapped)
    again = merged(read_weights(Origin(base)).tensors, Origin(tmp_path / "adapter"))
    assert again.keys() == plain.keys()
    assert all(np.array_equal(again[name], plain[name]) for name in plain)


@pytest.mark.parametrize(("rslora", "factor"), [(False, 4 / 2), (True, 4 / 2**0.5)])
def test_the_scale_is_alpha_by_rank_or_by_its_root(base, tmp_path, rslora, factor):
    adapted(base, tmp_path / "adapter")
    path = tmp_path / "adapter" / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"use_rslora": rslora}))
    name = "roberta.encoder.layer.0.attention.self.query"
    stored = safetensors_file.read(tmp_path / "adapter" / "adapter_model.safetensors")
    low, high = (stored[f"base_model.model.{name}.lora_{side}.weight"] for side in "AB")
    before = read_weights(Origin(base)).tensors
    after = merged(before, Origin(tmp_path / "adapter"))
    assert np.allclose(after[f"{name}.weight"] - before[f"{name}.weight"], factor * high @ low, atol=1e-6)
    assert after["roberta.embeddings.word_embeddings.weight"] is before["roberta.embeddings.word_embeddings.weight"]


def test_an_adapter_of_another_model_or_kind_is_refused(base, tmp_path):
    adapted(base, tmp_path / "adapter")
    other = tmp_path / "other"
    roberta.RobertaForMaskedLM(tiny_config(hidden_size=8, num_attention_heads=1)).save_pretrained(other)
    with pytest.raises(CheckpointError, match="model of another size"):
        read_weights(Origin(other, adapter=tmp_path / "adapter"))
    fewer = tmp_path / "fewer"
    roberta.RobertaForMaskedLM(tiny_config(num_hidden_layers=1)).save_pretrained(fewer)
    with pytest.raises(CheckpointError, match=r"the model has no .*layer\.1"):
        read_weights(Origin(fewer, adapter=tmp_path / "adapter"))
    path = tmp_path / "adapter" / "adapter_config.json"
    settings = json.loads(path.read_text())
    for change, sentence in (
        ({"peft_type": "IA3"}, "the kind 'IA3'; only LORA"),
        ({"use_dora": True}, "use_dora is True"),
        ({"rank_pattern": {"query": 4}}, "rank_pattern"),
    ):
        path.write_text(json.dumps(settings | change))
        with pytest.raises(CheckpointError, match=sentence):
            read_weights(Origin(base, adapter=tmp_path / "adapter"))


def test_an_adapter_for_vectors_says_how_they_are_made_and_not_where_the_encoder_lies(base, tmp_path):
    adapter = tmp_path / "adapter"
    save_modules(adapter, pooling="cls", width=16, room=40)
    origin = Origin(base, adapter=adapter)
    found = read_sentence_folder(origin)
    assert (found.poolings, found.room, found.encoder) == (("cls",), 40, origin)
    assert read_sentence_folder(Origin(base)) is None
    save_modules(base, pooling="mean", width=16, room=50)
    found = read_sentence_folder(Origin(base, adapter=adapter))
    assert (found.poolings, found.room, found.encoder.folder) == (("cls",), 40, base)


MERGE = """
import hashlib
from roberta.builtin import MINI
from roberta.hub import Origin
from roberta.weights.adapter import merged
from roberta.weights.folder import read_weights

found = merged(read_weights(Origin(str(MINI))).tensors, Origin(str(MINI / "adapters" / "embed")))
print(hashlib.sha256(b"".join(found[name].tobytes() for name in sorted(found))).hexdigest())
"""


def test_merged_weights_do_not_depend_on_the_threads_of_the_machine():
    """A worker with one core shall give the bytes that a process with two gives: answers, to their last digits."""
    one, two = (
        subprocess.run(
            [sys.executable, "-c", MERGE],
            env=os.environ | {"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads},
            check=True,
            capture_output=True,
        ).stdout
        for threads in ("1", "2")
    )
    assert one == two
