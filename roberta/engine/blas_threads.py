"""How many threads NumPy's products get: a number for the whole process.

OpenBLAS reads its environment variable only while it is loaded; after that it must be told.
"""

from __future__ import annotations

import ctypes
from functools import cache
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np


class _OpenBlas(NamedTuple):
    get: ctypes._CFuncPtr
    set: ctypes._CFuncPtr


@cache
def _openblas() -> _OpenBlas | None:
    """The library in NumPy's wheels; None: NumPy has its products from elsewhere."""
    for path in (Path(np.__file__).parents[1] / "numpy.libs").glob("*openblas*"):
        library = ctypes.CDLL(str(path))  # the one that is loaded already
        for prefix, suffix in product(("scipy_", ""), ("64_", "")):
            names = (f"{prefix}openblas_{verb}_num_threads{suffix}" for verb in ("get", "set"))
            found = [getattr(library, name, None) for name in names]
            if None not in found:
                return _OpenBlas(*found)
    return None


def can_set_blas_threads() -> bool:
    return _openblas() is not None


def blas_threads() -> int:
    """How many there are; 1 where that is not known."""
    return _openblas().get() if can_set_blas_threads() else 1


def set_blas_threads(count: int) -> None:
    """Nothing happens where `can_set_blas_threads` says no."""
    if can_set_blas_threads():
        _openblas().set(count)
