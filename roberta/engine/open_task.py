"""From the documented options of a command to its task, with what the checkpoint says filled in."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from roberta.engine.runner import Runner
from roberta.errors import CheckpointError, UsageError
from roberta.spelling import did_you_mean
from roberta.tasks.base import Task
from roberta.tasks.long_text import LONG, LongText

OVERLAP = 64  # tokens, in windows that have room for them


def open_task(name: str, runner: Runner, **options: Any) -> Task:
    """The task of a command, such as open_task("fill-mask", runner, top=3).

    Raises UsageError: no such task or option, or a value that does not fit; CheckpointError: the model cannot do it.
    """
    if name not in TASKS:
        raise UsageError(f"no task {name!r}{did_you_mean(name, TASKS) or _there_are(TASKS)}")
    opener = TASKS[name]
    known = [*inspect.signature(opener).parameters][1:]
    for option in options:
        if option not in known:
            raise UsageError(f"{name} has no option {option!r}{did_you_mean(option, known) or _there_are(known)}")
    return opener(runner, **options)


def _there_are(known: Iterable[str]) -> str:
    return f"; there are {', '.join(known)}"


def long_text(
    runner: Runner, long: str = "window", window: int | None = None, overlap: int | None = None, most: int | None = None
) -> LongText:
    """--long, --window and --overlap for this model. most: a limit that the checkpoint sets below the model's own."""
    if long not in LONG:
        raise UsageError(f"no way {long!r} to read long texts; choose from {', '.join(LONG)}")
    room = runner.config.usable_length
    if window is not None and not 3 <= window <= room:
        raise UsageError(f"a window of {window} tokens; this model takes 3 to {room}")
    room = window or min(room, most or room)
    if overlap is not None and not 0 <= overlap < room - 2:
        raise UsageError(f"an overlap of {overlap} tokens; windows of {room} take 0 to {room - 3}")
    return LongText(room, long, min(OVERLAP, room // 4) if overlap is None else overlap)


def _tokenize(
    runner: Runner,
    *,
    show: str = "tokens",
    decode: bool = False,
    specials: bool = True,
    windows: bool = False,
    window: int | None = None,
    overlap: int | None = None,
    offsets: str = "chars",
    allow_empty: bool = False,
) -> Task:
    if decode:
        from roberta.tasks.detokenize import Detokenize

        return Detokenize(runner.tokenizer, specials=specials, allow_empty=allow_empty)
    from roberta.tasks.tokenize import Tokenize

    cut = long_text(runner, "window", window, overlap) if windows else None
    return Tokenize(runner.tokenizer, show=show, specials=specials, long=cut, offsets=offsets, allow_empty=allow_empty)


def _fill_mask(
    runner: Runner,
    *,
    top: int = 5,
    targets: Sequence[str] | None = None,
    exact_targets: bool = False,
    per_piece: bool = False,
    fill: str = "each",
    beams: int = 5,
    mask: str | None = None,
    score: bool = False,
    long: str = "window",
    window: int | None = None,
    offsets: str = "chars",
    allow_empty: bool = False,
) -> Task:
    room = long_text(runner, long, window).room
    if score:
        from roberta.tasks.pseudo_likelihood import PseudoLikelihood

        return PseudoLikelihood(runner.tokenizer, room, long=long, offsets=offsets, allow_empty=allow_empty)
    from roberta.tasks.fill_mask import FillMask

    return FillMask(
        runner.tokenizer,
        room,
        best=top,
        targets=targets,
        exact_targets=exact_targets,
        per_piece=per_piece,
        fill=fill,
        beams=beams,
        mask=mask,
        long=long,
        offsets=offsets,
    )


def _classify(
    runner: Runner,
    *,
    top: int | str | None = None,
    activation: str = "auto",
    threshold: float | None = None,
    labels: Sequence[str] | None = None,
    zero_shot: bool | None = None,
    template: str | None = None,
    multi_label: bool = False,
    entailment_label: str | None = None,
    logits: bool = False,
    long: str = "window",
    window: int | None = None,
    overlap: int | None = None,
    allow_empty: bool = False,
) -> Task:
    config = runner.config
    cut = long_text(runner, long, window, overlap)
    if top is None:
        top = 1 if threshold is None else "all"
    shared = {
        "best": None if top == "all" else top,
        "threshold": threshold,
        "logits": logits,
        "allow_empty": allow_empty,
    }
    if zero_shot or (zero_shot is None and labels is not None):
        from roberta.tasks.zero_shot import TEMPLATE, ZeroShot

        _refuse_builtin_nli(runner)
        return ZeroShot(
            runner.tokenizer,
            config.id2label,
            cut,
            labels=None if labels is None else tuple(labels),
            template=template or TEMPLATE,
            multi_label=multi_label,
            entailment_label=entailment_label,
            **shared,
        )
    from roberta.tasks.classify import Classify

    return Classify(
        runner.tokenizer, config.id2label, cut, problem_type=config.problem_type, activation=activation, **shared
    )


def _embed(
    runner: Runner,
    *,
    level: str = "text",
    pool: str | Sequence[str] = "auto",
    layer: int | Sequence[int] = -1,
    normalize: bool | None = None,
    dims: int | None = None,
    precision: str = "float32",
    base64: bool = False,
    prompt: str | None = None,
    prompt_name: str | None = None,
    pair_score: str | None = None,
    nearest: str | Path | None = None,
    top: int = 5,
    long: str = "window",
    window: int | None = None,
    overlap: int | None = None,
    offsets: str = "chars",
    allow_empty: bool = False,
) -> Task:
    from roberta.tasks.embed import Embed
    from roberta.tasks.pooling import POOLINGS

    modules = runner.sentence_modules
    if pool == "auto" and level == "text" and not modules.given:
        warnings.warn(
            "this checkpoint names no pooling, so the mean of its tokens is taken; --pool chooses", stacklevel=3
        )
    poolings = modules.poolings if pool == "auto" else (pool,) if isinstance(pool, str) else tuple(pool)
    for name in poolings:
        if name not in POOLINGS:
            raise UsageError(f"no pooling {name!r}; choose from auto, {', '.join(POOLINGS)}")
    layers = (layer,) if isinstance(layer, int) else tuple(layer)
    most = runner.config.num_hidden_layers
    if wrong := [number for number in layers if not -most <= number + 1 <= most + 1]:
        raise UsageError(f"no layer {wrong[0]}; this model has 0 (the embeddings) to {most}")
    if prompt is not None and prompt_name is not None:
        raise UsageError("prompt and prompt_name do not go together; give one")
    named = prompt_name or (modules.default_prompt if prompt is None else None)
    if named is not None and named not in modules.prompts:
        hint = did_you_mean(named, modules.prompts) or _there_are(modules.prompts or ["none"])
        raise UsageError(f"this model has no prompt {named!r}{hint}")
    task = Embed(
        runner.tokenizer,
        long_text(runner, long, window, overlap, most=modules.room or runner.tokenizer.model_max_length),
        level=level,
        poolings=poolings,
        layers=layers,
        dense=modules.dense if pool == "auto" else (),
        module_normalizes=modules.normalize,
        normalize=normalize,
        dims=dims,
        precision=precision,
        base64=base64,
        prompt=(prompt or "") if named is None else modules.prompts[named],
        pools_prompt=modules.pools_prompt,
        lower_case=modules.lower_case,
        pair_field=pair_score,
        offsets=offsets,
        allow_empty=allow_empty,
    )
    if nearest is None:
        return task
    from roberta.tasks.neighbours import Neighbours

    return Neighbours(task, Path(nearest), top)


def _qa(
    runner: Runner,
    *,
    top: int = 1,
    max_answer: int = 30,
    null: str = "auto",
    null_threshold: float | None = None,
    context: str | None = None,
    split_logits: bool = False,
    long: str = "window",
    window: int | None = None,
    overlap: int | None = None,
    offsets: str = "chars",
    allow_empty: bool = False,
) -> Task:
    from roberta.tasks.qa import OVERLAP as SHARED
    from roberta.tasks.qa import WINDOW, QuestionAnswering, null_rule

    config = runner.config
    room = window or min(WINDOW, config.usable_length)
    if overlap is None:
        overlap = max(0, min(SHARED, room // 3, room - 3))
    allow_null, threshold = null_rule(config.to_dict(), null, null_threshold)
    return QuestionAnswering(
        runner.tokenizer,
        long_text(runner, long, room, overlap),
        limit=config.usable_length,
        best=top,
        max_answer=max_answer,
        allow_null=allow_null,
        null_threshold=threshold,
        context=context,
        split_logits=split_logits,
        offsets=offsets,
        allow_empty=allow_empty,
    )


def _ner(
    runner: Runner,
    *,
    aggregate: str = "first",
    words: str = "auto",
    decode: str = "auto",
    ignore: str | Sequence[str] = ("O",),
    types: str | Sequence[str] | None = None,
    min_score: float | None = None,
    join_space: bool = False,
    tags: bool = False,
    conll: bool = False,
    long: str = "window",
    window: int | None = None,
    overlap: int | None = None,
    offsets: str = "chars",
    allow_empty: bool = False,
) -> Task:
    from roberta.tasks.ner import AUTO, SAVED_PATH, SAVED_WORDS, Ner

    config = runner.config
    if "RobertaForSequenceClassification" not in (config.architectures or ()):  # its labels say what it is good for
        runner.check_head(Ner.head)
    return Ner(
        runner.tokenizer,
        config.id2label,
        long_text(runner, long, window, overlap),
        aggregate=aggregate,
        words=getattr(config, SAVED_WORDS, "unit") if words == AUTO else words,
        path=getattr(config, SAVED_PATH, "argmax") if decode == AUTO else decode,
        ignore=(ignore,) if isinstance(ignore, str) else tuple(ignore),
        types=(types,) if isinstance(types, str) else None if types is None else tuple(types),
        min_score=min_score,
        join_space=join_space,
        offsets=offsets,
        tags=tags,
        conll=conll,
        allow_empty=allow_empty,
    )


def _generate(
    runner: Runner,
    *,
    method: str = "auto",
    on_text: Callable[[str], None] | None = None,
    allow_empty: bool = False,
    max_new: int | None = None,
    sample: bool = False,
    temperature: float | None = None,
    sample_top_k: int | None = None,
    sample_top_p: float | None = None,
    beams: int = 1,
    repetition_penalty: float = 1.0,
    no_repeat: int = 0,
    stop: Sequence[str] = (),
    num: int = 1,
    seed: int = 0,
    id_field: str | None = None,
) -> Task:
    from roberta.engine.fitting import generation_method
    from roberta.tasks.continuing import NEW_TOKENS, Continuing
    from roberta.tasks.generate import Generate
    from roberta.tasks.infill import Infill

    config = runner.config
    method = generation_method(config, method, str(runner.origin))
    how = Continuing(
        max_new=min(NEW_TOKENS, config.usable_length // 2) if max_new is None else max_new,
        sample=sample,
        temperature=temperature,
        top_k=sample_top_k,
        top_p=sample_top_p,
        beams=beams,
        repetition_penalty=repetition_penalty,
        no_repeat=no_repeat,
        stop=stop if isinstance(stop, str) else tuple(stop),
        num=num,
        seed=seed,
        id_field=id_field,
    )
    if method == "mask":
        return Infill(runner.tokenizer, config.usable_length, how, allow_empty=allow_empty)
    return Generate(
        runner.tokenizer,
        config.usable_length,
        how,
        vocab_size=config.vocab_size,
        on_text=on_text,
        allow_empty=allow_empty,
    )


def _choose(
    runner: Runner,
    *,
    method: str = "auto",
    per_token: bool = False,
    entailment_label: str | None = None,
    top: int | str = 1,
    question: str | None = None,
    choices: Sequence[str] | None = None,
    long: str = "truncate",
    window: int | None = None,
    allow_empty: bool = False,
) -> Task:
    from roberta.tasks.choose import METHODS, ChooseByEntailment, ChooseByHead
    from roberta.tasks.choose_likelihood import ChooseByLikelihood

    config = runner.config
    if method not in METHODS:
        raise UsageError(f"no method {method!r} to choose by; give one of {', '.join(METHODS)}")
    if method == "auto":
        ways = {"RobertaForMaskedLM": "likelihood", "RobertaForSequenceClassification": "entailment"}
        method = next((ways[name] for name in config.architectures or () if name in ways), "head")
    if per_token and method != "likelihood":
        raise UsageError(f"--per-token is for --method likelihood, and this model chooses by {method}; leave it out")
    if entailment_label is not None and method != "entailment":
        raise UsageError(
            f"--entailment-label is for --method entailment, and this model chooses by {method}; leave it out"
        )
    shared = {
        "room": long_text(runner, "window", window).room,
        "long": long,
        "best": None if top == "all" else top,
        "question": question,
        "choices": None if choices is None else tuple(choices),
        "allow_empty": allow_empty,
    }
    if method == "likelihood":
        runner.leave_builtin_adapter()  # its head chooses, and the likelihood is that of the language model
        return ChooseByLikelihood(runner.tokenizer, per_token=per_token, **shared)
    if method == "head":
        return ChooseByHead(runner.tokenizer, **shared)
    from roberta.tasks.zero_shot import ZeroShot

    _refuse_builtin_nli(runner)
    runner.check_head(ChooseByEntailment.head)
    judge = ZeroShot(runner.tokenizer, config.id2label, long_text(runner), entailment_label=entailment_label)
    return ChooseByEntailment(runner.tokenizer, entailment=judge.entailment, **shared)


def _refuse_builtin_nli(runner: Runner) -> None:
    if runner.is_builtin:
        raise CheckpointError("the built-in model is no NLI model; name one: --model FacebookAI/roberta-large-mnli")


TASKS: dict[str, Callable[..., Task]] = {
    "tokenize": _tokenize,
    "fill-mask": _fill_mask,
    "classify": _classify,
    "embed": _embed,
    "ner": _ner,
    "qa": _qa,
    "choose": _choose,
    "generate": _generate,
}
