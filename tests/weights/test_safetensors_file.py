import json
import warnings

import numpy as np
import pytest
import safetensors.torch
import torch

from roberta.errors import CheckpointError
from roberta.weights import safetensors_file
from roberta.weights.arrays import DTYPES
from tests.shared import SHARED, needs_shared
from tests.weights.weight_files import as_torch, entry, is_mapped, safetensors_bytes, same_tensors, sample_state


def test_files_of_the_safetensors_package_are_read_bit_for_bit(tmp_path):
    path = tmp_path / "model.safetensors"
    state = sample_state()
    safetensors.torch.save_file(state, path, metadata={"format": "pt", "note": "ü"})
    assert same_tensors(safetensors_file.read(path), state)
    assert safetensors_file.read_metadata(path) == {"format": "pt", "note": "ü"}


def test_the_safetensors_package_reads_our_files_bit_for_bit(tmp_path):
    theirs, ours = tmp_path / "theirs.safetensors", tmp_path / "ours.safetensors"
    safetensors.torch.save_file(sample_state(), theirs)
    safetensors_file.write(ours, safetensors_file.read(theirs))
    assert same_tensors(safetensors_file.read(ours), sample_state())
    read = safetensors.torch.load_file(ours)
    assert same_tensors(safetensors_file.read(theirs), read)
    with safetensors.safe_open(ours, "pt") as file:
        assert file.metadata() == {"format": "pt"}


def test_every_type_survives_writing_and_reading(tmp_path):
    tensors = {
        name: np.arange(12).astype(np.uint8).view(dtype)[:1] for name, dtype in DTYPES.items() if dtype.itemsize < 8
    }
    tensors |= {name: np.ones((2, 1), DTYPES[name]) for name in ("float64", "int64", "uint64")}
    tensors["turned"] = np.arange(6, dtype=np.float32).reshape(2, 3).T
    tensors["big-endian"] = np.arange(3, dtype=">f4")
    safetensors_file.write(tmp_path / "x", tensors)
    read = safetensors_file.read(tmp_path / "x")
    assert read.keys() == tensors.keys()
    for name, array in tensors.items():
        assert read[name].dtype == array.dtype.newbyteorder("<")
        assert np.array_equal(read[name], array)


def test_no_tensors_make_a_file_too(tmp_path):
    safetensors_file.write(tmp_path / "x", {})
    assert safetensors_file.read(tmp_path / "x") == {}


def test_arrays_are_writable_views_and_writing_to_them_leaves_the_file_alone(tmp_path):
    path = tmp_path / "x"
    safetensors_file.write(path, {"a": np.zeros(4, np.float32)})
    before = path.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # torch warns of arrays that cannot be written to
        tensor = as_torch(safetensors_file.read(path)["a"])
    tensor += 1
    assert tensor.tolist() == [1, 1, 1, 1]
    assert path.read_bytes() == before


def test_arrays_outlive_the_file_that_they_came_from(tmp_path):
    path = tmp_path / "x"
    safetensors_file.write(path, {"a": np.arange(4, dtype=np.float32)})
    array = safetensors_file.read(path)["a"]
    safetensors_file.write(path, {"a": array + 1})
    assert array.tolist() == [0, 1, 2, 3]
    path.unlink()
    assert array.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("length", range(1, 9))
def test_what_we_write_can_be_mapped_whatever_the_names_and_types(tmp_path, length):
    tensors = {
        "a" * length: np.zeros(3, np.uint8),
        "b": np.zeros(5, np.float16),
        "c": np.zeros(1),
        "d": np.ones(3, "f4"),
    }
    safetensors_file.write(tmp_path / "x", tensors)
    assert all(map(is_mapped, safetensors_file.read(tmp_path / "x").values()))


def test_numbers_that_lie_unaligned_are_copied_right(tmp_path):
    path = tmp_path / "x"
    header = json.dumps({"a": entry(offsets=[0, 8])}).encode()
    header += b" " * (3 - len(header) % 8)  # the numbers begin at an odd byte
    path.write_bytes(safetensors_bytes(header, np.float32([1.5, -2]).tobytes()))
    array = safetensors_file.read(path)["a"]
    assert array.tolist() == [1.5, -2]
    assert array.flags.aligned
    assert array.ctypes.data % 4 == 0


def test_a_link_at_the_target_is_replaced_not_followed(tmp_path):
    kept = tmp_path / "kept"
    kept.write_text("precious")
    (tmp_path / "x").symlink_to(kept)
    safetensors_file.write(tmp_path / "x", {})
    assert kept.read_text() == "precious"


