"""PyTorch files: a zip archive since 1.6, several pickles and raw numbers before. Read and written without PyTorch."""

from __future__ import annotations

import math
import re
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from roberta.errors import CheckpointError
from roberta.files import whole_or_absent
from roberta.weights.arrays import DTYPES, dtype_name, raw_bytes
from roberta.weights.mapped_file import MappedFile
from roberta.weights.pickling import pickle_object
from roberta.weights.stored_zip import stored_members
from roberta.weights.unpickle import Storage, Tensor, unpickle

ZIP_START = b"PK\x03\x04"
LEGACY_MAGIC = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."  # a number, pickled, that comes first in the older files
_LEGACY_PROTOCOL = 1001
_ALIGNMENT = 64  # bytes, PyTorch's own
_FOLDER = "archive"
_ABOUT = {"version", "byteorder", ".format_version", ".storage_alignment", ".data/serialization_id"}
_DAMAGED = "the file is damaged, fetch it again"


def recognise(start: bytes) -> bool:
    """Whether a file that starts with these (16 or more) bytes is a PyTorch file."""
    return start.startswith(ZIP_START) or _is_legacy(start)


def _is_legacy(start: bytes) -> bool:
    # Before the number: the protocol, and from protocol 4 on a frame.
    return (start.startswith(b"\x80") and start[2:].startswith(LEGACY_MAGIC)) or start[11:].startswith(LEGACY_MAGIC)


@dataclass(frozen=True)
class TorchFile:
    """What a PyTorch file holds.

    root: plain data with a `Tensor` wherever a tensor stands. storages: by key, the numbers of each, (count,).
    """

    root: Any
    storages: dict[str, np.ndarray]

    def array(self, tensor: Tensor) -> np.ndarray:
        """The numbers of a tensor: writable, contiguous; a view of the file where they lie so there.

        Two tensors of one storage share their memory, as they did when they were saved.
        """
        if 0 in tensor.shape:
            return np.empty(tensor.shape, tensor.storage.dtype)
        numbers = self.storages[tensor.storage.key]
        strides = tuple(step * numbers.itemsize for step in tensor.stride)
        view = np.lib.stride_tricks.as_strided(numbers[tensor.offset :], tensor.shape, strides)
        return view if view.flags.c_contiguous else np.array(view, order="C")


