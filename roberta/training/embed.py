"""Training sentence vectors: SimCSE on texts or on pairs, or the cosine of two texts as a number.

SimCSE (Gao et al. 2021, https://arxiv.org/abs/2104.08821): the vectors of a text and its partner should be nearer to
each other than to those of all other texts of the batch. Unsupervised, the partner is the text itself under another
dropout; supervised, it is a paraphrase or a text that follows, and a contradiction may stand by as one more stranger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from roberta.metrics.classification import ValueScores, gold_value
from roberta.records import Record
from roberta.training.examples import Example
from roberta.training.fine_tune import FineTuning, Fit
from roberta.training.objective import Batch
from roberta.weights.sentence_folder import save_modules

PAIR, STRANGER, SCORE = "text_pair", "negative", "score"
TEMPERATURE = 0.05
LOSSES = ("simcse", "cosine")


@dataclass
class SentenceVectors(FineTuning):
    """pooling: "mean" or "cls". loss_kind: "simcse" or "cosine". scale: what a score of 1 is in the data, such as 5."""

    pooling: str = "mean"
    loss_kind: str = "simcse"
    temperature: float = TEMPERATURE
    scale: float = 1.0

    name = "embed"
    metrics = ("spearman", "pearson", "-mse")

    def examples_of(self, record: Record) -> Sequence[Example]:
        text = self._ids(record, "text")
        if self.loss_kind == "cosine":
            return [Example((text, self._ids(record, PAIR)), gold_value(record.value(SCORE)) / self.scale, record)]
        # Without a partner the text is its own, under another dropout.
        others = [self._ids(record, name) for name in _others(record)]
        partner = [] if record.fields.get(PAIR) is not None else [text]
        return [Example((text, *partner, *others), None, record)]

    def fit_of(self, record: Record) -> Fit:
        windows = [window for name in ("text", *_others(record)) for window in self.task.windows_of(record, name)]
        return Fit.CUT if self.task.notes(record, windows) else Fit.WHOLE

    def _ids(self, record: Record, name: str) -> Sequence[int]:
        return next(iter(self.task.windows_of(record, name))).input_ids

    def targets(self, examples: Sequence[Example], width: int) -> dict[str, Tensor]:
        counts = torch.tensor([len(example.input_ids) for example in examples])
        if self.loss_kind == "cosine":
            scores = torch.tensor([example.target for example in examples], dtype=torch.float32)
            return {"counts": counts, "scores": scores}
        return {"counts": counts}

    def weight(self, targets: dict[str, Tensor]) -> float:
        return float(len(targets["counts"]))

    def loss(self, batch: Batch) -> Tensor:
        vectors = F.normalize(self._vectors(batch), dim=1)
        counts = batch.tensors["counts"]
        first = torch.cumsum(counts, 0) - counts
        one, other = vectors[first], vectors[first + 1]
        if self.loss_kind == "cosine":
            return F.mse_loss((one * other).sum(1), batch.tensors["scores"], reduction="sum")
        strangers = vectors[first[counts > 2] + 2]
        near = one @ torch.cat([other, strangers]).T / self.temperature
        return F.cross_entropy(near, torch.arange(len(one), device=near.device), reduction="sum")

    def _vectors(self, batch: Batch) -> Tensor:
        """(texts, width)"""
        if self.pooling == "cls":
            return self.first(batch)[:, 0].float()
        hidden = self.hidden(batch).last_hidden_state.float()
        mask = batch.tensors.get("attention_mask")
        if mask is None:
            return hidden.mean(1)
        return (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)

    def gold_record(self, record: Record) -> Record:
        gold_value(record.value(SCORE))
        return super().gold_record(record)

    def scorer(self) -> Any:
        return _CosineGold()

    def save(self, folder: Path) -> None:
        super().save(folder)
        save_modules(folder, pooling=self.pooling, width=self.model.config.hidden_size, room=self.task.long.room)


def _others(record: Record) -> list[str]:
    """The fields beside `text` that a record has."""
    return [name for name in (PAIR, STRANGER) if record.fields.get(name) is not None]


class _CosineGold:
    """Compares cosines with the field `score`."""

    def __init__(self):
        self.scores = ValueScores()

    def add(self, record: Record, result: dict[str, Any]) -> None:
        self.scores.add(gold_value(record.value(SCORE)), result["score"])

    def summary(self) -> dict[str, Any]:
        return self.scores.summary()
