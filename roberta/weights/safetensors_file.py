"""safetensors: a length, a JSON header that names each tensor's type, shape and place, and the numbers."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from roberta.errors import CheckpointError
from roberta.files import parse_json, whole_or_absent
from roberta.weights.arrays import DTYPES, dtype_name, is_shape, is_size, raw_bytes
from roberta.weights.mapped_file import MappedFile

HEADER_LIMIT = 100_000_000  # bytes, the format's own limit
_DAMAGED = "the file is damaged, fetch it again"

_OURS = {  # theirs, ours
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
}
_THEIRS = {ours: theirs for theirs, ours in _OURS.items()}


def recognise(start: bytes) -> bool:
    """Whether a file that starts with these (16 or more) bytes is a safetensors file."""
    return len(start) > 8 and start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= HEADER_LIMIT


def read(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a safetensors file by name: writable views of a private mapping, so nothing is read until used.

    Raises CheckpointError: a header that is too long, not UTF-8 JSON, or names a tensor twice; a type that is not
    known; a tensor whose size is not its shape's, that lies outside the file, over another, or beside a hole.
    """
    with MappedFile(path) as file:
        begin, header = _read_header(file)
        room = file.size - begin
        placed = [_Tensor(path, name, entry, room) for name, entry in header.items() if name != "__metadata__"]
        end = 0
        for tensor in sorted(placed, key=lambda tensor: (tensor.start, tensor.end)):
            if tensor.start != end:
                fault = "overlaps the tensor before it" if tensor.start < end else "has a hole before it"
                raise CheckpointError(f"{path}: {tensor.name[:80]!r} {fault}; {_DAMAGED}")
            end = tensor.end
        if end != room:
            raise CheckpointError(f"{path}: {room:,} bytes of numbers where the header tells of {end:,}; {_DAMAGED}")
        return {
            tensor.name: file.array(begin + tensor.start, tensor.count, tensor.dtype).reshape(tensor.shape)
            for tensor in placed
        }


def read_metadata(path: Path) -> dict[str, str]:
    """The free remarks in the header, such as {"format": "pt"}. Raises as `read` does."""
    with MappedFile(path) as file:
        _, header = _read_header(file)
    return header.get("__metadata__", {})


def write(path: Path, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None) -> None:
    """Write the tensors, one at a time, whole or absent. With no metadata the header says {"format": "pt"}.

    >>> write(Path("model.safetensors"), {"lm_head.bias": np.zeros(50265, np.float32)})
    """
    # The widest types first, so that each tensor is aligned to its type.
    names = sorted(tensors, key=lambda name: (-tensors[name].dtype.itemsize, name))
    header: dict[str, object] = {"__metadata__": dict(metadata if metadata is not None else {"format": "pt"})}
    end = 0
    for name in names:
        start, end = end, end + tensors[name].nbytes
        kind = _THEIRS[dtype_name(tensors[name])]
        header[name] = {"dtype": kind, "shape": list(tensors[name].shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > HEADER_LIMIT:
        raise CheckpointError(f"{path}: {len(tensors):,} tensors are more than a safetensors header can name")
    with whole_or_absent(path) as beside, beside.open("wb") as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for name in names:
            file.write(raw_bytes(tensors[name]))


class _Tensor:
    """One entry of the header, checked against the `room` bytes of numbers that the file has."""

    def __init__(self, path: Path, name: str, entry: object, room: int):
        self.name = name
        where = f"{path}: {name[:80]!r}"
        if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
            raise CheckpointError(f"{where} has not just a dtype, a shape and data_offsets; {_DAMAGED}")
        kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        if not isinstance(kind, str) or kind not in _OURS:
            known = ", ".join(_OURS)
            raise CheckpointError(f"{where} has a type {kind!s:.20} that is none of {known}; save it in one of these")
        if not isinstance(shape, list) or not isinstance(offsets, list) or len(offsets) != 2:
            raise CheckpointError(f"{where} has no proper shape and place; {_DAMAGED}")
        if not is_shape(shape) or not all(map(is_size, offsets)):
            raise CheckpointError(f"{where} has sizes that are no whole numbers, negative or absurd; {_DAMAGED}")
        self.dtype, self.shape = DTYPES[_OURS[kind]], tuple(shape)
        self.start, self.end = offsets
        self.count = math.prod(shape)
        if not self.start <= self.end <= room:
            raise CheckpointError(f"{where} lies outside the file; {_DAMAGED}")
        if self.count * self.dtype.itemsize != self.end - self.start:
            raise CheckpointError(f"{where} has not the size that its shape {shape} asks for; {_DAMAGED}")


def _read_header(file: MappedFile) -> tuple[int, dict]:
    """Where the numbers begin, and the header."""
    path = file.path
    if file.size < 9:
        raise CheckpointError(f"{path}: {file.size} bytes are too few for a safetensors file; {_DAMAGED}")
    length = int.from_bytes(file.piece(0, 8), "little")
    if length > min(file.size - 8, HEADER_LIMIT):
        raise CheckpointError(f"{path}: a header of {length:,} bytes in a file of {file.size:,}; {_DAMAGED}")
    raw = file.piece(8, length)
    if not raw.startswith(b"{"):
        raise CheckpointError(f"{path}: no safetensors header; {_DAMAGED}")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{path}: the header is not UTF-8 at byte {error.start}; {_DAMAGED}") from None
    header = parse_json(text, str(path))
    metadata = header.get("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise CheckpointError(f"{path}: the header's __metadata__ is not text by name; {_DAMAGED}")
    return 8 + length, header
