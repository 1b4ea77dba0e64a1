"""Which tokens of one text or of a pair stay when there are too many: the documented strategies, as arithmetic."""

from __future__ import annotations

from roberta.errors import InputError
from roberta.tokenizer.windows import spans

STRATEGIES = ("longest_first", "only_first", "only_second")
Spans = list[tuple[int, int]]


def truncate(
    lengths: tuple[int, ...], room: int, strategy: str, stride: int = 0, *, from_start: bool = False
) -> list[Spans]:
    """For each of one or two texts the span that stays, then the spans that overflow, each sharing `stride` tokens.

    lengths: tokens of each text, framing not counted.
    room: tokens that all of them together may keep. Below 0, when not even the framing fits, nothing is cut: so does
        the reference.
    from_start: cut on the left.

    >>> truncate((5, 9), room=8, strategy="only_second", stride=1)
    [[(0, 5)], [(0, 3), (2, 5), (4, 7), (6, 9)]]

    Raises InputError: the one text to cut has too few tokens, or the stride leaves no step forward.
    """
    whole = [[(0, length)] for length in lengths]
    excess = sum(lengths) - room
    if room < 0 or excess <= 0:
        return whole
    if room == 0:
        keep = (0,) * len(lengths)
    elif strategy == "longest_first":
        keep = _shares(lengths, room) if len(lengths) == 2 else (room,)
    else:
        cut = STRATEGIES.index(strategy) - 1
        if cut >= len(lengths):
            raise InputError("truncation 'only_second' needs a second text; give text_pair or choose 'only_first'")
        if lengths[cut] <= excess:
            raise InputError(
                f"{excess} tokens are too many, and truncation {strategy!r} may cut only one text, which has "
                f"{lengths[cut]}; raise max_length or choose 'longest_first'",
                code="too_long",
            )
        keep = tuple(length - excess if place == cut else length for place, length in enumerate(lengths))
    return [_cut(length, share, stride, from_start) for length, share in zip(lengths, keep)]


def _shares(lengths: tuple[int, ...], room: int) -> tuple[int, int]:
    """Tokens that each of a pair keeps: the longer one gives first, then both alike.

    When both give, of an odd room the longer text keeps the one more; of two equally long ones the second.
    """
    short, long = sorted(lengths)
    long = short if short > room else max(short, room - short)
    if short + long > room:
        short, long = room // 2, room - room // 2
    return (short, long) if lengths[0] <= lengths[1] else (long, short)


def _cut(length: int, keep: int, stride: int, from_start: bool) -> Spans:
    if keep >= length:
        return [(0, length)]
    if keep == 0:
        return [(0, 0), (0, length)]
    return spans(length, keep, stride, from_end=from_start)
