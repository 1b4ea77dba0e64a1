"""Answers against the right ones of the records: exact match and F1 by the official rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roberta.metrics.squad import SquadScores, gold_answers
from roberta.tasks.base import Result

if TYPE_CHECKING:
    from roberta.records import Record

GOLD_FIELD = "answers"  # as in SQuAD files


class AnswerGold:
    """Scores the results of qa.

    field: the field with the right answers, which every record must have; None scores the records that have GOLD_FIELD.

    >>> gold = AnswerGold()
    >>> record = Record(0, "dev.jsonl:1", {"question": "Who?", "context": "Ada did.", "answers": ["Ada"]})
    >>> gold.add(record, {"answer": "Ada", "null_odds": -3.0, "answers": [{"answer": "Ada"}]})
    >>> gold.summary()
    {'exact_match': 100.0, 'f1': 100.0, 'total': 1}
    """

    def __init__(self, field: str | None = None):
        self.field = field
        self.scores = SquadScores()
        self.counted = 0

    def add(self, record: Record, result: Result) -> None:
        """Count one answered record. Raises InputError: no such field, or what is no answer in it."""
        given = record.as_given
        if self.field is None and GOLD_FIELD not in given:
            return
        field = self.field or GOLD_FIELD
        golds = gold_answers(given[field] if field in given else record.value(field))
        self.counted += 1
        self.scores.second_version |= "is_impossible" in given
        best_span = result["answers"][0]["answer"] if result["answers"] else ""
        self.scores.add(golds, result["answer"], best_span=best_span, null_odds=result["null_odds"])

    def summary(self) -> dict[str, float | int]:
        """The scores, as roberta.metrics.squad names them; nothing if no record had right answers."""
        return self.scores.summary() if self.counted else {}
