"""Learning a byte-level vocabulary from text, with the merges that the Rust trainer (`tokenizers` 0.22) learns.

What decides, as there: the pair that stands side by side most often is merged first; of equals, the pair whose left
token has the lower id, then the one whose right token has. Ids are given in the order special tokens, the 256
characters of the byte alphabet by code point, then what each merge makes; a merge that makes a token anew, from other
parts, gives it no second id. Counts are taken up lazily, and that shows in the result: see `_Pairs`.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import heapify, heappop, heappush
from itertools import chain, count, islice
from operator import add

from roberta.errors import InputError
from roberta.tokenizer.byte_alphabet import CHARACTERS, spell
from roberta.tokenizer.pretokenize import split_words
from roberta.tokenizer.tokenizer import RobertaTokenizer
from roberta.tokenizer.vocabulary import Vocabulary

Report = Callable[[str, int, int], None]

FIRST_TOKENS = ("<s>", "<pad>", "</s>", "<unk>")
LAST_TOKEN = "<mask>"
SMALLEST = len(FIRST_TOKENS) + len(CHARACTERS) + 1  # tokens of a vocabulary without merges
LARGEST = sys.maxunicode + 2  # while learning, a token is a character of its own; the last token needs none

_BATCH = 1_000  # texts
_CHUNKS = 1 << 20  # different stretches between blanks that are held before they are cut into words


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
    firsts: Counter[str] = Counter()  # chunks at the start of a text
    others: Counter[str] = Counter()  # chunks after a blank
    done = 0
    for batch in _batches(enumerate(texts, start=1)):
        regular = []
        for number, text in batch:
            _check(text, number)
            chunks = text.split()
            # A single blank after anything but white space starts a word, so where there is no other white space, the
            # chunks between blanks can be counted as they are, and only the different ones need the split pattern.
            if " ".join(chunks) == text:
                regular.append(chunks)
            else:
                words.update(split_words(text))
        firsts.update(chunks[0] for chunks in regular if chunks)
        others.update(chain.from_iterable(islice(chunks, 1, None) for chunks in regular))
        if len(others) > _CHUNKS:
            _cut(others, " ", words)
        done += len(batch)
        report("counting", done, 0)
    _cut(firsts, "", words)
    _cut(others, " ", words)
    return words


def _batches(items: Iterator) -> Iterator[list]:
    while batch := list(islice(items, _BATCH)):
        yield batch


def _cut(chunks: Counter[str], before: str, words: Counter[str]) -> None:
    """Move the counts of chunks to those of their words."""
    for chunk, times in chunks.items():
        for word in split_words(before + chunk):
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
    """The tokens but for the last, by id, and the merges, "LEFT RIGHT" each, the most important first.

    words: word -> how often it stands in the texts.
    """
    names = [*FIRST_TOKENS, *sorted(CHARACTERS)]
    ids = {name: id for id, name in enumerate(names)}
    symbol_of = {ord(name): id for name, id in ids.items() if len(name) == 1}
    pairs = _Pairs([spell(word).translate(symbol_of) for word in words], list(words.values()))
    merges: dict[str, None] = {}
    while len(names) + 1 < vocab_size:
        pair = pairs.pop(min_frequency)
        if pair is None:
            break
        left, right = (names[ord(symbol)] for symbol in pair)
        id = ids.setdefault(left + right, len(names))
        if id == len(names):
            names.append(left + right)
        merges.pop(f"{left} {right}", None)  # learned a second time: the later place is the one that counts
        merges[f"{left} {right}"] = None
        pairs.merge(pair, chr(id))
        report("merging", len(names) + 1, vocab_size)
    return names, list(merges)


class _Pairs:
    """The words as they are merged so far, and a queue of the pairs in them.

    A word is a str in which each character is a token, the one with that id: so a word is searched, cut and joined in
    C, two tokens are a pair without further ado, and pairs compare as their ids do.
    """

    def __init__(self, words: list[str], times: list[int]):
        self._words = words
        self._times = times
        self._counts: dict[str, int] = defaultdict(int)
        holders: dict[str, list[int]] = defaultdict(list)
        for index, word in enumerate(words):
            for pair in map(add, word, islice(word, 1, None)):
                self._counts[pair] += times[index]
                holders[pair].append(index)
        self._serial = count()
        self._queue = [self._entry(pair, found) for pair, found in holders.items()]
        heapify(self._queue)

    def _entry(self, pair: str, holders: list[int]) -> tuple[int, str, int, list[int]]:
        return -self._counts[pair], pair, next(self._serial), holders

    def pop(self, min_frequency: int) -> str | None:
        """The pair to merge next; None when there is none that is frequent enough."""
        while self._queue:
            negative, pair, _, self._holders = heappop(self._queue)
            if -negative == self._counts[pair]:
                return pair if -negative >= max(min_frequency, 1) else None
            heappush(self._queue, self._entry(pair, self._holders))
        return None

    def merge(self, pair: str, merged: str) -> None:
        """Put `merged` in the place of the pair that `pop` gave, in the words that it was queued with."""
        words, times, counts = self._words, self._times, self._counts
        left, right = pair
        gained: dict[str, list[int]] = defaultdict(list)
        for index in self._holders:
            pieces = words[index].split(pair)
            last = len(pieces) - 1
            if not last:
                continue  # an earlier merge took the pair apart, or the word is listed twice
            words[index] = merged.join(pieces)
            often = times[index]
            before = pieces[0][-1:]
            for place in range(1, last + 1):
                piece = pieces[place]
                if before:
                    counts[before + left] -= often
                    counts[before + merged] += often
                    gained[before + merged].append(index)
                after = piece[:1] or (left if place < last else "")
                if after:
                    counts[right + after] -= often
                    counts[merged + after] += often
                    gained[merged + after].append(index)
                before = piece[-1:] or merged
        for new, holders in gained.items():
            if counts[new] > 0:
                heappush(self._queue, self._entry(new, holders))
