"""The number types that weights are stored in, bfloat16 among them, and the way to and from float32."""

import math
from collections.abc import Sequence

import numpy as np

from roberta.errors import CheckpointError

# NumPy lacks bfloat16: the upper half of a float32. This dtype marks its bits; `array.view(np.uint16)` gives them.
BFLOAT16 = np.dtype([("bfloat16", "<u2")])

# The names that config.json, torch and users give to the types.
DTYPES: dict[str, np.dtype] = {
    "float64": np.dtype("<f8"),
    "float32": np.dtype("<f4"),
    "float16": np.dtype("<f2"),
    "bfloat16": BFLOAT16,
    "int64": np.dtype("<i8"),
    "int32": np.dtype("<i4"),
    "int16": np.dtype("<i2"),
    "int8": np.dtype("i1"),
    "uint64": np.dtype("<u8"),
    "uint32": np.dtype("<u4"),
    "uint16": np.dtype("<u2"),
    "uint8": np.dtype("u1"),
    "bool": np.dtype("?"),
}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}
_DIMENSIONS = 32  # as many as NumPy had before version 2
_NUMBERS = 1 << 48  # NumPy counts bytes in 63 bits, and dimensions beside a 0 count too
_FLOATS = ("float64", "float32", "float16", "bfloat16")


def dtype_name(array: np.ndarray) -> str:
    """The name of the stored type, such as "float32" or "bfloat16".

    Raises TypeError: a type that no weight has, such as complex numbers.
    """
    try:
        return _NAMES[array.dtype.newbyteorder("<")]
    except KeyError:
        raise TypeError(f"weights are not stored as {array.dtype}") from None


def is_float(array: np.ndarray) -> bool:
    """Whether these are real numbers, as every parameter is; position counters and the like are not."""
    return dtype_name(array) in _FLOATS


def to_float32(array: np.ndarray) -> np.ndarray:
    """The same numbers as float32; the array itself when it is float32 already.

    >>> to_float32(from_float32(np.float32([1.0, 3.14159]), "bfloat16"))
    array([1.      , 3.140625], dtype=float32)

    Raises CheckpointError: whole numbers, which no parameter is.
    """
    if array.dtype == np.float32:
        return array
    if not is_float(array):
        raise CheckpointError(f"{dtype_name(array)} numbers where floating point is expected; the weights are damaged")
    if array.dtype != BFLOAT16:
        with np.errstate(over="ignore"):  # a float64 beyond float32 becomes inf, as in torch
            return array.astype(np.float32)
    bits = array.view(np.uint16).astype(np.uint32)
    bits <<= 16
    return bits.view(np.float32)


def from_float32(array: np.ndarray, name: str) -> np.ndarray:
    """float32 numbers as the floating-point type `name`, rounded to nearest, ties to even; too large becomes inf.

    >>> from_float32(np.float32([65504.0, 70000.0]), "float16")
    array([65504.,    inf], dtype=float16)

    Raises KeyError: not the name of a floating-point type.
    """
    if name not in _FLOATS:
        raise KeyError(name)
    if name != "bfloat16":
        with np.errstate(over="ignore"):
            return array.astype(DTYPES[name], copy=False)
    bits = np.array(array, dtype=np.float32, order="C").view(np.uint32)  # a copy, worked on in place
    nan = np.isnan(array)
    odd = bits >> 16
    odd &= 1
    bits += odd
    bits += 0x7FFF  # half of the last place kept, less one when that place is even
    bits >>= 16
    bits[nan] = 0x7FC0
    return bits.astype(np.uint16).view(BFLOAT16)


def is_size(value: object) -> bool:
    """Whether what a file tells of can be a size, an offset or a stride: a whole number, not negative, not absurd."""
    return type(value) is int and 0 <= value < _NUMBERS


def is_shape(sizes: Sequence[object]) -> bool:
    """Whether an array can have the shape that a file tells of; an empty one has sizes beside its 0 too."""
    if len(sizes) > _DIMENSIONS or not all(map(is_size, sizes)):
        return False
    return math.prod(size for size in sizes if size) < _NUMBERS


def raw_bytes(array: np.ndarray) -> np.ndarray:
    """The array's bytes in C order and little-endian, (nbytes,) uint8: a view where it lies so already."""
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return np.ascontiguousarray(little).reshape(-1).view(np.uint8)
