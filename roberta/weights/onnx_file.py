"""ONNX: one protobuf message. Its weights are read as views of the mapped file and written one at a time.

The package onnx, which builds graphs, would hold every weight twice before it wrote the first byte.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from roberta.errors import CheckpointError
from roberta.files import whole_or_absent
from roberta.weights.arrays import DTYPES, dtype_name, is_shape, is_size, raw_bytes
from roberta.weights.mapped_file import MappedFile

SUFFIX = ".onnx"
FILE = f"model{SUFFIX}"
KERNEL = ".kernel"  # in place of .weight: the matrix of a linear layer as MatMul takes it, (in, out)
EXTERNAL = "_data"  # what follows the file's name where numbers lie in a file of their own
MESSAGE_LIMIT = (1 << 31) - 1  # bytes, protobuf's own limit
_DAMAGED = "the file is damaged, fetch it again"

_TYPES = {  # theirs, ours
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    9: "bool",
    10: "float16",
    11: "float64",
    12: "uint32",
    13: "uint64",
    16: "bfloat16",
}
_THEIRS = {ours: theirs for theirs, ours in _TYPES.items()}
# Field numbers of onnx.proto: of the model, the graph, a tensor, an entry of a table, an operator set, a value.
_IR_VERSION, _PRODUCER, _GRAPH, _OPSETS = 1, 2, 7, 8
_INITIALIZER, _INPUT, _OUTPUT = 5, 11, 12
_DIMS, _TYPE, _NAME, _RAW, _PLACES, _LOCATION = 1, 2, 8, 9, 13, 14
_KEY, _VALUE = 1, 2
_DOMAIN, _VERSION = 1, 2
_NUMBER, _WIDE, _BYTES, _NARROW = 0, 1, 2, 5  # how a field is laid out


@dataclass
class OnnxFile:
    """What a model file says. tensors: the weights by name, for the most part views of the mapped file. inputs,
    outputs: names in their order. opset: of the standard operators."""

    tensors: dict[str, np.ndarray] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    opset: int | None = None
    ir_version: int | None = None


def recognise(start: bytes) -> bool:
    """Whether a file that starts with these bytes is an ONNX model: its version comes first, and then a known field."""
    known = (_PRODUCER << 3 | _BYTES, 3 << 3 | _BYTES, _GRAPH << 3 | _BYTES, _OPSETS << 3 | _BYTES)
    return len(start) > 3 and start[0] == _IR_VERSION << 3 | _NUMBER and 1 <= start[1] < 64 and start[2] in known


def read(path: Path) -> OnnxFile:
    """Read a model's weights and the names of its inputs and outputs; what is in a file beside it is looked for there.

    >>> read(Path("model.onnx")).inputs  # doctest: +SKIP
    ['input_ids', 'attention_mask']

    Raises CheckpointError: no such message, a weight whose bytes are not as many as its shape asks for, a type that is
    not known, numbers that lie outside the file.
    """
    found = OnnxFile()
    with MappedFile(path) as file:
        for number, value in _fields(file, 0, file.size):
            if number == _IR_VERSION and isinstance(value, int):
                found.ir_version = value
            elif number == _OPSETS and isinstance(value, _Part):
                said = dict(_fields(file, *value))
                if _text(file, said.get(_DOMAIN)) in ("", "ai.onnx") and isinstance(said.get(_VERSION), int):
                    found.opset = said[_VERSION]
            elif number == _GRAPH and isinstance(value, _Part):
                _read_graph(file, value, found)
    if found.opset is None or not found.outputs:
        raise CheckpointError(f"{path}: not an ONNX model; {_DAMAGED}")
    return found


def published(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The weights of a graph of ours under their published names, matrices of linear layers as (out, in).

    >>> list(published({"qa_outputs.kernel": np.zeros((32, 2), np.float32)}))
    ['qa_outputs.weight']
    """
    turned = {f"{name.removesuffix(KERNEL)}.weight": x.T for name, x in weights.items() if name.endswith(KERNEL)}
    return turned | {name: array for name, array in weights.items() if not name.endswith(KERNEL)}


