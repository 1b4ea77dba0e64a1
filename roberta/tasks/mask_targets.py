"""The words among which a mask is to choose, as ids: with a blank before them, and without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from roberta.errors import InputError

if TYPE_CHECKING:
    from roberta.tokenizer import RobertaTokenizer

Word = tuple[int, ...]  # the ids of a word's pieces


@dataclass(frozen=True, slots=True)
class Targets:
    """Words, encoded once for every place that they may take.

    after_blank: for masks with white space before them. glued: for masks at the start of a text or right after
    another character. No word is there twice; they stand in the order in which they were given.
    """

    after_blank: tuple[Word, ...]
    glued: tuple[Word, ...]

    def at(self, follows_blank: bool) -> tuple[Word, ...]:
        """The words for one mask."""
        return self.after_blank if follows_blank else self.glued


def encode_targets(tokenizer: RobertaTokenizer, words: Sequence[str], *, exact: bool = False) -> Targets:
    """Encode words that may take the place of a mask.

    exact: take them as they are spelt; otherwise white space around a word does not count, and it gets the blank that
    its place needs.

    >>> encode_targets(tokenizer, ["Paris"])
    Targets(after_blank=((2201,),), glued=((32826,),))

    Raises InputError (empty_target): no word, or an empty one.
    """
    if not words:
        raise InputError("targets is empty; give at least one word", code="empty_target")
    if not exact:
        words = [word.strip() for word in words]
    if not all(words):
        raise InputError("a target is empty; give it at least one character", code="empty_target")
    glued = _encoded(tokenizer, words)
    if exact:
        return Targets(glued, glued)
    return Targets(_encoded(tokenizer, [" " + word for word in words]), glued)


def _encoded(tokenizer: RobertaTokenizer, words: Sequence[str]) -> tuple[Word, ...]:
    return tuple(dict.fromkeys(tuple(tokenizer.encode_ids(word)) for word in words))
