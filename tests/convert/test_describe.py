"""What a checkpoint is said to hold, from headers alone."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest

import roberta
from roberta.builtin import MINI
from roberta.convert.describe import describe
from roberta.convert.run import Options, convert
from roberta.errors import CheckpointError
from roberta.hub import Origin
from roberta.model.parameters import HEADS
from roberta.training.lora import Adapter
from roberta.weights import safetensors_file
from roberta.weights.sentence_folder import save_modules
from tests.convert.checkpoints import saved
from tests.model.test_models import CLASSES, build


@pytest.mark.parametrize("kind", CLASSES)
def test_the_class_its_head_and_its_size(tmp_path, kind):
    found = describe(Origin(saved(tmp_path, kind)))
    own = [head for head, row in HEADS.items() if row.architecture == kind]
    assert (found["class"], found["heads"], found["format"], found["dtype"]) == (kind, own, "safetensors", "float32")
    assert found["parameters"] == build(kind).num_parameters()
    assert (found["layers"], found["hidden_size"], found["vocab_size"], found["usable_length"]) == (2, 16, 60, 22)
    assert (found["missing"], found["unused"], found["pooling"], found["adapters"]) == ([], [], None, [])
    assert json.loads(json.dumps(found)) == found


def test_labels_are_those_of_the_config(tmp_path):
    saved(tmp_path, "RobertaForTokenClassification", id2label={0: "O", 1: "B-PER"})
    assert describe(Origin(tmp_path))["labels"] == ["O", "B-PER"]
    assert describe(Origin(MINI))["labels"] is None


@pytest.mark.parametrize(
    "options", [Options(to="pytorch"), Options(to="flax"), Options(to="onnx"), Options(dtype="bf16")]
)
def test_every_format_is_named_with_its_files(tmp_path, options):
    source = saved(tmp_path / "source")
    convert(Origin(source), tmp_path / "new", options)
    found, before = describe(Origin(tmp_path / "new")), describe(Origin(source))
    assert found["format"] == options.to
    assert found["dtype"] == ("bfloat16" if options.dtype else "float32")
    for name in ("class", "heads", "parameters", "layers", "missing"):
        assert found[name] == before[name]
    [file] = found["files"]
    path = tmp_path / "new" / file["name"]
    assert file["bytes"] == found["bytes"] == path.stat().st_size
    assert found["hash"] == "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    assert describe(Origin(path)) == found | {"model": str(path)}
    if options.to == "onnx":
        graph = (found["inputs"], found["outputs"], found["opset"])
        assert graph == (["input_ids", "attention_mask"], ["logits"], 17)


def test_the_hash_of_shards_is_that_of_what_sha256sum_prints(tmp_path):
    convert(Origin(saved(tmp_path / "source")), tmp_path / "new", Options(max_shard="12KB", verify=False))
    found = describe(Origin(tmp_path / "new"))
    assert [file["name"] for file in found["files"]][-1] == "model.safetensors.index.json"
    names = [file["name"] for file in found["files"]]
    printed = subprocess.run(["sha256sum", *names], cwd=tmp_path / "new", capture_output=True, check=True).stdout
    assert found["hash"] == "sha256:" + hashlib.sha256(printed).hexdigest()


def test_what_is_missing_and_what_is_not_used_is_said(tmp_path):
    saved(tmp_path)
    tensors = safetensors_file.read(tmp_path / "model.safetensors")
    kept = {name: array.copy() for name, array in tensors.items() if not name.startswith("lm_head")}
    safetensors_file.write(tmp_path / "model.safetensors", kept | {"qa_outputs.bias": np.zeros(2, np.float32)})
    found = describe(Origin(tmp_path))
    assert (found["class"], found["heads"]) == ("RobertaModel", ["question_answering"])
    assert set(found["missing"]) >= {"lm_head.bias", "pooler.dense.weight"}
    assert found["unused"] == ["qa_outputs.bias"]


def test_the_pooling_of_a_sentence_transformers_folder(tmp_path):
    saved(tmp_path, "RobertaModel")
    save_modules(tmp_path, pooling="cls", width=16, room=20)
    expected = {"modes": ["cls"], "normalize": False, "dense": [], "length": 20, "prompts": {}}
    assert describe(Origin(tmp_path))["pooling"] == expected


def test_an_adapter_alone_and_beside_its_model(tmp_path):
    base = saved(tmp_path / "base")
    with pytest.warns(UserWarning, match="started at random"):
        model = roberta.RobertaForSequenceClassification.from_pretrained(base, id2label={0: "bad", 1: "good"})
    folder = base / "adapters" / "classify"
    folder.mkdir(parents=True)
    Adapter(model, str(base), rank=2).save(folder)
    alone = describe(Origin(folder))
    assert (alone["format"], alone["rank"], alone["base"]) == ("lora", 2, str(base))
    assert alone["labels"] == ["bad", "good"]
    assert describe(Origin(base))["adapters"] == ["classify"]
    merged = describe(Origin(base, adapter=folder))
    assert merged["class"] == "RobertaForSequenceClassification"
    assert merged["labels"] == ["bad", "good"]


def test_what_is_no_checkpoint_is_said(tmp_path):
    with pytest.raises(CheckpointError, match=r"none of model.safetensors"):
        describe(Origin(tmp_path))


def test_no_torch_is_loaded():
    code = (
        "import sys; from roberta.convert.describe import describe; from roberta.builtin import MINI;"
        " from roberta.hub import Origin; describe(Origin(MINI)); print('torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
