"""Flax files: nested maps of MessagePack with an array at each leaf. Read and written without Flax, JAX or msgpack.

A leaf is an extension of type 1 around (shape, name of the type, numbers); one above 1 GiB is a map of chunks.
"""

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from roberta.errors import CheckpointError
from roberta.files import whole_or_absent
from roberta.weights import msgpack_tree as msgpack
from roberta.weights.arrays import DTYPES, dtype_name, is_shape, raw_bytes
from roberta.weights.mapped_file import MappedFile
from roberta.weights.msgpack_tree import Cursor, Value

CHUNK = 1 << 30  # bytes of an array in one piece, Flax's own limit
_CHUNKED = "__msgpack_chunked_array__"
_CHUNKS = 4096  # of one array
_ARRAY, _COMPLEX, _SCALAR = 1, 2, 3  # types of extensions
_START = re.compile(rb"(?:[\x81-\x8f]|\xde..|\xdf....)(?:[\xa1-\xbf]|\xd9.|\xda..)[\w.-]", re.DOTALL)

Tree = dict[str, object]


def recognise(start: bytes) -> bool:
    """Whether a file that starts with these (16 or more) bytes can be a Flax file: a map with a word for its first key.

    The format has no mark of its own, so formats that have one are asked before.
    """
    return _START.match(start) is not None


