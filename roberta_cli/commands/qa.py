"""roberta qa"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roberta.errors import ReadError, UsageError
from roberta_cli import options, stream
from roberta_cli.answer import answer
from roberta_cli.display import Bars, View, marked
from roberta_cli.groups import Computing, Reading, Writing, WritingNumbers

if TYPE_CHECKING:
    from roberta.engine.job import Job
    from roberta.engine.runner import Answer

_NEAR = 160  # characters of the context that a terminal shows before and after an answer


def qa(
    texts: options.Texts = None,
    *,
    question: options.Question = None,
    context: options.ContextFile = None,
    context_text: options.ContextText = None,
    top: options.Top = 1,
    max_answer: options.MaxAnswer = 30,
    null: options.Null = "auto",
    null_threshold: options.NullThreshold = None,
    gold: options.AnswerGold = None,
    offsets: options.Offsets = "chars",
    long: options.Long = "window",
    window: options.QaWindow = None,
    overlap: options.QaOverlap = None,
    reading: Reading,
    chosen: Computing,
    writing: WritingNumbers,
) -> None:
    """Find the words of a context that answer a question.

    Texts are questions on the context, or records such as {"question": "...", "context": "..."}.

    Examples:

    roberta qa -m my-qa-model --question "Who wrote it?" --context letter.txt

    roberta qa -m my-qa-model --context-text "Ada Lovelace was born in London." "Who?" "Where?"

    roberta qa -m my-qa-model -i dev-v2.0.json --null allow -o predictions.json --output-format squad --summary
    """
    from roberta.tasks.answer_gold import AnswerGold

    shared = _shared_context(context, context_text, reading)
    asked: list[Any] = [{"question": one} for one in question or ()]
    asked += [_record(text, shared is not None) for text in texts or ()]
    as_squad = stream.output_form(writing, texts or question) is options.OutputFormat.squad
    answer(
        "qa",
        asked or None,
        reading,
        chosen,
        writing,
        lambda result, record: as_views(result, record.fields.get("context", shared)),
        gold=gold,
        scorer=AnswerGold(gold),
        beside=(lambda job: _squad_files(job, writing)) if as_squad and writing.output else None,
        top=top,
        max_answer=max_answer,
        null=null,
        null_threshold=null_threshold,
        context=shared,
        split_logits=as_squad,
        offsets=offsets,
        long=long,
        window=window,
        overlap=overlap,
    )


def _shared_context(file: str | None, text: str | None, reading: Reading) -> str | None:
    """The one context of all questions, if there is one. Raises UsageError: two; ReadError: a file without text."""
    if file is None:
        return text
    if text is not None:
        raise UsageError("--context and --context-text do not go together; give one or the other")
    from roberta.records import BrokenRecord, read_records

    try:
        [record, *more] = read_records([file], format="doc", encoding=reading.encoding)
    except ReadError as error:
        raise ReadError(f"--context takes a file, and --context-text a text; {error}") from None
    if more:
        raise UsageError(f"--context {file}: {1 + len(more)} files; give one")
    if isinstance(record, BrokenRecord):
        raise ReadError(str(record))
    return record.text if record.fields["text"] else ""


def _record(text: str, has_context: bool) -> Any:
    """What an argument asks: an object spelt as JSON, or else a question."""
    if not text.lstrip().startswith("{"):
        if not has_context:
            raise UsageError(
                f"no context for the question {text!r}; give --context FILE or --context-text TEXT,"
                ' or write {"question": "...", "context": "..."}'
            )
        return {"question": text}
    from roberta.records.json_lines import parse_object

    return parse_object(text)


@contextlib.contextmanager
def _squad_files(job: Job, writing: Writing) -> Iterator[None]:
    """Beside predictions.json: predictions.nbest.json and predictions.null_odds.json, as the official scripts have."""
    from roberta.records import JsonObjectWriter, open_output

    output = Path(writing.output)
    paths = [output.with_name(f"{output.stem}.{name}{output.suffix}") for name in ("nbest", "null_odds")]
    with (
        open_output(paths[0], force=writing.force) as nbest_file,
        open_output(paths[1], force=writing.force) as odds_file,
    ):
        nbest, odds = JsonObjectWriter(nbest_file), JsonObjectWriter(odds_file)

        def take(answered: Answer) -> None:
            if answered.result is not None:
                key = str(job.fields.id_of(answered.record))
                nbest.put(key, _nbest(answered.result, job.task.allow_null))
                odds.put(key, answered.result["null_odds"])

        job.watch.append(take)
        yield
        nbest.finish()
        odds.finish()


def _nbest(result: dict, with_null: bool) -> list[dict]:
    rows = [
        {
            "text": row["answer"],
            "probability": row["score"],
            "start_logit": row["start_logit"],
            "end_logit": row["end_logit"],
        }
        for row in result["answers"]
    ]
    if with_null or not rows:
        rows.append({"text": "", "probability": result["null_score"]})
    return sorted(rows, key=lambda row: -row["probability"])


def as_views(result: dict, context: str | None) -> list[View]:
    """The answer in its context, and a row for each answer; a dash stands for no answer."""
    rows = [(row["score"], row["answer"]) for row in result["answers"]]
    if not result["answer"]:
        return [Bars([(result["score"], "-"), *rows])]
    spans = [(result["start"], result["end"], "")]
    return [*marked(context or "", spans, [result["answer"]], near=_NEAR), Bars(rows)]
