"""roberta generate"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from roberta_cli import options, stream
from roberta_cli.answer import answer
from roberta_cli.display import Prose, View
from roberta_cli.groups import Computing, Reading, WritingNumbers
from roberta_cli.live import LiveText

if TYPE_CHECKING:
    from roberta.records import Record


def generate(
    texts: options.Texts = None,
    *,
    method: options.Method = "auto",
    max_new: options.MaxNew = None,
    sample: options.Sample = False,
    temperature: options.Temperature = None,
    sample_top_k: options.SampleTopK = None,
    sample_top_p: options.SampleTopP = None,
    beams: options.SearchBeams = 1,
    repetition_penalty: options.RepetitionPenalty = 1.0,
    no_repeat: options.NoRepeat = 0,
    stop: options.Stop = None,
    num: options.Num = 1,
    seed: options.Seed = 0,
    reading: Reading,
    chosen: Computing,
    writing: WritingNumbers,
) -> None:
    """Continue texts, or fill the <mask> runs in them.

    A masked language model, such as the built-in one, fills masks behind or in the text, the surest first.

    Examples:

    roberta generate -m my-causal-model "Once upon a time"

    roberta generate -m my-causal-model --sample --num 3 --seed 7 "Once upon a time"

    roberta generate --max-new 5 "The capital of France is"

    roberta generate "She wrote <mask> <mask> <mask> to her friend."
    """
    live = None
    if texts and len(texts) == 1 and num == beams == 1 and _is_for_eyes(writing, texts):
        live = LiveText(texts[0], sys.stdout)
    answer(
        "generate",
        texts,
        reading,
        chosen,
        writing,
        as_views if live is None else lambda result, record: [Prose(live.rest(result))],
        method=method,
        max_new=max_new,
        sample=sample,
        temperature=temperature,
        sample_top_k=sample_top_k,
        sample_top_p=sample_top_p,
        beams=beams,
        repetition_penalty=repetition_penalty,
        no_repeat=no_repeat,
        stop=stop or (),
        num=num,
        seed=seed,
        id_field=reading.id,
        on_text=live,
    )


def _is_for_eyes(writing: WritingNumbers, texts: list[str]) -> bool:
    """Whether the result is read on a terminal as it comes."""
    form = stream.output_form(writing, texts)
    return form is options.OutputFormat.table and not writing.output and sys.stdout.isatty()


def as_views(result: dict, record: Record) -> list[View]:
    """The text; of several, one under the other."""
    return [Prose(one["text"], _new_from(one)) for one in result.get("outputs", [result])]


def _new_from(made: dict) -> int | None:
    """Where the new text begins, if it stands at the end."""
    return len(made["text"]) - len(made["new"]) if made["new"] and made["text"].endswith(made["new"]) else None
