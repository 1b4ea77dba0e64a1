"""classify: the likeliest labels of a text or of a pair of texts, or the number that a regression model gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from roberta.errors import UsageError
from roberta.tasks.base import Result, Task, Window
from roberta.tasks.long_text import LongText
from roberta.tasks.numbers import sigmoid, softmax, top
from roberta.tasks.text_windows import mean_over, what_was_cut, windows_of_pair, windows_of_text

if TYPE_CHECKING:
    from roberta.records import Record
    from roberta.tokenizer import RobertaTokenizer

ACTIVATIONS = {"softmax": softmax, "sigmoid": sigmoid, "none": lambda logits: logits}


@dataclass(frozen=True)
class Classify(Task):
    """Print the `best` labels of a record, the surest first; a regression model gives its number instead.

    id2label, problem_type: as in the config. best: None prints all. activation: "auto", or one of ACTIVATIONS.
    threshold: only labels with at least this score. logits: add each label's logit.
    A long text's score is the mean of its windows' scores, by their tokens; so is its logit.

    >>> task = Classify(tokenizer, {0: "negative", 1: "positive"}, LongText(room=512))
    >>> record = Record(0, "argument 1", {"text": "Good."})
    >>> task.decode(record, task.prepare(record), [np.array([-1.0, 1.0])])["label"]
    'positive'

    Raises UsageError: an unknown activation, best below 1, a threshold where there are no labels.
    """

    tokenizer: RobertaTokenizer
    id2label: dict[int, str]
    long: LongText
    problem_type: str | None = None
    best: int | None = 1
    activation: str = "auto"
    threshold: float | None = None
    logits: bool = False
    allow_empty: bool = False
    head = "sequence_classification"

    def __post_init__(self):
        if self.activation != "auto" and self.activation not in ACTIVATIONS:
            raise UsageError(f"no activation {self.activation!r}; choose from auto, {', '.join(ACTIVATIONS)}")
        check_best(self.best)
        if self.gives_values and self.threshold is not None:
            raise UsageError("this model gives a number, not labels; leave --threshold out")

    @cached_property
    def names(self) -> list[str]:
        """Labels in the order of the model's outputs."""
        return [self.id2label[number] for number in sorted(self.id2label)]

    @property
    def chosen_activation(self) -> str:
        """What "auto" stands for: the rule of the published pipeline."""
        if self.activation != "auto":
            return self.activation
        if self.problem_type == "regression":
            return "none"
        return "sigmoid" if self.problem_type == "multi_label_classification" or len(self.id2label) == 1 else "softmax"

    @property
    def gives_values(self) -> bool:
        """Whether the model measures instead of naming."""
        return self.problem_type == "regression" and self.chosen_activation == "none"

    def prepare(self, record: Record) -> list[Window]:
        ids = self.tokenizer.encode_ids(record.string("text", allow_empty=self.allow_empty))
        if record.fields.get("text_pair") is None:
            return windows_of_text(self.tokenizer, self.long, ids)
        pair_ids = self.tokenizer.encode_ids(record.string("text_pair", allow_empty=self.allow_empty))
        return windows_of_pair(self.tokenizer, self.long, ids, pair_ids)

    def decode(self, record: Record, windows: list[Window], outputs: list[np.ndarray]) -> Result:
        logits = np.stack(outputs).astype(np.float64)  # (windows, labels)
        scores = mean_over(windows, ACTIVATIONS[self.chosen_activation](logits))
        if self.gives_values:
            return {**self._values(scores), **what_was_cut(windows)}
        shown = mean_over(windows, logits) if self.logits else None
        return {**ranked(self.names, scores, self.best, self.threshold, shown), **what_was_cut(windows)}

    def _values(self, values: np.ndarray) -> Result:
        if len(values) == 1:
            return {"value": _float32(values[0])}
        return {"values": {name: _float32(value) for name, value in zip(self.names, values)}}


def ranked(
    names: Sequence[str], scores: np.ndarray, best: int | None, threshold: float | None, logits: np.ndarray | None
) -> Result:
    """The shape of every answer with labels, surest first, equal scores in the order of `names`.

    >>> ranked(["a", "b"], np.array([0.25, 0.75]), best=1, threshold=None, logits=None)
    {'label': 'b', 'score': 0.75, 'labels': [{'label': 'b', 'score': 0.75}]}

    `label` and `score` are None when no label reaches the threshold.
    """
    labels = []
    for place in top(scores, len(names) if best is None else best):
        if threshold is not None and scores[place] < threshold:
            break
        labels.append({"label": names[place], "score": _float32(scores[place])})
        if logits is not None:
            labels[-1]["logit"] = _float32(logits[place])
    first = labels[0] if labels else {"label": None, "score": None}
    return {"label": first["label"], "score": first["score"], "labels": labels}


def _float32(value: float) -> float:
    return float(np.float32(value))


def check_best(best: int | None) -> None:
    """Raises UsageError: fewer than one label wanted."""
    if best is not None and best < 1:
        raise UsageError(f"{best} labels cannot be printed; give --top a number from 1, or all")
