"""The processes that train together, as `torchrun` starts them; alone, there is one.

Gradients are added up by one all-reduce after the backward pass. Every process plans the same steps and takes its part
of each, which may be empty, so that data need not divide evenly.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True)
class Processes:
    """rank: which of `size` processes this is; the first one writes."""

    rank: int = 0
    size: int = 1

    @classmethod
    def join(cls, device: torch.device) -> Processes:
        """Those that torchrun started, found by its environment variables."""
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return cls()
        if not dist.is_initialized():
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        return cls(dist.get_rank(), dist.get_world_size())

    @property
    def writes(self) -> bool:
        return self.rank == 0

    def total(self, values: list[float]) -> list[float]:
        """The sums over all processes, in double precision."""
        if self.size == 1:
            return values
        summed = torch.tensor(values, dtype=torch.float64)
        if dist.get_backend() == "nccl":
            summed = summed.cuda()
        dist.all_reduce(summed)
        return summed.tolist()

    def add_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Replace every gradient by its sum over all processes; none counts as zeros."""
        if self.size == 1:
            return
        parameters = list(parameters)
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        flat = torch.cat([parameter.grad.flatten() for parameter in parameters])
        dist.all_reduce(flat)
        for parameter, summed in zip(parameters, flat.split([parameter.numel() for parameter in parameters])):
            parameter.grad.copy_(summed.view_as(parameter))

    def from_first(self, value: object) -> object:
        """What the first process has."""
        if self.size == 1:
            return value
        held = [value]
        dist.broadcast_object_list(held, src=0)
        return held[0]

    def leave(self) -> None:
        if self.size > 1 and dist.is_initialized():
            dist.destroy_process_group()
