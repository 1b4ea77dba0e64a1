"""Fine-tuning on labels of texts and pairs of texts: one of several, any of several, or a number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from roberta.errors import InputError, UsageError
from roberta.metrics.classification import gold_labels, gold_value, spelt
from roberta.records import Record
from roberta.tasks.gold import Gold
from roberta.training.examples import Example, located
from roberta.training.fine_tune import FineTuning
from roberta.training.objective import Batch

LABEL = "label"  # the field with the right answer, unless --field names another
SINGLE, SEVERAL, NUMBER = "single_label_classification", "multi_label_classification", "regression"


@dataclass
class Classification(FineTuning):
    """One of several labels. class_weights: (labels,) how much each label's examples count; None: all alike."""

    class_weights: Tensor | None = None

    name = "classify"
    metrics = ("accuracy", "macro_f1")

    def examples_of(self, record: Record) -> Sequence[Example]:
        target = self.target(record)
        return [Example((window.input_ids,), target, record) for window in self.task.prepare(record)]

    def gold_record(self, record: Record) -> Record:
        self.target(record)
        return super().gold_record(record)

    def target(self, record: Record) -> Any:
        name = label_name(record.value(LABEL))
        if name not in self.model.config.label2id:
            raise InputError(f"the label {name!r} is not among the training data's", code="unknown_label")
        return self.model.config.label2id[name]

    def targets(self, examples: Sequence[Example], width: int) -> dict[str, Tensor]:
        return {"labels": torch.tensor([example.target for example in examples])}

    def weight(self, targets: dict[str, Tensor]) -> float:
        labels = targets["labels"]
        return float(len(labels) if self.class_weights is None else self.class_weights[labels].sum())

    def loss(self, batch: Batch) -> Tensor:
        logits = self.model.classifier(self.first(batch)).float()
        weights = None if self.class_weights is None else self.class_weights.to(logits.device)
        return F.cross_entropy(logits, batch.tensors["labels"], weights, reduction="sum")

    def scorer(self) -> Any:
        return Gold(LABEL, self.task)

    def balanced_weights(self) -> Tensor:
        """Weights under which every label counts alike: (labels,), their mean over the examples is 1."""
        counts = np.bincount([example.target for example in self.examples], minlength=self.model.config.num_labels)
        weights = len(self.examples) / (len(counts) * np.maximum(counts, 1))
        return torch.from_numpy(np.where(counts > 0, weights, 0.0)).float()


@dataclass
class Regression(Classification):
    """A number for each text."""

    name = "regress"
    metrics = ("pearson", "spearman", "-mse")

    def target(self, record: Record) -> float:
        return gold_value(record.value(LABEL))

    def targets(self, examples: Sequence[Example], width: int) -> dict[str, Tensor]:
        return {"labels": torch.tensor([example.target for example in examples], dtype=torch.float32)}

    def weight(self, targets: dict[str, Tensor]) -> float:
        return float(len(targets["labels"]))

    def loss(self, batch: Batch) -> Tensor:
        logits = self.model.classifier(self.first(batch)).float()
        return F.mse_loss(logits.flatten(), batch.tensors["labels"], reduction="sum")


@dataclass
class MultiLabel(Classification):
    """Any of several labels, each for itself. The field holds a list of names."""

    name = "multilabel"
    metrics = ("micro_f1", "macro_f1", "exact_match")

    def balanced_weights(self) -> Tensor:
        """How often each label is false for once that it is true: (labels,)."""
        table = np.stack([example.target for example in self.examples])
        true = table.sum(0)
        return torch.from_numpy(np.where(true > 0, (len(table) - true) / np.maximum(true, 1), 1.0)).float()

    def target(self, record: Record) -> np.ndarray:
        config = self.model.config
        names = [config.id2label[number] for number in range(config.num_labels)]
        right = gold_labels(record.value(LABEL), names)
        return np.array([name in right for name in names], np.float32)

    def targets(self, examples: Sequence[Example], width: int) -> dict[str, Tensor]:
        return {"labels": torch.from_numpy(np.stack([example.target for example in examples]))}

    def weight(self, targets: dict[str, Tensor]) -> float:
        return float(targets["labels"].numel())

    def loss(self, batch: Batch) -> Tensor:
        logits = self.model.classifier(self.first(batch)).float()
        weights = None if self.class_weights is None else self.class_weights.to(logits.device)
        return F.binary_cross_entropy_with_logits(logits, batch.tensors["labels"], pos_weight=weights, reduction="sum")


def label_name(value: Any) -> str:
    """The name of a label in the data: a string as it is, a whole number as its digits.

    Raises InputError: neither, or empty.
    """
    name = spelt(value)
    if not isinstance(name, str) or not name:
        raise InputError(f"{LABEL} is {value!r}; give a name or a whole number", code="bad_label")
    return name


def label_names(records: Sequence[Record], *, several: bool = False) -> list[str]:
    """The labels of the data, sorted; whole numbers by their value.

    Raises InputError: a record without a label, named by its file and line; UsageError: fewer than two labels.
    """
    counts: Counter[str] = Counter()
    for record in records:
        try:
            value = record.value(LABEL)
            for one in value if several and isinstance(value, list) else [value]:
                counts[label_name(one)] += 1
        except InputError as error:
            raise located(record, error) from None
    if len(counts) < 2 - several:
        raise UsageError(f"the training data have {len(counts)} labels ({', '.join(counts)}); learning needs two")
    if all(name.lstrip("-").isdecimal() for name in counts):
        return sorted(counts, key=int)
    return sorted(counts)
