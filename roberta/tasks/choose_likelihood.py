"""choose without a head for it: how likely a masked language model finds each choice after the context."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from roberta.errors import InputError
from roberta.tasks.base import Again, Result, Window
from roberta.tasks.choice_fields import Continuation
from roberta.tasks.choose import Choose
from roberta.tasks.numbers import softmax
from roberta.tasks.pseudo_likelihood import ROUND_TOKENS, PseudoLikelihood

if TYPE_CHECKING:
    from roberta.records import Record


class Reading(NamedTuple):
    """Context and one choice as one text.

    ids: without <s> and </s>. context: how many of them are the context's. places: of the tokens that are scored.
    """

    ids: list[int]
    context: int
    places: list[int]

    def shortened(self, kept: int) -> Reading:
        """With at most `kept` tokens of the context."""
        less = max(0, self.context - kept)
        ids = self.ids[: self.context - less] + self.ids[self.context :]
        return Reading(ids, self.context - less, [place - less for place in self.places])


@dataclass(frozen=True)
class ChooseByLikelihood(Choose):
    """Pseudo-log-likelihood of the tokens of each choice, each masked in turn, after the context and the question.

    per_token: divide it by their number, which favours no short choice. Scores are the softmax over the choices.
    Special tokens that stand in a choice are read and not scored.

    Source: Salazar et al. 2020, Masked Language Model Scoring.
    """

    per_token: bool = False
    head = "masked_lm"
    method = "likelihood"

    condense = PseudoLikelihood.condense  # the note of a window is the token that was masked, there as here

    def prepare(self, record: Record) -> list[Window]:
        readings, _ = self._read(record)
        return self._windows(readings, _turns(readings), done=0)

    def _read(self, record: Record) -> tuple[list[Reading], int]:
        """One reading for each choice, cut to the window; and how many tokens of the context are left out."""
        asked = self.alternatives(record)
        readings = [self._reading(asked.context, continuation) for continuation in asked.continuations]
        for place, reading in enumerate(readings):
            if not reading.places:
                raise InputError(
                    f"choices[{place}] has no token that can be masked; give it a word", code="bad_choices"
                )
        context = max(reading.context for reading in readings)
        tails = [len(reading.ids) - reading.context for reading in readings]
        kept = self.fit(context, tails, self.tokenizer.num_special_tokens_to_add())
        return [reading.shortened(kept) for reading in readings], context - kept

    def _reading(self, context: str, continuation: Continuation) -> Reading:
        is_apart = not context or context[-1].isspace() or continuation.text[:1].isspace()
        text = context + ("" if is_apart else " ") + continuation.text
        stop = len(text) - len(continuation.rest)
        start = stop - len(continuation.choice)
        encoding = self.tokenizer.pieces(text)
        special = set(self.tokenizer.all_special_ids)
        spans = list(zip(encoding.ids, encoding.offsets))
        own = sum(end <= len(context) for _, (_, end) in spans)
        places = [
            place
            for place, (id, (begin, end)) in enumerate(spans)
            if begin < stop and end > start and id not in special
        ]
        return Reading(list(encoding.ids), own, places)

    def _windows(self, readings: Sequence[Reading], turns: Sequence[tuple[int, int]], done: int) -> list[Window]:
        """The windows of one round: long choices of long contexts make many, so they come a few at a time."""
        width = max(len(reading.ids) for reading in readings)
        windows = []
        for number, place in turns[done : done + max(1, ROUND_TOKENS // width)]:
            masked = list(readings[number].ids)
            masked[place] = self.tokenizer.mask_token_id
            # <s> comes first, so rows count from 1.
            windows.append(Window(self.tokenizer.frame(masked), [place + 1], readings[number].ids[place]))
        return windows

    def decode(self, record: Record, windows: list[Window], outputs: list[float]) -> Result | Again:
        readings, left_out = self._read(record)
        turns = _turns(readings)

        def proceed(logprobs: list[float]) -> Result | Again:
            if len(logprobs) < len(turns):
                following = self._windows(readings, turns, done=len(logprobs))
                return Again(following, lambda outputs: proceed(logprobs + outputs))
            return self.result(record, self.scores(_by_choice(turns, logprobs)), left_out)

        return proceed(outputs)

    def scores(self, outputs: list[list[float]]) -> np.ndarray:
        """outputs: for each choice the logprobs of its tokens."""
        totals = [math.fsum(logprobs) / (len(logprobs) if self.per_token else 1) for logprobs in outputs]
        return softmax(np.array(totals))


def _turns(readings: Sequence[Reading]) -> list[tuple[int, int]]:
    """Choice and place of every token that is masked."""
    return [(number, place) for number, reading in enumerate(readings) for place in reading.places]


def _by_choice(turns: Sequence[tuple[int, int]], logprobs: Sequence[float]) -> list[list[float]]:
    found: list[list[float]] = [[] for _ in range(turns[-1][0] + 1)]
    for (number, _), logprob in zip(turns, logprobs):
        found[number].append(logprob)
    return found
