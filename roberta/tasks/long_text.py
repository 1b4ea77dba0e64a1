"""What becomes of a text that is longer than a window: --long, --window, --overlap."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from roberta.errors import InputError, UsageError
from roberta.tokenizer.windows import spans

LONG = ("window", "truncate", "error")


@dataclass(frozen=True)
class LongText:
    """How a text is cut into windows.

    room: tokens of a window, framing counted; at most the model's usable length.
    long: "window" reads all of it in overlapping windows, "truncate" the beginning only, "error" refuses it.
    overlap: tokens that neighbouring windows share.

    >>> LongText(room=6, overlap=2).spans(9, framing=2)
    [(0, 4), (2, 6), (4, 8), (5, 9)]
    >>> LongText(room=6, long="truncate").spans(9, framing=2)
    [(0, 4)]
    """

    room: int
    long: str = "window"
    overlap: int = 64

    def spans(self, count: int, framing: int) -> list[tuple[int, int]]:
        """First token and the one after the last of each window over `count` tokens, `framing` tokens added to each.

        The last window is as full as the others: its overlap is the larger one.
        Raises InputError (too_long): it does not fit and `long` is "error"; UsageError: windows too small to advance.
        """
        size = self.room - framing
        if size < 1:
            raise UsageError(f"a window of {self.room} tokens has no room for text beside {framing} special tokens")
        if count <= size or self.long == "truncate":
            return [(0, min(count, size))]
        if self.long == "error":
            raise InputError(f"{count + framing} tokens, more than the window of {self.room}", code="too_long")
        if self.overlap >= size:
            raise UsageError(
                f"an overlap of {self.overlap} tokens leaves no step in a window of {size}; give a smaller --overlap"
            )
        *full, _ = spans(count, size, self.overlap)
        return [*full, (count - size, count)]

    def note(self, spans: list[tuple[int, int]], count: int) -> dict[str, int]:
        """What the result says of it: nothing, {"windows": n} or {"truncated": tokens left out}."""
        if len(spans) > 1:
            return {"windows": len(spans)}
        return {"truncated": count - spans[0][1]} if spans[0][1] < count else {}


def decided(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The tokens that each window decides, so that each is decided once: by the window where it has most context.

    Two neighbours part in the middle of what they share.

    >>> decided([(0, 6), (4, 10)])
    [(0, 5), (5, 10)]
    """
    parting = [(ahead[0] + behind[1]) // 2 for behind, ahead in pairwise(spans)]
    return list(zip([spans[0][0], *parting], [*parting, spans[-1][1]]))
