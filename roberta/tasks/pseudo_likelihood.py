"""How likely a masked language model finds whole texts: each token masked in turn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from roberta.errors import InputError
from roberta.records.offsets import convert_spans
from roberta.tasks.base import Again, Result, Task, Window
from roberta.tasks.centred_span import centred_span
from roberta.tasks.long_text import LongText
from roberta.tasks.numbers import log_softmax

if TYPE_CHECKING:
    from roberta.records import Record
    from roberta.tokenizer import RobertaTokenizer

ROUND_TOKENS = 2**16  # a text of n tokens makes n windows: of a long one they are made a few at a time
LEAST_LOGPROB = -88.0  # beyond it exp has no float32


@dataclass(frozen=True)
class PseudoLikelihood(Task):
    """Logprob of every token of a text given all the others, and their sum, the pseudo-log-likelihood.

    Special tokens that stand in the text, <mask> among them, are read and not scored.

    room: tokens of a window, <s> and </s> counted. In a longer text each token is judged by the window that it is the
        centre of; long: "truncate" reads the beginning only, "error" refuses the text.
    offsets: "chars", "bytes" or "utf16", the unit of start and end.

    >>> PseudoLikelihood(tokenizer, room=512).prepare(Record(0, "argument 1", {"text": "Hello world"}))[0].input_ids
    [0, 50264, 232, 2]

    Source: Salazar et al. 2020, Masked Language Model Scoring.
    """

    tokenizer: RobertaTokenizer
    room: int
    long: str = "window"
    offsets: str = "chars"
    allow_empty: bool = False

    head = "masked_lm"

    def __post_init__(self):
        convert_spans("", [], self.offsets)

    def prepare(self, record: Record) -> list[Window]:
        return self._windows(*self._read(record), done=0)

    def _read(self, record: Record) -> tuple[list[int], list[int]]:
        """Ids of the text as far as it is read, and the places that are scored."""
        ids = self.tokenizer.encode_ids(record.string("text", allow_empty=self.allow_empty))
        if self.long == "truncate":
            ids = ids[: self._spans(len(ids))[0][1]]
        special = set(self.tokenizer.all_special_ids)
        return ids, [place for place, id in enumerate(ids) if id not in special]

    def _spans(self, count: int) -> list[tuple[int, int]]:
        return LongText(self.room, self.long, overlap=0).spans(count, self.tokenizer.num_special_tokens_to_add())

    def _windows(self, ids: list[int], places: list[int], done: int) -> list[Window]:
        """The windows of one round, which begins after `done` of the places."""
        self._spans(len(ids))  # refuses what is too long
        size = self.room - self.tokenizer.num_special_tokens_to_add()
        width = min(len(ids), size)
        windows = []
        for place in places[done : done + max(1, ROUND_TOKENS // max(1, width))]:
            start, end = centred_span(len(ids), place, size)
            masked = ids[start:end]
            masked[place - start] = self.tokenizer.mask_token_id
            windows.append(Window(self.tokenizer.frame(masked), [place - start + 1], ids[place]))  # <s> comes first
        return windows

    def condense(self, record: Record, window: Window, output: np.ndarray) -> float:
        [logits] = output
        if window.note >= len(logits):
            token = self.tokenizer.decode([window.note])
            raise InputError(f"the model does not know the token {token!r} of the text", code="unknown_token")
        return float(log_softmax(logits)[window.note])

    def decode(self, record: Record, windows: list[Window], outputs: list[float]) -> Result | Again:
        ids, places = self._read(record)

        def proceed(logprobs: list[float]) -> Result | Again:
            if len(logprobs) == len(places):
                return self._result(record, len(ids), places, logprobs)
            following = self._windows(ids, places, done=len(logprobs))
            return Again(following, lambda outputs: proceed(logprobs + outputs))

        return proceed(outputs)

    def _result(self, record: Record, count: int, places: list[int], logprobs: list[float]) -> Result:
        text = record.string("text", allow_empty=self.allow_empty)
        encoding = self.tokenizer.pieces(text)
        ids, spans = encoding.ids, encoding.offsets
        total = math.fsum(logprobs)
        mean = total / len(logprobs) if logprobs else LEAST_LOGPROB
        if math.isnan(total):
            raise InputError("the model gives scores that are not numbers (NaN)", code="not_finite")
        shown = convert_spans(text, spans, self.offsets)
        tokens = [
            {
                "text": text[spans[place][0] : spans[place][1]],
                "id": ids[place],
                "start": shown[place][0],
                "end": shown[place][1],
                "logprob": float(np.float32(logprob)),
            }
            for place, logprob in zip(places, logprobs)
        ]
        result: Result = {
            "logprob": float(np.float32(total)),
            "count": len(logprobs),
            "perplexity": float(np.float32(math.exp(-mean))) if mean > LEAST_LOGPROB else None,
            "tokens": tokens,
        }
        if count < len(ids):
            result["truncated"] = len(ids) - count
        elif count > self.room - self.tokenizer.num_special_tokens_to_add():
            result["windows"] = len(places)
        return result
