"""Filling several masks so that the words fit each other: the surest first, or the likeliest together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice

from roberta.tasks.base import Again, Result, Window
from roberta.tasks.mask_questions import Answers, Fill, MaskJudge

EQUAL = 1e-5  # logprobs that differ less are float32's rounding of one
Beam = list[tuple[Fill, ...]]  # fills of the first masks, each given those to its left and masks to its right


def fill_greedily(
    judge: MaskJudge,
    judged: Mapping[int, list[Fill]],
    windows: Sequence[Window],
    outputs: Sequence[Answers],
    finish: Callable[[list[list[Fill]]], Result],
) -> Result | Again:
    """Fill the mask whose best word is the surest of all, and ask again about the others, until none is left.

    Of equally sure ones the leftmost is filled, whatever the last digits say: they depend on the batch.

    judged: the fills of the masks that are filled, as they were judged when it was their turn; the first stands in the
    text. windows, outputs: what was asked about the other masks. finish: makes a result of the fills of every mask.
    """
    fills = judge.fills(windows, outputs)
    ranks = {mask: fills[mask][0].rank(judge.per_piece) for mask in sorted(fills)}
    most = max(ranks.values())
    surest = next(mask for mask, rank in ranks.items() if rank >= most - EQUAL * max(1.0, abs(most)))
    judged = {**judged, surest: fills[surest]}
    left = [mask for mask in ranks if mask != surest]
    if not left:
        return finish([judged[mask] for mask in sorted(judged)])
    asked = judge.windows(left, {mask: fills[0].ids for mask, fills in judged.items()})
    return Again(asked, lambda answers: fill_greedily(judge, judged, asked, answers, finish))


def fill_jointly(
    judge: MaskJudge,
    beam: Beam,
    beams: int,
    windows: Sequence[Sequence[Window]],
    outputs: Sequence[Answers],
    finish: Callable[[Beam], Result],
) -> Result | Again:
    """Fill the masks from left to right, keeping the `beams` likeliest sequences of fills.

    The logprob of a sequence is the sum over its fills. Equal ones stand in the order of their ids.

    beam: the sequences so far. windows: for each, what was asked about the next mask. outputs: of all these windows.
    finish: makes a result of the last beam, the likeliest first.
    """
    answers = iter(outputs)
    longer: Beam = []
    for fills, asked in zip(beam, windows):
        [found] = judge.fills(asked, list(islice(answers, len(asked)))).values()
        longer += [(*fills, fill) for fill in found[:beams]]
    longer.sort(key=lambda fills: (-rank(fills, judge.per_piece), [fill.ids for fill in fills]))
    del longer[beams:]
    following = len(longer[0])
    if following == len(judge.text.places):
        return finish(longer)
    next_windows = [judge.windows([following], {mask: fill.ids for mask, fill in enumerate(fills)}) for fills in longer]
    return Again(
        [window for asked in next_windows for window in asked],
        lambda answers: fill_jointly(judge, longer, beams, next_windows, answers, finish),
    )


def joint_logprob(fills: Sequence[Fill]) -> float:
    """Logprob of all of them together."""
    return sum(fill.logprob for fill in fills)


def rank(fills: Sequence[Fill], per_piece: bool) -> float:
    """What sequences are ordered by, the largest first."""
    logprob = joint_logprob(fills)
    return logprob / sum(len(fill.ids) for fill in fills) if per_piece else logprob
