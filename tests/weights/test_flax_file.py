"""Flax files: the bytes are those that Flax's own packing gives, and what is wrong with one is said in a sentence."""

import msgpack
import numpy as np
import pytest

from roberta.errors import CheckpointError
from roberta.weights import flax_file, msgpack_tree
from roberta.weights.arrays import BFLOAT16, from_float32

BIAS, KERNEL = np.float32([1.5, -2.0]), np.arange(6, dtype=np.float32).reshape(2, 3)


def packed(array, kind=None, shape=None, raw=None, code=1):
    """An extension as Flax packs an array; what is given is written in place of the array's own."""
    kind = str(array.dtype) if kind is None else kind
    shape = array.shape if shape is None else shape
    return msgpack.ExtType(code, msgpack.packb((shape, kind, array.tobytes() if raw is None else raw)))


def chunked(array, *chunks, shape=None, **others):
    """The table that Flax makes of a large array."""
    sizes = {str(axis): size for axis, size in enumerate(array.shape)} if shape is None else shape
    parts = {str(number): packed(chunk) for number, chunk in enumerate(chunks)}
    return {"__msgpack_chunked_array__": True, "shape": sizes, "chunks": parts, **others}


def read(folder, content):
    path = folder / "flax_model.msgpack"
    path.write_bytes(content if isinstance(content, bytes) else msgpack.packb(content))
    return flax_file.read(path)


def refused(folder, content, message):
    with pytest.raises(CheckpointError, match=message) as error:
        read(folder, content)
    assert str(error.value).startswith(str(folder / "flax_model.msgpack"))
    assert "\n" not in str(error.value)


ARRAYS = {
    "a/scale": np.ones(3, np.float16),
    "a/b/kernel": KERNEL,
    "a/b/bias": BIAS,
    "double": np.float64([[1e300]]),
    "none": np.zeros((0, 4), np.float32),
    "number": np.array(2.5, np.float32),
    "whole": np.arange(300, dtype=np.int64).reshape(1, 300),
    "small": np.int8([-1, 1]),
    "flag": np.array([True, False]),
    "long": np.arange(70_000, dtype=np.float32),
}


def test_what_is_written_is_what_flax_packs_byte_for_byte(tmp_path):
    flax_file.write(tmp_path / "ours", ARRAYS)
    tree = {"a": {"b": {"bias": packed(BIAS), "kernel": packed(KERNEL)}, "scale": packed(ARRAYS["a/scale"])}}
    tree |= {name: packed(ARRAYS[name]) for name in sorted(ARRAYS) if "/" not in name}
    assert (tmp_path / "ours").read_bytes() == msgpack.packb(tree)
    assert flax_file.recognise((tmp_path / "ours").read_bytes()[:512])


def test_every_array_comes_back_bit_for_bit_and_can_be_changed(tmp_path):
    arrays = ARRAYS | {"half": from_float32(BIAS, "bfloat16"), "turned": KERNEL.T}
    flax_file.write(tmp_path / "x", arrays)
    content = (tmp_path / "x").read_bytes()
    found = flax_file.read(tmp_path / "x")
    assert found.keys() == arrays.keys()
    for name, array in found.items():
        assert (array.dtype, array.shape) == (arrays[name].dtype, arrays[name].shape)
        assert array.tobytes() == arrays[name].tobytes(), name
        assert array.flags.c_contiguous
        array[...] = 0
    assert found["half"].dtype == BFLOAT16
    assert (tmp_path / "x").read_bytes() == content


def test_a_large_array_is_cut_into_chunks_and_joined_again(tmp_path, monkeypatch):
    monkeypatch.setattr(flax_file, "CHUNK", 16)
    flax_file.write(tmp_path / "x", {"big": KERNEL, "small": BIAS})
    flat = KERNEL.reshape(-1)
    assert (tmp_path / "x").read_bytes() == msgpack.packb(
        {"big": chunked(KERNEL, flat[:4], flat[4:]), "small": packed(BIAS)}
    )
    found = flax_file.read(tmp_path / "x")
    assert found.keys() == {"big", "small"}
    assert np.array_equal(found["big"], KERNEL)
    assert found["big"].flags.writeable


def test_scalars_of_numpy_and_a_params_wrapper_are_read(tmp_path):
    found = read(tmp_path, {"params": {"step": packed(np.array(3.0, np.float32), code=3), "bias": packed(BIAS)}})
    assert found["params/step"].shape == ()
    assert found["params/bias"].tolist() == [1.5, -2.0]


