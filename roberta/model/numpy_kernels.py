"""What stands between the products of the NumPy forward, in place and in float32.

Arrays are (rows, columns): a column for each token. NumPy does one operation after the other, so long ones go block by
block, each block small enough that it is still in the core's cache when the next operation takes it up.
"""

from __future__ import annotations

import math
import threading

import numpy as np

_BLOCK = 1 << 16  # numbers; measured: 4,096 took nearly twice as long, 32,768 a tenth longer
_WEIGHTS = 1 << 16  # of attention, of some heads or of some windows
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
    """x becomes y times the share P of a normal distribution that lies below y, y = x + bias[:, None]; off by at most
    4e-7 times max(1, |y|).

    log(P / (1 - P)) is an odd function, so y P = y / (1 + exp(-y p(y^2))). Source of p: scripts/fit_gelu.py, the
    polynomial whose largest error in y P is least, 2.2e-8; the rest is float32's rounding. That takes fewer operations
    than a series for erf, which needs |y| and one more division.
    """
    rows = max(1, _BLOCK // max(1, x.shape[1]))
    shape = (min(rows, len(x)), x.shape[1])
    squares, sums = np.empty(shape, np.float32), np.empty(shape, np.float32)
    for start in range(0, len(x), rows):
        y = x[start : start + rows]
        square, total = squares[: len(y)], sums[: len(y)]
        y += bias[start : start + rows, None]
        np.square(y, square)
        np.multiply(square, _LOGIT[-1], total)
        for coefficient in _LOGIT[-2:0:-1]:
            total += coefficient
            total *= square
        total += _LOGIT[0]
        total *= y
        np.exp(total, total)
        total += 1
        y /= total


# The coefficients of -p, the constant first.
_LOGIT = np.float32(
    [-1.59577062, -0.0726641295, 6.34827003e-05, 0.000111208024, -8.02522858e-06, 2.71463506e-07, -3.69341729e-09]
)


def normalize(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, eps: float) -> None:
    """LayerNorm of each column."""
    x -= _means(x)
    x /= np.sqrt(_means(np.square(x)) + np.float32(eps))
    x *= weight[:, None]
    x += bias[:, None]


def attend(mixed: np.ndarray, query: np.ndarray, key: np.ndarray, value: np.ndarray) -> None:
    """Attention of windows of one length, written into `mixed`: values, each weighted by exp(key . query), weights
    adding up to 1.

    mixed, query: (heads, width of a head, windows, queries); key, value: (heads, width of a head, windows, tokens).
    """
    mixed, query, key, value = (array.transpose(0, 2, 1, 3) for array in (mixed, query, key, value))
    heads, windows, _, tokens = key.shape
    together = max(1, _WEIGHTS // (tokens * query.shape[3]))  # heads of all windows
    abreast = max(1, together // heads)
    for head in range(0, heads, together):
        for window in range(0, windows, abreast):
            part = slice(head, head + together), slice(window, window + abreast)
            weights = key[part].swapaxes(2, 3) @ query[part]  # (heads, windows, tokens, queries)
            weights -= weights.max(2, keepdims=True)
            np.exp(weights, weights)
            weights /= weights.sum(2, keepdims=True)
            np.matmul(value[part], weights, out=mixed[part])


def _means(x: np.ndarray) -> np.ndarray:
    """(rows, columns) -> (columns,)."""
    together = math.gcd(len(x), _SUMMED)
    return x.reshape(-1, together, x.shape[1]).sum(1).sum(0) / np.float32(len(x))
