"""qa: the words of a context that answer a question, or that none do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from roberta.errors import InputError, UsageError
from roberta.records import convert_spans
from roberta.tasks.answer_spans import Candidates, Context, Span, best_answers
from roberta.tasks.base import Result, Task, Window
from roberta.tasks.long_text import LongText
from roberta.tasks.text_windows import spans_beside

if TYPE_CHECKING:
    from roberta.records import Record
    from roberta.tokenizer import RobertaTokenizer

WINDOW = 384  # tokens
OVERLAP = 128  # tokens
NULL = ("auto", "never", "allow")
NULL_ANSWERS = "null_answers"  # in config.json: whether questions without an answer were among the training examples
NULL_THRESHOLD = "null_threshold"  # in config.json: the threshold that served best after training
CONTEXTS = 8  # the last ones are kept: questions on the same context mostly follow each other


def null_rule(config: Mapping[str, Any], null: str, threshold: float | None) -> tuple[bool, float]:
    """Whether there may be no answer, and the threshold: as asked for, else as config.json says, else no and 0.0.

    A saved threshold alone says that there were such questions: it can only come from them.

    >>> null_rule({"null_answers": True, "null_threshold": -1.5}, "auto", None)
    (True, -1.5)

    A threshold that is asked for also allows it. Raises UsageError: an unknown rule, nan, or a threshold with "never".
    """
    if null not in NULL:
        raise UsageError(f"no rule {null!r} for questions without an answer; choose from {', '.join(NULL)}")
    saved = config.get(NULL_THRESHOLD)
    trained = bool(config.get(NULL_ANSWERS, saved is not None))
    allowed = null == "allow" or (null == "auto" and (trained or threshold is not None))
    if threshold is None:
        return allowed, 0.0 if saved is None else float(saved)
    if math.isnan(threshold):
        raise UsageError("a null threshold of nan compares with nothing; give a number")
    if not allowed:
        raise UsageError("--null never and --null-threshold do not go together; give one of them")
    return allowed, threshold


class Searched(NamedTuple):
    """The note of a window: the context, and the tokens of it that the window reads."""

    context: Context
    span: Span


@dataclass(frozen=True)
class QuestionAnswering(Task):
    """Find the `best` answers to the question of a record in its context, the likeliest first.

    limit: the longest window that the model takes, for advice. max_answer: tokens of an answer. allow_null: whether
    there may be no answer, which is said when null_odds, the logit of <s> less that of the best span, is above
    null_threshold. context: one for all records, whose question may then stand in `text`. split_logits: add the start
    and end logit of each answer. offsets: "chars", "bytes" or "utf16".

    A span's logit is the sum of its start and end logit, null's the smallest such sum of <s> over the windows. Scores
    are their softmax over null and all spans, so they do not depend on how many are printed.

    >>> task = QuestionAnswering(tokenizer, LongText(room=384, overlap=128), limit=512)
    >>> record = Record(0, "argument 1", {"question": "Who?", "context": "Ada did."})
    >>> task.decode(record, task.prepare(record), outputs)["answer"]
    'Ada'

    Raises UsageError: fewer than one answer, or answers of fewer than one token.
    """

    tokenizer: RobertaTokenizer
    long: LongText
    limit: int
    best: int = 1
    max_answer: int = 30
    allow_null: bool = False
    null_threshold: float = 0.0
    context: str | None = None
    split_logits: bool = False
    offsets: str = "chars"
    allow_empty: bool = False
    head = "question_answering"

    def __post_init__(self):
        if self.best < 1:
            raise UsageError(f"{self.best} answers cannot be printed; give --top a number from 1")
        if self.max_answer < 1:
            raise UsageError(f"answers of {self.max_answer} tokens; give --max-answer a number from 1")
        convert_spans("", [], self.offsets)

    @cached_property
    def _read(self):
        return lru_cache(CONTEXTS)(lambda text: Context.read(self.tokenizer, text))

    def prepare(self, record: Record) -> list[Window]:
        question = self.tokenizer.encode_ids(self._question(record))
        context = self._read(self._context(record))
        room = self.long.room
        if len(question) > room // 2:
            advice = "shorten it" if room >= self.limit else f"shorten it or raise --window (this model: {self.limit})"
            raise InputError(
                f"the question has {len(question)} tokens, more than the window of {room} can hold; {advice}",
                code="too_long",
            )
        others = len(question) + self.tokenizer.num_special_tokens_to_add(pair=True)
        if others >= room:
            raise UsageError(f"a window of {room} tokens has no room for a context beside a question; raise --window")
        windows = []
        for start, end in spans_beside(self.long, len(context.ids), others):
            ids = self.tokenizer.frame(question, context.ids[start:end])
            after = len(ids) - 1  # where the last </s> stands, right behind the context
            windows.append(Window(ids, [0, *range(after - (end - start), after)], Searched(context, (start, end))))
        return windows

    def _question(self, record: Record) -> str:
        is_bare = "question" not in record.fields and "text" in record.fields  # a line, or what --field FIELD names
        question = record.string("text" if is_bare else "question", allow_empty=self.allow_empty)
        if not (question.strip() or self.allow_empty):
            raise InputError("question is blank; give it at least one word", code="empty_text")
        return question

    def _context(self, record: Record) -> str:
        context = self.context if self.context is not None else record.string("context", allow_empty=self.allow_empty)
        if not (context.strip() or self.allow_empty):
            raise InputError("context is blank, so no answer can stand in it; give it some text", code="empty_text")
        return context

    def decode(self, record: Record, windows: list[Window], outputs: list[np.ndarray]) -> Result:
        context = windows[0].note.context
        spans = [window.note.span for window in windows]
        found, logits = best_answers(context, spans, [output[1:] for output in outputs], self.max_answer, self.best)
        null = min(float(output[0].astype(np.float64).sum()) for output in outputs)
        total = np.logaddexp.reduce(np.append(logits, null))
        null_score = np.exp(null - total)
        null_odds = _float32(null - found.logits[0]) if len(logits) else None
        answers = self._answers(context, found, np.exp(found.logits - total))
        is_null = null_odds is None or (self.allow_null and null_odds > self.null_threshold)
        chosen = {"answer": "", "start": None, "end": None, "score": _float32(null_score)} if is_null else answers[0]
        result = {name: chosen[name] for name in ("answer", "start", "end", "score")}
        result |= {"null_score": _float32(null_score), "null_odds": null_odds, "windows": len(windows)}
        if spans[-1][1] < len(context.ids):
            result["truncated"] = len(context.ids) - spans[-1][1]
        return result | {"answers": answers}

    def _answers(self, context: Context, found: Candidates, scores: np.ndarray) -> list[Result]:
        spans = [context.span(first, last) for first, last in zip(found.first, found.last)]
        shown = convert_spans(context.text, spans, self.offsets)
        answers = []
        for place, ((start, end), (shown_start, shown_end)) in enumerate(zip(spans, shown)):
            answer = {
                "answer": context.text[start:end],
                "start": shown_start,
                "end": shown_end,
                "score": _float32(scores[place]),
                "logit": _float32(found.logits[place]),
            }
            if self.split_logits:
                answer["start_logit"] = _float32(found.starts[place])
                answer["end_logit"] = _float32(found.ends[place])
            answers.append(answer)
        return answers


def _float32(value: float) -> float:
    return float(np.float32(value))
