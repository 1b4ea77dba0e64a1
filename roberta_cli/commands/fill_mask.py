"""roberta fill-mask"""

from __future__ import annotations

from typing import TYPE_CHECKING

from roberta_cli import options, stream
from roberta_cli.answer import answer
from roberta_cli.display import Bars, Lines, Prose, View
from roberta_cli.groups import Computing, Reading, WritingNumbers

if TYPE_CHECKING:
    from roberta.records import Record


def fill_mask(
    texts: options.Texts = None,
    *,
    top: options.Top = 5,
    targets: options.Targets = None,
    exact_targets: options.ExactTargets = False,
    per_piece: options.PerPiece = False,
    fill: options.Fill = "each",
    beams: options.Beams = 5,
    mask: options.Mask = None,
    score: options.Score = False,
    offsets: options.Offsets = "chars",
    long: options.Long = "window",
    window: options.Window = None,
    reading: Reading,
    chosen: Computing,
    writing: WritingNumbers,
) -> None:
    """Print the likeliest words for every <mask>.

    Examples:

    roberta fill-mask "The capital of France is <mask>."

    roberta fill-mask --top 2 "She <mask> a letter to her <mask>."

    roberta fill-mask --targets good,bad "The film was very <mask>."

    printf 'A cat is an <mask>.\\nIt <mask> to rain.\\n' | roberta fill-mask --quiet
    """
    answer(
        "fill-mask",
        texts,
        reading,
        chosen,
        writing,
        as_views,
        top=top,
        targets=stream.words_of(targets),
        exact_targets=exact_targets,
        per_piece=per_piece,
        fill=fill,
        beams=beams,
        mask=mask,
        score=score,
        offsets=offsets,
        long=long,
        window=window,
    )


def as_views(result: dict, record: Record) -> list[View]:
    """The words of each mask, one view for each; then the text with the best ones in place."""
    if "masks" not in result:
        rows = [f"{token['logprob']:9.3f}  {token['text']}" for token in result["tokens"]]
        return [Lines([*rows, f"{result['logprob']:9.3f}  in all"])]
    masks = [Bars([(fill["score"], fill["text"]) for fill in mask["fills"]]) for mask in result["masks"]]
    return [*masks, Prose(result["filled"])]
