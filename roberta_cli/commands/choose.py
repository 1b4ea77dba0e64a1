"""roberta choose"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from roberta.errors import UsageError
from roberta_cli import options
from roberta_cli.answer import answer
from roberta_cli.display import Bars, View
from roberta_cli.groups import Computing, Reading, WritingNumbers

if TYPE_CHECKING:
    from roberta.records import Record


def choose(
    texts: options.Texts = None,
    *,
    context: options.ChoiceContext = None,
    question: options.ChoiceQuestion = None,
    choice: options.Choice = None,
    method: options.ChoiceMethod = "auto",
    per_token: options.PerToken = False,
    entailment_label: options.EntailmentLabel = None,
    top: options.ChoicesOrAll = "1",
    gold: options.ChoiceGold = None,
    long: options.LongChoice = "truncate",
    window: options.Window = None,
    reading: Reading,
    chosen: Computing,
    writing: WritingNumbers,
) -> None:
    """Choose the best of several answers or endings.

    Texts are contexts for the choices given by --choice, or records such as
    {"context": "...", "choices": ["...", "..."]}.

    Examples:

    roberta choose --context "He was hungry." --choice "He eats it." --choice "It rains."

    roberta choose -m my-choice-model -i exam.jsonl --gold answer

    roberta choose -m my-nli-model --method entailment --choice "It rains." --choice "It snows." "Take an umbrella."
    """
    asked = [_record(text, choice is not None) for text in texts or ()]
    if context is not None:
        if texts or reading.input:
            raise UsageError("--context is one record, so it goes with neither texts nor --input; give one of them")
        asked = [{"context": context}]
    answer(
        "choose",
        asked or None,
        reading,
        chosen,
        writing,
        as_views,
        gold=gold,
        method=method,
        per_token=per_token,
        entailment_label=entailment_label,
        top=_top(top),
        question=question,
        choices=choice,
        long=long,
        window=window,
    )


def _record(text: str, has_choices: bool) -> dict[str, Any]:
    """What an argument asks: an object spelt as JSON, or else a context for the choices of the command line."""
    if not text.lstrip().startswith("{"):
        if not has_choices:
            raise UsageError(
                f"no choices for the text {text!r}; give two with --choice,"
                ' or write {"context": "...", "choices": ["...", "..."]}'
            )
        return {"context": text}
    from roberta.records.json_lines import parse_object

    return parse_object(text)


def _top(given: str) -> int | str:
    if given != "all" and not (given.isdecimal() and int(given) >= 1):
        raise UsageError(f"--top is {given!r}; give a whole number of at least 1, or all")
    return given if given == "all" else int(given)


def as_views(result: dict, record: Record) -> list[View]:
    """A row for each choice that was asked for."""
    return [Bars([(row["score"], row["text"]) for row in result.get("ranked", [result])])]
