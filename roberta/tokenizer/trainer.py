"""Learning a byte-level vocabulary from text: the merges that the Rust trainer (`tokenizers` 0.22) learns.

The pair of tokens that stands side by side most often is merged first; of equals, the pair whose left token has the
lower id, then the one whose right token has. Ids go to the special tokens, to the byte alphabet by code point, then to
what each merge makes. This order is total, so neither trainer depends on chance or on the order of the texts.

They differ in three points. The Rust trainer gives `<mask>` an id before the bytes, which moves all ids but changes no
comparison. From files it takes lines with their line breaks, which are words too; `learn` takes what it is given, as
`train_from_iterator` does. And it counts in 32 bits: a pair that stands 2,147,483,648 times is beyond it.

Why a pair is queued once, and then only loses: merges are made everywhere at once, so the same characters between the
same two edges are always put together in the same steps. No token is therefore made from two different pairs, and a
pair can only come to be in the step that makes one of its two tokens.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from heapq import heappop, heappush
from itertools import islice
from operator import add

from roberta.errors import InputError
from roberta.tokenizer.byte_alphabet import CHARACTERS, spell
from roberta.tokenizer.pretokenize import split_words
from roberta.tokenizer.tokenizer import RobertaTokenizer
from roberta.tokenizer.vocabulary import Vocabulary

Report = Callable[[str, int, int], None]  # stage, done, in all

FIRST_TOKENS = ("<s>", "<pad>", "</s>", "<unk>")
LAST_TOKEN = "<mask>"
SMALLEST = len(FIRST_TOKENS) + len(CHARACTERS) + 1  # tokens of a vocabulary without merges
LARGEST = sys.maxunicode + 2  # while learning, a token is a character of its own; the last token needs none

_MOST_CHUNKS = 1 << 20  # held before they are cut into words
_USUAL_LENGTH = 32  # characters; a text with longer chunks, such as Chinese, would fill the memory with them
_REPORTED = 1_000  # texts


def learn(
    texts: Iterable[str], *, vocab_size: int = 50_265, min_frequency: int = 2, report: Report | None = None
) -> RobertaTokenizer:
    """Learn a vocabulary in RoBERTa's layout: `<s> <pad> </s> <unk>`, the bytes, what merges make, `<mask>` last.

    texts: read once, one at a time; each is a text of its own, such as a line without its line break. Words (what the
        split pattern cuts out) are held once each with their count, so memory grows with the different words only.
    vocab_size: tokens in all, at least 261. A text that is too small for it gives fewer, as many as it has merges for.
    min_frequency: how often a pair must stand in the texts to be merged.
    report: told the stage, how much is done and how much there is, often: ("counting", texts so far, 0), then
        ("merging", tokens so far, vocab_size).

    >>> learn(["low lower lowest"], vocab_size=263).tokenize("lowest")
    ['low', 'e', 's', 't']

    Raises InputError: vocab_size out of range, or a text that is not a str or holds half of a character.
    """
    if not SMALLEST <= vocab_size <= LARGEST:
        raise InputError(
            f"vocab_size is {vocab_size}; the special tokens and the 256 bytes alone are {SMALLEST} tokens, "
            f"and there is room for {LARGEST:,}"
        )
    report = report or (lambda stage, done, total: None)
    names, merges = learn_merges(
        count_words(texts, report), vocab_size=vocab_size, min_frequency=min_frequency, report=report
    )
    ids = {name: id for id, name in enumerate([*names, LAST_TOKEN])}
    return RobertaTokenizer(vocabulary=Vocabulary(ids, merges, source="the learned vocabulary"))


def count_words(texts: Iterable[str], report: Report) -> Counter[str]:
    """How often each word stands in the texts; the words as the text has them, the blank before them included.

    Raises InputError: a text that is not a str, or with half of a character in it.
    """
    if isinstance(texts, str):
        raise InputError("texts is one str; give a list of texts, or an open file's lines")
    words: Counter[str] = Counter()
    chunks: Counter[str] = Counter()
    number = 0
    for number, text in enumerate(texts, start=1):
        _check(text, number)
        parts = text.split()
        # A single blank after anything but white space starts a word. So where there is no other white space, what
        # stands between blanks can be counted as it is, and only what differs is cut by the split pattern, once.
        if len(text) < _USUAL_LENGTH * len(parts) and " ".join(parts) == text:
            words.update(split_words(parts[0]))
            chunks.update(parts[1:])
            if len(chunks) > _MOST_CHUNKS:
                _cut(chunks, words)
        else:
            words.update(split_words(text))
        if number % _REPORTED == 0:
            report("counting", number, 0)
    _cut(chunks, words)
    report("counting", number, 0)
    return words


def _cut(chunks: Counter[str], words: Counter[str]) -> None:
    """Move the counts of chunks that follow a blank to the words in them."""
    for chunk, times in chunks.items():
        for word in split_words(" " + chunk):
            words[word] += times
    chunks.clear()


def _check(text: str, number: int) -> None:
    if not isinstance(text, str):
        raise InputError(f"text {number} is a {type(text).__name__}; texts are str")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            half = ord(text[error.start])
            raise InputError(
                f"text {number}: character {error.start} is a lone surrogate (U+{half:04X}), half of a character; "
                "decode the text from its bytes again",
                code="surrogate",
            ) from None


def learn_merges(
    words: Mapping[str, int], *, vocab_size: int, min_frequency: int, report: Report
) -> tuple[list[str], list[str]]:
    """The tokens by id, but for the last, and the merges, "LEFT RIGHT" each, the most important first.

    words: word -> how often it stands in the texts.
    """
    names = [*FIRST_TOKENS, *sorted(CHARACTERS)]
    symbol_of = {ord(name): id for id, name in enumerate(names) if len(name) == 1}
    spelled = [spell(word).translate(symbol_of) for word in words]
    pairs = _Pairs(spelled, list(words.values()), max(min_frequency, 1))
    merges = []
    while len(names) + 1 < vocab_size and (found := pairs.pop()):
        pair, holders = found
        pairs.merge(pair, holders, chr(len(names)))
        left, right = (names[ord(symbol)] for symbol in pair)
        names.append(left + right)  # never a special token: no word holds both letters and angle brackets
        merges.append(f"{left} {right}")
        report("merging", len(names) + 1, vocab_size)
    return names, merges


class _Pairs:
    """The words, merged as far as it has come, and a queue of the pairs in them.

    A word is a str in which each character stands for a token, the one with that id. So words are searched, cut and
    joined in C, two tokens are a pair as they stand, and pairs compare as their ids do.
    """

    def __init__(self, words: list[str], times: list[int], min_frequency: int):
        self._words = words
        self._times = times  # by word: how often it stands in the texts
        self._least = min_frequency
        self._counts: dict[str, int] = defaultdict(int)
        self._queue: list[tuple[int, str, list[int]]] = []  # count, negative; pair; numbers of the words that hold it
        holders: dict[str, list[int]] = defaultdict(list)
        for number, word in enumerate(words):
            for pair in map(add, word, islice(word, 1, None)):
                self._counts[pair] += times[number]
                holders[pair].append(number)
        self._push(holders)

    def pop(self) -> tuple[str, list[int]] | None:
        """The pair to merge next, and numbers of words, among them all that hold it; None: none is frequent enough."""
        while self._queue:
            queued, pair, holders = heappop(self._queue)
            count = self._counts[pair]
            if count == -queued:
                return pair, holders
            if count >= self._least:  # it has lost since it was queued
                heappush(self._queue, (-count, pair, holders))
        return None

    def merge(self, pair: str, holders: list[int], merged: str) -> None:
        """Put the token `merged` in the place of a pair that `pop` gave."""
        words, times, counts = self._words, self._times, self._counts
        left, right = pair
        gained: dict[str, list[int]] = defaultdict(list)
        for number in holders:
            pieces = words[number].split(pair)
            last = len(pieces) - 1
            if not last:
                continue  # an earlier merge took the pair apart, or the word is listed twice
            words[number] = merged.join(pieces)
            lost = times[number]
            before = pieces[0][-1:]
            for place in range(1, last + 1):
                piece = pieces[place]
                if before:
                    counts[before + left] -= lost
                    counts[before + merged] += lost
                    gained[before + merged].append(number)
                after = piece[:1] or (left if place < last else "")
                if after:
                    counts[right + after] -= lost
                    counts[merged + after] += lost
                    gained[merged + after].append(number)
                before = piece[-1:] or merged
        self._push(gained)

    def _push(self, holders: dict[str, list[int]]) -> None:
        for pair, numbers in holders.items():
            if self._counts[pair] >= self._least:
                heappush(self._queue, (-self._counts[pair], pair, numbers))
