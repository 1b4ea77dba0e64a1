"""The search for answers: every span of a context, each judged in the window where it has most context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from roberta.tasks.long_text import decided
from roberta.tasks.numbers import top

if TYPE_CHECKING:
    from roberta.tokenizer import RobertaTokenizer

Span = tuple[int, int]


@dataclass(frozen=True)
class Context:
    """A text to search, as tokens and as words.

    ids: its tokens. words: for each token the number of its word, a run of letters, digits or signs. word_spans: where
    each word stands in the text, without the blanks around it; a word of blanks alone has an empty span.
    """

    text: str
    ids: Sequence[int]
    words: np.ndarray
    word_spans: Sequence[Span]

    @classmethod
    def read(cls, tokenizer: RobertaTokenizer, text: str) -> Context:
        """Tokens and words of a text, as the tokenizer splits it."""
        encoding = tokenizer.pieces(text)
        groups = [list(places) for _, places in groupby(range(len(encoding.ids)), key=encoding.word_ids.__getitem__)]
        words = np.repeat(np.arange(len(groups)), [len(places) for places in groups])
        offsets = encoding.offsets
        spans = [_without_blanks(text, offsets[places[0]][0], offsets[places[-1]][1]) for places in groups]
        return cls(text, encoding.ids, words, spans)

    @cached_property
    def answerable(self) -> np.ndarray:
        """(tokens,) bool: whether an answer may begin or end with the token: not if its word is blank."""
        return np.array([start < end for start, end in self.word_spans], dtype=bool)[self.words]

    def span(self, first_word: int, last_word: int) -> Span:
        """Where the words from the first to the last stand in the text."""
        return self.word_spans[first_word][0], self.word_spans[last_word][1]


def _without_blanks(text: str, start: int, end: int) -> Span:
    inner = text[start:end]
    start += len(inner) - len(inner.lstrip())
    return start, max(start, start + len(inner.strip()))


class Candidates(NamedTuple):
    """Spans with their logits. first, last: (n,) tokens, or words, counted in the context. The last one belongs to it.

    starts, ends: (n,) float64, the two logits whose sum is the span's.
    """

    first: np.ndarray
    last: np.ndarray
    starts: np.ndarray
    ends: np.ndarray

    @property
    def logits(self) -> np.ndarray:
        return self.starts + self.ends


def window_candidates(span: Span, judged: Span, logits: np.ndarray, answerable: np.ndarray, most: int) -> Candidates:
    """Every span of at most `most` tokens that one window has to judge: those whose middle lies in `judged`.

    span: the tokens of the context that the window reads. logits: (tokens of the window, 2), start and end.
    answerable: (tokens of the context,) bool.

    Row i, column d of the search is the span from token i to token i + d: the upper triangle, as a band.
    """
    begin, end = span
    size = end - begin
    width = min(most, size)
    logits = logits.astype(np.float64)
    first, further = np.divmod(np.arange(size * width), max(width, 1))
    last = first + further
    inside = last < size
    first, last = first[inside], last[inside]
    doubled = first + last + 2 * begin  # twice the middle
    allowed = answerable[begin + first] & answerable[begin + last]
    allowed &= (doubled >= 2 * judged[0]) & (doubled < 2 * judged[1])
    first, last = first[allowed], last[allowed]
    return Candidates(begin + first, begin + last, logits[first, 0], logits[last, 1])


def best_answers(
    context: Context, spans: Sequence[Span], logits: Sequence[np.ndarray], most: int, best: int
) -> tuple[Candidates, np.ndarray]:
    """The `best` spans of words, the highest logit first, equal ones in the order of the text; and the logits of all.

    spans, logits: of each window, as `window_candidates` takes them. Of the token spans that grow into the same words
    the best one counts. A span that fits into any window fits into the one that judges it, and is judged once: two
    neighbours part in the middle of what they share.

    >>> context = Context("a b", [5, 6], np.array([0, 1]), [(0, 1), (2, 3)])
    >>> found, every = best_answers(context, [(0, 2)], [np.array([[1.0, 0.0], [0.0, 3.0]])], most=2, best=2)
    >>> [(context.span(*words), logit) for *words, logit in zip(found.first, found.last, found.logits.tolist())]
    [((0, 3), 4.0), ((2, 3), 3.0)]
    >>> every.tolist()
    [1.0, 4.0, 3.0]
    """
    parts = [
        window_candidates(span, judged, one, context.answerable, most)
        for span, judged, one in zip(spans, decided(list(spans)), logits, strict=True)
    ]
    tokens = Candidates(*(np.concatenate(column) for column in zip(*parts)))
    first, further = context.words[tokens.first], context.words[tokens.last] - context.words[tokens.first]
    width = 1 + int(further.max(initial=0))
    keys = first * width + further
    sums = tokens.logits
    table = np.full(len(context.word_spans) * width, -np.inf)
    np.maximum.at(table, keys, sums)  # no sorting: there are thousands of spans for each question
    there = np.flatnonzero(table > -np.inf)
    chosen = there[top(table[there], best)]
    winners = [int(np.argmax((keys == key) & (sums == table[key]))) for key in chosen]
    words = Candidates(chosen // width, chosen // width + chosen % width, tokens.starts[winners], tokens.ends[winners])
    return words, table[there]
