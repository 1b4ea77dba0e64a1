"""The operations between the products of the NumPy forward, each against float64."""

import math
import threading

import numpy as np
import pytest

from roberta.model.numpy_kernels import Buffers, attend, gelu, normalize

PLACES = np.concatenate([np.linspace(-6, 6, 20_001), np.geomspace(1e-30, 3e38, 2_000), [0, -0.0]]).astype(np.float32)


def of_float64(places: np.ndarray) -> np.ndarray:
    return np.array([x * 0.5 * math.erfc(-x * 0.5**0.5) for x in places.tolist()])


@pytest.mark.parametrize("columns", [1, 3, 22_003])
def test_gelu_is_within_its_bound_whatever_the_shape(columns):
    places = np.concatenate([PLACES, -PLACES])[: -(len(PLACES) * 2 % columns) or None]
    x = places.reshape(-1, columns).copy()
    with np.errstate(over="ignore"):
        gelu(x, np.zeros(len(x), np.float32))
    assert x.dtype == np.float32
    assert (np.abs(x.ravel() - of_float64(places)) <= 4e-7 * np.maximum(1, np.abs(places))).all()


def test_gelu_adds_the_bias_of_each_row_first():
    draw = np.random.default_rng(0)
    x, bias = draw.standard_normal((700, 90), np.float32), draw.standard_normal(700, np.float32)
    expected = of_float64((x + bias[:, None]).ravel()).reshape(x.shape)
    gelu(x, bias)
    assert np.abs(x - expected).max() < 2e-6


def test_what_is_no_number_stays_so():
    x = np.float32([[math.nan, 1.0]])
    gelu(x, np.float32([0.0]))
    assert np.isnan(x[0, 0]) and x[0, 1] == pytest.approx(0.8413447)


@pytest.mark.parametrize("rows", [1, 7, 16, 768, 1000])
@pytest.mark.parametrize("middle", [0.0, 100.0])
def test_columns_are_normalized(rows, middle):
    draw = np.random.default_rng(rows)
    x = (draw.standard_normal((rows, 5)) * 3 + middle).astype(np.float32)
    weight, bias = draw.standard_normal(rows, np.float32), draw.standard_normal(rows, np.float32)
    exact = x.astype(np.float64)
    exact = (exact - exact.mean(0)) / np.sqrt(exact.var(0) + 1e-5) * weight[:, None] + bias[:, None]
    normalize(x, weight, bias, 1e-5)
    # A float32 near 100 is known to 4e-6, which is divided by a deviation of 3.
    assert np.abs(x - exact).max() < 4e-6 * max(1, middle / 3)


@pytest.mark.parametrize(
    ("heads", "windows", "queries", "tokens"),
    [(3, 1, 4, 4), (2, 5, 1, 9), (12, 1, 600, 600), (2, 9, 150, 150), (4, 700, 5, 5)],
)
def test_attention_is_that_of_float64(heads, windows, queries, tokens):
    draw = np.random.default_rng(0)
    query, key, value = (draw.standard_normal((heads, 8, windows, n), np.float32) for n in (queries, tokens, tokens))
    weights = np.exp(np.einsum("hswk,hswq->hwkq", key.astype(float), query.astype(float)))
    expected = np.einsum("hswk,hwkq->hswq", value, weights / weights.sum(2, keepdims=True))
    mixed = np.full((heads, 8, windows, queries), np.nan, np.float32)
    attend(mixed, query, key, value)
    assert np.abs(mixed - expected).max() < 1e-5


def test_large_weights_do_not_overflow():
    one = np.full((1, 1, 1, 2), 100.0, np.float32)
    mixed = np.empty_like(one)
    attend(mixed, one, one, np.float32([[[[1.0, 3.0]]]]))
    assert mixed.tolist() == [[[[2.0, 2.0]]]]


def test_threads_do_not_share_buffers():
    buffers, found = Buffers(), []
    mine = buffers.take("wide", 2, 2)
    thread = threading.Thread(target=lambda: found.append(buffers.take("wide", 2, 2)))
    thread.start()
    thread.join()
    assert not np.shares_memory(mine, found[0])
    assert np.shares_memory(mine, buffers.take("wide", 1, 3))
    assert not np.shares_memory(mine, buffers.take("wide", 9, 9))
