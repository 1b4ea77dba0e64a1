"""Which words a masked language model must guess: drawn anew each time a text is seen (Devlin et al. 2018; Liu et al.
2019 for drawing anew)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from roberta.errors import UsageError

IGNORED = -100


@dataclass(frozen=True)
class Masking:
    """share: of the words that are guessed; of those 80 % are masked, 10 % random words, 10 % left as they are.

    special: (vocabulary,) which ids are never guessed and never drawn. word_starts: says which of (length,) ids begin
    a word, as `WordStarts` does; given, all tokens of a word are guessed together.
    """

    mask_id: int
    special: np.ndarray
    share: float = 0.15
    word_starts: Callable[[np.ndarray], np.ndarray] | None = None

    def __post_init__(self):
        if not 0 < self.share < 1:
            raise UsageError(f"a mask probability of {self.share}; give a number between 0 and 1, such as 0.15")

    def __call__(self, ids: np.ndarray, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """One example: (length,) ids -> what the model sees, and the labels, -100 where nothing is asked.

        At least one word is asked for, if there is any that may be.
        """
        open_places = np.flatnonzero(~self.special[ids])
        seen, labels = ids.copy(), np.full(len(ids), IGNORED, np.int64)
        if not len(open_places):
            return seen, labels
        chosen = self._choose(ids, open_places, draw)
        labels[chosen] = ids[chosen]
        fate = draw.random(len(chosen))
        seen[chosen[fate < 0.8]] = self.mask_id
        swapped = chosen[fate >= 0.9]
        seen[swapped] = self.words[draw.integers(len(self.words), size=len(swapped))]
        return seen, labels

    @cached_property
    def words(self) -> np.ndarray:
        """The ids that may stand for a word."""
        return np.flatnonzero(~self.special)

    def _choose(self, ids: np.ndarray, open_places: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        # A count near share x length, rounded up or down by chance, so that short texts have their share as well.
        wanted = max(1, int(self.share * len(open_places) + draw.random()))
        if self.word_starts is None:
            return draw.permutation(open_places)[:wanted]
        starts = self.word_starts(ids)[open_places]
        starts[0] = True
        starts[1:] |= np.diff(open_places) > 1
        words = np.split(open_places, np.flatnonzero(starts)[1:])
        chosen: list[int] = []
        for number in draw.permutation(len(words)):
            if len(chosen) >= wanted:
                break
            chosen += words[number].tolist()
        return np.asarray(chosen, np.int64)
