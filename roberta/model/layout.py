"""How the windows of a batch lie end to end in one matrix, without padding: arithmetic only, no torch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple


class Block(NamedTuple):
    """Pieces of one size, side by side: `pieces` of them with `size` rows each, from row `start` on."""

    start: int
    pieces: int
    size: int

    @property
    def rows(self) -> slice:
        return slice(self.start, self.start + self.pieces * self.size)


class Layout:
    """Where the windows of a batch lie: the shortest first, those of one length together.

    lengths, reads: of each window its rows, and how many of them are read. rows: those of all windows.
    order: the windows by their numbers, as they lie. starts: the first row of each, by its number.
    windows: a block for each length. asked: for windows alike in both counts, the block of the rows that are read,
    counted among these alone, and the block of all their rows.

    >>> Layout([5, 2, 2], reads=[1, 1, 1]).windows
    [Block(start=0, pieces=2, size=2), Block(start=4, pieces=1, size=5)]
    """

    def __init__(self, lengths: Sequence[int], reads: Sequence[int]):
        self.rows = sum(lengths)
        self.order = sorted(range(len(lengths)), key=lambda number: (lengths[number], reads[number]))
        self.starts = _starts(lengths, self.order)
        self.read_starts = _starts(reads, self.order)
        self.windows = [
            Block(self.starts[alike[0]], len(alike), length)
            for length, alike in _runs(self.order, lambda number: lengths[number])
        ]
        self.asked = [
            (Block(self.read_starts[alike[0]], len(alike), read), Block(self.starts[alike[0]], len(alike), length))
            for (length, read), alike in _runs(self.order, lambda number: (lengths[number], reads[number]))
            if read
        ]


def filled(rows: int) -> int:
    """A number of rows to compute in place of `rows`: at most 3 % more, and from a small set.

    A kernel is made for each number of rows that comes up, and made once more when too many were; up to 4,096 there
    are 234 here.

    >>> [filled(rows) for rows in (33, 35, 101, 1001)]
    [33, 36, 104, 1008]
    """
    step = 1
    while 2 * step - 1 <= 0.03 * rows:
        step *= 2
    return -(-rows // step) * step


def _starts(sizes: Sequence[int], order: Sequence[int]) -> list[int]:
    starts, start = [0] * len(sizes), 0
    for number in order:
        starts[number] = start
        start += sizes[number]
    return starts


def _runs(order: Sequence[int], key) -> list[tuple]:
    return [(value, list(alike)) for value, alike in groupby(order, key)]