def write(path: Path, head: bytes, graph: bytes, tensors: Mapping[str, np.ndarray]) -> None:
    """Write a model, whole or absent, one weight at a time; in a second file, `path` + "_data", when the message would
    be larger than one may be.

    head: the serialized model without its graph. graph: the serialized graph without its weights.
    """
    sizes = [_prefixed(len(_tensor_head(name, array)) + _raw_size(array)) for name, array in tensors.items()]
    if len(head) + len(graph) + sum(sizes) + 64 <= MESSAGE_LIMIT:
        messages = {name: _tensor_head(name, array) + _raw_head(array) for name, array in tensors.items()}
        with whole_or_absent(path) as beside, beside.open("wb") as file:
            _write_message(file, head, graph, messages, tensors)
        return
    numbers = path.with_name(path.name + EXTERNAL)
    messages, place = {}, 0
    for name, array in tensors.items():
        messages[name] = _tensor_head(name, array) + _elsewhere(numbers.name, place, array.nbytes)
        place += array.nbytes
    with whole_or_absent(numbers) as beside, beside.open("wb") as file:
        for array in tensors.values():
            file.write(raw_bytes(array))
    with whole_or_absent(path) as beside, beside.open("wb") as file:
        _write_message(file, head, graph, messages, {})


def _write_message(
    file: BinaryIO, head: bytes, graph: bytes, messages: Mapping[str, bytes], inside: Mapping[str, np.ndarray]
) -> None:
    """messages: of each tensor, without the bytes of those that are `inside`."""
    lengths = {
        name: len(message) + (inside[name].nbytes if name in inside else 0) for name, message in messages.items()
    }
    file.write(head)
    file.write(_tag(_GRAPH, _BYTES) + _varint(len(graph) + sum(map(_prefixed, lengths.values()))))
    file.write(graph)
    for name, message in messages.items():
        file.write(_tag(_INITIALIZER, _BYTES) + _varint(lengths[name]) + message)
        if name in inside:
            file.write(raw_bytes(inside[name]))


def _tensor_head(name: str, array: np.ndarray) -> bytes:
    dims = b"".join(_tag(_DIMS, _NUMBER) + _varint(size) for size in array.shape)
    kind = _tag(_TYPE, _NUMBER) + _varint(_THEIRS[dtype_name(array)])
    return dims + kind + _string(_NAME, name)


def _raw_head(array: np.ndarray) -> bytes:
    return _tag(_RAW, _BYTES) + _varint(array.nbytes)


def _raw_size(array: np.ndarray) -> int:
    return len(_raw_head(array)) + array.nbytes


def _elsewhere(file: str, place: int, size: int) -> bytes:
    entries = {"location": file, "offset": str(place), "length": str(size)}
    parts = (_string(_KEY, key) + _string(_VALUE, value) for key, value in entries.items())
    places = b"".join(_tag(_PLACES, _BYTES) + _varint(len(part)) + part for part in parts)
    return places + _tag(_LOCATION, _NUMBER) + _varint(1)


def _string(number: int, text: str) -> bytes:
    raw = text.encode()
    return _tag(number, _BYTES) + _varint(len(raw)) + raw


def _prefixed(length: int) -> int:
    """The bytes of a field with a message of this length in it; all the fields that are written have a tag of one."""
    return 1 + len(_varint(length)) + length


def _tag(number: int, layout: int) -> bytes:
    return _varint(number << 3 | layout)


def _varint(number: int) -> bytes:
    raw = bytearray()
    while number > 0x7F:
        raw.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*raw, number])


class _Part(NamedTuple):
    """Where the content of a field lies in the file."""

    start: int
    end: int


def _fields(file: MappedFile, start: int, end: int) -> Iterator[tuple[int, int | _Part]]:
    """The fields of a message: their numbers, and a whole number or where their content lies."""
    content = file.content
    while start < end:
        tag, start = _read_varint(file, content, start, end)
        number, layout = tag >> 3, tag & 7
        if layout == _NUMBER:
            value, start = _read_varint(file, content, start, end)
            yield number, value
            continue
        if layout == _BYTES:
            length, start = _read_varint(file, content, start, end)
        elif layout in (_WIDE, _NARROW):
            length = 8 if layout == _WIDE else 4
        else:
            raise CheckpointError(f"{file.path}: not an ONNX model at byte {start}; {_DAMAGED}")
        if not number or length > end - start:
            raise CheckpointError(f"{file.path}: a field reaches outside the file at byte {start}; {_DAMAGED}")
        yield number, _Part(start, start + length)
        start += length


