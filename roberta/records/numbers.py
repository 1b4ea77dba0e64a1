"""Scores as plain numbers: float32 in its shortest exact form, nothing that JSON cannot hold."""

from __future__ import annotations

from math import floor, frexp, inf, isfinite, log10
from struct import Struct
from typing import Any

_SMALLEST_NORMAL = 2.0**-126
_SINGLE = Struct("f")


def shortest(value: float) -> float:
    """For a float32 the double that prints as its shortest decimal; any other double as it is.

    The result, rounded to float32, is the value it came from, bit for bit.

    >>> shortest(0.10000000149011612), shortest(1 / 3)  # the float32 nearest to 0.1; a double
    (0.1, 0.3333333333333333)
    """
    if not isfinite(value):
        return value
    if -_SMALLEST_NORMAL < value < _SMALLEST_NORMAL or frexp(value)[0] in (0.5, -0.5):
        return _search(value)
    # Eight digits first: they suffice for half of all float32, nine for all. Fewer are tried where eight were enough.
    found = float(f"{value:.8g}")
    if _single(found) != value:
        found = float(f"{value:.9g}")
        return found if _single(found) == value else value
    for fewer in (float(f"{value:.7g}"), float(f"{value:.6g}")):
        if _single(fewer) != value:
            break
        found = fewer
    return found


def _single(value: float) -> float:
    try:
        return _SINGLE.unpack(_SINGLE.pack(value))[0]
    except OverflowError:
        return inf


def _search(value: float) -> float:
    """As `shortest`, for a power of two, whose lower neighbour is nearer than the upper, or a tiny number."""
    if value == 0 or _single(value) != value:
        return value
    for digits in range(1, 9):
        near = float(f"{value:.{digits}g}")
        unit = 10.0 ** (floor(log10(abs(value))) - digits + 1)
        for decimal in sorted((near, near - unit, near + unit), key=lambda decimal: abs(decimal - value)):
            rounded = float(f"{decimal:.{digits}g}")
            if _single(rounded) == value:
                return rounded
    return float(f"{value:.9g}")


def plain(value: Any, digits: int | None = None) -> Any:
    """Python values for JSON from dicts, lists, tuples, arrays and numbers; `digits` rounds to so many decimal places.

    Floats as `shortest` gives them; NaN and the infinities, which JSON lacks, become None.

    >>> plain({"score": 0.10000000149011612, "logprob": float("-inf")})
    {'score': 0.1, 'logprob': None}
    """
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if kind is float:
        if not isfinite(value):
            return None
        return shortest(value) if digits is None else round(value, digits) + 0.0  # + 0.0: nothing prints as -0.0
    if kind is dict:
        return {key: plain(inner, digits) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner, digits) for inner in value]
    if hasattr(value, "tolist"):  # arrays and numbers of NumPy, tensors of torch
        return plain(value.tolist(), digits)
    return value
