"""generate: prompts in, longer texts out; and the loop that adds one token to every row at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor

from roberta.errors import InputError
from roberta.generation.beam import beam_search
from roberta.generation.continuation import Continuation, left_aligned_padding
from roberta.generation.draws import RowDraws, mixed, row_seeds
from roberta.generation.ending import REASONS, RUNNING, Ending
from roberta.generation.output import GenerateOutput, StepRecord
from roberta.generation.sampling import Rule, apply_rules, sampling_rules, score_rules
from roberta.generation.search import Search
from roberta.generation.settings import NEW_TOKENS, GenerationSettings

OnToken = Callable[[int, int], None]


def generate(
    model,
    input_ids: Tensor | Sequence[Sequence[int]] | None = None,
    generation_config: GenerationSettings | None = None,
    *,
    attention_mask: Tensor | None = None,
    encoder_hidden_states: Tensor | None = None,
    encoder_attention_mask: Tensor | None = None,
    logits_processor: Sequence[Rule] = (),
    tokenizer: Any = None,
    seed: int | Sequence[int] | None = None,
    generator: torch.Generator | None = None,
    on_token: OnToken | None = None,
    **options: Any,
) -> Tensor | GenerateOutput:
    """Continue each prompt, token by token: greedily, by sampling (do_sample) or by beam search (num_beams).

    model: a RobertaForCausalLM, or what is called as it is. It stays in the mode it is in: `model.eval()` first.
    input_ids: (prompts, length) int64, padded on either side; None: each text starts with the model's bos id.
    generation_config: settings to start from, else the model's own `generation_config` where it has one; `options` are
        fields of GenerationSettings and win.
    attention_mask: (prompts, length), 0 for padding; None: 0 where the pad id stands.
    encoder_hidden_states: (prompts, source length, width), encoder_attention_mask: (prompts, source length); for a
        model with cross-attention.
    logits_processor: more rules, after the built-in ones and before those of sampling; each is called with the text so
        far and the scores, and returns scores.
    tokenizer: for stop_strings.
    seed, generator: what sampling starts from, see `roberta.generation.draws.row_seeds`. Each text draws from its own
        source, mixed from the seed and the row (a list gives each prompt its own seed), and so does not depend on its
        neighbours.
    on_token: called with (text, token) for each new token, in order, while the search runs; not with beams.

    Gives (prompts x num_return_sequences, length) ids: prompt, new tokens, then pad ids; or a GenerateOutput.
    Every prompt is continued as if it were alone and without padding: positions count tokens that are no padding. New
    tokens stand after the prompt's last column, so after its padding where that is on the right.

    >>> generate(model, torch.tensor([[0, 31414]]), max_new_tokens=3, num_beams=4).shape
    torch.Size([1, 5])

    Raises InputError: an option that does not exist or does not fit, prompts or masks of another shape, a prompt of
    nothing but padding, or more tokens asked for than the model has room for.
    """
    base = generation_config if generation_config is not None else getattr(model, "generation_config", None)
    settings = (base or GenerationSettings()).with_options(options).for_model(model.config)
    if on_token is not None and settings.num_beams > 1:
        raise InputError("on_token needs num_beams=1: with beams, no token is sure before the end")
    with torch.inference_mode():
        prompts, visible = _prompts(model, settings, input_ids, attention_mask, encoder_hidden_states)
        aligned, visible = left_aligned_padding(prompts, visible)
        last_length = prompts.shape[1] + _new_tokens(model.config, settings, aligned, visible)
        draws = None
        if settings.do_sample:
            seeds = row_seeds(seed, generator, len(prompts))
            count = 1 if settings.num_beams > 1 else settings.num_return_sequences
            draws = RowDraws([one if number == 0 else mixed(one, number) for one in seeds for number in range(count)])
        search = Search(
            settings=settings,
            continuation=Continuation(
                model,
                visible,
                # Without is_decoder every token sees the whole text, so a new one changes all that was cached.
                use_cache=settings.use_cache and model.config.is_decoder,
                encoder_hidden_states=_per_prompt(encoder_hidden_states, len(prompts), "encoder_hidden_states"),
                encoder_attention_mask=_per_prompt(encoder_attention_mask, len(prompts), "encoder_attention_mask"),
            ),
            prompts=aligned,
            rules=[
                *score_rules(settings, prompts.shape[1], last_length),
                *logits_processor,
                *(sampling_rules(settings) if settings.do_sample else ()),
                *([_renormalized] if settings.renormalize_logits else ()),
            ],
            ending=Ending(settings, tokenizer, last_length, prompts.device),
            draws=draws,
            last_length=last_length,
        )
        found = beam_search(search) if settings.num_beams > 1 else add_tokens(search, on_token)
        repeated = prompts.repeat_interleave(settings.num_return_sequences, 0)
        found.sequences = torch.cat([repeated, found.sequences[:, prompts.shape[1] :]], 1)
    found = _usable_in_training(found)
    return found if settings.return_dict_in_generate else found.sequences


def add_tokens(search: Search, on_token: OnToken | None = None) -> GenerateOutput:
    """Greedy search and sampling: the best token of each row, or a drawn one, until every row is at its end.

    Rows that have ended leave the batch, so no forward pass is spent on them.
    """
    settings, continuation = search.settings, search.continuation
    prompt_length = search.prompts.shape[1]
    device = search.prompts.device
    texts = len(search.prompts) * settings.num_return_sequences
    text = search.prompts.new_full((texts, search.last_length), settings.pad_token_id)
    text[:, :prompt_length] = search.prompts.repeat_interleave(settings.num_return_sequences, 0)
    lengths = torch.zeros(texts, dtype=torch.int64, device=device)
    reasons = torch.full((texts,), RUNNING, device=device)
    log_probabilities = torch.zeros(texts, device=device)
    all_scores, all_logits = StepRecord(settings.output_scores), StepRecord(settings.output_logits)

    logits = continuation.scores(search.prompts)
    running = torch.arange(texts, device=device)
    copies = running // settings.num_return_sequences
    continuation.keep(copies)
    logits = logits[copies]
    for length in range(prompt_length, search.last_length):
        scores = apply_rules(search.rules, text[running, :length], logits)
        all_scores.add(scores, running, texts)
        all_logits.add(logits, running, texts)
        best, tokens = scores.max(-1)  # the first of equals
        _check_choosable(best, running, settings.num_return_sequences)
        if search.draws is not None:
            tokens = search.draws.one_each(scores, running)
        text[running, length] = tokens
        lengths[running] += 1
        log_probabilities[running] += logits.gather(1, tokens[:, None])[:, 0] - logits.logsumexp(-1)
        if on_token is not None:
            for row, token in zip(running.tolist(), tokens.tolist()):
                on_token(row, token)
        reasons[running] = search.ending.reason(text[running, : length + 1])
        going_on = (reasons[running] == RUNNING).nonzero()[:, 0]
        if not len(going_on):
            break
        if len(going_on) < len(running):
            continuation.keep(going_on)
            running = running[going_on]
        logits = continuation.scores(text[running, : length + 1])
    return GenerateOutput(
        sequences=text[:, : length + 1],
        scores=all_scores.kept(),
        logits=all_logits.kept(),
        lengths=lengths,
        finish_reasons=[REASONS[reason] for reason in reasons.tolist()],
        log_probabilities=log_probabilities,
    )


def _prompts(model, settings, input_ids, attention_mask, encoder_hidden_states) -> tuple[Tensor, Tensor]:
    """Prompts and what of them is visible, both (prompts, length) int64, on the model's device."""
    device = model.device
    if input_ids is None:
        count = 1 if encoder_hidden_states is None else len(encoder_hidden_states)
        input_ids = torch.full((count, 1), settings.bos_token_id)
    try:
        prompts = torch.as_tensor(input_ids, device=device)
    except (TypeError, ValueError):
        raise InputError("input_ids are not a table of whole numbers; pad the prompts to one length") from None
    if prompts.dim() != 2 or not prompts.numel() or prompts.is_floating_point() or prompts.dtype == torch.bool:
        raise InputError(
            f"input_ids of shape {tuple(prompts.shape)} and type {prompts.dtype};"
            " give token ids as (prompts, length), at least one of each"
        )
    prompts = prompts.long()
    if attention_mask is None:
        # As documented: the padding is hidden, unless its id has a meaning of its own as the end of a text.
        ends = settings.pad_token_id in settings.eos_ids
        return prompts, torch.ones_like(prompts) if ends else (prompts != settings.pad_token_id).long()
    visible = torch.as_tensor(attention_mask, device=device)
    if visible.shape != prompts.shape:
        raise InputError(
            f"attention_mask of shape {tuple(visible.shape)} for input_ids of shape {tuple(prompts.shape)}; give one"
            " number for each token"
        )
    return prompts, visible.long()


