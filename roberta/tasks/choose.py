"""choose: the best of a record's choices, by a multiple-choice head or an NLI model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from roberta.errors import InputError, UsageError
from roberta.tasks.base import Result, Task, Window
from roberta.tasks.choice_fields import Alternatives, fault_of, read_alternatives
from roberta.tasks.long_text import LongText
from roberta.tasks.numbers import softmax, top

if TYPE_CHECKING:
    from roberta.records import Record
    from roberta.tokenizer import RobertaTokenizer

METHODS = ("auto", "head", "likelihood", "entailment")
LONG = ("truncate", "error")


@dataclass(frozen=True)
class Choose(Task):
    """What the methods share: the pairs of context and choice, and the shape of the result.

    room: tokens of a window, <s> and </s> counted. long: "truncate" drops the end of the context, the same for all
    choices, or "error" refuses the record. best: with more than 1, or None for all, `ranked` lists them.
    question, choices: for records that have none of their own.

    >>> task = ChooseByHead(tokenizer, room=512)
    >>> record = Record(0, "argument 1", {"context": "He cooks.", "choices": ["He eats.", "It sings."]})
    >>> task.decode(record, task.prepare(record), [np.array([2.0]), np.array([0.0])])["text"]
    'He eats.'

    Raises UsageError: fewer than two choices, or none to print, or another way to read long texts.
    """

    tokenizer: RobertaTokenizer
    room: int
    long: str = "truncate"
    best: int | None = 1
    question: str | None = None
    choices: tuple[str, ...] | None = None
    allow_empty: bool = False
    method = ""

    def __post_init__(self):
        if self.long not in LONG:
            raise UsageError(f"choose reads one window for each choice; give --long {' or '.join(LONG)}")
        if self.best is not None and self.best < 1:
            raise UsageError(f"{self.best} choices cannot be printed; give --top a number from 1, or all")
        if self.choices is not None:
            places = [f"choice {number}" for number in range(1, len(self.choices) + 1)]
            if fault := fault_of("choices", self.choices, places):
                raise UsageError(fault[0])

    def alternatives(self, record: Record) -> Alternatives:
        """The question of a record. Raises InputError as read_alternatives does."""
        return read_alternatives(record, question=self.question, choices=self.choices, allow_empty=self.allow_empty)

    def prepare(self, record: Record) -> list[Window]:
        """One window for each choice; its note says how many tokens of the context no window reads."""
        asked = self.alternatives(record)
        context = self.tokenizer.encode_ids(asked.context)
        continuations = [self.tokenizer.encode_ids(continuation.text) for continuation in asked.continuations]
        special = self.tokenizer.num_special_tokens_to_add(pair=True)
        kept = self.fit(len(context), [len(continuation) for continuation in continuations], special)
        left_out = len(context) - kept
        return [
            Window(self.tokenizer.frame(context[:kept], continuation), note=left_out) for continuation in continuations
        ]

    def fit(self, context: int, continuations: Sequence[int], special: int) -> int:
        """How many of the tokens of a context are read beside each of its continuations, given in tokens.

        Raises InputError (too_long): a continuation leaves no room, or the context has to be cut and must not be.
        """
        longest = max(continuations)
        if longest + special + min(context, 1) > self.room:
            place = continuations.index(longest)
            raise InputError(
                f"choices[{place}] has {longest} tokens, its question counted, and leaves no room for the context in a"
                f" window of {self.room}; shorten it",
                code="too_long",
            )
        [(_, kept)] = LongText(self.room, self.long).spans(context, longest + special)
        return kept

    def decode(self, record: Record, windows: list[Window], outputs: list[Any]) -> Result:
        return self.result(record, self.scores(outputs), windows[0].note)

    def scores(self, outputs: list[Any]) -> np.ndarray:
        """(choices,) from what `condense` left of their windows."""
        raise NotImplementedError

    def result(self, record: Record, scores: np.ndarray, left_out: int) -> Result:
        """choice counts from 0; equal scores in the order of the choices."""
        if not np.isfinite(scores).all():
            raise InputError("the model gives scores that are not numbers (NaN)", code="not_finite")
        choices = self.alternatives(record).choices
        shown = scores.astype(np.float32).tolist()
        places = top(scores, len(choices) if self.best is None else self.best)
        rows = [{"choice": place, "text": choices[place], "score": shown[place]} for place in places]
        result: Result = {**rows[0], "scores": shown, "method": self.method}
        if self.best != 1:
            result["ranked"] = rows
        return result | ({"truncated": left_out} if left_out else {})


@dataclass(frozen=True)
class ChooseByHead(Choose):
    """The multiple-choice head: a softmax over the logits of the choices."""

    head = "multiple_choice"
    method = "head"

    def scores(self, outputs: list[np.ndarray]) -> np.ndarray:
        return softmax(np.concatenate(outputs))


@dataclass(frozen=True)
class ChooseByEntailment(Choose):
    """A classifier of pairs: how likely each choice follows from the context. The scores need not sum to 1.

    entailment: the number of the class that means it.
    """

    entailment: int = 0
    head = "sequence_classification"
    method = "entailment"

    def scores(self, outputs: list[np.ndarray]) -> np.ndarray:
        return softmax(np.stack(outputs))[:, self.entailment]
