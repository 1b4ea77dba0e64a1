"""Scores as plain numbers: float32 in its shortest exact form, nothing that JSON cannot hold."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from math import floor, frexp, isfinite, log10
from operator import eq
from typing import Any

_SMALLEST_NORMAL = 2.0**-126


def shortest(values: Sequence[float]) -> list[float]:
    """For every float32 among `values` the double that prints as its shortest decimal; other doubles stay as they are.

    Each, rounded to float32, is the value it came from, bit for bit.

    >>> shortest([0.10000000149011612, 1 / 3])  # the float32 nearest to 0.1; a double
    [0.1, 0.3333333333333333]
    """
    # Eight digits first: they suffice for half of all float32, nine for all. Fewer are tried where eight were enough.
    found, enough = _rounded(8, values)
    long = [place for place, exact in enumerate(enough) if not exact]
    if long:
        originals = [values[place] for place in long]
        for place, original, decimal, exact in zip(long, originals, *_rounded(9, originals)):
            found[place] = decimal if exact else original
    short = [place for place, exact in enumerate(enough) if exact]
    for digits in (7, 6):
        if short:
            fewer = list(zip(short, *_rounded(digits, [values[place] for place in short])))
            short = [place for place, _, exact in fewer if exact]
            for place, decimal, exact in fewer:
                if exact:
                    found[place] = decimal
    for place, value in enumerate(values):
        if -_SMALLEST_NORMAL < value < _SMALLEST_NORMAL or frexp(value)[0] in (0.5, -0.5):
            found[place] = _search(value)
    return found


def _rounded(digits: int, values: Sequence[float]) -> tuple[list[float], list[bool]]:
    """`values` with so many decimal digits, and whether as float32 that is the same number."""
    decimals = [float(text) for text in (f"%.{digits}g " * len(values) % tuple(values)).split()]
    return decimals, list(map(eq, array("f", decimals), values))


def _search(value: float) -> float:
    """The same for one power of two, whose lower neighbour is nearer than the upper, or for a tiny number."""
    if value == 0 or array("f", [value])[0] != value:
        return value
    for digits in range(1, 9):
        near = float(f"{value:.{digits}g}")
        unit = 10.0 ** (floor(log10(abs(value))) - digits + 1)
        for decimal in sorted((near, near - unit, near + unit), key=lambda decimal: abs(decimal - value)):
            rounded = float(f"{decimal:.{digits}g}")
            if array("f", [rounded])[0] == value:
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
        return shortest([value])[0] if digits is None else round(value, digits) + 0.0  # + 0.0: nothing prints as -0.0
    if kind is dict:
        return {key: plain(inner, digits) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        if len(value) > 1 and digits is None and all(type(inner) is float and isfinite(inner) for inner in value):
            return shortest(value)
        return [plain(inner, digits) for inner in value]
    if hasattr(value, "tolist"):  # arrays and numbers of NumPy, tensors of torch
        return plain(value.tolist(), digits)
    return value
