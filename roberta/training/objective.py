"""What the loop trains: examples in numbers, batches of them, a loss, scores, and a folder that holds the result."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from roberta.errors import UsageError
from roberta.hub import Origin
from roberta.weights.folder import read_weights

if TYPE_CHECKING:
    from roberta.model.pretrained import PretrainedModel


@dataclass(frozen=True)
class Batch:
    """tensors: what the loss reads, by name. weight: how many things the loss is summed over, masked words or rows;
    a step divides by the weights of all its batches, so that accumulation and processes change nothing.
    tokens: for the speed shown."""

    tensors: dict[str, Tensor]
    weight: float
    tokens: int

    def to(self, device) -> Batch:
        moved = {name: tensor.to(device, non_blocking=True) for name, tensor in self.tensors.items()}
        return Batch(moved, self.weight, self.tokens)


@dataclass(frozen=True)
class Metric:
    """name: among the scores of an evaluation. sign: 1 where more is better, -1 where less is."""

    name: str
    sign: int

    def of(self, scores: Mapping[str, float]) -> float:
        """NaN where it could not be told, as sometimes a correlation cannot."""
        return scores.get(self.name, math.nan)


class Objective(ABC):
    """One kind of training.

    model: what learns. lengths: (examples,) tokens of each training example. dev: what `evaluate` scores, if anything.
    metrics: the scores by which a checkpoint may be chosen and which may be required, the default first; a "-" before a
    name says that less is better.
    """

    name: str
    model: PretrainedModel
    lengths: np.ndarray
    dev: Any
    metrics: tuple[str, ...] = ("-loss",)

    @property
    def has_dev(self) -> bool:
        """Whether `evaluate` gives scores."""
        return bool(self.dev)

    def metric(self, asked: str | None) -> Metric:
        """That of a name, without one the default. Raises UsageError: there is none."""
        known = [Metric(spelt.removeprefix("-"), -1 if spelt.startswith("-") else 1) for spelt in self.metrics]
        if asked is None:
            return known[0]
        for metric in known:
            if metric.name == asked.removeprefix("-"):
                return metric
        raise UsageError(f"no metric {asked!r} here; choose from {', '.join(metric.name for metric in known)}")

    @abstractmethod
    def batch(self, numbers: np.ndarray, epoch: int) -> Batch:
        """Training examples by number. The same numbers and epoch give the same batch, whatever came before, alone or
        with others: what is drawn for an example depends on the seed, the epoch and its number only."""

    @abstractmethod
    def loss(self, batch: Batch) -> Tensor:
        """The sum of the losses of what counts in the batch."""

    @abstractmethod
    def evaluate(self) -> dict[str, float]:
        """Scores on the development data; {} without any. The model is in eval mode and needs no gradient."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """All files that make the folder a checkpoint for `-m`: weights, config, words."""

    def load(self, folder: Path) -> None:
        """Take the weights back that `save` wrote."""
        own = self.model.state_dict()
        with torch.no_grad():
            for name, array in read_weights(Origin(str(folder))).tensors.items():
                own[name].copy_(torch.from_numpy(array))

    def tables(self) -> dict[str, dict[str, list]]:
        """What the last evaluation counted, for the report, by title: {"columns": [...], "rows": [[...], ...]}. In a
        confusion matrix the true label is the first column, and the others are the labels that were given."""
        return {}

    def describe(self) -> dict[str, object]:
        """What identifies the run besides its settings, for the model card and for refusing a changed resume."""
        return {}
