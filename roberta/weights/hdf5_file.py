"""HDF5 files, looked into by a process of its own (`hdf5_child`); the numbers are read from the mapped file here."""

import importlib.util
import math
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from roberta.errors import CheckpointError, MissingExtra
from roberta.files import parse_json
from roberta.weights.arrays import DTYPES, is_shape, is_size
from roberta.weights.mapped_file import MappedFile

START = b"\x89HDF\r\n\x1a\n"
SECONDS = 60.0  # for an answer; it takes one, and a slow disk some more
_SECONDS_PER_BYTE = 1 / 10_000_000
_ANSWER = 16 << 20  # bytes that describe a file; a large model's have 100,000
_UNPACKED = 4  # times the file's size may be what it unpacks to: weights hardly shrink
_MEMORY = 1 << 30  # bytes of addresses for the child's own work
CHILD = Path(__file__).with_name("hdf5_child.py")
_DAMAGED = "the file is damaged, fetch it again"


def need_h5py(purpose: str) -> None:
    """Raises MissingExtra where h5py is not installed."""
    if importlib.util.find_spec("h5py") is None:
        raise MissingExtra("h5py", "convert", purpose)


def read(path: Path) -> dict[str, np.ndarray]:
    """Every dataset of an HDF5 file by its path: writable views of a private mapping, or unpacked where it is packed.

    Raises CheckpointError: links, numbers in other files, unknown filters, types that no weight has, sizes beyond the
    file; or a file that crashes the library or keeps it busy. MissingExtra: no h5py.
    """
    need_h5py("reading TensorFlow weights")
    with MappedFile(path) as file:
        room = _UNPACKED * file.size + (1 << 20)
        child = _Child(path, room)
        try:
            entries = child.describe()
            if sum(entry.size for entry in entries if entry.start is not None) > file.size:
                raise CheckpointError(f"{path}: its tensors take more bytes than the file has; {_DAMAGED}")
            if sum(entry.size for entry in entries if entry.start is None) > room:
                raise CheckpointError(f"{path}: its tensors unpack to too many bytes; save it unpacked")
            found = {entry.name: entry.read(file, child) for entry in entries}
            child.end()
        finally:
            child.kill()
    if len(found) != len(entries):
        raise CheckpointError(f"{path}: a tensor is given twice; {_DAMAGED}")
    return found


def start(command: list[str]) -> subprocess.Popen:
    """Start a script of this Python, which answers on its standard output."""
    few = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # threads take addresses, which are limited
    return subprocess.Popen(
        [sys.executable, "-P", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        env=os.environ | few | {"HDF5_PLUGIN_PRELOAD": "::"},  # no filter of the machine's is ever loaded
    )


class _Child:
    """The process that looks into a file. Whatever it says is checked: a hostile file may have taken it over."""

    def __init__(self, path: Path, room: int):
        self.path = path
        self.deadline = time.monotonic() + SECONDS
        self.process = start([str(CHILD), str(path.absolute()), str(room), str(_MEMORY + 2 * room)])

    def describe(self) -> list["_Entry"]:
        length = int.from_bytes(self._bytes(8), "little")
        if length > _ANSWER:
            raise self._failed("told of too much")
        said = parse_json(self._bytes(length).decode("utf-8", "replace"), str(self.path))
        if "refused" in said:
            raise CheckpointError(f"{self.path}: {' '.join(str(said['refused']).split())[:400]}")
        tensors = said.get("tensors")
        if not isinstance(tensors, list):
            raise self._failed("said nothing that makes sense")
        return [_Entry(self.path, tensor) for tensor in tensors]

    def read_into(self, array: np.ndarray) -> None:
        """Fill an array with the numbers that come next."""
        self.deadline += array.nbytes * _SECONDS_PER_BYTE
        left = memoryview(array.reshape(-1).view(np.uint8))
        pipe = self.process.stdout.fileno()
        watch = select.poll()
        watch.register(pipe, select.POLLIN)
        while left:
            if not watch.poll(max(0.0, self.deadline - time.monotonic()) * 1000):
                raise CheckpointError(f"{self.path}: the HDF5 library does not get done with it; {_DAMAGED}")
            count = os.readv(pipe, [left])
            if not count:
                raise self._failed("stopped")
            left = left[count:]

    def end(self) -> None:
        """Raises CheckpointError unless all has been said and the process ends well."""
        if os.read(self.process.stdout.fileno(), 1) or self._code() != 0:
            raise self._failed("did not end as it should")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def _bytes(self, count: int) -> bytes:
        found = np.empty(count, np.uint8)
        self.read_into(found)
        return found.tobytes()

    def _code(self) -> int | None:
        try:
            return self.process.wait(5)
        except subprocess.TimeoutExpired:
            return None

    def _failed(self, how: str) -> CheckpointError:
        code = self._code()
        if code is not None and code < 0:
            how = f"crashed ({signal.Signals(-code).name})"
        return CheckpointError(f"{self.path}: the HDF5 library {how} while reading it; {_DAMAGED}")


class _Entry:
    """One tensor that the child tells of."""

    def __init__(self, path: Path, said: object):
        values = said if isinstance(said, dict) else {}
        name, kind, shape, start = (values.get(key) for key in ("name", "dtype", "shape", "start"))
        if not isinstance(name, str) or not isinstance(shape, list) or not isinstance(kind, str):
            raise CheckpointError(f"{path}: a tensor without a name, a type or a shape; {_DAMAGED}")
        if kind not in DTYPES or not is_shape(shape) or not (start is None or is_size(start)):
            raise CheckpointError(f"{path}: {name[-80:]!r} has a type or sizes that cannot be; {_DAMAGED}")
        self.name, self.dtype, self.shape, self.start = name, DTYPES[kind], tuple(shape), start
        self.count = math.prod(shape)
        self.size = self.count * self.dtype.itemsize

    def read(self, file: MappedFile, child: _Child) -> np.ndarray:
        """The numbers, from the file itself where they lie there in one piece, else from the child."""
        if self.start is None:
            found = np.empty(self.shape, self.dtype)
            child.read_into(found)
            return found
        if self.start + self.size > file.size:
            raise CheckpointError(f"{file.path}: {self.name[-80:]!r} lies outside the file; {_DAMAGED}")
        return file.array(self.start, self.count, self.dtype).reshape(self.shape)
