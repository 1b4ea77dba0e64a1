"""What stands between the products of the NumPy forward, in place and in float32.

Arrays are (rows, columns): a column for each token. NumPy does one operation after the other, so long ones go block by
block, each block small enough that it is still in the core's cache when the next operation takes it up.
"""

from __future__ import annotations

import math
import threading

import numpy as np

_BLOCK = 1 << 15  # numbers: with its three companions about a core's second cache
_WEIGHTS = 1 << 18  # of attention, of some heads
_SUMMED = 32  # rows added up in one go; a running sum over all of them would lose digits


class Buffers(threading.local):
    """Memory that each thread uses again: with fresh memory the system clears every page of it first.

    >>> buffers = Buffers()
    >>> np.shares_memory(buffers.take("wide", 2, 3), buffers.take("wide", 3, 1))
    True
    """

    def __init__(self):
        self._kept: dict[str, np.ndarray] = {}

    def take(self, name: str, rows: int, columns: int) -> np.ndarray:
        """(rows, columns) of any numbers; what was taken under this name before is lost."""
        size = rows * columns
        if name not in self._kept or self._kept[name].size < size:
            self._kept[name] = np.empty(size, np.float32)
        return self._kept[name][:size].reshape(rows, columns)


def gelu(x: np.ndarray, bias: np.ndarray) -> None:
    """x becomes y times the share of a normal distribution that lies below y, y = x + bias[:, None]; off by at most
    4e-7 times max(1, |y|).

    With s = |y| the share above s is half of `(a1 t + ... + a5 t^5) exp(-s^2 / 2)`, t = 1 / (1 + p s), within 0.75e-7;
    the rest is float32's rounding. Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26.
    """
    rows = max(1, _BLOCK // max(1, x.shape[1]))
    shape = (min(rows, len(x)), x.shape[1])
    sizes, ts, sums = np.empty(shape, np.float32), np.empty(shape, np.float32), np.empty(shape, np.float32)
    for start in range(0, len(x), rows):
        y = x[start : start + rows]
        size, t, total = sizes[: len(y)], ts[: len(y)], sums[: len(y)]
        y += bias[start : start + rows, None]
        np.abs(y, size)
        np.multiply(size, _P, t)
        t += 1
        np.divide(1, t, t)
        np.multiply(t, _SERIES[0], total)
        for coefficient in _SERIES[1:]:
            total += coefficient
            total *= t
        total *= size
        np.multiply(size, size, size)
        size *= _HALF
        total *= np.exp(size, size)
        np.maximum(y, 0, out=y)
        y -= total


_P = np.float32(0.3275911 / math.sqrt(2))
_HALF = np.float32(-0.5)
_SERIES = tuple(np.float32(0.5 * a) for a in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592))


def normalize(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, eps: float) -> None:
    """LayerNorm of each column."""
    x -= _means(x)
    x /= np.sqrt(_means(np.square(x)) + np.float32(eps))
    x *= weight[:, None]
    x += bias[:, None]


def attend(mixed: np.ndarray, query: np.ndarray, key: np.ndarray, value: np.ndarray) -> None:
    """Attention of one window, written into `mixed`: values, each weighted by exp(key . query), weights adding up to 1.

    mixed, query: (heads, width of a head, queries); key, value: (heads, width of a head, tokens).
    """
    together = max(1, _WEIGHTS // (key.shape[2] * query.shape[2]))
    for start in range(0, len(query), together):
        heads = slice(start, start + together)
        weights = key[heads].transpose(0, 2, 1) @ query[heads]  # (heads, tokens, queries)
        weights -= weights.max(1, keepdims=True)
        np.exp(weights, weights)
        found = value[heads] @ weights
        found /= weights.sum(1, keepdims=True)
        mixed[heads] = found


def _means(x: np.ndarray) -> np.ndarray:
    """(rows, columns) -> (columns,)."""
    together = math.gcd(len(x), _SUMMED)
    return x.reshape(-1, together, x.shape[1]).sum(1).sum(0) / np.float32(len(x))
