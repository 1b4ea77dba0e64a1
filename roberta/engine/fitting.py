"""Does this checkpoint have the head that a task reads? Said before anything is read or loaded."""

from __future__ import annotations

from dataclasses import dataclass

from roberta.config import RobertaConfig
from roberta.errors import CheckpointError
from roberta.model.parameters import HEADS


@dataclass(frozen=True)
class Use:
    """How people speak of a checkpoint with some head, what it is good for, and a published one."""

    model: str
    part: str
    command: str
    training: str
    published: str = ""


USES = {
    "masked_lm": Use("a masked language model", "language model head", "fill-mask", "mlm", "FacebookAI/roberta-base"),
    "causal_lm": Use("a causal language model", "causal language model head", "generate", "causal"),
    "sequence_classification": Use(
        "a classifier of texts",
        "classification head",
        "classify",
        "classify",
        "cardiffnlp/twitter-roberta-base-emotion",
    ),
    "multiple_choice": Use(
        "a multiple-choice model", "multiple-choice head", "choose", "choose", "LIAMF-USP/roberta-large-finetuned-race"
    ),
    "token_classification": Use(
        "a classifier of tokens", "token classification head", "ner", "ner", "Jean-Baptiste/roberta-large-ner-english"
    ),
    "question_answering": Use(
        "a question-answering model", "question-answering head", "qa", "qa", "deepset/roberta-base-squad2"
    ),
}


def check_head(config: RobertaConfig, head: str, source: str, *, builtin: bool = False) -> None:
    """Raises CheckpointError when config.json names a class with another head than the one wanted.

    builtin: nobody chose this model, so a published one is named in place of what it is good for.
    A config that names no class is believed; what is missing is then found when the weights are read.
    """
    held = [name for name, row in HEADS.items() if row.architecture in (config.architectures or ())]
    bare = "RobertaModel" in (config.architectures or ())
    if head not in HEADS or head in held or not (held or bare):
        return
    wanted = USES[head]
    if builtin and wanted.published:
        raise CheckpointError(
            f"the built-in model has no {wanted.part}; name a model that has one: --model {wanted.published}"
        )
    if held:
        found, use = USES[held[0]].model, f"use roberta {USES[held[0]].command}, or fine-tune it"
    else:
        found, use = "an encoder without a head", "use roberta embed, or fine-tune it"
    raise CheckpointError(f"{source} holds {found}, no {wanted.part}; {use}: roberta train {wanted.training}")
