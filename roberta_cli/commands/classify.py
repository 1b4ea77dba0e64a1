"""roberta classify"""

from __future__ import annotations

from typing import TYPE_CHECKING

from roberta.errors import UsageError
from roberta_cli import options, stream
from roberta_cli.answer import answer
from roberta_cli.display import Bars, Lines, View
from roberta_cli.groups import Computing, Reading, WritingNumbers

if TYPE_CHECKING:
    from roberta.records import Record


def classify(
    texts: options.Texts = None,
    *,
    top: options.TopOrAll = None,
    activation: options.Activation = "auto",
    threshold: options.Threshold = None,
    labels: options.Labels = None,
    zero_shot: options.ZeroShot = False,
    template: options.Template = None,
    multi_label: options.MultiLabel = False,
    entailment_label: options.EntailmentLabel = None,
    logits: options.Logits = False,
    gold: options.Gold = None,
    long: options.Long = "window",
    window: options.Window = None,
    overlap: options.Overlap = None,
    reading: Reading,
    chosen: Computing,
    writing: WritingNumbers,
) -> None:
    """Label texts or pairs of texts; any labels will do with an NLI model.

    Examples:

    roberta classify -m my-sentiment-model "A warm and funny film."

    roberta classify -m my-sentiment-model -i reviews.csv --field review --top all

    roberta classify -m my-nli-model --labels sports,politics,science "They won 3:1."
    """
    answer(
        "classify",
        texts,
        reading,
        chosen,
        writing,
        as_views,
        gold=gold,
        top=_top(top),
        activation=activation,
        threshold=threshold,
        labels=stream.words_of(labels),
        zero_shot=zero_shot or None,
        template=template,
        multi_label=multi_label,
        entailment_label=entailment_label,
        logits=logits,
        long=long,
        window=window,
        overlap=overlap,
    )


def _top(given: str | None) -> int | str | None:
    if given in (None, "all"):
        return given
    if not given.isdecimal() or int(given) < 1:
        raise UsageError(f"--top is {given!r}; give a whole number of at least 1, or all")
    return int(given)


def as_views(result: dict, record: Record) -> list[View]:
    """A row for each label, or the number."""
    if "value" in result:
        return [Lines([f"{result['value']:.4f}"])]
    if "values" in result:
        return [Lines([f"{value:.4f}  {name}" for name, value in result["values"].items()])]
    return [Bars([(row["score"], row["label"]) for row in result["labels"]])]
