"""How well labels and numbers agree with the gold ones, counted as records pass.

Memory does not grow with the number of records, except for ValueScores, which keeps what it must rank.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Any

import numpy as np

from roberta.errors import InputError
from roberta.spelling import did_you_mean


def gold_label(value: Any, known: Sequence[str]) -> str:
    """The one of `known` that a gold value means: by its name, or by its number, counted from 0.

    A name goes first, so 1 among names of digits is a name: training makes such names of numbers. Numbers may come as
    text, as csv has them, or as 1.0.

    >>> gold_label("pos", ["neg", "pos"]), gold_label(1, ["neg", "pos"]), gold_label("1", ["neg", "pos"])
    ('pos', 'pos', 'pos')

    Raises InputError (unknown_gold): none of them, and it names them.
    """
    if (name := spelt(value)) in known:
        return name
    number = _whole_number(value)
    if number is not None and 0 <= number < len(known):
        return known[number]
    shown = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")
    near = did_you_mean(value, known) if isinstance(value, str) else ""
    raise InputError(
        f"the gold label {_shown(value)} is not a label of this model; give one of {shown}, or its number from 0{near}",
        code="unknown_gold",
    )


def spelt(value: Any) -> Any:
    """A label as a name: numbers as their digits, true and false as JSON has them; what is no label as it is.

    >>> spelt("pos"), spelt(3), spelt(True), spelt(None)
    ('pos', '3', 'true', None)
    """
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) or (number := _whole_number(value)) is None else str(number)


def gold_labels(value: Any, known: Sequence[str]) -> set[str]:
    """The set that a gold value means where several labels may be true: a list of names or numbers, or one alone.

    >>> sorted(gold_labels(["a", 2], ["a", "b", "c"])), gold_labels("b", ["a", "b"]), gold_labels([], ["a"])
    (['a', 'c'], {'b'}, set())

    Raises InputError (unknown_gold) as gold_label does.
    """
    return {gold_label(item, known) for item in (value if isinstance(value, list) else [value])}


def gold_value(value: Any) -> float:
    """The number that a gold value means, which may come as text. Raises InputError (unknown_gold): not a number."""
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            number = float("nan")
        if isfinite(number):
            return number
    raise InputError(f"the gold value {_shown(value)} is not a number, which this model gives", code="unknown_gold")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _whole_number(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value) and value == int(value):
        return int(value)
    return None


class _Agreement:
    """For each label: how often it was gold, how often predicted, and how often both."""

    def __init__(self, labels: Iterable[str] = ()):
        self.labels = dict.fromkeys(labels)  # in their order; those that are not known beforehand follow as they come
        self.gold: Counter[str] = Counter()
        self.predicted: Counter[str] = Counter()
        self.both: Counter[str] = Counter()

    def count(self, gold: Iterable[str], predicted: Iterable[str]) -> None:
        gold, predicted = set(gold), set(predicted)
        for label in sorted((gold | predicted) - self.labels.keys()):
            self.labels[label] = None
        self.gold.update(gold)
        self.predicted.update(predicted)
        self.both.update(gold & predicted)

    def rows(self) -> list[dict[str, Any]]:
        """One for each label; a precision or recall of nothing is 0."""
        return [
            {
                "label": label,
                "precision": _share(self.both[label], self.predicted[label]) or 0.0,
                "recall": _share(self.both[label], self.gold[label]) or 0.0,
                "f1": self._f1(label) or 0.0,
                "support": self.gold[label],
            }
            for label in self.labels
        ]

    def macro_f1(self) -> float | None:
        """Mean F1 of the labels that occur, as gold or as answer."""
        scores = [score for label in self.labels if (score := self._f1(label)) is not None]
        return sum(scores) / len(scores) if scores else None

    def micro_f1(self) -> float | None:
        """F1 of all decisions together."""
        return _share(2 * self.both.total(), self.gold.total() + self.predicted.total())

    def _f1(self, label: str) -> float | None:
        return _share(2 * self.both[label], self.gold[label] + self.predicted[label])


class LabelScores:
    """One gold label and one answer for each record.

    labels: known beforehand, in their order; others are taken in as they come.

    >>> scores = LabelScores(["neg", "pos"])
    >>> scores.add("pos", "pos")
    >>> scores.add("pos", "neg")
    >>> scores.summary()["accuracy"]
    0.5
    """

    def __init__(self, labels: Iterable[str] = ()):
        self._agreement = _Agreement(labels)
        self._confusion: Counter[tuple[str, str]] = Counter()
        self._records = 0

    def add(self, gold: str, predicted: str | None) -> None:
        """predicted: None when no label was sure enough, which is a wrong answer but no other label's."""
        self._records += 1
        self._agreement.count([gold], [] if predicted is None else [predicted])
        if predicted is not None:
            self._confusion[gold, predicted] += 1

    def summary(self) -> dict[str, Any]:
        """Scores from 0 to 1, None before the first record. confusion: gold, then answer, then how often; no zeros."""
        place = {label: number for number, label in enumerate(self._agreement.labels)}
        confusion: dict[str, dict[str, int]] = {}
        for gold, predicted in sorted(self._confusion, key=lambda cell: (place[cell[0]], place[cell[1]])):
            confusion.setdefault(gold, {})[predicted] = self._confusion[gold, predicted]
        return {
            "records": self._records,
            "accuracy": _share(self._agreement.both.total(), self._records),
            "macro_f1": self._agreement.macro_f1(),
            "unanswered": self._records - self._confusion.total(),
            "per_label": self._agreement.rows(),
            "confusion": confusion,
        }


