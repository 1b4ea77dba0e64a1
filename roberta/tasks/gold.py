"""Answers against the gold ones of the records: --gold FIELD."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from roberta.errors import UsageError
from roberta.metrics.classification import (
    LabelScores,
    LabelSetScores,
    ValueScores,
    gold_label,
    gold_labels,
    gold_value,
)
from roberta.tasks.base import Result
from roberta.tasks.classify import Classify
from roberta.tasks.zero_shot import ZeroShot

if TYPE_CHECKING:
    from roberta.records import Record

SURE = 0.5  # the score from which a label counts as an answer where several may be true


class Gold:
    """Compares the results of a task with the field that holds what is right.

    >>> gold = Gold("stars", Classify(tokenizer, {0: "bad", 1: "good"}, LongText(room=512)))
    >>> gold.add(Record(0, "reviews.jsonl:1", {"text": "Good.", "stars": 1}), {"label": "good"})
    >>> gold.summary()["accuracy"]
    1.0

    Where several labels may be true (a multi-label model, or --multi-label), the answers are the labels at or above
    the task's threshold, or SURE.

    Raises UsageError: several may be true but not all are printed, or a model that gives several numbers.
    """

    def __init__(self, field: str, task: Classify | ZeroShot):
        self.field = field
        self.task = task
        if isinstance(task, ZeroShot):
            if field == "labels":
                raise UsageError("--gold labels: that field holds the labels to choose from; name another one")
            several, values, names = task.multi_label, False, task.labels or ()
        else:
            several, values, names = task.chosen_activation == "sigmoid", task.gives_values, task.names
        if values and len(names) > 1:
            raise UsageError(f"--gold compares one number, and this model gives {len(names)}: {', '.join(names)}")
        if several and task.best is not None:
            raise UsageError("--gold needs every label where several may be true; give --top all")
        self.scores = ValueScores() if values else LabelSetScores(names) if several else LabelScores(names)

    def add(self, record: Record, result: Result) -> None:
        """Count one answered record. Raises InputError: no such field, or a gold value that the model cannot give."""
        given = record.as_given
        value = given[self.field] if self.field in given else record.value(self.field)
        if isinstance(self.scores, ValueScores):
            self.scores.add(gold_value(value), result["value"])
        elif isinstance(self.scores, LabelSetScores):
            sure = SURE if self.task.threshold is None else self.task.threshold
            answers = [row["label"] for row in result["labels"] if row["score"] >= sure]
            self.scores.add(gold_labels(value, self._known(record)), answers)
        else:
            self.scores.add(gold_label(value, self._known(record)), result["label"])

    def _known(self, record: Record) -> list[str]:
        return list(self.task.labels_of(record)) if isinstance(self.task, ZeroShot) else self.task.names

    def summary(self) -> dict[str, Any]:
        """The scores, as roberta.metrics.classification names them."""
        return self.scores.summary()
