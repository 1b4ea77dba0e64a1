"""Rules on the scores of one place of a text whose tokens are not filled in from left to right. NumPy only."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from roberta.tasks.numbers import softmax, top


def with_repetition_penalty(logits: np.ndarray, there: Collection[int], penalty: float) -> np.ndarray:
    """float64; the score of each token that is `there` divided by `penalty`, or multiplied where it is below 0.

    >>> with_repetition_penalty(np.array([4.0, -4.0, 4.0]), {0, 1}, 2.0).tolist()
    [2.0, -8.0, 4.0]

    Source: Keskar et al. 2019, CTRL.
    """
    changed = logits.astype(np.float64)
    ids = [id for id in there if id < len(changed)]
    changed[ids] = np.where(changed[ids] > 0, changed[ids] / penalty, changed[ids] * penalty)
    return changed


def repeats(line: Sequence[int], place: int, length: int) -> set[int]:
    """Tokens that would complete, at `place`, a sequence of `length` tokens that stands elsewhere in the line.

    >>> repeats([7, 8, 5, 7, 0], place=4, length=2)
    {8}
    """
    banned = set()
    for before in range(length):
        begin = place - before
        if begin < 0 or begin + length > len(line):
            continue
        wanted = [*line[begin:place], *line[place + 1 : begin + length]]
        for start in _starts(line, place, length):
            other = line[start : start + length]
            if [*other[:before], *other[before + 1 :]] == wanted:
                banned.add(other[before])
    return banned


def _starts(line: Sequence[int], place: int, length: int) -> Iterator[int]:
    """Where sequences without `place` begin."""
    return (start for start in range(len(line) - length + 1) if not start <= place < start + length)


def drawn_from(scores: np.ndarray, temperature: float, top_k: int, top_p: float) -> np.ndarray:
    """Shares to draw with: of the `top_k` best (0: all), and of these of the fewest that reach `top_p` together.

    >>> drawn_from(np.log([0.5, 0.3, 0.2]), 1.0, top_k=2, top_p=1.0).round(3).tolist()
    [0.625, 0.375, 0.0]
    """
    best = top(scores, top_k or len(scores))
    shares = softmax(scores[best] / temperature)
    enough = int(np.searchsorted(shares.cumsum(), top_p)) + 1
    kept = shares[:enough] / shares[:enough].sum()
    found = np.zeros(len(scores))
    found[best[:enough]] = kept
    return found
