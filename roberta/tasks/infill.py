"""generate with a masked language model: masks behind a text, or in it, are filled one by one, the surest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from roberta.errors import InputError, UsageError
from roberta.tasks.base import Again, Result, Task, Window
from roberta.tasks.centred_span import centred_span, unread
from roberta.tasks.continuing import TOP_K, Continuing, one_text, spelt, stable_number
from roberta.tasks.mask_questions import MaskJudge
from roberta.tasks.masked_text import MaskedText, read_masks
from roberta.tasks.numbers import log_softmax
from roberta.tasks.token_choice import drawn_from, repeats, with_repetition_penalty

if TYPE_CHECKING:
    from roberta.records import Record
    from roberta.tokenizer import RobertaTokenizer

LETTERS_LOST = "\ufffd"  # what a part of a letter's bytes is spelt as


@dataclass(frozen=True, slots=True)
class Choice:
    """A token for a mask. logprob: under the model; sureness: the share that the rules leave the likeliest token."""

    id: int
    logprob: float
    sureness: float


@dataclass(frozen=True)
class Draft:
    """One text on its way. chosen: what stands in the place of masks by now; number: which of `num` texts it is."""

    judge: MaskJudge
    number: int = 0
    chosen: Mapping[int, Choice] = field(default_factory=dict)

    @property
    def left(self) -> list[int]:
        """The masks that are still to fill."""
        return [mask for mask in range(len(self.judge.text.places)) if mask not in self.chosen]

    def windows(self) -> list[Window]:
        """What is asked about them, with this draft in the note."""
        fills = {mask: (choice.id,) for mask, choice in self.chosen.items()}
        asked = self.judge.windows(self.left, fills)
        masks = [tuple(question.mask for question in window.note.questions) for window in asked]
        return [replace(window, note=Step(self, of_window)) for window, of_window in zip(asked, masks)]

    def with_surest(self, choices: Mapping[int, Choice]) -> Draft:
        """The draft with the surest of `choices` in place, the leftmost of equals."""
        surest = max(sorted(choices), key=lambda mask: choices[mask].sureness)
        return replace(self, chosen={**self.chosen, surest: choices[surest]})

    def line(self) -> list[int]:
        """All ids of the text."""
        return self.judge.text.with_fills({mask: (choice.id,) for mask, choice in self.chosen.items()})[0]


@dataclass(frozen=True, slots=True)
class Step:
    """The note of a window: which masks of which draft its rows are."""

    draft: Draft
    masks: tuple[int, ...]


@dataclass(frozen=True)
class Infill(Task):
    """Fill the masks of a text; one that has none gets `how.max_new` masks behind it.

    In each round every mask that is left is judged, and the surest is filled. Special tokens are never chosen.

    room: tokens of a window, <s> and </s> counted. The beginning of a text too long to be continued is left out; in one
        with masks, each is judged by the window that it is the centre of.

    >>> Infill(tokenizer, 512, Continuing(max_new=2)).prepare(Record(0, "argument 1", {"text": "A cat"}))[0].input_ids
    [0, 83, 4758, 50264, 50264, 2]

    Raises UsageError: beams, or more new tokens than there is room for.
    """

    tokenizer: RobertaTokenizer
    room: int
    how: Continuing
    allow_empty: bool = False

    head = "masked_lm"

    def __post_init__(self):
        if self.how.beams > 1:
            raise UsageError("--beams needs a causal model; the method mask fills the surest mask first, without beams")
        if self.how.max_new > self._size - 1:
            raise UsageError(
                f"{self.how.max_new} new tokens leave no room for a text before them;"
                f" this model takes {self.room} in all, so at most {self._size - 1} new ones"
            )

    @property
    def _size(self) -> int:
        return self.room - self.tokenizer.num_special_tokens_to_add()

    def prepare(self, record: Record) -> list[Window]:
        judge = MaskJudge(self.tokenizer, self._masked(record), size=self._size, keep=1)
        return [window for number in range(self.how.num) for window in Draft(judge, number).windows()]

    def _masked(self, record: Record) -> MaskedText:
        text = read_masks(self.tokenizer, record.string("text", allow_empty=self.allow_empty))
        if text.places:
            return text
        left_out = max(0, len(text.ids) - (self._size - self.how.max_new))
        kept, end, new = list(text.ids[left_out:]), len(text.text), self.how.max_new
        ids = [*kept, *[self.tokenizer.mask_token_id] * new]
        places = range(len(kept), len(ids))
        return MaskedText(text.text, ids, places, [(end, end)] * new, [end] * new, left_out)

    def condense(self, record: Record, window: Window, output: np.ndarray) -> dict[int, Choice]:
        draft = window.note.draft
        line = draft.line()
        _, begins = draft.judge.text.with_fills({})
        seed = stable_number(self.how.record_seed(record), draft.number, len(draft.chosen))
        return {
            mask: self._choice(row, line, begins[mask], np.random.default_rng([seed, mask]))
            for mask, row in zip(window.note.masks, output)
        }

    def _choice(self, logits: np.ndarray, line: Sequence[int], place: int, random: np.random.Generator) -> Choice:
        how = self.how
        logprobs = log_softmax(logits)
        if np.isnan(logprobs[0]):
            raise InputError("the model gives scores that are not numbers (NaN)", code="not_finite")
        allowed = np.full(len(logits), -np.inf)
        known = min(len(logits), len(self.tokenizer))
        allowed[:known] = with_repetition_penalty(logits[:known], set(line), how.repetition_penalty)
        banned = {*self.tokenizer.all_special_ids, *repeats(line, place, how.no_repeat)}
        allowed[[id for id in banned if id < len(allowed)]] = -np.inf
        if allowed.max() == -np.inf:
            raise InputError("no token can stand in a mask: the rules forbid every one; loosen --no-repeat")
        if how.sample:
            top_k = TOP_K if how.top_k is None else how.top_k
            shares = drawn_from(allowed, how.temperature or 1.0, top_k, how.top_p or 1.0)
            chosen = int(min(np.searchsorted(shares.cumsum(), random.random(), side="right"), shares.nonzero()[0][-1]))
        else:
            shares = np.exp(log_softmax(allowed))
            chosen = int(allowed.argmax())
        return Choice(chosen, float(logprobs[chosen]), float(shares.max()))

    def decode(self, record: Record, windows: list[Window], outputs: list[dict[int, Choice]]) -> Result | Again:
        found: dict[int, tuple[Draft, dict[int, Choice]]] = {}
        for window, choices in zip(windows, outputs):
            draft = window.note.draft
            found.setdefault(draft.number, (draft, {}))[1].update(choices)
        drafts = [draft.with_surest(choices) for _, (draft, choices) in sorted(found.items())]
        asked = [window for draft in drafts for window in draft.windows()]
        if asked:
            return Again(asked, lambda answers: self.decode(record, asked, answers))
        text = drafts[0].judge.text
        appended = text.spans[0][0] == text.spans[0][1]
        texts = [self._continued(draft) if appended else self._infilled(draft) for draft in drafts]
        return self.how.result(texts, "mask", text.left_out or _unread(text, self._size))

    def _continued(self, draft: Draft) -> Result:
        """The text as far as a stop string."""
        chosen = _in_order(draft)
        new, finish = spelt(self.tokenizer, [choice.id for choice in chosen]), "length"
        if any(stop in new for stop in self.how.stop):
            while any(stop in spelt(self.tokenizer, [choice.id for choice in chosen[:-1]]) for stop in self.how.stop):
                chosen.pop()
            new, finish = spelt(self.tokenizer, [choice.id for choice in chosen]), "stop"
        return one_text(draft.judge.text.text + new, new, len(chosen), finish, _logprob(chosen))

    def _infilled(self, draft: Draft) -> Result:
        """The text with its masks filled; `new`: what stands in them, one after the other."""
        text, chosen = draft.judge.text, _in_order(draft)
        words: list[str] = []
        for run in _runs(text.places):
            ids = [chosen[mask].id for mask in run]
            each = [spelt(self.tokenizer, [id]) for id in ids]
            if any(LETTERS_LOST in word for word in each):  # a letter of several tokens
                each = [spelt(self.tokenizer, ids), *[""] * (len(ids) - 1)]
            words += each
        return one_text(text.filled(words), "".join(words), len(chosen), "length", _logprob(chosen))


def _in_order(draft: Draft) -> list[Choice]:
    return [draft.chosen[mask] for mask in sorted(draft.chosen)]


def _logprob(chosen: Iterable[Choice]) -> float:
    return sum(choice.logprob for choice in chosen)


def _runs(places: Sequence[int]) -> list[list[int]]:
    """Masks that stand beside each other.

    >>> _runs([3, 4, 9])
    [[0, 1], [2]]
    """
    runs: list[list[int]] = []
    for mask, place in enumerate(places):
        if mask and place == places[mask - 1] + 1:
            runs[-1].append(mask)
        else:
            runs.append([mask])
    return runs


def _unread(text: MaskedText, size: int) -> int:
    """How many tokens of a text with masks no window reads."""
    return unread(len(text.ids), [centred_span(len(text.ids), place, size) for place in text.places])
