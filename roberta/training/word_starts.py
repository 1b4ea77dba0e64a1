"""Where words begin among token ids: at the edges that the tokenizer's own split pattern sees."""

from __future__ import annotations

from itertools import accumulate

import numpy as np

from roberta.tokenizer import RobertaTokenizer
from roberta.tokenizer.byte_alphabet import unspell
from roberta.tokenizer.pretokenize import split_words

_EDGE = b"\n"  # in place of a special token, which no word goes across


class WordStarts:
    """Says of each token of a text whether it begins a word. A text may begin or end within a character.

    >>> WordStarts(tokenizer)(np.array(tokenizer.encode_ids(" unbelievable!")))  # Ġun believ able !
    array([ True, False, False,  True])
    """

    def __init__(self, tokenizer: RobertaTokenizer):
        special = set(tokenizer.all_special_ids)
        self._spelt = {
            number: _EDGE if number in special else unspell(token) for token, number in tokenizer.get_vocab().items()
        }

    def __call__(self, ids: np.ndarray) -> np.ndarray:
        """(length,) ids -> (length,) bool."""
        pieces = [self._spelt[number] for number in ids.tolist()]
        text = b"".join(pieces).decode("utf-8", "surrogateescape")  # a half of a character stays as long as it is
        words = split_words(text)
        lengths = map(len, words) if text.isascii() else (len(_bytes(word)) for word in words)
        edges = {0, *accumulate(lengths)}
        places = accumulate(map(len, pieces), initial=0)
        return np.array([place in edges for place, _ in zip(places, pieces)], bool)


def _bytes(word: str) -> bytes:
    return word.encode("utf-8", "surrogateescape")
