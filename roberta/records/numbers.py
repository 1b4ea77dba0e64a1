"""Scores as plain numbers: float32 in its shortest exact form, nothing that JSON cannot hold."""

from __future__ import annotations

from math import floor, frexp, inf, isfinite, log10
from struct import Struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

_SMALLEST_NORMAL = 2.0**-126
_SINGLE = Struct("f")
_MANY = 16  # numbers of an array, from which on NumPy is quicker than one after the other


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


def _all_shortest(array: np.ndarray) -> list:
    """`plain` of a float32 array: the steps of `shortest`, for all numbers at once.

    A decimal of at most 9 digits is a whole number divided by a power of ten; both are exact doubles up to 10**22, and
    so their quotient is the double nearest to it. What does not fit that, and what lies so near the middle between two
    decimals that a product of doubles might take the wrong one, goes through `shortest` itself.
    """
    import numpy as np

    values = array.astype(np.float64).ravel()
    size = np.abs(values)
    if not np.isfinite(size).all():
        return plain(array.tolist())
    powers = np.array([float(10**places) for places in range(23)])
    usual = (size >= 1e-13) & (size < 1e8) & (np.frexp(size)[0] != 0.5)
    decimal = np.where(usual, size, 1.5)
    shift = 21 - np.searchsorted(10.0 ** np.arange(-13, 8), decimal, side="right")  # digits behind the point, of eight

    def rounded(more: int) -> np.ndarray:
        """With 8 + more digits; notes in `usual` where that is not sure."""
        scaled = decimal * powers[shift] * 10.0**more
        usual[np.abs(scaled - np.floor(scaled) - 0.5) < 1e-6] = False
        whole = np.rint(scaled)
        return whole / powers[shift + 1] if more == 1 else whole * 10.0**-more / powers[shift]

    def reads_back(found: np.ndarray) -> np.ndarray:
        return found.astype(np.float32) == decimal

    nine, eight, seven, six = map(rounded, (1, 0, -1, -2))
    shorter = np.where(reads_back(seven), np.where(reads_back(six), six, seven), eight)
    found = np.where(reads_back(eight), shorter, nine)
    usual &= reads_back(found)
    found = np.copysign(np.where(usual, found, 0), values)
    for place in np.flatnonzero(~usual & (size != 0)):
        found[place] = shortest(float(values[place]))
    return found.reshape(array.shape).tolist()


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
        if digits is None and str(getattr(value, "dtype", "")) == "float32" and value.size >= _MANY:
            return _all_shortest(value)
        return plain(value.tolist(), digits)
    return value
