"""Opening files, compressed or not, so that a line can be read as soon as its bytes are there."""

from __future__ import annotations

import bz2
import importlib
import importlib.util
import io
import lzma
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from roberta.errors import ReadError

_CHUNK = 1 << 16


class _Gzip:
    """zlib behind the interface that bz2, lzma and compression.zstd share."""

    def __init__(self):
        self._inner = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._inner.eof and not self._inner.unconsumed_tail

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


def _zstandard() -> Any:
    return importlib.import_module("compression.zstd").ZstdDecompressor()


DECOMPRESSORS: dict[str, Callable[[], Any]] = {
    ".gz": _Gzip,
    ".bz2": bz2.BZ2Decompressor,
    ".xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ),
    ".zst": _zstandard,
}


def open_bytes(path: Path) -> BinaryIO:
    """Open a file for reading, decompressed according to its last suffix: .gz, .bz2, .xz, .zst or none of them.

    Raises ReadError: it cannot be opened or, while reading, its compressed data is damaged or ends too early; what
    came before has then been given.
    """
    try:
        stream = path.open("rb")
    except OSError as error:
        raise ReadError(f"{path}: cannot be read ({error.strerror})") from None
    suffix = path.suffix.lower()
    if suffix not in DECOMPRESSORS:
        return stream
    if suffix == ".zst" and not _has_module("compression.zstd"):
        return _ZstandardProgram(path, stream)
    return io.BufferedReader(_Decompressed(str(path), stream, DECOMPRESSORS[suffix]), _CHUNK)


class _Decompressed(io.RawIOBase):
    """Any number of compressed members, one after the other, as one stream of bytes."""

    # The readers of gzip, bz2 and lzma wait for a full buffer of compressed bytes; on a pipe that is too late.

    def __init__(self, name: str, stream: BinaryIO, decompressor: Callable[[], Any]):
        self._name = name
        self._stream = stream
        self._new_member = decompressor
        self._member = decompressor()
        self._data = b""
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        while not self._ended:
            if self._member.eof:
                self._data = self._member.unused_data
                self._member = self._new_member()
                self._ended = not self._skip_padding()
                continue
            if self._member.needs_input and not self._data:
                self._data = self._read()
                if not self._data:
                    raise ReadError(f"{self._name}: the compressed file ends too early; fetch it again")
            try:
                plain = self._member.decompress(self._data, len(buffer))
            except (zlib.error, OSError, lzma.LZMAError, EOFError, ValueError) as error:
                raise ReadError(f"{self._name}: the compressed data is damaged ({error}); fetch it again") from None
            except Exception as error:  # compression.zstd has an error of its own, in a module that may be absent
                if type(error).__name__ != "ZstdError":
                    raise
                raise ReadError(f"{self._name}: the compressed data is damaged ({error}); fetch it again") from None
            self._data = b""
            if plain:
                buffer[: len(plain)] = plain
                return len(plain)
        return 0

    def _skip_padding(self) -> bool:
        """Drop zero bytes between members, which tapes and xz put there; False at the end of the file."""
        while True:
            self._data = self._data.lstrip(b"\0") or self._read()
            if not self._data:
                return False
            if self._data[0]:
                return True

    def _read(self) -> bytes:
        return self._stream.read1(_CHUNK)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _ZstandardProgram(io.BufferedReader):
    """The output of the zstd program, with its failure as a ReadError at the end."""

    def __init__(self, path: Path, stream: BinaryIO):
        import subprocess  # 10 ms that a one-line question should not wait for
        import tempfile

        program = shutil.which("zstd")
        if program is None:
            stream.close()
            raise ReadError(f"{path}: .zst needs Python 3.14 or the program zstd; install zstd, or compress with gzip")
        complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the stream
        with stream:
            process = subprocess.Popen([program, "-dcq"], stdin=stream, stdout=subprocess.PIPE, stderr=complaints)
        super().__init__(_ProgramOutput(str(path), process, complaints), _CHUNK)


class _ProgramOutput(io.RawIOBase):
    def __init__(self, name: str, process: Any, complaints: BinaryIO):
        self._name = name
        self._process = process
        self._complaints = complaints

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        plain = self._process.stdout.read1(len(buffer))
        buffer[: len(plain)] = plain
        if not plain and self._process.wait():
            self._complaints.seek(0)
            reason = self._complaints.read().decode(errors="replace").strip().removeprefix("zstd: ")
            raise ReadError(f"{self._name}: the compressed data is damaged ({reason}); fetch it again")
        return len(plain)

    def close(self) -> None:
        if not self.closed:
            self._process.stdout.close()  # a program that still writes ends here
            self._process.wait()
            self._complaints.close()
        super().close()


def _has_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False