EIGHT = bytes(8)
REFUSED = {
    "too short": (b"1234567", "too few"),
    "empty": (b"", "too few"),
    "header longer than the file": ((100).to_bytes(8, "little") + b"{}", "a header of 100 bytes"),
    "header of absurd length": ((1 << 63).to_bytes(8, "little") + b"{}", "a header of"),
    "header that is no object": (safetensors_bytes(b"[1]"), "no safetensors header"),
    "header with a blank first": (safetensors_bytes(b" {}"), "no safetensors header"),
    "header that is no JSON": (safetensors_bytes(b"{,}"), "not valid JSON"),
    "header not UTF-8": (safetensors_bytes(b'{"\xff":1}'), "not UTF-8"),
    "header nested too deep": (safetensors_bytes(b'{"a":' + b"[" * 200_000), "not valid JSON"),
    "whole number of many digits": (safetensors_bytes(b'{"a":' + b"9" * 10_000 + b"}"), "not valid JSON"),
    "a name twice": (safetensors_bytes(b'{"a": 1, "a": 2}'), "given twice"),
    "a field twice": (safetensors_bytes(b'{"a": {"dtype": "F32", "dtype": "F16"}}'), "given twice"),
    "metadata that is no text": (safetensors_bytes({"__metadata__": {"format": 1}}), "__metadata__"),
    "metadata that is no object": (safetensors_bytes({"__metadata__": []}), "__metadata__"),
    "entry that is no object": (safetensors_bytes({"a": 3}), "not just a dtype"),
    "field missing": (safetensors_bytes({"a": {"dtype": "F32", "shape": []}}), "not just a dtype"),
    "field too many": (safetensors_bytes({"a": entry() | {"x": 1}}, EIGHT), "not just a dtype"),
    "unknown type": (safetensors_bytes({"a": entry("Q4")}, EIGHT), "type Q4"),
    "type that is no text": (safetensors_bytes({"a": entry(["F32"])}, EIGHT), "type"),
    "shape that is no list": (safetensors_bytes({"a": entry(shape=2)}, EIGHT), "no proper shape"),
    "one offset": (safetensors_bytes({"a": entry(offsets=[0])}, EIGHT), "no proper shape"),
    "negative size": (safetensors_bytes({"a": entry(shape=[-2])}, EIGHT), "negative or absurd"),
    "size with a fraction": (safetensors_bytes({"a": entry(shape=[2.0])}, EIGHT), "no whole numbers"),
    "size of true": (safetensors_bytes({"a": entry(shape=[2, True])}, EIGHT), "no whole numbers"),
    "negative offset": (safetensors_bytes({"a": entry(offsets=[-8, 0])}, EIGHT), "negative or absurd"),
    "offsets the wrong way round": (safetensors_bytes({"a": entry(offsets=[8, 0])}, EIGHT), "outside the file"),
    "outside the file": (safetensors_bytes({"a": entry(offsets=[8, 16])}, EIGHT), "outside the file"),
    "size that is not the shape's": (safetensors_bytes({"a": entry(shape=[3])}, EIGHT), "not the size"),
    "product beyond 64 bits": (safetensors_bytes({"a": entry(shape=[1 << 40, 1 << 40])}, EIGHT), "absurd"),
    "product that wraps to the size": (safetensors_bytes({"a": entry(shape=[1 << 62, 4, 2])}, EIGHT), "absurd"),
    "empty of absurd shape": (safetensors_bytes({"a": entry(shape=[0, 1 << 62], offsets=[0, 0])}), "absurd"),
    "too many dimensions": (safetensors_bytes({"a": entry(shape=[1] * 65 + [2])}, EIGHT), "absurd"),
    "overlap": (safetensors_bytes({"a": entry(), "b": entry(offsets=[4, 12])}, bytes(12)), "'b' overlaps"),
    "the same place twice": (safetensors_bytes({"a": entry(), "b": entry()}, EIGHT), "overlaps"),
    "hole at the start": (safetensors_bytes({"a": entry(offsets=[4, 12])}, bytes(12)), "'a' has a hole"),
    "hole between": (safetensors_bytes({"a": entry(), "b": entry(offsets=[12, 20])}, bytes(20)), "'b' has a hole"),
    "bytes left over": (safetensors_bytes({"a": entry()}, bytes(9)), "9 bytes of numbers"),
    "bytes but no tensors": (safetensors_bytes({}, b"x"), "1 bytes of numbers"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_damaged_and_crafted_files_are_refused_with_their_fault(tmp_path, name):
    content, fault = REFUSED[name]
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=fault) as error:
        safetensors_file.read(path)
    assert str(error.value).startswith(str(path))
    assert len(str(error.value)) < 400 + len(str(path))


def test_a_header_beyond_the_formats_limit_is_refused_unread(tmp_path):
    path = tmp_path / "x"
    with path.open("wb") as file:
        file.write((100_000_001).to_bytes(8, "little") + b"{")
        file.truncate(200_000_000)  # sparse
    with pytest.raises(CheckpointError, match="header of 100,000,001 bytes"):
        safetensors_file.read(path)


def test_files_of_real_size_are_read(tmp_path):
    path = tmp_path / "x"
    rows = (1 << 30) // 4096
    header = {
        name: entry(shape=[rows, 1024], offsets=[place << 30, place + 1 << 30]) for place, name in enumerate("abc")
    }
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(safetensors_bytes(text + b" " * (-len(text) % 8)))
        file.truncate(file.tell() + (3 << 30))  # sparse
    assert [array.shape for array in safetensors_file.read(path).values()] == [(rows, 1024)] * 3


@needs_shared
def test_every_published_layout_is_read_as_the_safetensors_package_reads_it():
    paths = sorted((SHARED / "oracle").rglob("*.safetensors"))
    assert len(paths) > 20
    for path in paths:
        assert same_tensors(safetensors_file.read(path), safetensors.torch.load_file(path)), path


def test_float32_is_never_widened_or_narrowed(tmp_path):
    safetensors.torch.save_file({"a": torch.ones(1, dtype=torch.float16)}, tmp_path / "x")
    assert safetensors_file.read(tmp_path / "x")["a"].dtype == np.float16
