"""The rule: which device and number type a job gets."""

from __future__ import annotations

import torch

from roberta.errors import ResourceError, UsageError

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def choose_device(asked: str) -> str:
    """ "auto" is the first GPU where there is one, else the CPU.

    Raises ResourceError: a GPU that is not there; UsageError: no such device.
    """
    if asked == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, number = asked.partition(":")
    if kind not in ("cpu", "cuda") or (number and not number.isdigit()):
        raise UsageError(f"no device {asked!r}; choose auto, cpu, cuda or cuda:N")
    if kind == "cuda" and (not torch.cuda.is_available() or int(number or 0) >= torch.cuda.device_count()):
        raise ResourceError(
            f"the device {asked} is not there ({torch.cuda.device_count()} GPUs found); use --device cpu"
        )
    return asked


def choose_dtype(asked: str, device: str) -> torch.dtype:
    """ "auto" is bf16 on a GPU and fp32 on a CPU, where exactness comes first."""
    if asked == "auto":
        return torch.bfloat16 if device.startswith("cuda") else torch.float32
    if asked not in DTYPES:
        raise UsageError(f"no number type {asked!r}; choose auto, {', '.join(DTYPES)}")
    return DTYPES[asked]