def test_a_file_is_known_by_its_first_key(tmp_path):
    assert flax_file.recognise(msgpack.packb({"roberta": {}}))
    assert flax_file.recognise(msgpack.packb({"k" * 40: {}}))
    assert flax_file.recognise(msgpack.packb({str(number): {} for number in range(70_000)}))
    for other in ({}, {1: 2}, ["roberta"], {"": 1}, {"\n": 1}):
        assert not flax_file.recognise(msgpack.packb(other))


def deep(levels):
    tree = {"bias": packed(BIAS)}
    for _ in range(levels):
        tree = {"a": tree}
    return tree


def test_maps_may_lie_64_deep_and_no_deeper(tmp_path):
    assert list(read(tmp_path, deep(64))) == ["a/" * 64 + "bias"]
    refused(tmp_path, deep(65), "more than 64 maps within maps")
    refused(tmp_path, b"\x81\xa1a" * 100_000, "more than 64 maps within maps")
    refused(tmp_path, b"\x81\xa1a" + b"\x91" * 100_000, "an array under 'a'")


GOOD = msgpack.packb({"a": packed(BIAS)})


def test_the_crafted_files_would_be_good_without_their_fault(tmp_path):
    assert read(tmp_path, GOOD)["a"].tolist() == [1.5, -2.0]
    assert read(tmp_path, {"a": chunked(KERNEL, *np.split(KERNEL.reshape(-1), 2))})["a"].shape == (2, 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cut short"),
        (GOOD[:-1], "cut short|where the file has fewer"),
        (GOOD + b"\x00", "1 bytes behind the end"),
        (GOOD * 2, "behind the end"),
        ([1, 2], "array at byte 1 where a map was expected"),
        (b"\xc1", "no value begins with 0xc1"),
        (b"\x82" + GOOD[1:] + GOOD[1:], "the key 'a' is given twice"),
        ({1: packed(BIAS)}, "no text"),
        ({b"a": packed(BIAS)}, "no text"),
        ({None: packed(BIAS)}, "no text"),
        ({"k" * 513: packed(BIAS)}, "no text of at most 512 bytes"),
        (b"\x81\xa1\xff" + GOOD[3:], "not UTF-8"),
        ({"": packed(BIAS)}, "no plain word"),
        ({"a/b": packed(BIAS)}, "no plain word"),
        ({"a": [1.0, 2.0]}, "an array under 'a'"),
        ({"a": 3}, "'a' is a number where an array was expected"),
        ({"a": None}, "'a' is a constant where"),
        ({"a": 2.5}, "'a' is a float where"),
        ({"a": "text"}, "'a' is a text where"),
        ({"a": b"1234"}, "'a' is a bytes where"),
        ({"a": packed(BIAS, code=4)}, "unknown extension type 4"),
        (b"\x81\xa1a\xd4\xff\x00", "unknown extension type -1"),
        ({"a": packed(BIAS, code=2)}, "complex"),
        ({"a": packed(np.complex64([1]))}, "a type 'complex64' that is none of"),
        ({"a": packed(BIAS, kind="object")}, "a type 'object' that is none of"),
        ({"a": packed(BIAS, kind="<f4")}, "that is none of"),
        ({"a": packed(BIAS, shape=(3,))}, "not the size"),
        ({"a": packed(BIAS, shape=(1,))}, "not the size"),
        ({"a": packed(BIAS, shape=(-2, -1))}, "not the size"),
        ({"a": packed(BIAS, shape=(1 << 62, 4))}, "not the size"),
        ({"a": packed(BIAS, shape=(1 << 63, 0), raw=b"")}, "not the size"),
        ({"a": packed(BIAS, shape=(1,) * 40)}, "not the size"),
        ({"a": packed(BIAS, shape=(2.0,))}, "not a shape, a type and numbers"),
        ({"a": packed(BIAS, shape=(True, 2))}, "not a shape, a type and numbers"),
        ({"a": packed(BIAS, shape=2)}, "not a shape, a type and numbers"),
        ({"a": packed(BIAS, raw="12345678")}, "not a shape, a type and numbers"),
        ({"a": packed(BIAS, raw=BIAS.tobytes()[:7])}, "not the size"),
        ({"a": msgpack.ExtType(1, msgpack.packb((2, "float32")))}, "not a shape, a type and numbers"),
        ({"a": msgpack.ExtType(1, packed(BIAS).data + b"\x00")}, "not a shape, a type and numbers"),
        ({"a": msgpack.ExtType(1, packed(BIAS).data[:-1])}, "where the file has fewer"),
        ({"a": msgpack.ExtType(1, b"\x93\xdd\xff\xff\xff\xff")}, "not a shape, a type and numbers"),
        (b"\x81\xa1a\xc9\xff\xff\xff\xff\x01", "4,294,967,295 bytes at byte 9, where the file has fewer"),
        (b"\xdf\xff\xff\xff\xff", "more than 131,072 entries"),
        (b"\x81\xdb\xff\xff\xff\xff", "where the file has fewer"),
        (b"\x81\xa1a\xdf\x00\x01\xff\xff" + b"\xa0" * 10, "cut short|given twice|more than"),
    ],
)
def test_a_file_with_a_fault_is_refused(tmp_path, content, message):
    refused(tmp_path, content, message)


