"""fill-mask: the likeliest words for every <mask>."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from roberta.errors import InputError
from roberta.tasks.base import Result, Task, Window
from roberta.tasks.numbers import log_softmax, top

if TYPE_CHECKING:
    from roberta.records import Record
    from roberta.tokenizer import RobertaTokenizer


@dataclass(frozen=True)
class FillMask(Task):
    """Print `best` words for each mask, each mask judged with the others left in.

    >>> FillMask(tokenizer, best=1, room=512).prepare(Record(0, "argument 1", {"text": "A <mask>."}))
    [Window(input_ids=[0, 250, 50264, 4, 2], rows=[2])]
    """

    tokenizer: RobertaTokenizer
    room: int  # tokens of a window, <s> and </s> counted
    best: int = 5
    head = "masked_lm"

    def prepare(self, record: Record) -> list[Window]:
        ids = self.tokenizer.encode_ids(record.text)
        masks = [place for place, token in enumerate(ids) if token == self.tokenizer.mask_token_id]
        if not masks:
            raise InputError("the text has no <mask>; write <mask> where a word is missing", code="no_mask")
        room = self.room - self.tokenizer.num_special_tokens_to_add()
        if len(ids) <= room:
            return [Window(self.tokenizer.frame(ids), rows=[place + 1 for place in masks])]
        return [self._centred(ids, place, room) for place in masks]

    def _centred(self, ids: list[int], place: int, room: int) -> Window:
        start = min(max(0, place - room // 2), len(ids) - room)
        return Window(self.tokenizer.frame(ids[start : start + room]), rows=[place - start + 1])

    def condense(self, record: Record, window: Window, output: np.ndarray) -> list[list[dict[str, Any]]]:
        return [self._fills(logits) for logits in output]

    def _fills(self, logits: np.ndarray) -> list[dict[str, Any]]:
        logprobs = log_softmax(logits)
        return [
            {
                "text": self.tokenizer.decode([token]),
                "id": token,
                "score": float(np.exp(logprobs[token])),
                "logprob": float(logprobs[token]),
                "pieces": 1,
            }
            for token in top(logprobs, self.best)
        ]

    def decode(self, record: Record, windows: list[Window], outputs: list[list[list[dict]]]) -> Result:
        fills = [fill for window in outputs for fill in window]
        encoding = self.tokenizer.pieces(record.text)
        spans = [span for token, span in zip(encoding.ids, encoding.offsets) if token == self.tokenizer.mask_token_id]
        masks = [{"start": start, "end": end, "fills": row} for (start, end), row in zip(spans, fills)]
        return {"masks": masks, "filled": _filled(record.text, masks)}


def _filled(text: str, masks: list[dict[str, Any]]) -> str:
    """The text with the best word in every mask. A word that brings its own blank takes the place of the mask's."""
    parts, at = [], 0
    for mask in masks:
        word = mask["fills"][0]["text"] if mask["fills"] else ""
        before = text[at : mask["start"]]
        parts += [before.rstrip() if word[:1].isspace() else before, word]
        at = mask["end"]
    return "".join([*parts, text[at:]])
