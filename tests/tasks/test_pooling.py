import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roberta.tasks.pooling import POOLINGS, normalized, pool
from roberta.tasks.precision import stored

STATES = np.array([[1.0, -2.0], [3.0, 4.0], [5.0, 0.0]], np.float32)
vectors = st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=40).map(lambda row: np.array(row, np.float32))


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ("cls", [1, -2]),
        ("max", [5, 4]),
        ("mean", [3, 2 / 3]),
        ("mean-sqrt-len", [9 / 3**0.5, 2 / 3**0.5]),
        ("weighted", [(1 + 6 + 15) / 6, (-2 + 8 + 0) / 6]),
        ("last", [5, 0]),
    ],
)
def test_each_pooling_is_its_formula(pooling, expected):
    assert pool(STATES, [pooling]) == pytest.approx(expected, rel=1e-6)


def test_several_poolings_are_concatenated_in_the_order_given():
    assert pool(STATES, ["last", "cls"]).tolist() == [5, 0, 1, -2]
    assert len(pool(STATES, list(POOLINGS))) == 2 * len(POOLINGS)


@given(vectors)
def test_normalizing_keeps_the_direction_at_length_one(vector):
    length = np.linalg.norm(normalized(vector))
    # Below the floor that keeps zeros from becoming NaN, a vector stays shorter.
    assert length == pytest.approx(1, abs=1e-5) or np.linalg.norm(vector) < 1e-11


@given(vectors)
def test_int8_keeps_every_number_within_half_a_step_of_the_largest(vector):
    found = stored(vector, "int8")
    largest = np.abs(vector).max()
    if largest > 1e-30:
        assert np.abs(found.astype(np.float64) / 127 * largest - vector).max() <= largest / 127 * 0.5001
    assert found.dtype == np.int8 and np.abs(found.astype(int)).max() <= 127


def test_binary_is_one_bit_a_number_the_first_the_highest():
    assert stored(np.array([1, -1, 0, 2, -3, 4, 5, -6, 7], np.float32), "binary").tolist() == [0b10010110, 0b10000000]
