"""What is asked of the model about a mask, and the fills that its answers make."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from roberta.errors import InputError
from roberta.tasks.base import Window
from roberta.tasks.centred_span import centred_span
from roberta.tasks.mask_targets import Targets, Word
from roberta.tasks.masked_text import MaskedText
from roberta.tasks.numbers import log_softmax, top

if TYPE_CHECKING:
    from roberta.tokenizer import RobertaTokenizer

Answers = list[dict[int, float]]  # for each question of a window: id -> logprob


@dataclass(frozen=True, slots=True)
class Fill:
    """A word in a mask's place.

    ids: of its pieces. logprob: their sum, each piece given those to its left and masks for those to its right.
    """

    ids: Word
    logprob: float

    def rank(self, per_piece: bool) -> float:
        """What fills are ordered by, the largest first."""
        return self.logprob / len(self.ids) if per_piece else self.logprob


@dataclass(frozen=True, slots=True)
class Question:
    """One row of a window: which ids come next in the mask's place.

    mask: its number. pieces: how many the word has. known: those already in place.
    wanted: the ids whose logprobs are asked for; None: the best ones.
    """

    mask: int
    pieces: int = 1
    known: Word = ()
    wanted: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """The note of a window: who asked, and a question for each of its rows."""

    judge: MaskJudge
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class MaskJudge:
    """Asks for the fills of one text's masks.

    size: tokens of the text in a window, framing not counted.
    keep: how many fills of a mask are looked at when there are no targets.
    """

    tokenizer: RobertaTokenizer
    text: MaskedText
    size: int
    keep: int
    targets: Targets | None = None
    per_piece: bool = False

    def windows(self, masks: Sequence[int], chosen: Mapping[int, Word]) -> list[Window]:
        """Windows that tell all about `masks`, while `chosen` stand in the place of others.

        Words of one piece share a window if the text fits one; otherwise each mask gets the window it is the centre
        of. A word of n pieces needs n windows, of which it shares those where the same pieces are known.

        Raises InputError (too_long): a target that fits no window.
        """
        ids, begins = self.text.with_fills(chosen)
        single = [Question(mask, wanted=wanted) for mask in masks if (wanted := self._single_pieces(mask)) != ()]
        if not single:
            windows = []
        elif len(ids) <= self.size:
            windows = [self._window(ids, 0, len(ids), [begins[question.mask] for question in single], single)]
        else:
            windows = [self._centred(ids, begins[question.mask], question) for question in single]
        for question in self._longer_words(masks):
            blanks = [self.tokenizer.mask_token_id] * (question.pieces - len(question.known))
            begin = begins[question.mask]
            near = max(0, begin - self.size)  # nothing further away can be in the window
            line = [*ids[near:begin], *question.known, *blanks, *ids[begin + 1 : begin + 1 + self.size]]
            windows.append(self._centred(line, begin - near, question))
        return windows

    def _centred(self, ids: Sequence[int], begin: int, question: Question) -> Window:
        start, end = centred_span(len(ids), begin + question.pieces // 2, self.size)
        return self._window(ids, start, end, [begin + len(question.known)], [question])

    def _window(self, ids, start: int, end: int, places: Sequence[int], questions: Sequence[Question]) -> Window:
        rows = [place - start + 1 for place in places]  # <s> comes first
        return Window(self.tokenizer.frame(ids[start:end]), rows, Asked(self, tuple(questions)))

    def _words(self, mask: int) -> Sequence[Word]:
        assert self.targets is not None
        return self.targets.at(self.text.follows_blank(mask))

    def _single_pieces(self, mask: int) -> tuple[int, ...] | None:
        if self.targets is None:
            return None
        return tuple(word[0] for word in self._words(mask) if len(word) == 1)

    def _longer_words(self, masks: Sequence[int]) -> Iterator[Question]:
        for mask in masks if self.targets else ():
            wanted: dict[tuple[int, Word], dict[int, None]] = defaultdict(dict)
            for word in self._words(mask):
                if len(word) > self.size:
                    raise InputError(
                        f"a target has {len(word)} tokens; a window of the model holds {self.size}", code="too_long"
                    )
                for done in range(len(word) if len(word) > 1 else 0):
                    wanted[len(word), word[:done]][word[done]] = None
            for (pieces, known), ids in wanted.items():
                yield Question(mask, pieces, known, tuple(ids))

    def answers(self, questions: Sequence[Question], logits: np.ndarray) -> Answers:
        """What is left of a window: the logprobs that were asked for. logits: (questions, vocabulary)."""
        return [self._answer(question, row) for question, row in zip(questions, logits)]

    def _answer(self, question: Question, logits: np.ndarray) -> dict[int, float]:
        logprobs = log_softmax(logits)
        if np.isnan(logprobs[0]):  # one is enough: their sum is in every one of them
            raise InputError("the model gives scores that are not numbers (NaN)", code="not_finite")
        known = min(len(logprobs), len(self.tokenizer))  # a model may have more rows than there are tokens, or fewer
        ids = question.wanted
        if ids is None:
            ids = top(logprobs[:known], self.keep)
        elif max(ids) >= known:
            token = self.tokenizer.decode([max(ids)])
            raise InputError(f"the model does not know the token {token!r} of a target", code="unknown_target")
        return {id: float(logprobs[id]) for id in ids}

    def fills(self, windows: Sequence[Window], outputs: Sequence[Answers]) -> dict[int, list[Fill]]:
        """Fills of each mask that `windows` asked about, the best first; equals in the order of their ids."""
        found: dict[int, dict[tuple[int, Word], dict[int, float]]] = defaultdict(dict)
        for window, answers in zip(windows, outputs):
            for question, logprobs in zip(window.note.questions, answers):
                found[question.mask][question.pieces, question.known] = logprobs
        return {mask: self._fills(mask, logprobs) for mask, logprobs in found.items()}

    def _fills(self, mask: int, logprobs: Mapping[tuple[int, Word], dict[int, float]]) -> list[Fill]:
        if self.targets is None:
            fills = [Fill((id,), logprob) for id, logprob in logprobs[1, ()].items()]
        else:
            fills = [
                Fill(word, sum(logprobs[len(word), word[:done]][id] for done, id in enumerate(word)))
                for word in self._words(mask)
            ]
        return sorted(fills, key=lambda fill: (-fill.rank(self.per_piece), fill.ids))
