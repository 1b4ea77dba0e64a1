"""Fine-tuning on questions about a context: where the answer starts and ends, or <s> where a window holds none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from roberta.errors import InputError
from roberta.metrics.squad import gold_answers
from roberta.records import Record
from roberta.tasks.answer_gold import GOLD_FIELD, AnswerGold
from roberta.tasks.qa import NULL_ANSWERS, NULL_THRESHOLD
from roberta.training.examples import Example, located
from roberta.training.fine_tune import FineTuning
from roberta.training.objective import Batch


@dataclass
class Answers(FineTuning):
    """Start and end of an answer, in every window of its context."""

    name = "qa"

    @property
    def metrics(self) -> tuple[str, ...]:
        """With questions that have no answer, what the best threshold reaches: it is saved with the model."""
        if not self.allows_null:
            return ("f1", "exact_match")
        parts = [f"{part}{name}" for part in ("", "HasAns_", "NoAns_") for name in ("f1", "exact")]
        return ("best_f1", "best_exact", *parts)

    def examples_of(self, record: Record) -> Sequence[Example]:
        given = answer_place(record)
        examples = []
        for window in self.task.prepare(record):
            first_row = window.rows[1] if len(window.rows) > 1 else 0  # where the context begins in the window
            target = (0, 0)
            if given is not None:
                found = _tokens(window.note.context, *given)
                start, end = window.note.span
                if start <= found[0] and found[1] < end:
                    target = (first_row + found[0] - start, first_row + found[1] - start)
            examples.append(Example((window.input_ids,), target, record))
        return examples

    def targets(self, examples: Sequence[Example], width: int) -> dict[str, Tensor]:
        return {"places": torch.tensor([example.target for example in examples])}

    def weight(self, targets: dict[str, Tensor]) -> float:
        return 2.0 * len(targets["places"])

    def loss(self, batch: Batch) -> Tensor:
        logits = self.model.qa_outputs(self.hidden(batch).last_hidden_state).float()  # (batch, length, 2)
        mask = batch.tensors.get("attention_mask")
        if mask is not None:
            logits = logits.masked_fill(mask[:, :, None] == 0, torch.finfo(logits.dtype).min)
        return F.cross_entropy(logits.transpose(1, 2).flatten(0, 1), self._rows(batch), reduction="sum")

    @staticmethod
    def _rows(batch: Batch) -> Tensor:
        return batch.tensors["places"].flatten()

    def gold_record(self, record: Record) -> Record:
        gold_answers(record.value(GOLD_FIELD))
        return super().gold_record(record)

    def scorer(self) -> Any:
        gold = AnswerGold()
        gold.scores.second_version |= self.allows_null  # so that there is a threshold, whatever was asked here
        return gold

    def evaluate(self) -> dict[str, float]:
        scores = super().evaluate()
        if self.allows_null and "best_f1_thresh" in scores:
            setattr(self.model.config, NULL_THRESHOLD, scores["best_f1_thresh"])
        return scores

    @property
    def allows_null(self) -> bool:
        return bool(getattr(self.model.config, NULL_ANSWERS, False))


def has_null(records: Sequence[Record]) -> bool:
    """Whether any question has no answer. Raises InputError: a record whose answers are none, by file and line."""
    for record in records:
        try:
            if not _answers(record):
                return True
        except InputError as error:
            raise located(record, error) from None
    return False


def _answers(record: Record) -> list[tuple[str, int]]:
    """Texts and starts. Raises InputError: no such field, or what is none."""
    value = record.value(GOLD_FIELD)
    if record.fields.get("is_impossible"):
        return []
    if isinstance(value, dict):  # {"text": [...], "answer_start": [...]}
        value = [
            {"text": text, "answer_start": start}
            for text, start in zip(value.get("text", ()), value.get("answer_start", ()))
        ]
    if not isinstance(value, list):
        raise InputError(f"{GOLD_FIELD} must be a list of answers with text and answer_start", code="bad_gold")
    try:
        return [(str(one["text"]), int(one["answer_start"])) for one in value]
    except (TypeError, KeyError, ValueError):
        raise InputError(f"an answer lacks text or answer_start: {value!r:.80}", code="bad_gold") from None


def answer_place(record: Record) -> tuple[int, int] | None:
    """Where the first answer stands in the context; None: nowhere. Raises InputError: not where it says."""
    answers = _answers(record)
    if not answers:
        return None
    text, start = answers[0]
    context = record.string("context")
    if context[start : start + len(text)] != text or not text:
        found = context.find(text) if text else -1
        place = f"; it stands at {found}" if found >= 0 else ""
        raise InputError(f"the answer {text!r:.60} is not at {start} of its context{place}", code="bad_gold")
    return start, start + len(text)


def _tokens(context, start: int, end: int) -> tuple[int, int]:
    """The first and the last token of the words that hold the characters from `start` to `end`."""
    inside = [number for number, (first, last) in enumerate(context.word_spans) if first < end and last > start]
    if not inside:
        raise InputError("an answer of blanks alone", code="bad_gold")
    tokens = [token for token, word in enumerate(context.words) if inside[0] <= word <= inside[-1]]
    return tokens[0], tokens[-1]
