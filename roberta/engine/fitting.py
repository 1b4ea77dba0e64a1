"""Does this checkpoint have the head that a task reads? Said before anything is read or loaded."""

from __future__ import annotations

from dataclasses import dataclass

from roberta.config import RobertaConfig
from roberta.errors import CheckpointError, UsageError
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


METHODS = ("auto", "causal", "mask")


def generation_method(config: RobertaConfig, wanted: str, source: str) -> str:
    """How a checkpoint makes text: "causal", or "mask" if it was trained to fill masks. wanted: one of METHODS.

    Raises UsageError: no such method; CheckpointError: the checkpoint cannot do what is wanted.
    """
    if wanted not in METHODS:
        raise UsageError(f"no method {wanted!r}; choose from {', '.join(METHODS)}")
    architectures = config.architectures or ()
    is_causal = config.is_decoder or "RobertaForCausalLM" in architectures
    if wanted == "mask" and is_causal:
        raise CheckpointError(
            f"{source} was trained to continue text, not to fill masks; use --method causal, or a masked language model"
        )
    if not is_causal:
        check_head(config, "masked_lm", source)
    if wanted == "causal" and not is_causal:
        raise CheckpointError(
            "this checkpoint was trained to fill masks, not to continue text;"
            " use --method mask, or a checkpoint with is_decoder"
        )
    return "causal" if is_causal else "mask"
