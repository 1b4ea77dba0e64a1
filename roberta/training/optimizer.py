"""AdamW in its groups, and the learning rate of each step."""

from __future__ import annotations

import math

import torch
from torch import nn

from roberta.training.settings import Settings


def make_optimizer(model: nn.Module, settings: Settings, head: frozenset[str] = frozenset()) -> torch.optim.AdamW:
    """AdamW over what may learn: no decay on biases and LayerNorm; `head` names the parameters that take `head_lr`.

    Each group has `peak`, the rate that the schedule scales.
    """
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            decays = parameter.dim() > 1  # biases and LayerNorm are the vectors
            groups.setdefault((decays, name in head), []).append(parameter)
    head_lr = settings.lr if settings.head_lr is None else settings.head_lr
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "weight_decay": settings.weight_decay if decays else 0.0,
                "peak": head_lr if is_head else settings.lr,
            }
            for (decays, is_head), parameters in sorted(groups.items(), key=lambda item: item[0])
        ],
        lr=settings.lr,
        betas=settings.betas,
        eps=settings.eps,
        fused=True,
    )


def rate(step: int, steps: int, settings: Settings) -> float:
    """The share of the peak rate at `step` of 0..steps-1: rising by equal parts from 1/(warmup + 1), so that no step is
    spent on a rate of 0, then as the schedule says: linear and cosine would reach 0 at `steps`.

    >>> [rate(step, 4, Settings(warmup=0)) for step in range(4)]
    [1.0, 0.75, 0.5, 0.25]
    """
    warmup = settings.warmup_steps(steps)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if settings.schedule == "constant":
        return 1.0
    done = (step - warmup) / max(1, steps - warmup)
    return 1 - done if settings.schedule == "linear" else (1 + math.cos(math.pi * done)) / 2


def set_rate(optimizer: torch.optim.Optimizer, share: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * share