def _read_varint(file: MappedFile, content: bytes, start: int, end: int) -> tuple[int, int]:
    found = shift = 0
    while start < end and shift < 64:
        byte = content[start]
        found |= (byte & 0x7F) << shift
        start, shift = start + 1, shift + 7
        if byte < 0x80:
            return found, start
    raise CheckpointError(f"{file.path}: a number without an end at byte {start}; {_DAMAGED}")


def _text(file: MappedFile, part: object, limit: int = 1000) -> str:
    if not isinstance(part, _Part):
        return ""
    return file.piece(part.start, min(part.end - part.start, limit)).decode("utf-8", "replace")


def _read_graph(file: MappedFile, part: _Part, found: OnnxFile) -> None:
    names = {_INPUT: found.inputs, _OUTPUT: found.outputs}
    for number, value in _fields(file, *part):
        if number == _INITIALIZER and isinstance(value, _Part):
            name, array = _read_tensor(file, value)
            if name in found.tensors:
                raise CheckpointError(f"{file.path}: {name[:80]!r} is there twice; {_DAMAGED}")
            found.tensors[name] = array
        elif number in names and isinstance(value, _Part):
            names[number].append(_text(file, dict(_fields(file, *value)).get(1)))


def _read_tensor(file: MappedFile, part: _Part) -> tuple[str, np.ndarray]:
    dims: list[int] = []
    said: dict[int, int | _Part] = {}
    places: dict[str, str] = {}
    for number, value in _fields(file, *part):
        if number == _DIMS and isinstance(value, int):
            dims.append(value)
        elif number == _DIMS:  # packed: one number after another
            start = value.start
            while start < value.end:
                size, start = _read_varint(file, file.content, start, value.end)
                dims.append(size)
        elif number == _PLACES and isinstance(value, _Part):
            entry = dict(_fields(file, *value))
            places[_text(file, entry.get(_KEY))] = _text(file, entry.get(_VALUE))
        else:
            said[number] = value
    name = _text(file, said.get(_NAME))
    where = f"{file.path}: {name[:80]!r}"
    if said.get(_TYPE) not in _TYPES or not is_shape(dims):
        raise CheckpointError(f"{where} has a type or a shape that is not known here; {_DAMAGED}")
    dtype, count = DTYPES[_TYPES[said[_TYPE]]], math.prod(dims)
    if said.get(_LOCATION) == 1:
        return name, _read_elsewhere(file, places, dtype, count, where).reshape(dims)
    raw = said.get(_RAW)
    if not isinstance(raw, _Part) or raw.end - raw.start != count * dtype.itemsize:
        raise CheckpointError(f"{where} has not the bytes that its shape {dims} asks for; {_DAMAGED}")
    return name, file.array(raw.start, count, dtype).reshape(dims)


def _read_elsewhere(file: MappedFile, places: Mapping[str, str], dtype: np.dtype, count: int, where: str) -> np.ndarray:
    """Numbers that lie in a file beside the model, and nowhere else."""
    name, size = places.get("location", ""), count * dtype.itemsize
    start = int(places.get("offset", "0")) if places.get("offset", "0").isdecimal() else -1
    if not name or Path(name).name != name or name in (".", "..") or not is_size(start):
        raise CheckpointError(f"{where} lies in {name[:80]!r}, which is no plain name; do not load this model")
    beside = file.path.parent / name
    if beside.is_symlink():
        raise CheckpointError(f"{beside}: a link; put the file itself there")
    with MappedFile(beside) as numbers:
        if places.get("length", str(size)) != str(size) or start + size > numbers.size:
            raise CheckpointError(f"{where} lies outside {name} or has not the size of its shape; {_DAMAGED}")
        return numbers.array(start, count, dtype)