def read(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a state dict by name. Of a zip file they are writable views of a private mapping, read when used.

    Raises CheckpointError: whatever `read_objects` refuses, or an object that is no state dict.
    """
    file = read_objects(path)
    if is_fairseq(file.root):
        raise CheckpointError(f"{path}: a checkpoint of fairseq; turn it into safetensors with: roberta convert")
    if not isinstance(file.root, dict):
        kind = type(file.root).__name__
        raise CheckpointError(f"{path}: holds a {kind} where a state dict was expected; save the state dict alone")
    for name, value in file.root.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            shown = repr(name[:80]) if isinstance(name, str) else f"a {type(name).__name__}"
            raise CheckpointError(
                f"{path}: not a state dict, since {shown} names a {type(value).__name__}; save the state dict alone"
            )
    return {name: file.array(tensor) for name, tensor in file.root.items()}


def is_fairseq(root: Any) -> bool:
    """Whether a file's content is a checkpoint of fairseq: weights, and the arguments that the model was made with."""
    return isinstance(root, dict) and isinstance(root.get("model"), dict) and ("args" in root or "cfg" in root)


def read_objects(path: Path, *, stand_ins: tuple[str, ...] = ()) -> TorchFile:
    """Whatever a PyTorch file holds, as inert data; `stand_ins` as in `unpickle`.

    Raises CheckpointError: a pickle that asks for more than weights need; compressed, overlapping, encrypted or
    unknown members; a storage or a view that reaches outside; big-endian numbers; a tar file (before 0.1.10).
    """
    with MappedFile(path) as file:
        start = file.piece(0, 512)
        if start.startswith(ZIP_START):
            return _read_zip(file, stand_ins)
        if _is_legacy(start):
            return _read_legacy(file, stand_ins)
        if start[257:262] == b"ustar":
            raise CheckpointError(f"{path}: a tar file of a PyTorch before 0.1.10; load and save it with a later one")
        raise CheckpointError(f"{path}: not a PyTorch file; {_DAMAGED}")


def write(path: Path, tensors: Mapping[str, np.ndarray]) -> None:
    """Write a state dict as `torch.save` does, one storage at a time, whole or absent.

    Arrays over the very same memory share a storage, and share memory again once loaded.

    >>> write(Path("pytorch_model.bin"), {"lm_head.bias": np.zeros(50265, np.float32)})
    """
    write_objects(path, OrderedDict(tensors))


def write_objects(path: Path, root: Any) -> None:
    """Write whatever `pickle_object` takes, with an array wherever a tensor shall stand, as `write` does."""
    storages: dict[object, Storage] = {}
    arrays: dict[str, np.ndarray] = {}

    def placed(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return place(value)
        if isinstance(value, dict):
            return type(value)((name, placed(item)) for name, item in value.items())
        return [placed(item) for item in value] if isinstance(value, list) else value

    def place(array: np.ndarray) -> Tensor:
        memory = (array.__array_interface__["data"][0], array.nbytes, array.dtype)
        same = memory if array.nbytes and array.flags.c_contiguous else len(storages)
        if same not in storages:
            storages[same] = Storage(str(len(storages)), DTYPES[dtype_name(array)], array.size)
            arrays[storages[same].key] = array
        stride = tuple(math.prod(array.shape[axis + 1 :]) for axis in range(array.ndim))
        return Tensor(storages[same], 0, array.shape, stride)

    pickled = pickle_object(placed(root))
    with whole_or_absent(path) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as archive:
        _add(archive, "data.pkl", pickled)
        _add(archive, "byteorder", b"little")
        for key, array in arrays.items():
            _add(archive, f"data/{key}", raw_bytes(array))
        _add(archive, "version", b"3\n")


def _add(archive: zipfile.ZipFile, name: str, content: bytes | np.ndarray) -> None:
    """One stored member, its content aligned so that it can be mapped."""
    member = zipfile.ZipInfo(f"{_FOLDER}/{name}")  # with its fixed date: the same tensors give the same bytes
    member.file_size = len(content)
    wide = member.file_size >= 1 << 30  # zipfile chooses so itself only above this
    header = 30 + len(member.filename) + (20 if wide else 0) + 4
    padding = -(archive.fp.tell() + header) % _ALIGNMENT
    member.extra = struct.pack("<2sH", b"FB", padding) + bytes(padding)
    with archive.open(member, "w", force_zip64=wide) as file:
        file.write(content)


def _read_zip(file: MappedFile, stand_ins: tuple[str, ...]) -> TorchFile:
    members = stored_members(file)
    pickles = [name for name in members if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise CheckpointError(f"{file.path}: a zip file with {len(pickles)} members data.pkl, so not a PyTorch file")
    folder = pickles[0].removesuffix("data.pkl")
    inside = {name.removeprefix(folder): place for name, place in members.items()}
    for name in inside:
        if name != "data.pkl" and name not in _ABOUT and not re.fullmatch(r"data/\w+", name):
            raise CheckpointError(
                f"{file.path}: the member {name[:80]!r} is not one of a state dict's (a TorchScript program has such); "
                "save the state dict alone"
            )
    if "byteorder" in inside and file.piece(*inside["byteorder"]) != b"little":
        raise CheckpointError(f"{file.path}: written on a big-endian machine, not read here; get it as safetensors")
    unpickled = unpickle(file.piece(*inside["data.pkl"]), name=str(file.path), stand_ins=stand_ins)
    storages = {}
    for key, storage in unpickled.storages.items():
        start, size = inside.get(f"data/{key}", (0, -1))
        if size != storage.count * storage.dtype.itemsize:
            fault = "is not there" if size < 0 else f"has {size:,} bytes where its pickle tells of another size"
            raise CheckpointError(f"{file.path}: the storage {key[:40]!r} {fault}; {_DAMAGED}")
        storages[key] = file.array(start, storage.count, storage.dtype)
    return TorchFile(unpickled.root, storages)


def _read_legacy(file: MappedFile, stand_ins: tuple[str, ...]) -> TorchFile:
    """Pickles of a magic number, a version, the machine, the object, the storages' keys; then the numbers of each."""
    name = str(file.path)
    magic = unpickle(file.content, name=name)
    version = unpickle(file.content, magic.end, name=name)
    machine = unpickle(file.content, version.end, name=name)
    if version.root != _LEGACY_PROTOCOL or not isinstance(machine.root, dict):
        raise CheckpointError(f"{name}: not a PyTorch file of a kind that is known; {_DAMAGED}")
    if machine.root.get("little_endian") is not True:
        raise CheckpointError(f"{name}: written on a big-endian machine, not read here; get it as safetensors")
    unpickled = unpickle(file.content, machine.end, name=name, stand_ins=stand_ins)
    keys = unpickle(file.content, unpickled.end, name=name)
    if not isinstance(keys.root, list) or not all(isinstance(key, str) for key in keys.root):
        raise CheckpointError(f"{name}: does not say which storages it holds; {_DAMAGED}")
    if len(keys.root) != len(unpickled.storages) or set(keys.root) != unpickled.storages.keys():
        raise CheckpointError(f"{name}: holds other storages than its tensors lie in; {_DAMAGED}")
    storages, place = {}, keys.end
    for key in keys.root:
        storage = unpickled.storages[key]
        count, place = file.piece(place, 8), place + 8
        end = place + storage.count * storage.dtype.itemsize
        if count != storage.count.to_bytes(8, "little") or end > file.size:
            raise CheckpointError(f"{name}: the storage {key[:40]!r} is cut short or of another size; {_DAMAGED}")
        storages[key], place = file.array(place, storage.count, storage.dtype), end
    return TorchFile(unpickled.root, storages)
