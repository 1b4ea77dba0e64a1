"""Which examples a step sees: a pure function of the seed and the step's number, so that resuming replays nothing."""

from __future__ import annotations

import math

import numpy as np

_POOL = 64  # batches' worth of examples that are sorted by length together: little padding, much chance


class Sampler:
    """Batches of like length, in a new random order each epoch.

    lengths: (examples,) tokens of each. batch_tokens: most tokens in a batch, padding included; an example longer than
    that is a batch of its own.

    >>> Sampler(np.array([3, 5, 4]), batch_tokens=10, seed=0).batch(0)[0]
    0
    """

    def __init__(self, lengths: np.ndarray, *, batch_tokens: int, seed: int):
        self.lengths = np.asarray(lengths, np.int64)
        self.batch_tokens = batch_tokens
        self.seed = seed
        self._starts = [0]  # the first step of each epoch that is planned so far
        self._plans: dict[int, list[np.ndarray]] = {}

    def batch(self, step: int) -> tuple[int, np.ndarray]:
        """The epoch that `step` (from 0) belongs to, and the numbers of its examples."""
        epoch = self.epoch_of(step)
        return epoch, self._plan(epoch)[step - self._starts[epoch]]

    def epoch_of(self, step: int) -> int:
        while self._starts[-1] <= step:
            self._starts.append(self._starts[-1] + len(self._plan(len(self._starts) - 1)))
        return int(np.searchsorted(self._starts, step, "right")) - 1

    def steps_in(self, epochs: float) -> int:
        """How many steps that many epochs take, at least one."""
        whole = math.floor(epochs)
        while len(self._starts) <= whole + 1:
            self._starts.append(self._starts[-1] + len(self._plan(len(self._starts) - 1)))
        part = (epochs - whole) * (self._starts[whole + 1] - self._starts[whole])
        return max(1, self._starts[whole] + round(part))

    def _plan(self, epoch: int) -> list[np.ndarray]:
        if epoch not in self._plans:
            self._plans = {epoch: self._new_plan(epoch)}  # one is enough: steps come in order
        return self._plans[epoch]

    def _new_plan(self, epoch: int) -> list[np.ndarray]:
        draw = np.random.default_rng([self.seed, epoch])
        order = draw.permutation(len(self.lengths))
        per_batch = max(1, int(self.batch_tokens / max(1.0, float(self.lengths.mean()))))
        batches = []
        for start in range(0, len(order), per_batch * _POOL):
            pool = order[start : start + per_batch * _POOL]
            pool = pool[np.argsort(self.lengths[pool], kind="stable")]
            batches += self._cut(pool)
        return [batches[number] for number in draw.permutation(len(batches))]

    def _cut(self, pool: np.ndarray) -> list[np.ndarray]:
        """Rising lengths, so the last of a batch is its width."""
        lengths = self.lengths[pool].tolist()
        batches, first = [], 0
        for place, length in enumerate(lengths):
            if place > first and (place - first + 1) * length > self.batch_tokens:
                batches.append(pool[first:place])
                first = place
        return [*batches, pool[first:]]
