"""Windows of many records into batches by token budget."""

from __future__ import annotations

from collections.abc import Sequence

LEAST = 128  # tokens that a batch is filled to, though a lane then has none: products of fewer rows are slower


def plan_batches(lengths: Sequence[int], batch_tokens: int, lanes: int = 1) -> list[list[int]]:
    """Group windows so that each padded batch, windows x longest, holds at most `batch_tokens`.

    Sorted by length, so that neighbours differ little; equal lengths keep their order. A window longer than the budget
    is a batch of its own.

    lanes: batches that run side by side; where there is not enough to fill all, each gets about its share.

    >>> plan_batches([3, 9, 3, 4], batch_tokens=9)
    [[0, 2], [3], [1]]
    """
    if lanes > 1:
        batch_tokens = min(batch_tokens, max(LEAST, _share(sum(lengths), batch_tokens * lanes) // lanes))
    batches: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        # Ascending, so the newcomer is the longest of its batch.
        if batches and (len(batches[-1]) + 1) * lengths[place] <= batch_tokens:
            batches[-1].append(place)
        else:
            batches.append([place])
    return batches


def _share(tokens: int, most: int) -> int:
    """Tokens of each of the fewest equal rounds that hold at most `most`, and a twentieth more for padding."""
    rounds = -(-tokens // most)
    return tokens * 21 // 20 // max(rounds, 1)
