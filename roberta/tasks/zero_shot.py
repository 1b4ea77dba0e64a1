"""zero-shot: any labels, judged by a model that knows whether one text follows from another (NLI)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from roberta.errors import CheckpointError, InputError, UsageError
from roberta.spelling import did_you_mean
from roberta.tasks.base import Result, Task, Window
from roberta.tasks.classify import check_best, ranked
from roberta.tasks.long_text import LongText
from roberta.tasks.numbers import sigmoid, softmax
from roberta.tasks.text_windows import Reading, mean_over, spans_beside, what_was_cut

if TYPE_CHECKING:
    from roberta.records import Record
    from roberta.tokenizer import RobertaTokenizer

TEMPLATE = "This example is {}."
KNOWN_LABELS = 10_000  # whose tokens are remembered; more come only from labels that differ from record to record
ENTAILMENT = re.compile("entail", re.IGNORECASE)
CONTRADICTION = re.compile("contradict|not[ _-]?entail", re.IGNORECASE)


@dataclass(frozen=True)
class ZeroShot(Task):
    """Judge for each label whether "This example is LABEL." follows from the text.

    labels: for every record that has no field `labels` of its own. template: {} is the label's place.
    multi_label: each label on its own, entailment against contradiction; otherwise the labels share one softmax of
    entailment. One single label is always judged on its own: shared out among one, its score would be 1.
    entailment_label: the class that means entailment, where its name does not begin so.
    best, threshold, logits (of entailment), allow_empty, long: as in Classify. Only the text is ever cut, into the
    same windows for every label.

    >>> task = ZeroShot(tokenizer, {0: "contradiction", 1: "entailment"}, LongText(room=512), labels=("sport", "war"))
    >>> record = Record(0, "argument 1", {"text": "They won 3:1."})
    >>> windows = task.prepare(record)  # one for each label
    >>> logits = [np.array([0.0, 2.0]), np.array([0.0, -2.0])]
    >>> task.decode(record, windows, logits)["label"]
    'sport'

    Raises CheckpointError: no class that means entailment, or contradiction where that is needed; UsageError: labels
    that are empty or given twice, a template without {}, no such entailment_label.
    """

    tokenizer: RobertaTokenizer
    id2label: dict[int, str]
    long: LongText
    labels: tuple[str, ...] | None = None
    template: str = TEMPLATE
    multi_label: bool = False
    entailment_label: str | None = None
    best: int | None = 1
    threshold: float | None = None
    logits: bool = False
    allow_empty: bool = False
    head = "sequence_classification"
    _hypotheses: dict[str, list[int]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self):
        check_best(self.best)
        if "{}" not in self.template:
            raise UsageError(f"the template {self.template!r} has no {{}}; write {{}} where the label goes")
        if isinstance(self.labels, str):
            raise UsageError("labels is one string; give a list of labels")
        if self.labels is not None and (fault := _fault(self.labels)):
            raise UsageError(fault)
        if self.entailment is None:
            raise CheckpointError(
                f'this model has no class named "entail..." (found: {self._found});'
                " choose an NLI model or name the class with --entailment-label"
            )
        if self._contradiction is None and (self.multi_label or (self.labels is not None and len(self.labels) == 1)):
            raise CheckpointError(self._no_contradiction)

    @cached_property
    def entailment(self) -> int | None:
        """Number of the class that means entailment."""
        if self.entailment_label is None:
            return next((number for number, name in sorted(self.id2label.items()) if ENTAILMENT.match(name)), None)
        for number, name in self.id2label.items():
            if name == self.entailment_label:
                return number
        raise UsageError(
            f"this model has no class named {self.entailment_label!r} (found: {self._found})"
            + did_you_mean(self.entailment_label, self.id2label.values())
        )

    @cached_property
    def _contradiction(self) -> int | None:
        """Number of the class that means the contrary, if there is one."""
        return next((number for number, name in sorted(self.id2label.items()) if CONTRADICTION.match(name)), None)

    @property
    def _found(self) -> str:
        return ", ".join(self.id2label[number] for number in sorted(self.id2label))

    @property
    def _no_contradiction(self) -> str:
        return (
            f'this model has no class named "contradict..." (found: {self._found}), which several true labels and a'
            " single label are judged against; choose an NLI model, or give two labels or more without --multi-label"
        )

    def prepare(self, record: Record) -> list[Window]:
        """One window for each piece of the text and each label, the labels of a piece side by side."""
        premise = self.tokenizer.encode_ids(record.string("text", allow_empty=self.allow_empty))
        hypotheses = [self._hypothesis(label) for label in self.labels_of(record)]
        longest = max(map(len, hypotheses))
        special = self.tokenizer.num_special_tokens_to_add(pair=True)
        if self.long.room - special <= longest:
            raise InputError(
                f"a label of {longest} tokens, template counted, leaves no room for the text in a window of"
                f" {self.long.room}; shorten it",
                code="too_long",
            )
        spans = spans_beside(self.long, len(premise), longest + special)
        left_out = self.long.note(spans, len(premise)).get("truncated", 0)
        return [
            Window(self.tokenizer.frame(premise[start:end], hypothesis), note=Reading(end - start, left_out))
            for start, end in spans
            for hypothesis in hypotheses
        ]

    def labels_of(self, record: Record) -> Sequence[str]:
        """The labels that a record is judged by: its own, or the run's. Raises InputError: none, or unfit ones."""
        if record.fields.get("labels") is None:
            if self.labels is None:
                raise InputError('no labels: give --labels, or a list "labels" in the record', code="no_field")
            return self.labels
        labels = record.strings("labels")
        if fault := _fault(labels):
            raise InputError(fault, code="bad_labels")
        if len(labels) == 1 and self._contradiction is None:
            raise InputError(self._no_contradiction, code="bad_labels")
        return labels

    def _hypothesis(self, label: str) -> list[int]:
        """The tokens of the template with `label` in it, encoded once per run."""
        if label not in self._hypotheses:
            if len(self._hypotheses) >= KNOWN_LABELS:
                self._hypotheses.clear()
            self._hypotheses[label] = self.tokenizer.encode_ids(self.template.replace("{}", label))
        return self._hypotheses[label]

    def condense(self, record: Record, window: Window, output: np.ndarray) -> tuple[float, float]:
        """The logits of entailment and of its contrary, 0 where the model has none."""
        contrary = 0.0 if self._contradiction is None else float(output[self._contradiction])
        return float(output[self.entailment]), contrary

    def decode(self, record: Record, windows: list[Window], outputs: list[tuple[float, float]]) -> Result:
        labels = self.labels_of(record)
        pieces = windows[:: len(labels)]
        entailment, contradiction = np.reshape(outputs, (len(pieces), len(labels), 2)).transpose(2, 0, 1)
        alone = self.multi_label or len(labels) == 1
        # A softmax of two is the sigmoid of their difference.
        scores = sigmoid(entailment - contradiction) if alone else softmax(entailment)
        shown = mean_over(pieces, entailment) if self.logits else None
        return {
            **ranked(labels, mean_over(pieces, scores), self.best, self.threshold, shown),
            **what_was_cut(pieces),
        }


def _fault(labels: Sequence[str]) -> str | None:
    """What is wrong with a list of labels."""
    if not labels:
        return "labels is empty; give at least one"
    if "" in labels:
        return "one of the labels is empty; give it at least one character"
    twice = next((label for place, label in enumerate(labels) if label in labels[:place]), None)
    return f"the label {twice!r} is given twice" if twice is not None else None
