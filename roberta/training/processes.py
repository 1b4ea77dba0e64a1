"""The processes that train together, as `torchrun` starts them; alone, there is one.

Gradients are added up by one all-reduce after the backward pass. Every process plans the same steps and takes its part
of each, which may be empty, so that data need not divide evenly.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from roberta.errors import ResourceError

_PATIENCE = timedelta(days=1)  # the others wait while the first one prepares a corpus or evaluates
_LOST = "another process of this run has ended; what it said comes first"
Made = TypeVar("Made")


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
        if device.type == "cuda":
            torch.cuda.set_device(device)
        if not dist.is_initialized():
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_PATIENCE)
        return cls(dist.get_rank(), dist.get_world_size())

    @property
    def writes(self) -> bool:
        return self.rank == 0

    def first_then_others(self, make: Callable[[], Made]) -> Made:
        """What `make` gives: called in the first process, then in the others, which find the files that it wrote.

        Raises ResourceError in the others if it failed in the first.
        """
        if self.size == 1:
            return make()
        made = None
        if self.writes:
            try:
                made = make()
            except BaseException:
                self.from_first(False)
                raise
        if not self.from_first(True):
            raise ResourceError(_LOST)
        return made if self.writes else make()

    def total(self, values: list[float]) -> list[float]:
        """The sums over all processes, in double precision."""
        if self.size == 1:
            return values
        summed = torch.tensor(values, dtype=torch.float64)
        if dist.get_backend() == "nccl":
            summed = summed.cuda()
        with _talking():
            dist.all_reduce(summed)
        return summed.tolist()

    def share(self, tensors: Iterable[Tensor]) -> None:
        """Give every process the numbers of the first: what each computed for itself may differ in the last bits."""
        if self.size > 1:
            with _talking(), torch.no_grad():
                for tensor in tensors:
                    dist.broadcast(tensor, src=0)

    def add_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Replace every gradient by its sum over all processes; none counts as zeros."""
        if self.size == 1:
            return
        parameters = list(parameters)
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        flat = torch.cat([parameter.grad.flatten() for parameter in parameters])
        with _talking():
            dist.all_reduce(flat)
        for parameter, summed in zip(parameters, flat.split([parameter.numel() for parameter in parameters])):
            parameter.grad.copy_(summed.view_as(parameter))

    def from_first(self, value: object) -> object:
        """What the first process has."""
        if self.size == 1:
            return value
        held = [value]
        with _talking():
            dist.broadcast_object_list(held, src=0)
        return held[0]

    def leave(self) -> None:
        if self.size > 1 and dist.is_initialized():
            dist.destroy_process_group()


def own_device(device: torch.device) -> torch.device:
    """Of several GPUs the one of this process, as torchrun numbers the processes of a machine.

    Raises ResourceError: there are fewer.
    """
    number = int(os.environ.get("LOCAL_RANK", "0"))
    if device.type != "cuda" or device.index is not None or int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return device
    if number >= torch.cuda.device_count():
        raise ResourceError(
            f"process {number} of this machine has no GPU of its own ({torch.cuda.device_count()} found);"
            " start fewer processes, or compute with --device cpu"
        )
    return torch.device("cuda", number)


@contextmanager
def _talking() -> Iterator[None]:
    """Turns what a lost neighbour looks like, deep in torch, into a sentence."""
    try:
        yield
    except RuntimeError as error:
        raise ResourceError(f"{_LOST} ({str(error).splitlines()[0]:.100})") from None
