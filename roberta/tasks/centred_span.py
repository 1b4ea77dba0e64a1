"""The stretch of a long text that one of its tokens is judged by: as much to its left as to its right."""

from __future__ import annotations

from collections.abc import Iterable

Span = tuple[int, int]


def centred_span(count: int, place: int, size: int) -> Span:
    """The `size` of `count` tokens that have `place` in their middle; all of them if they fit.

    Near an end of the text the window is moved, not shortened.

    >>> [centred_span(10, place, size=4) for place in (0, 5, 9)]
    [(0, 4), (3, 7), (6, 10)]
    """
    start = max(0, min(place - size // 2, count - size))
    return start, min(count, start + size)


def unread(count: int, spans: Iterable[Span]) -> int:
    """How many of `count` tokens lie in none of the spans.

    >>> unread(10, [(0, 4), (3, 7)])
    3
    """
    read = 0
    reached = 0
    for start, end in sorted(spans):
        read += max(0, end - max(start, reached))
        reached = max(reached, end)
    return count - read
