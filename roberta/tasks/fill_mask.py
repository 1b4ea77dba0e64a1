"""fill-mask: the likeliest words for every <mask>."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from roberta.errors import InputError, UsageError
from roberta.records.offsets import convert_spans
from roberta.tasks.base import Again, Result, Task, Window
from roberta.tasks.centred_span import centred_span, unread
from roberta.tasks.long_text import LongText
from roberta.tasks.mask_questions import Answers, Fill, MaskJudge
from roberta.tasks.mask_search import Beam, fill_greedily, fill_jointly, joint_logprob
from roberta.tasks.mask_targets import Targets, encode_targets
from roberta.tasks.masked_text import MaskedText, read_masks

if TYPE_CHECKING:
    from roberta.records import Record
    from roberta.tokenizer import RobertaTokenizer

FILL = ("each", "greedy", "joint")


@dataclass(frozen=True)
class FillMask(Task):
    """Print `best` words for each mask.

    room: tokens of a window, <s> and </s> counted. In a longer text each mask is judged by the window that it is the
        centre of; long: "truncate" reads the beginning only, "error" refuses the text.
    fill: "each" judges each mask with the others left in. "greedy" fills the surest mask and judges the others again.
        "joint" goes from left to right and keeps the `beams` likeliest sequences of words.
    mask: what stands for a mask in the texts, besides <mask> itself.
    targets: the words to choose from; a record's own field "targets" comes before them. A word gets the blank that its
        place needs; exact_targets takes it as it is spelt. A word of n pieces is judged in the place of n masks, from
        left to right: its logprob is the sum. Scores are shares of the whole vocabulary, not of the targets.
    per_piece: order fills by their logprob divided by their pieces.
    offsets: "chars", "bytes" or "utf16", the unit of start and end.

    >>> FillMask(tokenizer, best=1, room=512).prepare(Record(0, "argument 1", {"text": "A <mask>."}))[0].rows
    [2]

    Raises UsageError: options that mean nothing.
    """

    tokenizer: RobertaTokenizer
    room: int
    best: int = 5
    targets: Sequence[str] | None = None
    exact_targets: bool = False
    per_piece: bool = False
    fill: str = "each"
    beams: int = 5
    mask: str | None = None
    long: str = "window"
    offsets: str = "chars"

    head = "masked_lm"

    def __post_init__(self):
        if self.fill not in FILL:
            raise UsageError(f"no way to fill is called {self.fill!r}; choose from {', '.join(FILL)}")
        if self.best < 1 or self.beams < 1:
            raise UsageError("at least one answer and one beam are needed")
        if self.mask == "":
            raise UsageError("the mask is empty; give the characters that stand for it in the texts")
        if isinstance(self.targets, str):
            raise UsageError("targets is one string; give a list of words")
        convert_spans("", [], self.offsets)

    @cached_property
    def _run_targets(self) -> Targets | None:
        """Encoded once, for all records that have no targets of their own."""
        if self.targets is None:
            return None
        try:
            return encode_targets(self.tokenizer, self.targets, exact=self.exact_targets)
        except InputError as error:  # not the fault of a record
            raise UsageError(str(error)) from None

    def prepare(self, record: Record) -> list[Window]:
        judge = self._judge(record)
        masks = [0] if self.fill == "joint" else range(len(judge.text.places))
        return judge.windows(masks, {})

    def _judge(self, record: Record) -> MaskJudge:
        text = read_masks(self.tokenizer, record.text, self.mask)
        if not text.places:
            mask = self.mask or self.tokenizer.mask_token
            raise InputError(f"the text has no {mask}; write {mask} where a word is missing", code="no_mask")
        return MaskJudge(
            self.tokenizer,
            self._fitting(text),
            size=self.room - self.tokenizer.num_special_tokens_to_add(),
            keep=self.beams if self.fill == "joint" else self.best,
            targets=self._targets(record),
            per_piece=self.per_piece,
        )

    def _fitting(self, text: MaskedText) -> MaskedText:
        """What `long` leaves of the text."""
        framing = self.tokenizer.num_special_tokens_to_add()
        spans = LongText(self.room, self.long, overlap=0).spans(len(text.ids), framing)
        if self.long != "truncate":
            return text
        _, end = spans[0]
        cut = next((number for number, place in enumerate(text.places, start=1) if place >= end), None)
        if cut is not None:
            raise InputError(f"mask {cut} stands after the {end} tokens that are read of this text", code="too_long")
        return replace(text, ids=text.ids[:end], left_out=len(text.ids) - end)

    def _targets(self, record: Record) -> Targets | None:
        if record.fields.get("targets") is None:
            return self._run_targets
        return encode_targets(self.tokenizer, record.strings("targets"), exact=self.exact_targets)

    def condense(self, record: Record, window: Window, output: np.ndarray) -> Answers:
        return window.note.judge.answers(window.note.questions, output)

    def decode(self, record: Record, windows: list[Window], outputs: list[Answers]) -> Result | Again:
        judge = windows[0].note.judge
        if self.fill == "joint":
            return fill_jointly(judge, [()], self.beams, [windows], outputs, lambda beam: self._of_beam(judge, beam))
        if self.fill == "greedy":
            return fill_greedily(judge, {}, windows, outputs, lambda fills: self._of_chosen(judge, fills))
        fills = judge.fills(windows, outputs)
        return self._result(judge, [fills[mask] for mask in sorted(fills)])

    def _of_chosen(self, judge: MaskJudge, fills: list[list[Fill]]) -> Result:
        return self._result(judge, fills, {"logprob": _float32(joint_logprob([row[0] for row in fills]))})

    def _of_beam(self, judge: MaskJudge, beam: Beam) -> Result:
        sequences = [
            {
                "filled": judge.text.filled([self._text(fill) for fill in fills]),
                "score": _float32(math.exp(joint_logprob(fills))),
                "logprob": _float32(joint_logprob(fills)),
                "fills": [self._shown(fill) for fill in fills],
            }
            for fills in beam[: self.best]
        ]
        found = {"logprob": sequences[0]["logprob"], "sequences": sequences}
        return self._result(judge, [[fill] for fill in beam[0]], found)

    def _result(self, judge: MaskJudge, fills: list[list[Fill]], found: Result | None = None) -> Result:
        """fills: of each mask; the first of them stands in `filled`. found: what the way to fill has to add."""
        text = judge.text
        masks = [
            {"start": start, "end": end, "fills": [self._shown(fill) for fill in row[: self.best]]}
            for (start, end), row in zip(convert_spans(text.text, text.spans, self.offsets), fills)
        ]
        filled = text.filled([mask["fills"][0]["text"] for mask in masks])
        return {"masks": masks, "filled": filled, **(found or {}), **_note(judge)}

    def _text(self, fill: Fill) -> str:
        return self.tokenizer.decode(fill.ids, clean_up_tokenization_spaces=False)  # its blank belongs to it

    def _shown(self, fill: Fill) -> dict[str, Any]:
        one = len(fill.ids) == 1
        shown = {
            "text": self._text(fill),
            "id": fill.ids[0] if one else None,
            "score": _float32(math.exp(fill.logprob)),
            "logprob": _float32(fill.logprob),
            "pieces": len(fill.ids),
        }
        return shown if one else {**shown, "ids": list(fill.ids)}


def _float32(value: float) -> float:
    return float(np.float32(value))


def _note(judge: MaskJudge) -> dict[str, int]:
    """What the result says of a text that does not fit: its windows, and how many tokens none of them reads."""
    text, count = judge.text, len(judge.text.ids)
    if count <= judge.size:
        return {"truncated": text.left_out} if text.left_out else {}
    missed = unread(count, [centred_span(count, place, judge.size) for place in text.places])
    return {"windows": len(text.places), **({"truncated": missed} if missed else {})}
