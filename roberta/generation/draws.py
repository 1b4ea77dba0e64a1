"""Random numbers for sampling: every row has its own source, so no row's text depends on its neighbours."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from numbers import Integral

import torch
from torch import Tensor

from roberta.errors import InputError


def row_seeds(seed: int | Sequence[int] | None, generator: torch.Generator | None, rows: int) -> list[int]:
    """One seed per prompt.

    An int is mixed with the row's number; a sequence gives each prompt its own seed, so that the same prompt with the
    same seed gives the same text in any batch. With neither, a number is drawn from `generator`, or from torch's global
    one, which `torch.manual_seed` sets.

    Raises InputError: seed and generator both given, a negative seed, or not one per prompt.
    """
    if seed is not None and generator is not None:
        raise InputError("both seed and generator are given; they say the same thing, give one of them")
    if seed is None:
        seed = int(torch.randint(2**62, (), generator=generator, device=generator.device if generator else None))
    if isinstance(seed, Integral) and not isinstance(seed, bool):
        _check(seed)
        return [mixed(int(seed), row) for row in range(rows)]
    try:
        seeds = [int(one) for one in seed]
    except (TypeError, ValueError):
        raise InputError(f"seed is {seed!r}; give a whole number, or one for each prompt") from None
    if len(seeds) != rows:
        raise InputError(f"{len(seeds)} seeds for {rows} prompts; give one seed, or one for each prompt")
    for one in seeds:
        _check(one)
    return seeds


def mixed(*numbers: int) -> int:
    """One 63-bit number from several; any other numbers, or another order, give an unrelated one."""
    text = ",".join(map(str, numbers)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1


class RowDraws:
    """A source of random numbers per row, on the CPU, so that every device draws the same ones."""

    def __init__(self, seeds: Sequence[int]):
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def one_each(self, scores: Tensor, rows: Tensor) -> Tensor:
        """Draw a token for each row of `scores` (rows, vocabulary) in proportion to softmax(scores).

        rows: which source each row draws from. A token that scores -inf is never drawn.
        """
        uniform = torch.stack(
            [torch.rand((), generator=self.generators[row], dtype=torch.float64) for row in rows.tolist()]
        )
        reached = scores.double().softmax(-1).cumsum(-1)
        whole = reached[:, -1:]
        # Just below the whole: a product rounded up to it would point behind the last token.
        point = uniform.to(scores.device)[:, None] * torch.nextafter(whole, torch.zeros_like(whole))
        return torch.searchsorted(reached, point, right=True)[:, 0]

    def several_each(self, scores: Tensor, rows: Tensor, count: int) -> Tensor:
        """Draw `count` different tokens for each row in proportion to softmax(scores): (rows, count), in drawn order.

        Source: the Gumbel top-k trick, Kool et al. 2019. A token that scores -inf comes after all others.
        """
        size = scores.shape[-1]
        uniform = torch.stack(
            [torch.rand(size, generator=self.generators[row], dtype=torch.float64) for row in rows.tolist()]
        )
        gumbel = -torch.log(-torch.log(uniform.clamp(min=torch.finfo(torch.float64).tiny)))
        return (scores.double() + gumbel.to(scores.device)).topk(count, dim=-1).indices


def _check(seed: int) -> None:
    if seed < 0:
        raise InputError(f"seed is {seed}; it must be 0 or more")