def _per_prompt(given: Tensor | None, count: int, name: str) -> Tensor | None:
    if given is not None and len(given) != count:
        raise InputError(f"{name} has {len(given)} rows for {count} prompts; give one row for each prompt")
    return given


def _new_tokens(config, settings: GenerationSettings, prompts: Tensor, visible: Tensor) -> int:
    """How many tokens may be added: what was asked for or, where nothing was, the default or what there is room for."""
    length = prompts.shape[1]
    if config.position_embedding_type == "absolute":
        longest = int((prompts != config.pad_token_id).sum(1).max())
    else:
        longest = length  # distances are counted over all columns
    room = config.usable_length - longest
    if room < 1:
        raise InputError(
            f"a prompt of {longest} tokens leaves no room for new ones: the model takes {config.usable_length};"
            " shorten the prompt",
            code="too_long",
        )
    if settings.max_new_tokens is not None:
        wanted, name = settings.max_new_tokens, f"max_new_tokens {settings.max_new_tokens}"
    elif settings.max_length is not None:
        wanted, name = settings.max_length - length, f"max_length {settings.max_length}"
        if wanted < 1:
            raise InputError(f"{name} counts the prompt, which has {length} tokens already; set max_new_tokens instead")
    else:
        return min(NEW_TOKENS, room)
    if wanted > room:
        raise InputError(
            f"{name} after a prompt of {longest} tokens is more than the model takes, {config.usable_length} in all;"
            f" ask for at most {room} new tokens",
            code="too_long",
        )
    return wanted


def _renormalized(input_ids: Tensor, scores: Tensor) -> Tensor:
    return scores.log_softmax(-1)


def _check_choosable(best: Tensor, rows: Tensor, texts_per_prompt: int) -> None:
    stuck = (~(best > -torch.inf)).nonzero()
    if len(stuck):
        row = int(rows[stuck[0, 0]]) // texts_per_prompt
        raise InputError(
            f"no token can follow in row {row}: the rules forbid every one, or the model gives no finite numbers;"
            " loosen the rules"
        )


def _usable_in_training(found: GenerateOutput) -> GenerateOutput:
    """The same outside inference mode: autograd refuses tensors that were made inside it."""

    def usual(value):
        if isinstance(value, Tensor):
            return value.clone()
        return tuple(step.clone() for step in value) if isinstance(value, tuple) else value

    return replace(found, **{field.name: usual(getattr(found, field.name)) for field in fields(found)})
