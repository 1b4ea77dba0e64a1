"""What is written is kept only if it is what was read; what is in the way, absent or unknown is said by name."""

import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest

from roberta.convert import targets
from roberta.convert.run import Options, convert, tensor_map
from roberta.errors import CheckFailed, CheckpointError, MissingExtra, UsageError
from roberta.hub import Origin
from tests.convert.checkpoints import assert_same_bits, hidden_files, saved, stored
from tests.model.test_models import build

QUICK = Options(verify=False)


# What is wrong with a written file -> what is said. Each is done to the first tensor that is written.
def _another_number(array):
    array = array.copy()
    array.flat[-1] += 1
    return array


FAULTS = {
    "a number": _another_number,
    "a type": lambda array: array.astype(np.float64),
    "a shape": lambda array: array.reshape(-1, 1),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_writer_that_is_wrong_leaves_nothing(tmp_path, monkeypatch, fault):
    right = targets.TARGETS["pytorch"]

    def write(folder, plan, tensors, max_shard):
        name = "roberta.embeddings.word_embeddings.weight"
        return right.write(folder, plan, {**tensors, name: FAULTS[fault](tensors[name])}, max_shard)

    monkeypatch.setitem(targets.TARGETS, "pytorch", replace(right, write=write))
    source = saved(tmp_path / "source", "RobertaForTokenClassification")
    with pytest.raises(CheckFailed, match=r"word_embeddings.weight|cannot be read back"):
        convert(Origin(source), tmp_path / "new", Options(to="pytorch"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]


def test_a_graph_that_computes_something_else_is_not_kept(tmp_path, monkeypatch):
    from roberta.convert import onnx_graph

    monkeypatch.setattr(onnx_graph, "gelu", lambda nodes, x: nodes.add("Relu", x))
    source = saved(tmp_path / "source")
    with pytest.raises(CheckFailed, match=r"the outputs differ by .* where 1e-05 of it is allowed"):
        convert(Origin(source), tmp_path / "new", Options(to="onnx"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]
    line = convert(Origin(source), tmp_path / "new", Options(to="onnx", verify=False))
    assert (line["verified"], line["max_abs_diff"]) == (False, None)


def test_numbers_too_large_for_the_type_are_noticed(tmp_path):
    model = build("RobertaForSequenceClassification")
    model.classifier.out_proj.bias.data[0] = 1e6
    model.save_pretrained(tmp_path / "source")
    with pytest.warns(UserWarning, match="NaN or infinite"), pytest.raises(CheckFailed, match="infinite numbers"):
        convert(Origin(tmp_path / "source"), tmp_path / "new", Options(dtype="fp16"))
    assert not (tmp_path / "new").exists()


def test_what_is_there_is_replaced_only_when_asked_and_only_by_what_passed(tmp_path):
    source, other = saved(tmp_path / "source"), saved(tmp_path / "other", "RobertaModel")
    before = stored(other)
    with pytest.raises(UsageError, match=r"other: holds config.json already; replace it with --force"):
        convert(Origin(source), other, Options())
    with pytest.raises(CheckFailed):
        convert(Origin(source), other, Options(dtype="bf16", atol=0, force=True))
    assert_same_bits(stored(other), before)
    convert(Origin(source), other, Options(to="pytorch", force=True))
    assert_same_bits(stored(other), stored(source))
    assert not (other / "model.safetensors").exists()
    assert hidden_files(tmp_path) == []


def test_what_is_no_checkpoint_is_never_replaced(tmp_path):
    source = saved(tmp_path / "source")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(UsageError, match=r"holds chapter.txt and is no checkpoint"):
        convert(Origin(source), tmp_path / "thesis", Options(force=True))
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "thesis")
    for name in ("file", "link"):
        with pytest.raises(UsageError, match="is a file or a link"):
            convert(Origin(source), tmp_path / name, Options(force=True))
    (tmp_path / "empty").mkdir()
    convert(Origin(source), tmp_path / "empty", QUICK)
    assert_same_bits(stored(tmp_path / "empty"), stored(source))


def test_a_source_is_not_its_own_target(tmp_path):
    source = saved(tmp_path / "models" / "source")
    for folder in (source, tmp_path / "models", source / ".." / "source"):
        with pytest.raises(UsageError, match="holds what is converted"):
            convert(Origin(source), folder, Options(force=True))
    with pytest.raises(UsageError, match=r"name it without .safetensors"):
        convert(Origin(source), tmp_path / "new.safetensors", Options())
    convert(Origin(source), source / "onnx", Options(to="onnx", verify=False))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(to="tensorlow"), "no format 'tensorlow' to convert to; choose safetensors"),
        (Options(wanted="h5"), "no format 'h5' to convert from; choose auto, safetensors"),
        (Options(dtype="int8"), "no number type 'int8' to convert to; choose fp32, fp16, bf16"),
        (Options(max_shard="much"), "is not a size; give bytes, or text such as"),
    ],
    ids=["to", "from", "dtype", "max_shard"],
)
def test_what_is_not_known_is_said_with_what_is(tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        convert(Origin(saved(tmp_path / "source")), tmp_path / "new", options)
    assert not (tmp_path / "new").exists()


def test_of_several_formats_the_one_that_is_asked_for_is_read(tmp_path):
    source = saved(tmp_path / "source")
    other = build("RobertaForMaskedLM")
    other.lm_head.bias.data += 1
    other.save_pretrained(tmp_path / "other", safe_serialization=False)
    shutil.copyfile(tmp_path / "other" / "pytorch_model.bin", source / "pytorch_model.bin")
    assert convert(Origin(source), tmp_path / "one", QUICK)["from"] == "safetensors"
    assert convert(Origin(source), tmp_path / "two", Options(wanted="pytorch", verify=False))["from"] == "pytorch"
    named = convert(Origin(source / "pytorch_model.bin"), tmp_path / "three", QUICK)
    assert named["from"] == "pytorch"
    assert_same_bits(stored(tmp_path / "two"), stored(tmp_path / "three"))
    with pytest.raises(UsageError, match="is of the format pytorch, not safetensors; leave --from out"):
        convert(Origin(source / "pytorch_model.bin"), tmp_path / "four", Options(wanted="safetensors"))
    with pytest.raises(CheckpointError, match=r"no model.onnx"):
        convert(Origin(source), tmp_path / "four", Options(wanted="onnx"))


@pytest.mark.parametrize(("package", "verify"), [("onnx", False), ("onnxruntime", True)])
def test_an_absent_package_is_named_with_the_way_to_get_it(tmp_path, monkeypatch, package, verify):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        MissingExtra, match=rf"needs the package {package}; install it with: pip install 'roberta\[onnx\]'"
    ):
        convert(Origin(saved(tmp_path / "source")), tmp_path / "new", Options(to="onnx", verify=verify))


def test_the_tensor_map_is_what_a_conversion_does(tmp_path):
    source = saved(tmp_path / "source")
    found = tensor_map(Origin(source), Options(to="pytorch", dtype="bf16"))
    line = convert(Origin(source), tmp_path / "new", Options(to="pytorch", dtype="bf16"))
    assert {name: line[name] for name in found if name != "map"}.items() <= found.items()
    assert {row["ours"]: row["shape"] for row in found["map"]} == {
        name: x.shape for name, x in stored(tmp_path / "new").items()
    }
    assert sum(row["bytes"] for row in found["map"]) == line["bytes"]
