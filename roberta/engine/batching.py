"""Windows of many records into batches by token budget."""

from __future__ import annotations

from collections.abc import Sequence

LEAST = 128  # tokens that a batch is filled to, though a lane then has none: products of fewer rows are slower


def plan_batches(lengths: Sequence[int], batch_tokens: int, lanes: int = 1) -> list[list[int]]:
    """Group windows so that each padded batch, windows x longest, holds at most `batch_tokens`.

    Sorted by length, so that neighbours differ little; equal lengths keep their order. A window longer than the budget
    is a batch of its own.

    lanes: batches that run side by side. Towards the end a batch holds no more than the share of a lane in what is
    left, so that all are done at about the same time.

    >>> plan_batches([3, 9, 3, 4], batch_tokens=9)
    [[0, 2], [3], [1]]
    """
    batches: list[list[int]] = []
    left, budget = sum(lengths), 0
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        # Ascending, so the newcomer is the longest of its batch.
        if not batches or (len(batches[-1]) + 1) * lengths[place] > budget:
            batches.append([])
            budget = batch_tokens if lanes == 1 else min(batch_tokens, max(LEAST, left // lanes))
        batches[-1].append(place)
        left -= lengths[place]
    return batches