FLAT = KERNEL.reshape(-1)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (chunked(KERNEL, FLAT[:4]), "not as long as its shape"),
        (chunked(KERNEL, FLAT, FLAT), "not as long as its shape"),
        (chunked(KERNEL, FLAT, shape={"0": 2, "1": -3}), "not as long as its shape"),
        (chunked(KERNEL, FLAT, shape={"0": 1 << 62, "1": 4}), "not as long as its shape"),
        (chunked(KERNEL, FLAT, shape={"0": "2", "1": 3}), "not as long as its shape"),
        (chunked(KERNEL, FLAT, shape={"1": 2, "0": 3}), "not numbered from 0 on"),
        (chunked(KERNEL, FLAT, shape=[2, 3]), "an array under 'shape'"),
        (chunked(KERNEL, FLAT, shape=6), "not a mark, a shape and chunks"),
        (chunked(KERNEL, FLAT, more=packed(BIAS)), "not a mark, a shape and chunks"),
        (chunked(KERNEL, FLAT) | {"__msgpack_chunked_array__": False}, "not a mark"),
        (chunked(KERNEL, FLAT) | {"__msgpack_chunked_array__": 1}, "not a mark"),
        (chunked(KERNEL, FLAT) | {"chunks": {}}, "0 chunks"),
        (chunked(KERNEL, FLAT) | {"chunks": {"1": packed(FLAT)}}, "not numbered from 0 on"),
        (chunked(KERNEL, FLAT) | {"chunks": {"0": {"0": packed(FLAT)}}}, "chunk 0 is no array"),
        (chunked(KERNEL, FLAT) | {"chunks": {"0": 1}}, "is a number where an array was expected"),
        (chunked(KERNEL, KERNEL), "chunks that are not flat"),
        (chunked(KERNEL, FLAT[:3], FLAT[3:].astype(np.float64)), "or of several types"),
        (chunked(KERNEL, *([FLAT[:0]] * 5000)), "5000 chunks"),
        ({"__msgpack_chunked_array__": True}, "not a mark, a shape and chunks"),
    ],
)
def test_a_table_of_chunks_with_a_fault_is_refused(tmp_path, table, message):
    refused(tmp_path, {"a": table}, message)


def test_what_is_no_weight_is_not_written(tmp_path):
    with pytest.raises(TypeError, match="complex64"):
        flax_file.write(tmp_path / "x", {"a": BIAS, "b": np.complex64([1])})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("value", [0, 1, 127, 128, 255, 256, 65535, 65536, (1 << 32) - 1, 1 << 32, (1 << 48) - 1])
def test_heads_are_the_shortest_there_are(value):
    assert msgpack_tree.number(value) == msgpack.packb(value)
    if value < 70_000:
        assert msgpack.packb(dict.fromkeys(range(value))).startswith(msgpack_tree.map_head(value))
        assert msgpack.packb([0] * value).startswith(msgpack_tree.array_head(value))
        assert msgpack.packb(bytes(value)) == msgpack_tree.bytes_head(value) + bytes(value)
        assert msgpack.packb("x" * value) == msgpack_tree.text("x" * value)
        assert msgpack.packb(msgpack.ExtType(5, bytes(value))) == msgpack_tree.extension_head(5, value) + bytes(value)
