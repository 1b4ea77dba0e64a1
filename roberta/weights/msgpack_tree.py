"""MessagePack: maps within maps by text keys, read where they lie in a mapped file, and written.

The package `msgpack` hands each value over as a copy, several times as large in sum as the file; here a value is a
place in the file. Source: github.com/msgpack/msgpack/blob/master/spec.md.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from roberta.errors import CheckpointError
from roberta.weights.mapped_file import MappedFile

DEPTH = 64  # maps within maps
ENTRIES = 1 << 17  # of all maps together; the largest checkpoints have a few hundred
_KEY = 512  # bytes

_SIZED = {  # first byte -> kind, bytes that tell the length
    0xC4: ("bytes", 1),
    0xC5: ("bytes", 2),
    0xC6: ("bytes", 4),
    0xC7: ("extension", 1),
    0xC8: ("extension", 2),
    0xC9: ("extension", 4),
    0xD9: ("text", 1),
    0xDA: ("text", 2),
    0xDB: ("text", 4),
    0xDC: ("array", 2),
    0xDD: ("array", 4),
    0xDE: ("map", 2),
    0xDF: ("map", 4),
}
_FIXED = {0xD4 + power: 1 << power for power in range(5)}  # extensions of 1 to 16 bytes
_UNSIGNED = {0xCC + power: 1 << power for power in range(4)}
_SIGNED = {0xD0 + power: 1 << power for power in range(4)}
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
_FLOATS = {0xCA: 4, 0xCB: 8}


@dataclass(frozen=True)
class Value:
    """One value of the file.

    kind: "map", "array", "text", "bytes", "extension", "number", "constant" or "float".
    start, size: the bytes of its content; of a map or an array where it begins and how many entries it has.
    code: of an extension, its type; of a number or constant, the value.
    """

    kind: str
    start: int
    size: int
    code: int | bool | None = None


class Cursor:
    """Where reading is in a part of a file: from `place` up to `end`. `damaged` makes the error that stops it."""

    def __init__(self, file: MappedFile, place: int, end: int):
        self.file, self.place, self.end = file, place, end

    def damaged(self, fault: str) -> CheckpointError:
        return CheckpointError(f"{self.file.path}: {fault}; the file is damaged, fetch it again")

    def next(self) -> Value:
        """The next value; of a map or an array its head only. Raises CheckpointError: it is cut short or none."""
        first = self._whole(1)[0]
        if first < 0x80:
            return Value("number", self.place, 0, first)
        if first >= 0xE0:
            return Value("number", self.place, 0, first - 256)
        if first < 0xC0:
            kind = "map" if first < 0x90 else "array" if first < 0xA0 else "text"
            return self._content(kind, first & (0x1F if kind == "text" else 0x0F))
        if first in _SIZED:
            kind, width = _SIZED[first]
            return self._content(kind, int.from_bytes(self._whole(width), "big"))
        if first in _FIXED:
            return self._content("extension", _FIXED[first])
        if first in _CONSTANTS:
            return Value("constant", self.place, 0, _CONSTANTS[first])
        for widths, signed in ((_UNSIGNED, False), (_SIGNED, True)):
            if first in widths:
                return Value("number", self.place, 0, int.from_bytes(self._whole(widths[first]), "big", signed=signed))
        if first in _FLOATS:
            return self._content("float", _FLOATS[first])
        raise self.damaged(f"no value begins with {first:#x}, at byte {self.place - 1:,}")

    def text(self, value: Value) -> str:
        """The text of a value of that kind."""
        if value.kind != "text" or value.size > _KEY:
            raise self.damaged(f"no text of at most {_KEY} bytes before byte {self.place:,}")
        try:
            return self.file.piece(value.start, value.size).decode("utf-8")
        except UnicodeDecodeError:
            raise self.damaged(f"text that is not UTF-8 before byte {self.place:,}") from None

    def _whole(self, count: int) -> bytes:
        if count > self.end - self.place:
            raise self.damaged(f"a value is cut short at byte {self.end:,}")
        self.place += count
        return self.file.piece(self.place - count, count)

    def _content(self, kind: str, size: int) -> Value:
        code = int.from_bytes(self._whole(1), "big", signed=True) if kind == "extension" else None
        start = self.place
        if kind not in ("map", "array"):
            if size > self.end - start:
                raise self.damaged(f"{kind} of {size:,} bytes at byte {start:,}, where the file has fewer")
            self.place += size
        return Value(kind, start, size, code)


def read_tree(file: MappedFile) -> dict[str, Value | dict]:
    """What the file holds: one map, whose values are maps again or single values.

    Raises CheckpointError: not one whole map; a key that is no text or is given twice; more than DEPTH maps within
    maps, or more than ENTRIES entries in all; an array, of which weight files have none outside extensions.
    """
    cursor = Cursor(file, 0, file.size)
    tree = _read_map(cursor, cursor.next(), DEPTH, [ENTRIES])
    if cursor.place != file.size:
        raise cursor.damaged(f"{file.size - cursor.place:,} bytes behind the end of the map")
    return tree


def _read_map(cursor: Cursor, head: Value, depth: int, left: list[int]) -> dict[str, Value | dict]:
    """left: how many entries the whole file may still have, in a list so that all maps count together."""
    if head.kind != "map":
        raise cursor.damaged(f"{head.kind} at byte {head.start:,} where a map was expected")
    left[0] -= head.size
    if left[0] < 0:
        raise cursor.damaged(f"more than {ENTRIES:,} entries")
    found: dict[str, Value | dict] = {}
    for _ in range(head.size):
        key = cursor.text(cursor.next())
        if key in found:
            raise cursor.damaged(f"the key {key[:80]!r} is given twice")
        value = cursor.next()
        if value.kind == "array":
            raise cursor.damaged(f"an array under {key[:80]!r}")
        if value.kind == "map" and not depth:
            raise cursor.damaged(f"more than {DEPTH} maps within maps")
        found[key] = _read_map(cursor, value, depth - 1, left) if value.kind == "map" else value
    return found


def map_head(count: int) -> bytes:
    """What stands before the keys and values of a map."""
    return _head(count, 0x80, 16, {2: 0xDE, 4: 0xDF})


def array_head(count: int) -> bytes:
    return _head(count, 0x90, 16, {2: 0xDC, 4: 0xDD})


def bytes_head(size: int) -> bytes:
    return _head(size, 0, 0, {1: 0xC4, 2: 0xC5, 4: 0xC6})


def extension_head(code: int, size: int) -> bytes:
    """What stands before the content of an extension of type `code`."""
    if size in _FIXED.values():
        return bytes([0xD4 + int(math.log2(size)), code])
    return _head(size, 0, 0, {1: 0xC7, 2: 0xC8, 4: 0xC9}) + bytes([code])


def text(value: str) -> bytes:
    raw = value.encode()
    return _head(len(raw), 0xA0, 32, {1: 0xD9, 2: 0xDA, 4: 0xDB}) + raw


def number(value: int) -> bytes:
    """A whole number that is not negative."""
    return _head(value, 0, 128, {1: 0xCC, 2: 0xCD, 4: 0xCE, 8: 0xCF})


def _head(count: int, short: int, below: int, longer: Mapping[int, int]) -> bytes:
    """The shortest head: one byte `short` + count when count is below `below`, else a byte and the count behind it."""
    if count < below:
        return bytes([short + count])
    width = next(width for width in longer if count < 1 << 8 * width)
    return bytes([longer[width]]) + count.to_bytes(width, "big")
