"""One open file or stream: its lines as they arrive, and their text."""

from __future__ import annotations

import codecs
import io
import itertools
from collections.abc import Iterator
from typing import BinaryIO

from roberta.errors import InputError, ReadError, UsageError

WHOLE_FILE_LIMIT = 512 << 20  # bytes that json and doc hold in memory; the other formats need one line at a time
_CHUNK = 1 << 16
_WIDE = {"utf-16": 2, "utf-16-le": 2, "utf-16-be": 2, "utf-32": 4, "utf-32-le": 4, "utf-32-be": 4}
_BOMS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}


class InputFile:
    """Bytes from a file, a pipe or a decompressor, read as numbered lines.

    Only \\n ends a line (U+2028, form feed and the like are text), and a line is given as soon as its \\n arrived.
    A byte order mark at the start is dropped. `header`: whether the first row of a table names its columns.
    first_line: the number of the first line, where the stream is a part of a file, which has no byte order mark.

    Raises UsageError: an encoding that Python does not know. ReadError, while reading: the stream breaks off.
    """

    def __init__(
        self,
        name: str,
        stream: BinaryIO,
        *,
        encoding: str = "utf-8",
        header: bool = True,
        first_line: int | None = None,
    ):
        self.name = name
        self.first_line = first_line or 1
        self._is_part = first_line is not None
        self.header = header
        self._stream = stream
        self._codec = text_codec(encoding)
        self._held: list[bytes] = []  # lines that were looked at before they were asked for
        self._unread = self._split()

    def __iter__(self) -> Iterator[bytes]:
        """The lines, each with its \\n; the last may lack it."""
        held, self._held = self._held, []
        return itertools.chain(held, self._unread) if held else self._unread

    def blocks(self, size: int) -> Iterator[bytes]:
        """The same lines, several at a time: as many whole ones as are there, at most about `size` bytes.

        For encodings of one byte, and UTF-8. Raises ReadError as reading lines does.
        """
        if not self._held:
            self._held = [next(self._unread, b"")]  # without a byte order mark
        first, self._held = b"".join(self._held), []
        if first:
            yield first
        rest: list[bytes] = []
        try:
            while chunk := self._stream.read1(size):
                end = chunk.rfind(b"\n") + 1
                if end:
                    yield b"".join([*rest, chunk[:end]])
                    rest = []
                rest.append(chunk[end:])
        except OSError as error:
            raise self._broken(error) from None
        if any(rest):
            yield b"".join(rest)

    def text(self, line: bytes) -> str:
        """Decode one line. Raises InputError (bad_encoding) with the place of the first wrong byte, counted from 0."""
        return self._decode(line, "the line")

    def text_with_marks(self, line: bytes) -> str:
        """Decode one line with U+FFFD where `text` would raise."""
        return line.decode(self._codec, "replace")

    def first_text(self) -> str:
        """The first line that is not blank, "" if there is none; reads no further and keeps what it read."""
        for line in self._unread:
            self._held.append(line)
            text = self.text_with_marks(line)
            if text.strip():
                return text
        return ""

    def whole_text(self) -> str:
        """All of it as one text.

        Raises ReadError: more than WHOLE_FILE_LIMIT bytes. InputError (bad_encoding): as `text`, counted in the file.
        """
        return self._decode(self._whole(), "the file")

    def seekable(self) -> BinaryIO:
        """The bytes themselves, for a form that is read from its end; those of a pipe are held in memory.

        Raises ReadError: more than WHOLE_FILE_LIMIT bytes of a pipe or a compressed file.
        """
        if self._stream.seekable():
            return self._stream
        return io.BytesIO(self._whole())

    def close(self) -> None:
        """Close the stream; standard input is left open by whoever opened it."""
        self._stream.close()

    def _whole(self) -> bytes:
        parts, size = [], 0
        for line in self:
            size += len(line)
            if size > WHOLE_FILE_LIMIT:
                raise ReadError(
                    f"{self.name}: more than {WHOLE_FILE_LIMIT >> 20} MiB, too much for a format that is read as a"
                    " whole; split it, or give one record a line as jsonl"
                )
            parts.append(line)
        return b"".join(parts)

    def _split(self) -> Iterator[bytes]:
        try:
            if self._codec in _WIDE:
                yield from self._split_wide()
                return
            if not self._is_part:
                first = self._stream.readline().removeprefix(_BOMS.get(self._codec, b""))
                if first:
                    yield first
            yield from self._stream
        except OSError as error:
            raise self._broken(error) from None

    def _broken(self, error: OSError) -> ReadError:
        return ReadError(f"{self.name}: cannot be read any further ({error.strerror or error})")

    def _split_wide(self) -> Iterator[bytes]:
        # In UTF-16 the byte 0A is also half of other characters: only a whole unit that is a newline ends a line.
        width = _WIDE[self._codec]
        rest = bytearray()
        started = False
        searched = 0
        while chunk := self._stream.read1(_CHUNK):
            rest += chunk
            if not started:
                if len(rest) < width:
                    continue
                started = True
                self._set_byte_order(bytes(rest[:width]))
                rest = rest.removeprefix(_BOMS[self._codec])
            newline = "\n".encode(self._codec)
            start = 0
            while (found := rest.find(newline, max(start, searched))) >= 0:
                if found % width:
                    searched = found + 1
                    continue
                end = found + width
                yield bytes(rest[start:end])
                start = searched = end
            del rest[:start]
            searched = max(0, len(rest) - width + 1)
        if rest:
            yield bytes(rest)

    def _set_byte_order(self, head: bytes) -> None:
        if self._codec in ("utf-16", "utf-32"):
            order = "be" if head == _BOMS[f"{self._codec}-be"] else "le"
            self._codec = f"{self._codec}-{order}"

    def _decode(self, data: bytes, where: str) -> str:
        try:
            text = data.decode(self._codec)
            if self._codec != "utf-8":
                text.encode()  # utf-7 and a few others can spell half of a character
            return text
        except UnicodeError as error:
            raise self._wrong_byte(data, getattr(error, "start", 0), where) from None

    def _wrong_byte(self, data: bytes, place: int, where: str) -> InputError:
        looks_wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        guess = "utf-16" if looks_wide else "latin-1"
        value = f" (0x{data[place]:02x})" if place < len(data) else ""
        return InputError(
            f"not {self._codec.upper()} at byte {place} of {where}{value}; name the encoding, as in --encoding {guess}",
            code="bad_encoding",
        )


def text_codec(encoding: str) -> str:
    """The plain name of an encoding, so that "UTF8" and "utf_8_sig" are "utf-8".

    Raises UsageError: Python does not know it, it does not give text, or its lines do not end in the byte 0A.
    """
    try:
        name = codecs.lookup(encoding).name
        newline = "\n".encode(name)
    except (LookupError, TypeError, ValueError):
        raise UsageError(f'no encoding is called "{encoding}"; utf-8, utf-16, latin-1 and cp1252 are common') from None
    if newline != b"\n" and name not in (*_WIDE, "utf-8-sig"):
        raise UsageError(
            f"lines cannot be told apart in {encoding}; convert the file first: iconv -f {encoding} -t utf-8"
        )
    return "utf-8" if name == "utf-8-sig" else name
