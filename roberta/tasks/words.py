"""Which tokens make a word: as the tokenizer splits, between blanks, or as the record gives them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import groupby, pairwise

from roberta.errors import InputError

WORDS = ("unit", "blank")

Span = tuple[int, int]


def unit_words(text: str, spans: Sequence[Span], word_ids: Sequence[int | None]) -> list[range]:
    """The tokens of each run of letters, of digits or of other signs; white space is no word.

    spans: where each token lies in `text`. word_ids: the number of the run that it belongs to.

    >>> unit_words("It's 2", [(0, 2), (2, 4), (5, 6)], [0, 1, 2])
    [range(0, 1), range(1, 2), range(2, 3)]
    """
    runs = [list(places) for _, places in groupby(range(len(spans)), key=word_ids.__getitem__)]
    return [
        range(places[0], places[-1] + 1) for places in runs if text[spans[places[0]][0] : spans[places[-1]][1]].strip()
    ]


def blank_words(text: str, spans: Sequence[Span]) -> list[range]:
    """The tokens of each stretch between blanks (U+0020), a full stop or a bracket with its word.

    >>> blank_words("a b.", [(0, 1), (2, 3), (3, 4)])
    [range(0, 1), range(1, 3)]

    Source: the rule of the transformers pipeline for RoBERTa, except that all pieces of one character stay together.
    """
    starts = [
        place
        for place, (start, _) in enumerate(spans)
        if (start == 0 or " " in text[start - 1 : start + 1]) and not _same_character(spans, place)
    ]
    if spans and starts[:1] != [0]:
        starts.insert(0, 0)
    return [range(start, end) for start, end in pairwise([*starts, len(spans)])]


def _same_character(spans: Sequence[Span], place: int) -> bool:
    """Whether a token is a further piece of the character that the one before it begins in."""
    if place == 0:
        return False
    (start, end), now = spans[place - 1], spans[place][0]
    return start == now < end


def given_words(places: Sequence[Span], spans: Sequence[Span]) -> list[range | None]:
    """The tokens of each word that lies at `places`; None for a word that has none, such as an empty one.

    >>> given_words([(0, 3), (4, 4), (5, 8)], [(0, 2), (2, 3), (5, 8)])
    [range(0, 2), None, range(2, 3)]
    """
    starts = [start for start, _ in places]
    found: list[range | None] = [None] * len(places)
    for token, (start, end) in enumerate(spans):
        word = bisect_right(starts, start) - 1
        while word > 0 and places[word][0] == places[word][1]:
            word -= 1  # an empty word begins where its neighbour does
        if start == end or word < 0 or start >= places[word][1]:
            continue
        first = token if found[word] is None else found[word].start
        found[word] = range(first, token + 1)
    return found


def joined_places(words: Sequence[str]) -> list[Span]:
    """Where words lie when they are joined by one blank each.

    >>> joined_places(["New", "York"])
    [(0, 3), (4, 8)]
    """
    places, start = [], 0
    for word in words:
        places.append((start, start + len(word)))
        start += len(word) + 1
    return places


def places_in(text: str, words: Sequence[str]) -> list[Span]:
    """Where words lie in a text that has nothing but white space besides.

    >>> places_in("New  York.", ["New", "York", "."])
    [(0, 3), (5, 9), (9, 10)]

    Raises InputError (words_differ): the words are not those of the text.
    """
    places, at = [], 0
    for number, word in enumerate(words):
        start = _word_start(text, word, at)
        if start is None:
            raise InputError(
                f"text and tokens disagree: tokens[{number}] is {word[:40]!r}, the text goes on with"
                f" {text[at : at + 40].lstrip()!r} at character {at}; correct one, or leave one out",
                code="words_differ",
            )
        at = start + len(word)
        places.append((start, at))
    if text[at:].strip():
        raise InputError(
            f"text and tokens disagree: after the last token the text goes on with {text[at : at + 40].lstrip()!r}"
            f" at character {at}; correct one, or leave one out",
            code="words_differ",
        )
    return places


def _word_start(text: str, word: str, at: int) -> int | None:
    """Where the word stands, from `at` on, behind white space only."""
    while not text.startswith(word, at):
        if at >= len(text) or not text[at].isspace():
            return None
        at += 1
    return at
