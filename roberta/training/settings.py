"""How a run trains: every number of the loop, checked once."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import torch

from roberta.errors import UsageError

SCHEDULES = ("linear", "cosine", "constant")
PRECISIONS = ("auto", "fp32", "bf16")
_POSITIVE = (
    "epochs",
    "steps",
    "batch_tokens",
    "accumulate",
    "lr",
    "head_lr",
    "eps",
    "save_every",
    "keep_last",
    "patience",
)
_FROM_ZERO = ("warmup", "weight_decay", "clip", "dropout")


@dataclass(frozen=True)
class Settings:
    """epochs: passes over the data, may be a fraction; steps: in their place, optimizer steps.

    batch_tokens: most tokens in one step, padding included, over all processes; accumulate: parts in which a step is
    computed, for less memory. lr, head_lr: peak learning rates of the model and of its head (None: the same).
    warmup: steps, or a share of all steps if below 1. schedule: how the rate falls after it. clip: the largest norm of
    the gradient, 0 for any. dropout: in place of the config's while training. save_every: steps between evaluations,
    each with a checkpoint; None: at the end of each epoch. keep_last: checkpoints that stay, besides the best.
    patience: after so many evaluations without a better score the run stops. metric: which score (None: the
    objective's own).
    """

    epochs: float = 3.0
    steps: int | None = None
    batch_tokens: int = 4096
    accumulate: int = 1
    lr: float = 2e-5
    head_lr: float | None = None
    warmup: float = 0.06
    schedule: str = "linear"
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    clip: float = 1.0
    dropout: float | None = None
    precision: str = "auto"
    gradient_checkpointing: bool = False
    seed: int = 0
    save_every: int | None = None
    keep_last: int = 1
    patience: int | None = None
    metric: str | None = None

    def __post_init__(self):
        for name, value, known in (("schedule", self.schedule, SCHEDULES), ("dtype", self.precision, PRECISIONS)):
            if value not in known:
                raise UsageError(f"no {name} {value!r} for training; choose from {', '.join(known)}")
        for name in (*_POSITIVE, *_FROM_ZERO):
            value = getattr(self, name)
            zero_will_do = name in _FROM_ZERO
            if value is not None and not (0 < value < math.inf or (value == 0 and zero_will_do)):
                least = "0 or more" if zero_will_do else "above 0"
                raise UsageError(f"{name.replace('_', '-')} is {value}; give a number that is {least}")
        if self.dropout is not None and self.dropout >= 1:
            raise UsageError(f"dropout is {self.dropout}; give a share below 1")

    def warmup_steps(self, steps: int) -> int:
        return round(self.warmup * steps) if self.warmup < 1 else round(self.warmup)

    @property
    def identity(self) -> dict[str, object]:
        """What a resumed run must have in common with the one it goes on with."""
        without = {"keep_last"} if self.steps is None else {"keep_last", "epochs"}
        return {name: value for name, value in asdict(self).items() if name not in without}


def resolve_precision(asked: str, device: torch.device) -> str:
    """ "auto" is bf16 where the hardware multiplies it, else fp32: without that, bf16 on a CPU is ten times slower."""
    if asked != "auto":
        return asked
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    return "bf16" if torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported() else "fp32"
