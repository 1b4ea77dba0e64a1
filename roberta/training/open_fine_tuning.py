"""From the documented options of `roberta train TASK` to its objective, with what the data say filled in."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from roberta.builtin import MINI
from roberta.errors import InputError, UsageError
from roberta.model import models
from roberta.records import Fields, Record
from roberta.tasks.long_text import LongText
from roberta.tokenizer import RobertaTokenizer
from roberta.training import classify, embed, ner, qa
from roberta.training.choose import Choices
from roberta.training.examples import located, read_labelled, split_off
from roberta.training.fine_tune import FineTuning
from roberta.training.heads import check_freeze, head_parameters, open_with_head
from roberta.training.lora import LINEARS, Adapter, freeze

DEFAULTS = {"lr": 2e-5, "batch_tokens": 4096}
LORA_DEFAULTS = DEFAULTS | {"lr": 5e-4}


@dataclass(frozen=True)
class Request:
    """What all kinds of fine-tuning are asked with.

    train: files. dev: a file, a share such as "10%", or None. model: a checkpoint; the built-in one if None.
    window: tokens of a text, the model's limit if None. freeze: layers that stay as they are, the embeddings with them.
    lora: rank of an adapter, 0 for none, beside lora_modules (the linear layers if None). class_weights: "balanced" or
    None. reading: for `read_records`.
    """

    train: Sequence[str]
    dev: str | None = None
    model: str | None = None
    fields: Fields = field(default_factory=Fields)
    seed: int = 0
    window: int | None = None
    freeze: int | None = None
    lora: int = 0
    lora_alpha: float | None = None
    lora_modules: Sequence[str] | None = None
    label_names: Sequence[str] | None = None
    class_weights: str | None = None
    reading: dict[str, Any] = field(default_factory=dict)

    @property
    def base(self) -> str:
        return self.model or str(MINI)

    def records(self) -> tuple[list[Record], list[Record]]:
        """For training and for development. Raises InputError: no records, or one that cannot be read."""
        found = list(read_labelled(self.train, self.fields, **self.reading))
        if not found:
            raise InputError(f"no records in {', '.join(self.train)}; give files with labelled records")
        train, dev = split_off(found, self.dev, self.seed)
        if self.dev is not None and not dev:
            dev = list(read_labelled([self.dev], self.fields, **self.reading))
            if not dev:
                raise InputError(f"no records in {self.dev}; give --dev a file with records, or a share such as 10%")
        return train, dev

    def room(self, model) -> int:
        limit = model.config.usable_length
        if self.window is not None and not 8 <= self.window <= limit:
            raise UsageError(f"--window {self.window}; this model takes 8 to {limit} tokens")
        return self.window or limit


def open_fine_tuning(
    kind: str,
    request: Request,
    *,
    records: tuple[list[Record], list[Record]] | None = None,
    faults: list[InputError] | None = None,
    **options: Any,
) -> tuple[FineTuning, frozenset[str]]:
    """The objective of `roberta train KIND`, and the names of its head's parameters.

    records: in place of the request's. faults: what takes errors in single records, which are then left out.

    >>> open_fine_tuning("classify", Request(["train.jsonl"], dev="10%"))  # doctest: +SKIP

    Raises UsageError: data that cannot be learned from, or options that do not go together; InputError: a record that
    is wrong.
    """
    if request.lora and request.freeze is not None:
        raise UsageError("beside an adapter the whole model stays as it is; give --lora or --freeze, not both")
    if not request.lora and (request.lora_alpha is not None or request.lora_modules is not None):
        raise UsageError("--lora-alpha and --lora-modules say how an adapter is made; give --lora R as well")
    train, dev = request.records() if records is None else records
    tokenizer = RobertaTokenizer.from_pretrained(request.base)
    objective = KINDS[kind](request, tokenizer, train, dev, **options)
    objective.make_examples(faults)
    if request.class_weights is not None:
        objective.class_weights = _class_weights(request.class_weights, objective)
    model = objective.model
    head = head_parameters(model)
    check_freeze(model, request.freeze)
    if request.freeze is not None:
        freeze(model, request.freeze)
    if request.lora:
        modules = LINEARS if request.lora_modules is None else request.lora_modules
        objective.adapter = Adapter(model, request.base, rank=request.lora, alpha=request.lora_alpha, modules=modules)
    return objective, head


def _classify(request: Request, tokenizer, train: list[Record], dev: list[Record]) -> FineTuning:
    train, dev = _named(train, request), _named(dev, request)
    labels = classify.label_names(train)
    labels = list(request.label_names or labels)  # number 0 of the data stays number 0 of the model
    _check_known(labels, dev)
    model = _classifier(request, labels, classify.SINGLE)
    return classify.Classification(model, tokenizer, _classify_task(request, tokenizer, model), train, dev)


def _regress(request: Request, tokenizer, train: list[Record], dev: list[Record]) -> FineTuning:
    model = _classifier(request, ["value"], classify.NUMBER)
    return classify.Regression(model, tokenizer, _classify_task(request, tokenizer, model), train, dev)


def _multilabel(request: Request, tokenizer, train: list[Record], dev: list[Record]) -> FineTuning:
    labels = classify.label_names(train, several=True)
    model = _classifier(request, labels, classify.SEVERAL)
    return classify.MultiLabel(model, tokenizer, _classify_task(request, tokenizer, model), train, dev)


def _classifier(request: Request, labels: Sequence[str], problem: str):
    kind = models.RobertaForSequenceClassification
    return open_with_head(kind, request.base, request.seed, labels=labels, problem_type=problem)


def _classify_task(request: Request, tokenizer, model):
    from roberta.tasks.classify import Classify

    long = LongText(request.room(model), "truncate")
    problem = model.config.problem_type
    return Classify(tokenizer, model.config.id2label, long, problem_type=problem, best=None)


def _class_weights(asked: str, objective: FineTuning):
    if asked != "balanced":
        raise UsageError(f"no class weights {asked!r}; there is balanced")
    return objective.balanced_weights()


def _named(records: list[Record], request: Request) -> list[Record]:
    """With --label-names, whole numbers become the names that stand at their place."""
    if not request.label_names:
        return records
    named = []
    for record in records:
        try:
            value = classify.label_name(record.value(classify.LABEL))
        except InputError as error:
            raise located(record, error) from None
        if value.isdecimal() and int(value) < len(request.label_names):
            value = request.label_names[int(value)]
        elif value not in request.label_names:
            raise InputError(f"{record.source}: the label {value!r} is none of {', '.join(request.label_names)}")
        named.append(Record(record.index, record.source, record.fields | {classify.LABEL: value}))
    return named


def _check_known(labels: Sequence[str], dev: Sequence[Record]) -> None:
    for record in dev:
        try:
            name = classify.label_name(record.value(classify.LABEL))
        except InputError as error:
            raise located(record, error) from None
        if name not in labels:
            raise UsageError(
                f"{record.source}: the label {name!r} is not in the training data ({', '.join(labels)}); add examples"
                " of it there, or take it out of the development data"
            )


def _ner(
    request: Request,
    tokenizer,
    train: list[Record],
    dev: list[Record],
    *,
    words: str = "unit",
    decode: str = "argmax",
) -> FineTuning:
    from roberta.tasks.ner import SAVED_PATH, SAVED_WORDS, Ner

    labels = ner.tag_names(train)
    kind = models.RobertaForTokenClassification
    model = open_with_head(kind, request.base, request.seed, labels=labels, **{SAVED_WORDS: words, SAVED_PATH: decode})
    long = LongText(request.room(model), "window", min(64, request.room(model) // 4))
    task = Ner(tokenizer, model.config.id2label, long, words=words, path=decode, tags=True)
    return ner.NamedEntities(model, tokenizer, task, train, dev)


def _qa(
    request: Request, tokenizer, train: list[Record], dev: list[Record], *, overlap: int | None = None
) -> FineTuning:
    from roberta.tasks.qa import NULL_ANSWERS, NULL_THRESHOLD, OVERLAP, WINDOW, QuestionAnswering

    kind = models.RobertaForQuestionAnswering
    null = qa.has_null(train)
    # Two outputs, whatever the checkpoint was for; a threshold of its own says nothing about the new model.
    new = {"num_labels": 2, NULL_ANSWERS: null, NULL_THRESHOLD: None}
    model = open_with_head(kind, request.base, request.seed, **new)
    room = min(request.room(model), request.window or WINDOW)
    shared = max(0, min(OVERLAP, room // 3, room - 3)) if overlap is None else overlap
    task = QuestionAnswering(tokenizer, LongText(room, "window", shared), model.config.usable_length, allow_null=null)
    return qa.Answers(model, tokenizer, task, train, dev)


def _choose(request: Request, tokenizer, train: list[Record], dev: list[Record]) -> FineTuning:
    from roberta.tasks.choose import ChooseByHead

    model = open_with_head(models.RobertaForMultipleChoice, request.base, request.seed)
    return Choices(model, tokenizer, ChooseByHead(tokenizer, request.room(model)), train, dev)


def _embed(
    request: Request,
    tokenizer,
    train: list[Record],
    dev: list[Record],
    *,
    pooling: str = "mean",
    loss: str = "simcse",
    temperature: float = embed.TEMPERATURE,
    scale: float = 1.0,
) -> FineTuning:
    from roberta.tasks.embed import Embed

    if loss not in embed.LOSSES:
        raise UsageError(f"no loss {loss!r} for vectors; choose from {', '.join(embed.LOSSES)}")
    if pooling not in ("mean", "cls"):
        raise UsageError(f"no pooling {pooling!r} to train with; choose from mean, cls")
    for name, value in (("temperature", temperature), ("scale", scale)):
        if not 0 < value < math.inf:
            raise UsageError(f"--{name} {value}; give a number above 0")
    model = open_with_head(models.RobertaModel, request.base, request.seed)
    long = LongText(request.room(model), "truncate")
    task = Embed(tokenizer, long, poolings=(pooling,), pair_field=embed.PAIR)
    return embed.SentenceVectors(
        model, tokenizer, task, train, dev, pooling=pooling, loss_kind=loss, temperature=temperature, scale=scale
    )


KINDS: dict[str, Callable[..., FineTuning]] = {
    "classify": _classify,
    "regress": _regress,
    "multilabel": _multilabel,
    "ner": _ner,
    "qa": _qa,
    "choose": _choose,
    "embed": _embed,
}
