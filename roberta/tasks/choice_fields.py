"""Which fields of a record hold a question of choice: our own names, and those of SWAG, RACE and COPA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, takewhile
from typing import TYPE_CHECKING

from roberta.errors import InputError
from roberta.records.record import field_flag, no_field

if TYPE_CHECKING:
    from roberta.records import Record

CONTEXTS = ("context", "article", "sent1", "premise")
QUESTIONS = ("question", "sent2")
LISTS = ("choices", "options")
NUMBERED = (("ending", 0), ("choice", 1))  # columns of a table: ending0, ending1, ... and choice1, choice2, ...
LINKS = {"cause": "because", "effect": "so"}  # what COPA asks for, as the word that leads to the answer
BLANK = "_"  # in a question of RACE: where the answer goes


@dataclass(frozen=True, slots=True)
class Continuation:
    """What is read after the context for one choice.

    >>> Continuation("The man ", "eats it.").text
    'The man eats it.'
    """

    lead: str
    choice: str
    rest: str = ""

    @property
    def text(self) -> str:
        return self.lead + self.choice + self.rest


@dataclass(frozen=True, slots=True)
class Alternatives:
    """One question of choice: what is known, what is asked, the answers to choose from."""

    context: str
    choices: Sequence[str]
    continuations: Sequence[Continuation]


def read_alternatives(
    record: Record,
    *,
    question: str | None = None,
    choices: Sequence[str] | None = None,
    allow_empty: bool = False,
) -> Alternatives:
    """The question of a record. question, choices: for records that have none of their own.

    The question is read in front of each choice, so that it is whole where the context has to be cut. A question
    without a context is the context.

    >>> record = Record(0, "swag.csv:2", {"sent1": "He cooks.", "sent2": "He", "ending0": "eats.", "ending1": "sings."})
    >>> [continuation.text for continuation in read_alternatives(record).continuations]
    ['He eats.', 'He sings.']

    Raises InputError: no_field, wrong_type, empty_text, or bad_choices: fewer than two.
    """
    found, fills_blanks = _choices(record, choices)
    context, question = _context_and_question(record, question, allow_empty)
    if fills_blanks and BLANK in question:
        lead, rest = question.split(BLANK, 1)
        continuations = [Continuation(lead, choice, rest.replace(BLANK, choice)) for choice in found]
    else:
        lead = f"{question} " if question else ""
        continuations = [Continuation(lead, choice) for choice in found]
    return Alternatives(context, found, continuations)


def _choices(record: Record, shared: Sequence[str] | None) -> tuple[list[str], bool]:
    """The choices, and whether they go into the blank of their question, as those of RACE do."""
    fields = record.fields
    for name in LISTS:
        if fields.get(name) is not None:
            found = record.strings(name)
            return _checked(name, found, [f"{name}[{place}]" for place in range(len(found))]), name == "options"
    for stem, first in NUMBERED:
        names = list(takewhile(lambda name: fields.get(name) is not None, (f"{stem}{n}" for n in count(first))))
        if names:
            return _checked(stem, [record.string(name, allow_empty=True) for name in names], names), False
    if shared is None:
        raise no_field("choices", record.as_given, field_flag("choices"))
    return list(shared), False


def _checked(name: str, choices: list[str], places: list[str]) -> list[str]:
    if fault := fault_of(name, choices, places):
        raise InputError(fault[0], code=fault[1])
    return choices


def fault_of(name: str, choices: Sequence[str], places: Sequence[str]) -> tuple[str, str] | None:
    """What is wrong with a list of choices, and the code for it; places: what to call each."""
    if len(choices) < 2:
        number = f"{len(choices)} {'entry' if len(choices) == 1 else 'entries'}"
        return f"{name} has {number}; give at least two", "bad_choices"
    for place, choice in zip(places, choices):
        if not choice.strip():
            return f"{place} is blank; give it at least one word", "empty_text"
    return None


def _context_and_question(record: Record, shared: str | None, allow_empty: bool) -> tuple[str, str]:
    fields = record.fields
    place = next((name for name in CONTEXTS if fields.get(name) is not None), None)
    if place is None and "text" in fields:  # a line, or what --field FIELD names
        place = "text"
    asked = next((name for name in QUESTIONS if fields.get(name) is not None), None)
    link = None
    if fields.get("asks_for") is not None:
        link = _link(record.string("asks_for"))
    elif place == "premise" and asked == "question" and fields["question"] in (*LINKS,):
        link, asked = LINKS[fields["question"]], None
    if place is None:
        place, asked = asked, None
    if place is None:
        raise no_field("context", record.as_given, field_flag("context"))
    context = record.string(place, allow_empty=allow_empty)
    if not (context.strip() or allow_empty):
        raise InputError(f"{place} is blank; give it some text", code="empty_text")
    own = None if asked is None else record.string(asked, allow_empty=True)
    if own is None and link is None:
        own = shared
    return context, " ".join(part for part in (own, link) if part)


def _link(asks_for: str) -> str:
    if asks_for not in LINKS:
        raise InputError(f"asks_for is {asks_for!r}; give {' or '.join(LINKS)}", code="wrong_type")
    return LINKS[asks_for]
