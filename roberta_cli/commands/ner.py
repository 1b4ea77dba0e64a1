"""roberta ner"""

from __future__ import annotations

from typing import TYPE_CHECKING

from roberta_cli import options, stream
from roberta_cli.answer import answer
from roberta_cli.display import Bars, View, marked
from roberta_cli.groups import Computing, Reading, WritingNumbers

if TYPE_CHECKING:
    from roberta.records import Record


def ner(
    texts: options.Texts = None,
    *,
    aggregate: options.Aggregate = "first",
    words: options.WordsOf = "auto",
    decode: options.DecodeBy = "auto",
    ignore: options.Ignore = "O",
    types: options.Types = None,
    min_score: options.MinScore = None,
    join_space: options.JoinSpace = False,
    offsets: options.Offsets = "chars",
    gold: options.Gold = None,
    long: options.Long = "window",
    window: options.Window = None,
    overlap: options.Overlap = None,
    reading: Reading,
    chosen: Computing,
    writing: WritingNumbers,
) -> None:
    """Print the named entities of texts, or of words that are given, as exact slices.

    Examples:

    roberta ner -m my-ner-model "Zoë O'Neil lives in Cork."

    roberta ner -m my-ner-model -i news.jsonl --types PER,ORG --min-score 0.9

    roberta ner -m my-ner-model -i dev.conll --gold tags --output-format conll
    """
    answer(
        "ner",
        texts,
        reading,
        chosen,
        writing,
        as_views,
        gold=gold,
        aggregate=aggregate,
        words=words,
        decode=decode,
        ignore=stream.words_of(ignore) if ignore.strip() else [],
        types=stream.words_of(types),
        min_score=min_score,
        join_space=join_space,
        offsets=offsets,
        tags=gold is not None,
        conll=stream.output_form(writing, texts) is options.OutputFormat.conll,
        long=long,
        window=window,
        overlap=overlap,
    )


def as_views(result: dict, record: Record) -> list[View]:
    """The text with its entities marked, and a row for each of them."""
    found = result["entities"]
    text = " ".join(record.fields["tokens"]) if "tokens" in record.fields else record.fields["text"]
    spans = [(row["start"], row["end"], row["label"]) for row in found]
    rows = Bars([(row["score"], row["text"]) for row in found], labels=[row["label"] for row in found])
    return [*marked(text, spans, [row["text"] for row in found]), rows]
