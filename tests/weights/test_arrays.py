import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from roberta.errors import CheckpointError
from roberta.weights.arrays import (
    BFLOAT16,
    DTYPES,
    dtype_name,
    from_float32,
    is_float,
    is_shape,
    is_size,
    raw_bytes,
    to_float32,
)
from tests.weights.weight_files import as_torch

any_floats = arrays_of.arrays(np.float32, st.integers(0, 40), elements=st.floats(width=32))


@given(any_floats)
def test_bfloat16_and_float16_are_rounded_as_torch_rounds(numbers):
    for name in ("bfloat16", "float16"):
        ours = as_torch(from_float32(numbers, name))
        theirs = torch.from_numpy(numbers).to(getattr(torch, name))
        assert ours.dtype == theirs.dtype
        assert torch.equal(ours.nan_to_num(nan=1.0), theirs.nan_to_num(nan=1.0))
        assert torch.equal(ours.isnan(), theirs.isnan())


HALFWAY = [0x3F808000, 0x3F818000, 0x3F807FFF, 0x3F808001, 0xBF818000, 0x00008000, 0x00018000]  # to bfloat16
EXTREME = [0x7F7FFFFF, 0x7F800000, 0x7F800001, 0x7FFFFFFF, 0xFFFFFFFF, 0xFF800000, 0x80000000, 0x00000001]


@given(st.lists(st.integers(0, 0xFFFFFFFF) | st.sampled_from(HALFWAY + EXTREME)))
def test_every_bit_pattern_becomes_the_bfloat16_that_torch_makes_of_it(bits):
    numbers = np.array(HALFWAY + EXTREME + bits, np.uint32).view(np.float32)
    ours, theirs = as_torch(from_float32(numbers, "bfloat16")), torch.from_numpy(numbers).bfloat16()
    assert torch.equal(ours.isnan(), theirs.isnan())
    assert torch.equal(ours.view(torch.int16)[~ours.isnan()], theirs.view(torch.int16)[~theirs.isnan()])


@given(st.lists(st.integers(0, 0xFFFF)))
def test_every_bfloat16_becomes_the_float32_that_torch_makes_of_it(bits):
    stored = np.array(bits, np.uint16).view(BFLOAT16)
    assert to_float32(stored).tobytes() == as_torch(stored).float().numpy().tobytes()


def test_what_is_a_float32_already_is_not_copied():
    numbers = np.ones((2, 3), np.float32)
    assert to_float32(numbers) is numbers
    assert from_float32(numbers, "float32") is numbers


@pytest.mark.parametrize("name", ["float64", "float16", "bfloat16"])
def test_scalars_and_shapes_survive_the_way_there_and_back(name):
    for numbers in (np.float32(1.5), np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros((0, 4), np.float32)):
        there = from_float32(np.asarray(numbers), name)
        assert dtype_name(there) == name
        assert there.shape == numbers.shape
        assert np.array_equal(to_float32(there), numbers)


def test_a_double_beyond_float32_becomes_infinite_without_a_warning():
    assert to_float32(np.array([1e300])).tolist() == [np.inf]


def test_whole_numbers_are_refused_where_floating_point_belongs():
    with pytest.raises(CheckpointError, match="int64 numbers where floating point is expected"):
        to_float32(np.arange(3))


def test_each_type_has_its_name_and_says_whether_it_is_floating_point():
    for name, dtype in DTYPES.items():
        array = np.zeros(2, dtype)
        assert dtype_name(array) == name
        assert is_float(array) == ("float" in name)
    with pytest.raises(TypeError, match="complex64"):
        dtype_name(np.zeros(1, np.complex64))


def test_raw_bytes_are_little_endian_and_in_row_order_whatever_the_array():
    numbers = np.arange(6, dtype=np.float32).reshape(2, 3)
    for array in (numbers, np.asfortranarray(numbers), numbers.astype(">f4")):
        assert raw_bytes(array).tobytes() == numbers.tobytes()
    assert np.shares_memory(raw_bytes(numbers), numbers)


def test_only_shapes_that_an_array_could_have_are_taken():
    for shape in ([], [0, 768], (50265, 1024), [1] * 32):
        assert is_shape(shape), shape
    for shape in ([-1], [1.0], [True], ["2"], [1 << 60], [1 << 30, 1 << 30], [0, 1 << 40, 1 << 40], [1] * 33):
        assert not is_shape(shape), shape


def test_sizes_are_whole_numbers_that_are_not_absurd():
    assert is_size(0)
    assert is_size(500_000_000_000)
    for value in (-1, 1.0, True, "1", None, 1 << 62):
        assert not is_size(value), value
