"""Tokens that are cut out of a text before it is split into words: `<mask>` and its like, and what a user adds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING

from roberta.errors import InputError
from roberta.tokenizer.pretokenize import WHITE_SPACE, after_unicode_16

if TYPE_CHECKING:
    import regex


@cache
def _word_character() -> regex.Pattern:
    """What the reference takes for part of a word (UTS 18), where `\\w` of the regex package may differ."""
    import regex  # late: hardly a token asks for it

    return regex.compile(r"[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]")


class AddedToken:
    """A token that is matched as it stands, and how it takes its surroundings.

    content: its text.
    single_word: only where no letter or digit touches it.
    lstrip, rstrip: it swallows the white space on its left, on its right.
    normalized: it is looked for after the tokens that are not; the default is that special ones are not.
    special: decoding leaves it out when asked to skip special tokens.

    >>> str(AddedToken("<mask>", lstrip=True))
    '<mask>'
    """

    __slots__ = ("content", "lstrip", "normalized", "rstrip", "single_word", "special")

    def __init__(
        self,
        content: str,
        single_word: bool = False,
        lstrip: bool = False,
        rstrip: bool = False,
        special: bool = False,
        normalized: bool | None = None,
    ):
        self.content = content
        self.single_word = single_word
        self.lstrip = lstrip
        self.rstrip = rstrip
        self.special = special
        self.normalized = not special if normalized is None else normalized

    @classmethod
    def of(cls, value, *, special: bool = False) -> AddedToken:
        """An AddedToken from a string, from the dict of a file, or from an object with the same attributes.

        special: what to say of a string or dict that does not say it, and True makes any other special too.

        Raises InputError: none of these, or an attribute that is not what it should be.
        """
        if isinstance(value, str):
            return cls(value, special=special)
        read = value.get if isinstance(value, dict) else lambda name, default: getattr(value, name, default)
        content = read("content", None)
        flags = {name: read(name, False) for name in ("single_word", "lstrip", "rstrip")}
        flags["special"] = read("special", special) or special
        flags["normalized"] = read("normalized", None)
        if not isinstance(content, str):
            raise InputError(f"{value!r} is not a token; give a string or an AddedToken")
        if any(flag not in (True, False, None) for flag in flags.values()):
            raise InputError(
                f"the token {content!r}: lstrip, rstrip, single_word, normalized, special are true or false"
            )
        return cls(content, **flags)

    def to_dict(self) -> dict[str, str | bool]:
        """Its attributes, in the order in which the files of the reference hold them."""
        names = ("content", "single_word", "lstrip", "rstrip", "normalized", "special")
        return {name: getattr(self, name) for name in names}

    def __str__(self) -> str:
        return self.content

    def __repr__(self) -> str:
        flags = "".join(f", {name}={value}" for name, value in self.to_dict().items() if name != "content")
        return f"AddedToken({self.content!r}{flags})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AddedToken) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(self.content)


class AddedTokens:
    """The added tokens of one tokenizer by id, and where they stand in a text."""

    def __init__(self, tokens: dict[int, AddedToken]):
        self.tokens = dict(tokens)
        self.ids = {token.content: id for id, token in self.tokens.items()}
        self._first_characters = "".join({content[0] for content in self.ids})
        self._patterns: list[re.Pattern] | None = None

    def add(self, id: int, token: AddedToken) -> None:
        """Add one, or replace the one that has this id."""
        self.tokens[id] = token
        self.ids[token.content] = id
        self._first_characters = "".join({content[0] for content in self.ids})
        self._patterns = None

    def _passes(self) -> list[re.Pattern]:
        """One pattern for the tokens that are looked for first, one for the others."""
        if self._patterns is None:
            self._patterns = []
            for normalized in (False, True):
                contents = [token.content for token in self.tokens.values() if token.normalized == normalized]
                if contents:
                    # Of alternatives at one place the first wins: sorted, that is the longest.
                    longest_first = sorted(contents, key=len, reverse=True)
                    self._patterns.append(re.compile("|".join(map(re.escape, longest_first))))
        return self._patterns

    def may_occur(self, text: str) -> bool:
        """A quick no, or a perhaps."""
        return any(character in text for character in self._first_characters)

    def cut(self, text: str, *, split_special_tokens: bool = False) -> Iterator[tuple[int, int, int | None]]:
        """Cut `text` into (start, end, id of the added token, or None for ordinary text), from left to right.

        split_special_tokens: special ones are ordinary text.
        """
        pieces: Iterable[tuple[int, int, int | None]] = [(0, len(text), None)]
        for pattern in self._passes():
            pieces = self._cut_pieces(text, pieces, pattern, split_special_tokens)
        return iter(pieces)

    def _cut_pieces(self, text, pieces, pattern, split_special_tokens) -> Iterator[tuple[int, int, int | None]]:
        for start, end, id in pieces:
            if id is None:
                yield from self._cut_piece(text, start, end, pattern, split_special_tokens)
            else:
                yield start, end, id

    def _cut_piece(self, text, start, end, pattern, split_special_tokens) -> Iterator[tuple[int, int, int | None]]:
        """One pass over text[start:end]; what lies outside does not count as its surroundings."""
        done = start
        for match in pattern.finditer(text, start, end):
            first, last = match.span()
            id = self.ids[match.group()]
            token = self.tokens[id]
            if split_special_tokens and token.special:
                continue
            if token.single_word and (_in_word(text, first - 1, start, end) or _in_word(text, last, start, end)):
                continue
            if token.lstrip:
                while first > done and text[first - 1] in WHITE_SPACE:
                    first -= 1
            if token.rstrip:
                while last < end and text[last] in WHITE_SPACE:
                    last += 1
            if done < first:
                yield done, first, None
            yield first, last, id
            done = last
        if done < end:
            yield done, end, None


def _in_word(text: str, place: int, start: int, end: int) -> bool:
    if not start <= place < end or not _word_character().match(text[place]):
        return False
    return not after_unicode_16().match(text[place])
