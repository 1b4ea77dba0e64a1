"""One text or two, cut into windows whose note says how much of them they read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from roberta.errors import InputError, UsageError
from roberta.tasks.base import Window
from roberta.tasks.long_text import LongText

if TYPE_CHECKING:
    from roberta.tokenizer import RobertaTokenizer

MOST_PAIRINGS = 4096  # windows of one pair whose two texts are both cut; their number grows with the product

Span = tuple[int, int]


class Reading(NamedTuple):
    """The note of a window.

    tokens: how many it reads, <s> and </s> not counted. left_out: tokens of the record that no window reads.
    """

    tokens: int
    left_out: int


def windows_of_text(tokenizer: RobertaTokenizer, long: LongText, ids: Sequence[int]) -> list[Window]:
    """The windows of one text. Raises InputError and UsageError as LongText.spans does."""
    spans = long.spans(len(ids), tokenizer.num_special_tokens_to_add())
    left_out = long.note(spans, len(ids)).get("truncated", 0)
    return [Window(tokenizer.frame(ids[start:end]), note=Reading(end - start, left_out)) for start, end in spans]


def windows_of_pair(
    tokenizer: RobertaTokenizer, long: LongText, first: Sequence[int], second: Sequence[int]
) -> list[Window]:
    """The windows of two texts that are read side by side.

    When they do not fit together, the shorter is kept whole as long as it takes at most half of the room, and the
    longer is cut to what is left. When both are longer than half, both are cut, and every piece of the one is read
    beside every piece of the other. With "truncate" this is what `truncation=True` ("longest_first") leaves of a pair.

    Raises InputError (too_long): refused by `long`, or more than MOST_PAIRINGS windows; UsageError: no room for two.
    """
    special = tokenizer.num_special_tokens_to_add(pair=True)
    size = long.room - special
    if size < 2:
        raise UsageError(f"a window of {long.room} tokens has no room for two texts beside {special} special tokens")
    count = len(first) + len(second)
    if count > size and long.long == "error":
        raise InputError(f"{count + special} tokens, more than the window of {long.room}", code="too_long")
    first_share, second_share = _shares(len(first), len(second), size)
    first_spans = spans_beside(long, len(first), long.room - first_share)
    second_spans = spans_beside(long, len(second), long.room - second_share)
    pairings = len(first_spans) * len(second_spans)
    if pairings > MOST_PAIRINGS:
        raise InputError(
            f"two texts of {len(first)} and {len(second)} tokens make {pairings} windows, more than {MOST_PAIRINGS};"
            " shorten one of them or read their beginnings only (--long truncate)",
            code="too_long",
        )
    truncates = long.long == "truncate"
    left_out = count - first_spans[0][1] - second_spans[0][1] if truncates else 0
    return [
        Window(tokenizer.frame(first[a:b], second[c:d]), note=Reading(b - a + d - c, left_out))
        for a, b in first_spans
        for c, d in second_spans
    ]


def spans_beside(long: LongText, count: int, others: int) -> list[Span]:
    """Spans over `count` tokens when every window holds `others` tokens besides: special ones and another text.

    How much room is left depends on the record, so an overlap that is too large for it shrinks to half of the room.

    >>> spans_beside(LongText(room=10, overlap=8), 7, others=6)
    [(0, 4), (2, 6), (3, 7)]

    Raises InputError (too_long) as LongText.spans does.
    """
    size = long.room - others
    if count <= size:
        return [(0, count)]
    return replace(long, overlap=min(long.overlap, size // 2)).spans(count, others)


def _shares(first: int, second: int, size: int) -> tuple[int, int]:
    """How many of `size` places each of two texts gets."""
    if first + second <= size:
        return first, second
    shorter = min(first, second, size // 2)
    return (shorter, size - shorter) if first <= second else (size - shorter, shorter)


def mean_over(windows: Sequence[Window], values: np.ndarray) -> np.ndarray:
    """Mean of (windows, n) by the number of tokens that each window reads: (n,)."""
    if len(windows) == 1:
        return values[0]
    return np.average(values, axis=0, weights=[window.note.tokens for window in windows])


def what_was_cut(windows: Sequence[Window]) -> dict[str, int]:
    """What the result says of a text that did not fit: nothing, {"windows": n} or {"truncated": tokens left out}."""
    if len(windows) > 1:
        return {"windows": len(windows)}
    return {"truncated": windows[0].note.left_out} if windows[0].note.left_out else {}
