"""Scores as their shortest exact decimals."""

import json
import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roberta.records import plain, shortest

SINGLES = st.floats(width=32, allow_nan=False)


@settings(deadline=None)
@given(SINGLES)
def test_a_float32_is_spelt_as_briefly_as_numpy_spells_it_and_reads_back_exactly(value):
    found = shortest(value)
    assert struct.pack("f", found) == struct.pack("f", value)
    assert found == value or len(digits_of(found)) == len(digits_of(float(str(np.float32(value)))))
    assert struct.pack("f", float(repr(found))) == struct.pack("f", value)


def digits_of(value: float) -> str:
    return repr(abs(value)).split("e")[0].replace(".", "").strip("0")


@pytest.mark.parametrize("exponent", range(-149, 128))
def test_powers_of_two_and_their_neighbours_are_as_brief_as_numpys(exponent):
    power = np.float32(2.0**exponent)
    for value in (power, np.nextafter(power, np.float32(0)), np.nextafter(power, np.float32(np.inf))):
        assert len(digits_of(shortest(float(value)))) == len(digits_of(float(str(value))))


ODD = [0.0, -0.0, 1e-45, 3.4028235e38, 2.0**-126, 0.5, 1.0, 16777216.0, 16777217.0, 9.9999998e7, 1e8, 1e-13, 0.1, 0.3]


@settings(deadline=None)
@given(st.lists(SINGLES | st.sampled_from(ODD), min_size=16, max_size=40))
def test_an_array_is_spelt_as_its_numbers_one_by_one(values):
    array = np.array(values, np.float32)
    assert repr(plain(array)) == repr([plain(value) for value in array.tolist()])


def test_arrays_of_every_size_of_number_are_spelt_as_their_numbers():
    random = np.random.default_rng(0)
    bits = random.integers(0, 1 << 32, 20_000, dtype=np.uint64).astype(np.uint32)
    decimals = random.integers(-(10**7), 10**7, 20_000) / 10.0 ** random.integers(0, 12, 20_000)
    halves = random.integers(-(2**13), 2**13, 20_000) / 2.0 ** random.integers(0, 24, 20_000)
    for array in (bits.view(np.float32), decimals, halves, random.standard_normal(20_000) * 0.1):
        array = array.astype(np.float32)
        array = array[np.isfinite(array)]
        assert repr(plain(array)) == repr([shortest(value) for value in array.tolist()])


def test_an_array_keeps_its_shape_and_what_is_no_number_is_null():
    array = np.arange(40, dtype=np.float32).reshape(5, 8) / 10
    assert plain(array)[3][1] == 2.5 and len(plain(array)) == 5
    array[0, 0] = np.nan
    assert plain(array)[0][:2] == [None, 0.1]


def test_familiar_decimals_come_back():
    for text in ("0.1", "0.3", "0.998", "1e-05", "16777216.0", "3.4028235e+38", "1e-45", "-0.7"):
        assert repr(shortest(float(np.float32(text)))) == text


@settings(deadline=None)
@given(st.floats(allow_nan=False))
def test_a_double_that_is_no_float32_stays_as_it_is(value):
    with np.errstate(over="ignore"):
        if float(np.float32(value)) != value:
            assert shortest(value) == value


def test_signs_of_zero_and_infinities_stay():
    assert math.copysign(1, shortest(-0.0)) == -1
    assert shortest(math.inf) == math.inf


def test_digits_round_to_decimal_places_and_leave_no_negative_zero():
    assert plain({"a": 0.98765, "b": [-12.346, -0.0001], "c": 3}, digits=2) == {"a": 0.99, "b": [-12.35, 0.0], "c": 3}
    assert json.dumps(plain(-0.0001, digits=2)) == "0.0"


def test_what_json_lacks_is_null():
    assert plain([math.nan, math.inf, -math.inf, np.float32("nan")]) == [None] * 4
    assert plain(math.nan, digits=2) is None


def test_arrays_become_lists_and_their_numbers_plain():
    given = {
        "a": np.array([[0.1, 0.5]], np.float32),
        "b": np.int64(3),
        "c": (np.float32(0.1), np.bool_(True)),
        "d": None,
    }
    found = plain(given)
    assert found == {"a": [[0.1, 0.5]], "b": 3, "c": [0.1, True], "d": None}
    assert json.dumps(found) == '{"a": [[0.1, 0.5]], "b": 3, "c": [0.1, true], "d": null}'