def read(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a Flax file by their paths, the keys joined by "/": writable; views of a private mapping where they
    are aligned in it, else copies.

    >>> read(Path("flax_model.msgpack"))["qa_outputs/bias"].shape
    (2,)

    Raises CheckpointError: whatever `msgpack_tree.read_tree` refuses; a leaf that is no array, of complex numbers or of
    a type that is not known; numbers that are not as many as the shape asks for; chunks that do not make up an array.
    """
    with MappedFile(path) as file:
        found = {}
        for name, leaf in _leaves(file, msgpack.read_tree(file), ""):
            if isinstance(leaf, Value):
                place = _Array(file, name, leaf)
                found[name] = file.array(place.start, place.count, place.dtype).reshape(place.shape)
            else:
                found[name] = _joined(file, name, leaf)
        return found


def write(path: Path, tensors: Mapping[str, np.ndarray]) -> None:
    """Write arrays by their paths as Flax does, one at a time, whole or absent.

    >>> write(Path("flax_model.msgpack"), {"qa_outputs/bias": np.zeros(2, np.float32)})
    """
    tree: Tree = {}
    for name, array in tensors.items():
        dtype_name(array)  # raises before anything is written
        *above, last = name.split("/")
        inside = tree
        for key in above:
            inside = inside.setdefault(key, {})  # type: ignore[assignment]
        inside[last] = array
    with whole_or_absent(path) as beside, beside.open("wb") as file:
        _write_map(file, tree)


class _Array:
    """One extension, checked: where its numbers are, their type and shape."""

    def __init__(self, file: MappedFile, name: str, leaf: Value):
        cursor = Cursor(file, leaf.start, leaf.start + leaf.size)
        if leaf.kind != "extension":
            raise cursor.damaged(f"{name[:80]!r} is a {leaf.kind} where an array was expected")
        if leaf.code == _COMPLEX:
            raise CheckpointError(f"{file.path}: {name[:80]!r} is a complex number, which no weight is")
        if leaf.code not in (_ARRAY, _SCALAR):
            raise cursor.damaged(f"{name[:80]!r} has the unknown extension type {leaf.code}")
        parts = cursor.next()
        dimensions = cursor.next()
        if (parts.kind, parts.size, dimensions.kind) != ("array", 3, "array") or dimensions.size > leaf.size:
            raise cursor.damaged(f"{name[:80]!r} is not a shape, a type and numbers")
        shape = [cursor.next() for _ in range(dimensions.size)]
        kind = cursor.text(cursor.next())
        numbers = cursor.next()
        if numbers.kind != "bytes" or cursor.place != cursor.end or any(size.kind != "number" for size in shape):
            raise cursor.damaged(f"{name[:80]!r} is not a shape, a type and numbers")
        sizes = [size.code for size in shape]
        if kind not in DTYPES:
            known = ", ".join(DTYPES)
            raise CheckpointError(f"{file.path}: {name[:80]!r} has a type {kind[:20]!r} that is none of {known}")
        self.dtype, self.shape, self.start = DTYPES[kind], tuple(sizes), numbers.start
        if not is_shape(sizes) or math.prod(sizes) * self.dtype.itemsize != numbers.size:
            raise cursor.damaged(f"{name[:80]!r} has not the size that its shape asks for")
        self.count = math.prod(sizes)


def _leaves(file: MappedFile, tree: Mapping[str, Value | dict], path: str) -> Iterator[tuple[str, Value | dict]]:
    """Every array by its path: its extension, or the map of its chunks."""
    for key, value in tree.items():
        if not key or "/" in key:
            raise CheckpointError(f"{file.path}: the key {key[:80]!r} below {path[:80]!r} is no plain word")
        if isinstance(value, Value) or _CHUNKED in value:
            yield path + key, value
        else:
            yield from _leaves(file, value, f"{path}{key}/")


def _joined(file: MappedFile, name: str, table: Mapping[str, Value | dict]) -> np.ndarray:
    """The array that was cut into the chunks of a table."""

    def damaged(fault: str) -> CheckpointError:
        return CheckpointError(f"{file.path}: {name[:80]!r}: {fault}; the file is damaged, fetch it again")

    mark, sizes, chunks = (table.get(key) for key in (_CHUNKED, "shape", "chunks"))
    if len(table) != 3 or not isinstance(mark, Value) or mark.code is not True:
        raise damaged("not a mark, a shape and chunks")
    if not isinstance(sizes, dict) or not isinstance(chunks, dict):
        raise damaged("not a mark, a shape and chunks")
    if not 0 < len(chunks) <= _CHUNKS:
        raise damaged(f"{len(chunks)} chunks")
    for numbered in (sizes, chunks):
        if list(numbered) != [str(number) for number in range(len(numbered))]:
            raise damaged("its parts are not numbered from 0 on")
    shape = [size.code if isinstance(size, Value) and size.kind == "number" else -1 for size in sizes.values()]
    parts = []
    for number, chunk in chunks.items():
        if not isinstance(chunk, Value):
            raise damaged(f"chunk {number} is no array")
        parts.append(_Array(file, f"{name}, chunk {number}", chunk))
    if any(len(part.shape) != 1 or part.dtype != parts[0].dtype for part in parts):
        raise damaged("chunks that are not flat, or of several types")
    if not is_shape(shape) or math.prod(shape) != sum(part.count for part in parts):
        raise damaged("chunks that are not as long as its shape asks for")
    whole = np.empty(math.prod(shape), parts[0].dtype)
    place = 0
    for part in parts:
        file.read_into(whole[place : place + part.count], part.start)
        place += part.count
    return whole.reshape(shape)


def _write_map(file: BinaryIO, tree: Mapping[str, object]) -> None:
    file.write(msgpack.map_head(len(tree)))
    for key in sorted(tree):
        value = tree[key]
        file.write(msgpack.text(key))
        if isinstance(value, Mapping):
            _write_map(file, value)
        elif value.nbytes > CHUNK:
            _write_chunks(file, value)
        else:
            _write_array(file, value)


def _write_array(file: BinaryIO, array: np.ndarray) -> None:
    head = msgpack.array_head(3) + msgpack.array_head(array.ndim) + b"".join(map(msgpack.number, array.shape))
    head += msgpack.text(dtype_name(array)) + msgpack.bytes_head(array.nbytes)
    file.write(msgpack.extension_head(_ARRAY, len(head) + array.nbytes) + head)
    file.write(raw_bytes(array))


def _write_chunks(file: BinaryIO, array: np.ndarray) -> None:
    flat = np.ascontiguousarray(array).reshape(-1)
    step = CHUNK // array.itemsize
    count = -(-flat.size // step)
    file.write(msgpack.map_head(3) + msgpack.text(_CHUNKED) + b"\xc3")
    file.write(msgpack.text("shape") + msgpack.map_head(array.ndim))
    for axis, size in enumerate(array.shape):
        file.write(msgpack.text(str(axis)) + msgpack.number(size))
    file.write(msgpack.text("chunks") + msgpack.map_head(count))
    for number in range(count):
        file.write(msgpack.text(str(number)))
        _write_array(file, flat[number * step : (number + 1) * step])
