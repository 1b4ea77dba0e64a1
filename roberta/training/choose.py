"""Fine-tuning on choices: the right one among any number, each read beside the context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from roberta.records import Record
from roberta.tasks.choice_gold import ChoiceGold, gold_choice
from roberta.training.classify import LABEL
from roberta.training.examples import Example
from roberta.training.fine_tune import FineTuning, Fit
from roberta.training.objective import Batch


@dataclass
class Choices(FineTuning):
    """One right choice. Records of a batch may have different numbers of them."""

    name = "choose"
    metrics = ("accuracy",)

    def examples_of(self, record: Record) -> Sequence[Example]:
        return [Example(tuple(window.input_ids for window in self.task.prepare(record)), self._right(record), record)]

    def fit_of(self, record: Record) -> Fit:
        first, *_ = self.task.prepare(record)  # a window for each choice, whose note counts what is left out
        return Fit.CUT if first.note else Fit.WHOLE

    def _right(self, record: Record) -> int:
        return gold_choice(record.value(LABEL), self.task.alternatives(record).choices)

    def gold_record(self, record: Record) -> Record:
        self._right(record)
        return super().gold_record(record)

    def targets(self, examples: Sequence[Example], width: int) -> dict[str, Tensor]:
        return {
            "labels": torch.tensor([example.target for example in examples]),
            "choices": torch.tensor([len(example.input_ids) for example in examples]),
        }

    def weight(self, targets: dict[str, Tensor]) -> float:
        return float(len(targets["labels"]))

    def loss(self, batch: Batch) -> Tensor:
        pooled = self.model.body.pooler(self.first(batch))
        scores = self.model.classifier(self.model.dropout(pooled)).float().flatten()
        counts = batch.tensors["choices"].tolist()
        # A row for each record, as wide as the one with most choices; those it lacks cannot be chosen.
        rows = torch.nn.utils.rnn.pad_sequence(scores.split(counts), batch_first=True, padding_value=float("-inf"))
        return F.cross_entropy(rows, batch.tensors["labels"], reduction="sum")

    def scorer(self) -> Any:
        return ChoiceGold(LABEL, self.task)
