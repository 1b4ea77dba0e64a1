"""A text with masks: where they stand, and the text with words in their place."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from roberta.tokenizer.pretokenize import WHITE_SPACE

if TYPE_CHECKING:
    from roberta.tokenizer import RobertaTokenizer

Span = tuple[int, int]
BLANK = " "


@dataclass(frozen=True, slots=True)
class MaskedText:
    """A text and its masks, counted from 0 in reading order.

    ids: of the text, without framing. places: of the masks in `ids`.
    spans: of the masks in `text`, code points. gaps: where the white space begins that each mask has swallowed; the
    start of its span where there is none. left_out: tokens of the text that `ids` ends before.
    """

    text: str
    ids: Sequence[int]
    places: Sequence[int]
    spans: Sequence[Span]
    gaps: Sequence[int]
    left_out: int = 0

    def follows_blank(self, mask: int) -> bool:
        """Whether a word in this mask's place begins with a blank."""
        return self.gaps[mask] < self.spans[mask][0]

    def with_fills(self, fills: Mapping[int, Sequence[int]]) -> tuple[list[int], list[int]]:
        """Ids with those of `fills` in place of their masks, and where each mask, or what fills it, begins.

        >>> MaskedText("<mask><mask>", [9, 9], [0, 1], [(0, 6), (6, 12)], [0, 6]).with_fills({0: (4, 5)})
        ([4, 5, 9], [0, 2])
        """
        ids: list[int] = []
        begins: list[int] = []
        done = 0
        for mask, place in enumerate(self.places):
            ids += self.ids[done:place]
            begins.append(len(ids))
            ids += fills.get(mask, self.ids[place : place + 1])
            done = place + 1
        ids += self.ids[done:]
        return ids, begins

    def filled(self, words: Sequence[str]) -> str:
        """The text with a word in each mask, as the model read it.

        The blank that a word brings along stands for the white space that the mask has swallowed, which stays as it
        was; a word without one continues what stands before that white space.

        >>> text = MaskedText("A\\n<mask>.", [], [1], [(2, 8)], [1])
        >>> text.filled([" b"]), text.filled(["b"])
        ('A\\nb.', 'Ab.')
        """
        parts = []
        done = 0
        for (start, end), gap, word in zip(self.spans, self.gaps, words):
            parts.append(self.text[done:gap])
            white = self.text[gap:start]
            parts.append(white + word.removeprefix(BLANK) if white and word.startswith(BLANK) else word)
            done = end
        return "".join([*parts, self.text[done:]])


def read_masks(tokenizer: RobertaTokenizer, text: str, spelling: str | None = None) -> MaskedText:
    """Find the masks of a text.

    spelling: what stands for a mask in the text, besides the tokenizer's own token.
    """
    token = tokenizer.mask_token
    spelling = spelling or token
    spelt = text.replace(spelling, token)
    ids = tokenizer.encode_ids(spelt)
    places = [place for place, id in enumerate(ids) if id == tokenizer.mask_token_id]
    spans = _spans_before_spelling(text, spelling, token, _mask_spans(tokenizer, spelt, len(places)))
    swallows = bool(places) and tokenizer.encode_ids(BLANK + token) == [tokenizer.mask_token_id]
    ends = [0, *(end for _, end in spans)]
    gaps = [_gap(text, end, start) if swallows else start for end, (start, _) in zip(ends, spans)]
    return MaskedText(text, ids, places, spans, gaps)


def _mask_spans(tokenizer: RobertaTokenizer, text: str, count: int) -> list[Span]:
    token = tokenizer.mask_token
    starts = _occurrences(text, token)
    if len(starts) != count:  # one of them is part of a longer added token: the slow way knows which
        encoding = tokenizer.pieces(text)
        masks = [span for id, span in zip(encoding.ids, encoding.offsets) if id == tokenizer.mask_token_id]
        starts = [text.index(token, start, end) for start, end in masks]
    return [(start, start + len(token)) for start in starts]


def _spans_before_spelling(text: str, spelling: str, token: str, spans: list[Span]) -> list[Span]:
    """Spans in the text as it was before `spelling` became `token`."""
    longer = len(token) - len(spelling)
    if not longer:
        return spans
    starts = [start + number * longer for number, start in enumerate(_occurrences(text, spelling))]
    return [(a - longer * bisect_left(starts, a), b - longer * bisect_left(starts, b)) for a, b in spans]


def _occurrences(text: str, part: str) -> list[int]:
    found = []
    start = text.find(part)
    while start >= 0:
        found.append(start)
        start = text.find(part, start + len(part))
    return found


def _gap(text: str, earliest: int, start: int) -> int:
    while start > earliest and text[start - 1] in WHITE_SPACE:
        start -= 1
    return start
