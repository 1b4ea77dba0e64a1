"""A weight file in memory without reading it: pages come from the disk when they are touched."""

import mmap
import os
import stat
import weakref
from pathlib import Path

import numpy as np

from roberta.errors import CheckpointError

_ROWS_AT_ONCE = 64  # of a table: with each the system brings its neighbours, 64 KiB and more

_mappings: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()


def give_back(array: np.ndarray) -> None:
    """Give back the memory of an array in a mapped file that is done with; whoever touches it reads the file again.

    What was written to the array is lost. One that lies anywhere else stays as it is.
    """
    if not array.nbytes or not hasattr(mmap, "MADV_DONTNEED"):
        return
    low, high = np.lib.array_utils.byte_bounds(array)
    for mapping in list(_mappings):
        begin = np.frombuffer(mapping, np.uint8).__array_interface__["data"][0]
        if begin <= low and high <= begin + len(mapping):
            # Only pages that belong to no neighbour.
            first, last = -(-(low - begin) // mmap.PAGESIZE), (high - begin) // mmap.PAGESIZE
            if first < last:
                mapping.madvise(mmap.MADV_DONTNEED, first * mmap.PAGESIZE, (last - first) * mmap.PAGESIZE)


def take_rows(table: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """table[ids], (ids, width); of a mapped table no more is ever in memory than some rows touch."""
    found = np.empty((len(ids), *table.shape[1:]), table.dtype)
    for start in range(0, len(ids), _ROWS_AT_ONCE):
        some = slice(start, start + _ROWS_AT_ONCE)
        found[some] = table[ids[some]]
        give_back(table)
    return found


class MappedFile:
    """The bytes of a file, mapped privately: arrays over them can be written to, which never changes the file.

    content: all of it, an mmap; a slice of it is bytes.
    The arrays keep the mapping alive; removing or replacing the file under the same name does not disturb them.

    Raises CheckpointError: not an ordinary file, or not to be read.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            # A pipe would hang the open; O_NONBLOCK means nothing to an ordinary file.
            self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        except OSError as error:
            raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from None
        try:
            status = os.fstat(self._descriptor)
            ordinary = stat.S_ISREG(status.st_mode)
            self.size = status.st_size
            readable = ordinary and self.size
            self.content = mmap.mmap(self._descriptor, self.size, access=mmap.ACCESS_COPY) if readable else b""
            if readable:
                _mappings.add(self.content)
        except OSError as error:
            os.close(self._descriptor)
            raise CheckpointError(f"{path}: cannot be mapped ({error.strerror})") from None
        if not ordinary:
            os.close(self._descriptor)
            raise CheckpointError(f"{path}: not an ordinary file")

    def __enter__(self) -> "MappedFile":
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file; arrays over it stay good."""
        os.close(self._descriptor)

    def piece(self, start: int, count: int) -> bytes:
        """A copy of `count` bytes from `start`, fewer where the file ends."""
        return bytes(self.content[start : start + count])

    def array(self, start: int, count: int, dtype: np.dtype) -> np.ndarray:
        """`count` numbers that begin at byte `start`, (count,): a view, or a copy where they lie unaligned."""
        assert min(start, count) >= 0 and start + count * dtype.itemsize <= self.size
        if not count:
            return np.empty(0, dtype)
        if start % dtype.itemsize == 0:  # a mapping begins at a page, so the file's offset decides
            return np.frombuffer(self.content, dtype, count, start)
        found = np.empty(count, dtype)
        self.read_into(found, start)
        return found

    def read_into(self, array: np.ndarray, start: int) -> None:
        """Fill a contiguous array with the bytes from `start`. Raises CheckpointError: the file became shorter."""
        # Not by way of the mapping: its pages would count as resident beside the copy.
        left = memoryview(array.view(np.uint8))
        while left:
            got = os.preadv(self._descriptor, [left], start)
            if not got:
                raise CheckpointError(f"{self.path}: became shorter while it was read")
            left, start = left[got:], start + got
