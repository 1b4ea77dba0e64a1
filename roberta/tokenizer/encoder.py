"""From a text to ids, the fast way; and to tokens with their places, the slower way. Both give the same ids."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import NamedTuple

from roberta.tokenizer.added_tokens import AddedTokens
from roberta.tokenizer.byte_alphabet import spell
from roberta.tokenizer.merges import BoundedCache
from roberta.tokenizer.pretokenize import split_words
from roberta.tokenizer.vocabulary import Vocabulary


class Trace(NamedTuple):
    """What a text became, token by token, leading blanks still counted in."""

    tokens: list[str]  # as the vocabulary spells them; an added token as it stood in the text
    spans: list[tuple[int, int]]  # start and end in code points
    words: list[int]  # number of the word, added tokens counted as words


class _Irregular(Exception):
    """A chunk that begins with white space, so that the blank before it does not start a word."""


class Encoder:
    """Text to ids with one vocabulary.

    blank_before: put a blank before every stretch of ordinary text that has none (add_prefix_space).
    split_special_tokens: special tokens in the text are ordinary text.

    Three caches, keyed by word, by the chunk before the first blank of a text, and by any other chunk; and for ids that
    are only to be written, two of their decimals.
    """

    def __init__(self, vocabulary: Vocabulary, added: AddedTokens):
        self._vocabulary = vocabulary
        self._added = added
        self._word_ids = BoundedCache(self._ids_of_word)
        self._first_chunk_ids = BoundedCache(self._ids_of_first_chunk)
        self._chunk_ids = BoundedCache(self._ids_of_chunk)
        self._first_chunk_decimals = BoundedCache(lambda chunk: _decimals(self._ids_of_first_chunk(chunk)))
        self._chunk_decimals = BoundedCache(self._decimals_of_chunk)

    def __reduce__(self):
        return Encoder, (self._vocabulary, self._added)  # the caches stay behind

    def ids(self, text: str, *, blank_before: bool, split_special_tokens: bool) -> list[int]:
        """Ids of `text`, nothing added around them."""
        if not self._added.may_occur(text):
            return self._ids_of_plain(text, blank_before)
        ids: list[int] = []
        for start, end, id in self._added.cut(text, split_special_tokens=split_special_tokens):
            if id is None:
                ids += self._ids_of_plain(text[start:end], blank_before)
            else:
                ids.append(id)
        return ids

    def decimals(self, text: str, *, blank_before: bool, split_special_tokens: bool) -> str:
        """The ids as they are written, commas between: "31414,232"; several times faster than by `ids`."""
        if not self._added.may_occur(text) and self._vocabulary.is_complete:  # else a chunk may have no ids at all
            if blank_before and text and text[0] != " ":
                text = " " + text
            first, *chunks = text.split(" ")
            try:
                found = ",".join(map(self._chunk_decimals.__getitem__, chunks))
                if not first:
                    return found
                start = self._first_chunk_decimals[first]
                return f"{start},{found}" if chunks else start
            except _Irregular:
                pass
        return _decimals(self.ids(text, blank_before=blank_before, split_special_tokens=split_special_tokens))

    def trace(self, text: str, *, blank_before: bool, split_special_tokens: bool) -> Trace:
        """Tokens, spans and words of `text`; one for each of its ids."""
        found = Trace([], [], [])
        word = 0
        for start, end, id in self._added.cut(text, split_special_tokens=split_special_tokens):
            if id is None:
                word = self._trace_plain(text[start:end], start, word, blank_before, found)
            else:
                found.tokens.append(text[start:end])
                found.spans.append((start, end))
                found.words.append(word)
                word += 1
        return found

    def _ids_of_plain(self, text: str, blank_before: bool) -> list[int]:
        if blank_before and text and text[0] != " ":
            text = " " + text
        # A blank after anything but white space starts a word, so the chunks between blanks are independent, and fewer
        # than the words of the pattern. Where a blank is followed by white space, _Irregular says to take the words.
        chunks = iter(text.split(" "))
        try:
            ids = list(self._first_chunk_ids[next(chunks)])
            ids.extend(chain.from_iterable(map(self._chunk_ids.__getitem__, chunks)))
        except _Irregular:
            ids = list(self._ids_of_words(text))
        return ids

    def _ids_of_words(self, text: str) -> chain[int]:
        return chain.from_iterable(map(self._word_ids.__getitem__, split_words(text)))

    def _ids_of_first_chunk(self, chunk: str) -> tuple[int, ...]:
        return tuple(self._ids_of_words(chunk))

    def _ids_of_chunk(self, chunk: str) -> tuple[int, ...]:
        if chunk.isalpha() and chunk.isascii():
            return self._word_ids[" " + chunk]
        if not chunk or chunk[0].isspace():
            raise _Irregular
        return tuple(self._ids_of_words(" " + chunk))

    def _decimals_of_chunk(self, chunk: str) -> str:
        if chunk.isascii():
            if chunk.isalpha():
                return _decimals(self._ids_of_word(" " + chunk))  # its ids are hardly asked for as well
            word, end = chunk[:-1], chunk[-1:]
            # "word," is a third of what is not found, and "word" mostly is.
            if word.isalpha() and not end.isalpha():
                return f"{self._chunk_decimals[word]},{self._first_chunk_decimals[end]}"
        return _decimals(self._ids_of_chunk(chunk))

    def _ids_of_word(self, word: str) -> tuple[int, ...]:
        return self._vocabulary.encode_word(spell(word))

    def _trace_plain(self, text: str, start: int, word: int, blank_before: bool, found: Trace) -> int:
        """Add the tokens of text without added tokens, which starts at `start`; gives the number of the next word."""
        names = self._vocabulary.names
        # An artificial blank shares the place of the character that follows it.
        artificial = 1 if blank_before and text[0] != " " else 0
        if artificial:
            text = " " + text
        place = start - artificial  # of the word's first character in the original text
        for piece in split_words(text):
            if piece.isascii():
                owner = range(place, place + len(piece))  # of each byte: the place of its character
            else:
                owner = [place + i for i, character in enumerate(piece) for _ in character.encode("utf-8")]
            done = 0
            for id in self._word_ids[piece]:
                name = names[id]
                end = done + self._vocabulary.length(id, name)
                found.tokens.append(name)
                found.spans.append((max(owner[done], start), max(owner[end - 1], start) + 1))
                found.words.append(word)
                done = end
            place += len(piece)
            word += 1
        return word


def _decimals(ids: Iterable[int]) -> str:
    return ",".join(map(str, ids))
