"""Choices against the right ones of the records: --gold FIELD."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

from roberta.errors import InputError
from roberta.tasks.base import Result
from roberta.tasks.choose import Choose

if TYPE_CHECKING:
    from roberta.records import Record


def gold_choice(value: Any, choices: Sequence[str]) -> int:
    """Which of `choices` a gold value means: by its text, its letter (A is the first) or its number, counted from 0.

    The text goes first, so "1" among choices of digits is a text. Numbers may come as text, as csv has them.

    >>> [gold_choice(value, ["yes", "no"]) for value in ("no", "B", 1, "1")]
    [1, 1, 1, 1]

    Raises InputError (unknown_gold): none of them.
    """
    if isinstance(value, str):
        if value in choices:
            return list(choices).index(value)
        if len(value) == 1 and value.upper() in ascii_uppercase[: len(choices)]:
            return ascii_uppercase.index(value.upper())
        if value.isascii() and value.isdigit() and len(value) < 10:
            value = int(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value in range(len(choices)):
        return int(value)
    shown = repr(value)
    shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
    raise InputError(
        f"the gold choice {shown} is none of the {len(choices)} choices; give its text, its letter from A, or its"
        " number from 0",
        code="unknown_gold",
    )


class ChoiceGold:
    """Counts how often the best choice is the right one.

    field: the field with the right choice, which every record must have.

    >>> gold = ChoiceGold("label", task)
    >>> gold.add(Record(0, "dev.jsonl:1", {"context": "1 + 1", "choices": ["2", "3"], "label": 0}), {"choice": 0})
    >>> gold.summary()
    {'records': 1, 'accuracy': 1.0}
    """

    def __init__(self, field: str, task: Choose):
        self.field = field
        self.task = task
        self.records = 0
        self.right = 0

    def add(self, record: Record, result: Result) -> None:
        """Count one answered record. Raises InputError: no such field, or a gold value that is no choice."""
        given = record.as_given
        value = given[self.field] if self.field in given else record.value(self.field)
        choices = self.task.alternatives(record).choices
        right = gold_choice(value, choices)
        self.records += 1
        self.right += choices[result["choice"]] == choices[right]  # a choice may stand there twice

    def summary(self) -> dict[str, Any]:
        """Nothing was compared: accuracy is None."""
        return {"records": self.records, "accuracy": self.right / self.records if self.records else None}
