"""Beam search: several texts for each prompt run side by side, and the best that end are kept."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from roberta.generation.ending import LENGTH, REASONS, RUNNING
from roberta.generation.output import GenerateOutput, StepRecord
from roberta.generation.sampling import apply_rules
from roberta.generation.search import Search
from roberta.generation.settings import GenerationSettings

# A beam that stands for no text of its own. Finite: where rules forbid all else, such a beam still beats -inf.
NOBODY = -1.0e9


@dataclass
class Beams:
    """Texts of each prompt, best first: (prompts, beams, ...). Every field is chosen and ordered alike.

    ids: (..., last length) int64, padded at the end.
    sums: of the scores after the rules; of texts that have ended, over length**length_penalty.
    log_probabilities: of the new tokens by the model alone. lengths: new tokens. reasons: why it ended.
    """

    ids: Tensor
    sums: Tensor
    log_probabilities: Tensor
    lengths: Tensor
    reasons: Tensor

    @classmethod
    def of_prompts(cls, ids: Tensor, sums: list[float]) -> Beams:
        """One beam for each number of `sums`, all with the prompt (prompts, last length) as their text."""
        prompts, beams = len(ids), len(sums)
        zeros = torch.zeros(prompts, beams, device=ids.device)
        return cls(
            ids=ids[:, None].repeat(1, beams, 1),
            sums=zeros + torch.tensor(sums, device=ids.device),
            log_probabilities=zeros.clone(),
            lengths=zeros.long(),
            reasons=torch.full_like(zeros, RUNNING, dtype=torch.int64),
        )

    def map(self, change) -> Beams:
        return Beams(**{name: change(value) for name, value in vars(self).items()})

    def of(self, rows: Tensor) -> Beams:
        """Those prompts, all beams of each."""
        return self.map(lambda value: value[rows])

    def pick(self, order: Tensor) -> Beams:
        """For each prompt the beams order[prompt], repeats allowed."""
        prompt = torch.arange(len(order), device=order.device)[:, None]
        return self.map(lambda value: value[prompt, order])

    def best(self, count: int) -> Beams:
        """The `count` with the greatest sums; of equals, those that stood first."""
        return self.pick(self.sums.sort(dim=1, descending=True, stable=True).indices[:, :count])

    def beside(self, other: Beams) -> Beams:
        return Beams(**{name: torch.cat([value, getattr(other, name)], 1) for name, value in vars(self).items()})


def beam_search(search: Search) -> GenerateOutput:
    """The best num_return_sequences texts of each prompt.

    At each step the best continuations over all beams of a prompt are taken, enough that num_beams of them go on even
    if each beam ended in every way it can. Those that end count when they are among the first num_beams. Prompts that
    have nothing more to find leave the batch.
    """
    settings, continuation = search.settings, search.continuation
    width = settings.num_beams
    prompts, prompt_length = search.prompts.shape
    device = search.prompts.device
    blank = search.prompts.new_full((prompts, search.last_length), settings.pad_token_id)
    blank[:, :prompt_length] = search.prompts
    running = Beams.of_prompts(blank, [0.0] + [NOBODY] * (width - 1))
    ended = Beams.of_prompts(blank, [NOBODY] * width)
    open_prompts = torch.arange(prompts, device=device)  # the rows of `running` are these prompts
    all_scores, all_logits = StepRecord(settings.output_scores), StepRecord(settings.output_logits)

    logits = continuation.scores(search.prompts)
    copies = open_prompts.repeat_interleave(width)
    continuation.keep(copies)
    logits = logits[copies]
    for length in range(prompt_length, search.last_length):
        rows = (open_prompts[:, None] * width + torch.arange(width, device=device)).flatten()
        log_probabilities = logits.log_softmax(-1)
        scores = apply_rules(search.rules, running.ids[:, :, :length].flatten(0, 1), log_probabilities)
        all_scores.add(scores, rows, prompts * width)
        all_logits.add(logits, rows, prompts * width)

        candidates, parents = _continued(search, running, scores, log_probabilities, length, open_prompts)
        ended_now = candidates.reasons != RUNNING

        # The new stand first: of equals a text wins over a place that none has taken.
        after = _finished(candidates, ended_now, settings).beside(ended.of(open_prompts)).best(width)
        for name, value in vars(ended).items():
            value[open_prompts] = getattr(after, name)

        goes_on = ended_now.int().sort(dim=1, stable=True).indices[:, :width]
        candidates.sums = candidates.sums + ended_now * NOBODY
        running, parents = candidates.pick(goes_on), parents.gather(1, goes_on)

        most = search.last_length - prompt_length
        still = (~_nothing_to_find(running, after, settings, most)).nonzero()[:, 0]
        if length + 1 == search.last_length or not len(still):
            break
        continuation.keep((parents + torch.arange(len(parents), device=device)[:, None] * width)[still].flatten())
        open_prompts, running = open_prompts[still], running.of(still)
        logits = continuation.scores(running.ids[:, :, : length + 1].flatten(0, 1))

    found = ended.map(lambda value: value[:, : settings.num_return_sequences].flatten(0, 1))
    return GenerateOutput(
        sequences=found.ids[:, : prompt_length + int(found.lengths.max())],
        sequences_scores=found.sums,
        scores=all_scores.kept(),
        logits=all_logits.kept(),
        lengths=found.lengths,
        # A place that no text took, because the rules left fewer than were asked for, holds the prompt alone.
        finish_reasons=[REASONS[reason or LENGTH] for reason in found.reasons.tolist()],
        log_probabilities=found.log_probabilities,
    )


def _continued(
    search: Search, running: Beams, scores: Tensor, log_probabilities: Tensor, length: int, open_prompts: Tensor
) -> tuple[Beams, Tensor]:
    """The best continuations of each prompt by a token, best first, and which beam each continues.

    scores, log_probabilities: (prompts x beams, vocabulary). With draws, they are drawn, then put in order.
    """
    settings = search.settings
    prompts, width = running.sums.shape
    vocabulary = scores.shape[-1]
    sums = (scores.view(prompts, width, vocabulary) + running.sums[:, :, None]).flatten(1)
    count = min(max(2, 1 + len(settings.eos_ids)) * width, width * vocabulary)
    if search.draws is None:
        best, places = sums.topk(count, dim=1)
    else:
        places = search.draws.several_each(sums, open_prompts, count)
        best, order = sums.gather(1, places).sort(dim=1, descending=True, stable=True)
        places = places.gather(1, order)
    parents = places // vocabulary
    candidates = running.pick(parents)
    candidates.ids[:, :, length] = places % vocabulary
    candidates.sums = best
    candidates.log_probabilities += log_probabilities.view(prompts, -1).gather(1, places)
    candidates.lengths += 1
    reasons = search.ending.reason(candidates.ids[:, :, : length + 1].flatten(0, 1))
    candidates.reasons = reasons.view(prompts, count)
    return candidates, parents


def _finished(candidates: Beams, ended_now: Tensor, settings: GenerationSettings) -> Beams:
    """The first num_beams candidates with their final scores; those that have not ended are nobody's."""
    first = candidates.map(lambda value: value[:, : settings.num_beams])
    final = _over_length(first.sums, first.lengths, settings)
    first.sums = final.masked_fill(~ended_now[:, : settings.num_beams], -torch.inf)
    return first


def _over_length(sums: Tensor, lengths: Tensor, settings: GenerationSettings) -> Tensor:
    return (sums / lengths.double() ** settings.length_penalty).float()


def _nothing_to_find(running: Beams, ended: Beams, settings: GenerationSettings, most: int) -> Tensor:
    """(prompts,) bool: the search of this prompt is over. most: the most new tokens a text may have."""
    full = (ended.reasons != RUNNING).all(1)
    if settings.early_stopping is True:
        return full
    length = running.lengths[:, 0]
    if settings.early_stopping == "never" and settings.length_penalty > 0:
        length = torch.full_like(length, most)  # the longest text has the least penalty
    hoped = _over_length(running.sums[:, 0], length, settings)
    return full & (hoped <= ended.sums.amin(1))