class LabelSetScores:
    """Any number of gold labels and of answers for each record.

    >>> scores = LabelSetScores(["joy", "fear"])
    >>> scores.add({"joy", "fear"}, {"joy"})
    >>> summary = scores.summary()
    >>> summary["exact_match"], round(summary["micro_f1"], 3), summary["macro_f1"]
    (0.0, 0.667, 0.5)
    """

    def __init__(self, labels: Iterable[str] = ()):
        self._agreement = _Agreement(labels)
        self._records = 0
        self._exact = 0

    def add(self, gold: Iterable[str], predicted: Iterable[str]) -> None:
        gold, predicted = set(gold), set(predicted)
        self._records += 1
        self._exact += gold == predicted
        self._agreement.count(gold, predicted)

    def summary(self) -> dict[str, Any]:
        """Scores from 0 to 1, None where nothing was counted."""
        return {
            "records": self._records,
            "exact_match": _share(self._exact, self._records),
            "micro_f1": self._agreement.micro_f1(),
            "macro_f1": self._agreement.macro_f1(),
            "per_label": self._agreement.rows(),
        }


class ValueScores:
    """One gold number and one answer for each record. Ranks need all of them: 16 bytes a record are kept.

    >>> scores = ValueScores()
    >>> for gold, answer in [(1.0, 1.5), (2.0, 2.5), (3.0, 3.5)]:
    ...     scores.add(gold, answer)
    >>> scores.summary()
    {'records': 3, 'pearson': 1.0, 'spearman': 1.0, 'mse': 0.25}
    """

    def __init__(self):
        self._gold = array("d")
        self._predicted = array("d")

    def add(self, gold: float, predicted: float) -> None:
        self._gold.append(gold)
        self._predicted.append(predicted)

    def summary(self) -> dict[str, Any]:
        """pearson and spearman: None for fewer than two records, or where one side never changes."""
        gold, predicted = np.array(self._gold), np.array(self._predicted)
        with np.errstate(over="ignore"):  # the square of a huge error is infinite
            squares = (gold - predicted) ** 2
        return {
            "records": len(gold),
            "pearson": _correlation(gold, predicted),
            "spearman": _correlation(_ranks(gold), _ranks(predicted)),
            "mse": float(squares.mean()) if len(gold) else None,
        }


def _correlation(one: np.ndarray, other: np.ndarray) -> float | None:
    if len(one) < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    one, other = _centred(one), _centred(other)
    return float(np.clip(one @ other / np.sqrt((one @ one) * (other @ other)), -1, 1))


def _centred(values: np.ndarray) -> np.ndarray:
    """Around 0, the largest 1: neither huge nor tiny numbers then leave the range when squared."""
    values = values / np.abs(values).max()
    values = values - values.mean()
    return values / np.abs(values).max()


def _ranks(values: np.ndarray) -> np.ndarray:
    """1 for the smallest; equal values share the mean of their ranks."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[place]


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
