"""Windows of many records into batches by token budget."""

from __future__ import annotations

from collections.abc import Sequence


def plan_batches(lengths: Sequence[int], batch_tokens: int) -> list[list[int]]:
    """Group windows so that each padded batch, windows x longest, holds at most `batch_tokens`.

    Sorted by length, so that neighbours differ little; equal lengths keep their order. A window longer than the budget
    is a batch of its own.

    >>> plan_batches([3, 9, 3, 4], batch_tokens=9)
    [[0, 2], [3], [1]]
    """
    batches: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        # Ascending, so the newcomer is the longest of its batch.
        if batches and (len(batches[-1]) + 1) * lengths[place] <= batch_tokens:
            batches[-1].append(place)
        else:
            batches.append([place])
    return batches
