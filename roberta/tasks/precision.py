"""Vectors in fewer bytes. Each is stored by its own numbers alone, never by its neighbours'."""

from __future__ import annotations

import base64
from collections.abc import Callable

import numpy as np


def _int8(vector: np.ndarray) -> np.ndarray:
    largest = float(np.abs(vector).max(initial=0.0))
    return np.rint(vector.astype(np.float64) * (127 / largest if largest else 0)).astype(np.int8)


PRECISIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "float32": lambda vector: vector.astype(np.float32),
    "float16": lambda vector: vector.astype(np.float16),
    "int8": _int8,
    "binary": lambda vector: np.packbits(vector > 0),
}


def stored(vector: np.ndarray, precision: str) -> np.ndarray:
    """(dims,) float32 in one of PRECISIONS.

    int8: scaled so that the largest number becomes 127 or -127, which leaves the cosine with other vectors as it was
    but for rounding. binary: one bit a number, 1 where it is above 0, eight to a uint8, the first the highest.

    >>> stored(np.array([0.5, -1.0], np.float32), "int8").tolist()
    [64, -127]
    """
    return PRECISIONS[precision](vector)


def as_base64(vector: np.ndarray) -> str:
    """The bytes of a stored vector, little-endian, as ASCII text.

    >>> np.frombuffer(base64.b64decode(as_base64(np.array([1.0], np.float32))), "<f4").tolist()
    [1.0]
    """
    return base64.b64encode(vector.astype(vector.dtype.newbyteorder("<"), copy=False).tobytes()).decode("ascii")
