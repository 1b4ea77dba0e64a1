"""The rules that change the scores of the next token, one class each, and the draw itself.

A rule is called with `input_ids` (rows, length) int64, the text so far with its prompt, and `scores` (rows, vocabulary)
float32, and returns new scores; it never writes into what it is given. A token that a rule forbids scores -inf.
`score_rules` and `sampling_rules` list the rules that a `GenerationSettings` asks for, in the order in which they act.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from roberta.generation.settings import GenerationSettings

Rule = Callable[[Tensor, Tensor], Tensor]
FORBIDDEN = -math.inf


def apply_rules(rules: Iterable[Rule], input_ids: Tensor, scores: Tensor) -> Tensor:
    """The scores after every rule has acted in turn."""
    for rule in rules:
        scores = rule(input_ids, scores)
    return scores


@dataclass(frozen=True)
class RepetitionPenalty:
    """Every id already in the row, prompt and padding included, gets less likely, once however often it stands there.

    With penalty 2.0 a score of 3.0 becomes 1.5 and one of -3.0 becomes -6.0; below 1.0 the rule favours repetition.
    """

    penalty: float

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        seen = scores.gather(1, input_ids)
        return scores.scatter(1, input_ids, torch.where(seen < 0, seen * self.penalty, seen / self.penalty))


@dataclass(frozen=True)
class NoRepeatNgrams:
    """Forbid what would complete a run of `size` ids that the row already holds; size 1 forbids every id seen.

    With size 2 the row [5, 7, 9, 5] forbids 7, because 5 7 stands in it.
    """

    size: int

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        length = input_ids.shape[1]
        if length < self.size:
            return scores
        runs = input_ids.unfold(1, self.size, 1)  # (rows, runs, size)
        current = input_ids[:, length - self.size + 1 :]
        row, place = (runs[:, :, :-1] == current[:, None]).all(-1).nonzero(as_tuple=True)
        forbidden = torch.zeros_like(scores, dtype=torch.bool)
        forbidden[row, runs[row, place, -1]] = True
        return scores.masked_fill(forbidden, FORBIDDEN)


@dataclass(frozen=True)
class BadWords:
    """Forbid the last id of each sequence in `words` where the row ends with the ids before it."""

    words: tuple[tuple[int, ...], ...]

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        forbidden = torch.zeros_like(scores, dtype=torch.bool)
        for *before, last in self.words:
            if len(before) > input_ids.shape[1]:
                continue
            tail = input_ids[:, input_ids.shape[1] - len(before) :]
            forbidden[:, last] |= (tail == torch.tensor(before, dtype=tail.dtype, device=tail.device)).all(-1)
        return scores.masked_fill(forbidden, FORBIDDEN)


@dataclass(frozen=True)
class MinimumLength:
    """Forbid the ids that end a text while the row has fewer than `length` ids, prompt counted."""

    length: int
    eos: tuple[int, ...]

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        return _forbid(scores, self.eos) if input_ids.shape[1] < self.length else scores


@dataclass(frozen=True)
class ForcedAt:
    """Where the row has `length` ids, one of `tokens` must come next: they score 0, all others are forbidden."""

    length: int
    tokens: tuple[int, ...]

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        if input_ids.shape[1] != self.length:
            return scores
        return torch.full_like(scores, FORBIDDEN).index_fill(1, _index(self.tokens, scores), 0.0)


@dataclass(frozen=True)
class Suppress:
    """Forbid `tokens` everywhere or, with `only_at`, only where the row has that many ids."""

    tokens: tuple[int, ...]
    only_at: int | None = None

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        return _forbid(scores, self.tokens) if self.only_at in (None, input_ids.shape[1]) else scores


@dataclass(frozen=True)
class Temperature:
    """Divide every score: below 1.0 the likely get likelier, above 1.0 all get more alike."""

    temperature: float

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        return scores / self.temperature


@dataclass(frozen=True)
class TopK:
    """Only the `count` best stay, and what equals the last of them; `keep` is the least that must stay."""

    count: int
    keep: int = 1

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        return scores.masked_fill(~_among_best(scores, max(self.count, self.keep)), FORBIDDEN)


@dataclass(frozen=True)
class TopP:
    """Only the smallest set of best ids stays whose probabilities together reach `mass`, never fewer than `keep`."""

    mass: float
    keep: int = 1

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        rising, order = scores.sort(dim=-1, stable=True)  # worst first: of equals the one with the higher id stays
        drop = rising.softmax(-1).cumsum(-1) <= 1 - self.mass
        drop[:, -self.keep :] = False
        return _drop_in_order(scores, order, drop)


@dataclass(frozen=True)
class MinP:
    """Only ids stay that are at least `share` times as probable as the best one, and never fewer than `keep`."""

    share: float
    keep: int = 1

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        probabilities = scores.softmax(-1)
        unlikely = probabilities < self.share * probabilities.amax(-1, keepdim=True)
        return scores.masked_fill(unlikely & ~_among_best(scores, self.keep), FORBIDDEN)


@dataclass(frozen=True)
class Typical:
    """Only ids stay whose surprise is nearest to the expected surprise, until their probabilities reach `mass`.

    Source: locally typical sampling, Meister et al. 2022.
    """

    mass: float
    keep: int = 1

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        log_probabilities = scores.log_softmax(-1)
        probabilities = log_probabilities.exp()
        distance = (-log_probabilities - torch.special.entr(probabilities).sum(-1, keepdim=True)).abs()
        distance, order = distance.sort(dim=-1, stable=True)
        reached = probabilities.gather(-1, order).cumsum(-1)
        last = (reached < self.mass).sum(-1, keepdim=True).clamp(max=scores.shape[-1] - 1)
        drop = distance > distance.gather(-1, last)
        drop[:, : self.keep] = False
        return _drop_in_order(scores, order, drop)


@dataclass(frozen=True)
class Epsilon:
    """Only ids with at least this probability stay, and never fewer than `keep`."""

    least: float
    keep: int = 1

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        unlikely = scores.softmax(-1) < self.least
        return scores.masked_fill(unlikely & ~_among_best(scores, self.keep), FORBIDDEN)


@dataclass(frozen=True)
class Eta:
    """As `Epsilon`, with a bound that falls where the model is unsure: min(least, sqrt(least) * exp(-entropy)).

    Source: eta sampling, Hewitt et al. 2022.
    """

    least: float
    keep: int = 1

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        probabilities = scores.softmax(-1)
        entropy = torch.special.entr(probabilities).sum(-1, keepdim=True)
        bound = (math.sqrt(self.least) * torch.exp(-entropy)).clamp(max=self.least)
        return scores.masked_fill((probabilities < bound) & ~_among_best(scores, self.keep), FORBIDDEN)


def score_rules(settings: GenerationSettings, prompt_length: int, last_length: int) -> list[Rule]:
    """The rules of every search, in their order.

    prompt_length: ids of a row before the first new one. last_length: the most ids a row may get, prompt counted.
    """
    eos = settings.eos_ids
    rules: list[Rule] = []
    if settings.repetition_penalty != 1.0:
        rules.append(RepetitionPenalty(settings.repetition_penalty))
    if settings.no_repeat_ngram_size:
        rules.append(NoRepeatNgrams(settings.no_repeat_ngram_size))
    if settings.bad_words_ids:
        # A bare end of text is no word: the reference does not forbid it here either; suppress_tokens does.
        rules.append(
            BadWords(tuple(tuple(word) for word in settings.bad_words_ids if tuple(word) not in {(e,) for e in eos}))
        )
    if settings.min_new_tokens is not None:
        rules.append(MinimumLength(prompt_length + settings.min_new_tokens, eos))
    elif settings.min_length:
        rules.append(MinimumLength(settings.min_length, eos))
    if settings.forced_bos_token_id is not None:
        rules.append(ForcedAt(1, (settings.forced_bos_token_id,)))
    if settings.forced_eos_ids:
        rules.append(ForcedAt(last_length - 1, settings.forced_eos_ids))
    if settings.suppress_tokens:
        rules.append(Suppress(tuple(settings.suppress_tokens)))
    if settings.begin_suppress_tokens:
        forced_first = prompt_length == 1 and settings.forced_bos_token_id is not None
        rules.append(Suppress(tuple(settings.begin_suppress_tokens), only_at=prompt_length + forced_first))
    return rules


def sampling_rules(settings: GenerationSettings) -> list[Rule]:
    """The rules that narrow what is drawn from, in their order.

    With beams each row keeps one id more than there are ways to end, so that some beam can go on.
    """
    keep = len(settings.eos_ids) + 1 if settings.num_beams > 1 else 1
    rules: list[Rule] = []
    if settings.temperature != 1.0:
        rules.append(Temperature(settings.temperature))
    if settings.top_k:
        rules.append(TopK(settings.top_k, keep))
    if settings.top_p < 1.0:
        rules.append(TopP(settings.top_p, keep))
    if settings.min_p is not None:
        rules.append(MinP(settings.min_p, keep))
    if settings.typical_p < 1.0:
        rules.append(Typical(settings.typical_p, keep))
    if settings.epsilon_cutoff:
        rules.append(Epsilon(settings.epsilon_cutoff, keep))
    if settings.eta_cutoff:
        rules.append(Eta(settings.eta_cutoff, keep))
    return rules


def _forbid(scores: Tensor, tokens: tuple[int, ...]) -> Tensor:
    return scores.index_fill(1, _index(tokens, scores), FORBIDDEN)


def _index(tokens: tuple[int, ...], scores: Tensor) -> Tensor:
    return torch.tensor(tokens, dtype=torch.int64, device=scores.device)


def _among_best(scores: Tensor, count: int) -> Tensor:
    """(rows, vocabulary) bool: no worse than the count-th best of its row."""
    return scores >= scores.topk(min(count, scores.shape[-1]), dim=-1).values[:, -1:]


def _drop_in_order(scores: Tensor, order: Tensor, drop: Tensor) -> Tensor:
    """Forbid the ids `order[row, i]` where `drop[row, i]`."""
    return scores.masked_fill(torch.zeros_like(drop).scatter(1, order, drop), FORBIDDEN)
