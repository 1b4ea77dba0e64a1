"""roberta embed"""

from __future__ import annotations

from typing import TYPE_CHECKING

from roberta.errors import UsageError
from roberta_cli import options
from roberta_cli.answer import answer
from roberta_cli.display import Bars, Lines, View
from roberta_cli.groups import Computing, Reading, WritingNumbers

if TYPE_CHECKING:
    from roberta.records import Record


def embed(
    texts: options.Texts = None,
    *,
    level: options.Level = "text",
    pool: options.Pool = "auto",
    layer: options.Layer = "-1",
    normalize: options.Normalize = None,
    dims: options.Dims = None,
    precision: options.Precision = "float32",
    base64: options.Base64 = False,
    prompt: options.Prompt = None,
    prompt_name: options.PromptName = None,
    pair_score: options.PairScore = None,
    nearest: options.NearestIn = None,
    top: options.Top = 5,
    offsets: options.Offsets = "chars",
    long: options.Long = "window",
    window: options.Window = None,
    overlap: options.Overlap = None,
    reading: Reading,
    chosen: Computing,
    writing: WritingNumbers,
) -> None:
    """Turn texts, words or tokens into vectors, or search a file of them.

    Examples:

    roberta embed "Hello world" --dims 8

    roberta embed -i sentences.txt -o sentences.npy

    roberta embed --nearest sentences.npy --top 3 "a sentence like which others?"
    """
    answer(
        "embed",
        texts,
        reading,
        chosen,
        writing,
        as_views,
        level=level,
        pool=pool.split(",") if "," in pool else pool,
        layer=_layers(layer),
        normalize=normalize,
        dims=dims,
        precision=precision,
        base64=base64,
        prompt=prompt,
        prompt_name=prompt_name,
        pair_score=pair_score,
        nearest=nearest,
        top=top,
        offsets=offsets,
        long=long,
        window=window,
        overlap=overlap,
    )


def _layers(given: str) -> list[int]:
    try:
        return [int(number) for number in given.split(",")]
    except ValueError:
        raise UsageError(f"--layer is {given!r}; give layer numbers such as -1 or 9,10,11,12") from None


def as_views(result: dict, record: Record) -> list[View]:
    """The first numbers of each vector; the score of a pair; the neighbours with their scores."""
    if "neighbours" in result:
        return [Bars([(row["score"], str(row["id"])) for row in result["neighbours"]])]
    if "score" in result:
        return [Lines([f"{result['score']:.4f}"])]
    units = result.get("words") or result.get("tokens") or [result]
    return [Lines([_row(unit) for unit in units])]


def _row(unit: dict) -> str:
    vector = unit["embedding"]
    shown = vector[:24] if isinstance(vector, str) else " ".join(f"{number: .3f}" for number in vector[:6])
    name = f"{unit['text']:<16} " if "text" in unit else ""
    return f"{name}{shown}{' ...' if len(vector) > 6 else ''}"
