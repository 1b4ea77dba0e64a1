"""Exact match and F1 of answers, by the rules of the official SQuAD scripts 1.1 and 2.0. Plain Python."""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from roberta.errors import InputError

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def normalized_answer(text: str) -> str:
    """What the rules compare: lower case, without ASCII punctuation, English articles and extra blanks.

    >>> normalized_answer("The  Cat's hat, a hat!")
    'cats hat hat'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(answer: str, gold: str) -> float:
    """1.0 if both are the same but for case, punctuation, articles and blanks, else 0.0."""
    return float(normalized_answer(answer) == normalized_answer(gold))


def f1(answer: str, gold: str, *, empty_may_match: bool = True) -> float:
    """F1 over the words of both, as bags.

    empty_may_match: where no word is left of either, version 2.0 gives 1.0 if nothing is left of both; 1.1 gives 0.0.

    >>> f1("the black cat", "a cat")
    0.6666666666666666
    """
    words, gold_words = normalized_answer(answer).split(), normalized_answer(gold).split()
    if not words or not gold_words:
        return float(empty_may_match and words == gold_words)
    same = sum((Counter(words) & Counter(gold_words)).values())
    if not same:
        return 0.0
    precision, recall = same / len(words), same / len(gold_words)
    return 2 * precision * recall / (precision + recall)


def gold_answers(value: Any) -> list[str]:
    """The right answers as a list of texts, none if the question has no answer.

    Understands [{"text": ...}] as in SQuAD files, {"text": [...]}, a list of texts, one text, and null.
    Raises InputError (wrong_type): anything else.

    >>> gold_answers([{"text": "Ada", "answer_start": 0}])
    ['Ada']
    """
    if isinstance(value, dict) and "text" in value:
        value = value["text"]
    if value is None or value == "":
        return []
    texts = value if isinstance(value, list) else [value]
    texts = [text.get("text") if isinstance(text, dict) else text for text in texts]
    if not all(isinstance(text, str) for text in texts):
        raise InputError("the right answers must be texts, or objects with a text each", code="wrong_type")
    return texts


@dataclass(frozen=True, slots=True)
class _Question:
    """One scored question. exact, f1: of the answer given. best_exact, best_f1: of the best span, had it been given."""

    has_answer: bool
    exact: float
    f1: float
    best_exact: float
    best_f1: float
    says_something: bool
    null_odds: float | None


@dataclass
class SquadScores:
    """Scores over many questions; version 2.0 as soon as one of them may be without an answer, else version 1.1.

    >>> scores = SquadScores()
    >>> scores.add(["Ada Lovelace"], "Ada")
    >>> scores.summary()
    {'exact_match': 0.0, 'f1': 66.66666666666666, 'total': 1}
    """

    second_version: bool = False
    _questions: list[_Question] = field(default_factory=list)
    _f1_of_first_version: list[float] = field(default_factory=list)
    _exact_of_first_version: list[float] = field(default_factory=list)

    def add(
        self, golds: Sequence[str], answer: str, *, best_span: str | None = None, null_odds: float | None = None
    ) -> None:
        """Count one question.

        golds: the right answers, none if there is none. answer: "" says that there is none. best_span: what would have
        been said in place of "". null_odds: how much likelier no answer is than the best span.
        """
        self.second_version |= not golds
        known = [gold for gold in golds if normalized_answer(gold)] or [""]
        best = answer if best_span is None else best_span
        self._questions.append(
            _Question(
                bool(golds),
                _most(exact_match, answer, known),
                _most(f1, answer, known),
                _most(exact_match, best, known),
                _most(f1, best, known),
                bool(best),
                null_odds,
            )
        )
        self._exact_of_first_version.append(_most(exact_match, answer, golds))
        self._f1_of_first_version.append(
            max((f1(answer, gold, empty_may_match=False) for gold in golds), default=0.0),
        )

    def summary(self) -> dict[str, float | int]:
        """In percent, under the names of the official scripts.

        1.1: exact_match, f1, total. 2.0: exact, f1, total, the same with HasAns_ and NoAns_ where there are such
        questions, and, where null_odds are known, best_exact, best_exact_thresh, best_f1, best_f1_thresh: what the
        best threshold would give.
        """
        if not self.second_version:
            exact, overlap = _percent(self._exact_of_first_version), _percent(self._f1_of_first_version)
            return {"exact_match": exact, "f1": overlap, "total": len(self._questions)}
        summary = _part("", self._questions)
        for name, wanted in (("HasAns_", True), ("NoAns_", False)):
            part = [question for question in self._questions if question.has_answer is wanted]
            if part:
                summary |= _part(name, part)
        if all(question.null_odds is not None for question in self._questions):
            for name in ("exact", "f1"):
                rows = [
                    (one.null_odds, getattr(one, f"best_{name}"), one.has_answer, one.says_something)
                    for one in self._questions
                ]
                summary[f"best_{name}"], summary[f"best_{name}_thresh"] = best_threshold(rows)
        return summary


def best_threshold(questions: Iterable[tuple[float, float, bool, bool]]) -> tuple[float, float]:
    """The best mean score in percent, and the threshold on the null odds that reaches it.

    questions: null odds, score of the best span, whether there is an answer, whether the best span says anything.
    A question is answered if its odds are not above the threshold; 0.0 answers none where all odds are above 0.

    >>> best_threshold([(-3.0, 1.0, True, True), (2.0, 0.0, False, True)])
    (100.0, -3.0)
    """
    rows = sorted(questions, key=lambda row: row[0])
    score = best = float(sum(not has_answer for _, _, has_answer, _ in rows))
    threshold = min(0.0, math.nextafter(rows[0][0], -math.inf)) if rows else 0.0
    for odds, if_answered, has_answer, says_something in rows:
        score += if_answered if has_answer else -1.0 if says_something else 0.0
        if score > best:
            best, threshold = score, odds
    return 100.0 * best / max(1, len(rows)), threshold


def _most(measure, answer: str, golds: Sequence[str]) -> float:
    return max((measure(answer, gold) for gold in golds), default=0.0)


def _part(prefix: str, questions: Sequence[_Question]) -> dict[str, float | int]:
    return {
        f"{prefix}exact": _percent([question.exact for question in questions]),
        f"{prefix}f1": _percent([question.f1 for question in questions]),
        f"{prefix}total": len(questions),
    }


def _percent(scores: Sequence[float]) -> float:
    return 100.0 * sum(scores) / max(1, len(scores))
