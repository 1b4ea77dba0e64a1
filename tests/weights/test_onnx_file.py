"""ONNX files: read as they were written, by us or by the package onnx, and taken as hostile."""

import numpy as np
import pytest

from roberta.errors import CheckpointError
from roberta.weights import onnx_file
from roberta.weights.onnx_file import EXTERNAL, MESSAGE_LIMIT, published, read, recognise, write
from tests.weights.weight_files import as_torch, same_tensors, sample_state

onnx = pytest.importorskip("onnx")


def parts():
    """A model without its graph, and a graph without weights."""
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    other = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    model = onnx.helper.make_model(
        onnx.helper.make_graph([node], "g", [value], [other]), opset_imports=[onnx.helper.make_opsetid("", 17)]
    )
    graph = model.graph.SerializeToString()
    model.ClearField("graph")
    return model.SerializeToString(), graph


def arrays():
    from roberta.model.loading import to_array

    return {name: to_array(tensor) for name, tensor in sample_state().items() if tensor.dim()}


@pytest.mark.parametrize("limit", [MESSAGE_LIMIT, 500])
def test_what_is_written_is_read_back_by_us_and_by_onnx(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(onnx_file, "MESSAGE_LIMIT", limit)
    tensors, path = arrays(), tmp_path / "model.onnx"
    write(path, *parts(), tensors)
    assert (tmp_path / f"model.onnx{EXTERNAL}").exists() == (limit == 500)
    found = read(path)
    assert (found.inputs, found.outputs, found.opset) == (["x"], ["y"], 17)
    assert same_tensors(found.tensors, {name: as_torch(array) for name, array in tensors.items()})
    theirs = {weight.name: onnx.numpy_helper.to_array(weight) for weight in onnx.load(path).graph.initializer}
    assert theirs.keys() == tensors.keys()
    for name in ("half", "double", "int32", "flags", "empty"):
        assert np.array_equal(theirs[name], tensors[name]), name


def test_numbers_turned_round_are_published_names():
    kernel = np.arange(6, dtype=np.float32).reshape(3, 2)
    assert np.array_equal(published({"qa_outputs.kernel": kernel})["qa_outputs.weight"], kernel.T)


def test_a_file_is_told_by_how_it_begins(tmp_path):
    write(tmp_path / "model.onnx", *parts(), {})
    assert recognise((tmp_path / "model.onnx").read_bytes()[:16])
    for other in (b"PK\x03\x04aaaa", b"\x89HDF\r\n\x1a\n", b"<!DOCTYPE html>", b"\x10\x00\x00\x00\x00\x00\x00\x00{"):
        assert not recognise(other)


def crafted(path, **changes):
    """A model with one weight of which fields are changed."""
    weight = onnx.TensorProto(name="w", dims=[2], data_type=1, raw_data=bytes(8))
    for name, value in changes.items():
        if name == "places":
            weight.ClearField("raw_data")
            weight.data_location = onnx.TensorProto.EXTERNAL
            weight.external_data.extend(onnx.StringStringEntryProto(key=key, value=text) for key, text in value.items())
        elif name == "dims":
            weight.ClearField("dims")
            weight.dims.extend(value)
        else:
            setattr(weight, name, value)
    head, graph = parts()
    inner = onnx.GraphProto.FromString(graph)
    inner.initializer.extend([weight] * (2 if "twice" in path.name else 1))
    model = onnx.ModelProto.FromString(head)
    model.graph.CopyFrom(inner)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dims": [3]}, "not the bytes that its shape"),
        ({"dims": [2**40, 2**40]}, "a type or a shape that is not known"),
        ({"dims": [-2]}, "a type or a shape that is not known"),
        ({"data_type": 8}, "a type or a shape that is not known"),
        ({"places": {"location": "../secret"}}, "no plain name; do not load this model"),
        ({"places": {"location": "/etc/passwd"}}, "no plain name"),
        ({"places": {"location": ".."}}, "no plain name"),
        ({"places": {"location": "numbers", "offset": "-8"}}, "no plain name"),
        ({"places": {"location": "absent"}}, "cannot be read"),
        ({"places": {"location": "numbers", "offset": "4"}}, "lies outside numbers"),
        ({"places": {"location": "numbers", "length": "80"}}, "lies outside numbers"),
        ({"places": {"location": "link"}}, "a link; put the file itself there"),
    ],
    ids=str,
)
def test_a_weight_that_cannot_be_is_refused(tmp_path, changes, message):
    (tmp_path / "numbers").write_bytes(bytes(8))
    (tmp_path / "link").symlink_to(tmp_path / "numbers")
    with pytest.raises(CheckpointError, match=message):
        read(crafted(tmp_path / "model.onnx", **changes))


def test_a_weight_that_is_there_twice_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="'w' is there twice"):
        read(crafted(tmp_path / "twice.onnx"))


def test_damaged_files_end_in_one_sentence(tmp_path):
    whole = crafted(tmp_path / "model.onnx").read_bytes()
    path = tmp_path / "damaged.onnx"
    random = np.random.default_rng(0)
    for round_ in range(300):
        raw = bytearray(whole)
        if round_ % 3 == 0:
            raw = raw[: random.integers(len(raw))]
        for _ in range(random.integers(1, 6) if raw else 0):
            raw[random.integers(len(raw))] = random.integers(256)
        path.write_bytes(bytes(raw))
        try:
            read(path)
        except CheckpointError as error:
            assert str(error).startswith(str(path)), error
