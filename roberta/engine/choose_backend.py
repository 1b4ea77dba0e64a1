"""The rule: which backend, device and number type a job gets. torch is imported only once it is asked for.

NumPy answers a few records wherever it can, for torch takes two seconds to import, and any number where its products
are as quick as the best of torch: with AVX2 and without AVX512, on not too many cores. Measured there (two cores of
Zen 3, base size, batches side by side): 1,000 sentences, five pairs of runs, 26 to 29 s and 495 MiB; torch 28 to 31 s
and 750 MiB, which is noise in time and a third in memory. Texts of 430 tokens take both as long. With AVX512 oneDNN's
products are a sixth ahead of NumPy's.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from roberta.errors import ResourceError, UsageError

if TYPE_CHECKING:
    from roberta.config import RobertaConfig
    from roberta.hub import Origin

BACKENDS = ("auto", "numpy", "torch")
FEW = 8  # records that NumPy has answered before torch is imported
_GPU_DRIVERS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # of NVIDIA, of AMD, of Windows below WSL


def choose_backend(
    asked: str, head: str, config: RobertaConfig, origin: Origin, *, device: str, dtype: str, records: int | None
) -> str:
    """ "auto" is "numpy" on a CPU, in fp32, of a model that it can read, for a few records or where it leads; else
    "torch".

    head: what the task reads. origin: where the weights lie. records: how many there are, None if that is not known.

    Raises UsageError: no such backend, or numpy where it cannot do what is asked; CheckpointError: no weights.
    """
    if asked not in BACKENDS:
        raise UsageError(f"no backend {asked!r}; choose from {', '.join(BACKENDS)}")
    if asked == "numpy":
        reason = _why_not_numpy(head, config, origin, device, dtype)
        if reason:
            raise UsageError(f"the numpy backend {reason}; use --backend torch")
        return asked
    if asked == "torch" or (device == "auto" and any(Path(driver).exists() for driver in _GPU_DRIVERS)):
        return "torch"
    if (records is None or records > FEW) and not numpy_leads():
        return "torch"
    return "torch" if _why_not_numpy(head, config, origin, device, dtype) else "numpy"


def numpy_leads() -> bool:
    """Whether NumPy takes no longer than torch on this CPU, however many records there are."""
    from numpy._core import _multiarray_umath

    from roberta.engine.blas_threads import blas_threads, can_set_blas_threads
    from roberta.engine.lanes import MOST

    if not can_set_blas_threads() or blas_threads() > MOST:  # a lane has one thread: OpenBLAS lets one call share out
        return False
    can = getattr(_multiarray_umath, "__cpu_features__", {})  # what np.show_runtime() prints has no public name
    return can.get("AVX2", False) and not can.get("AVX512F", False)


def _why_not_numpy(head: str, config: RobertaConfig, origin: Origin, device: str, dtype: str) -> str | None:
    from roberta.model.numpy_forward import lacking
    from roberta.weights.folder import find_weights

    if device not in ("auto", "cpu"):
        return f"runs on the CPU alone, and --device is {device}"
    if dtype not in ("auto", "fp32"):
        return f"computes in fp32 alone, and --dtype is {dtype}"
    part = lacking(config, head)
    if part is not None:
        return f"has no {part}"
    weights = find_weights(origin).name
    return None if ".safetensors" in weights else f"reads safetensors alone, and the weights are in {weights}"


def choose_device(asked: str) -> str:
    """ "auto" is the first GPU where there is one, else the CPU.

    Raises ResourceError: a GPU that is not there; UsageError: no such device.
    """
    kind, _, number = asked.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (number and not number.isdigit()) or (kind == "auto" and number):
        raise UsageError(f"no device {asked!r}; choose auto, cpu, cuda or cuda:N")
    if kind == "cpu":
        return asked
    import torch

    if kind == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if not torch.cuda.is_available() or int(number or 0) >= torch.cuda.device_count():
        raise ResourceError(
            f"the device {asked} is not there ({torch.cuda.device_count()} GPUs found); use --device cpu"
        )
    return asked


def choose_dtype(asked: str, device: str) -> str:
    """A row of `kernels.KINDS`; "auto" is bf16 on a GPU and fp32 on a CPU, where exactness comes first.
    bf16 becomes fp32 where a CPU would only imitate it, at half the speed.

    Raises UsageError: no such number type, or one that the device has not.
    """
    from roberta.model.kernels import KINDS, bf16_is_native

    on_cpu = device == "cpu"
    if asked == "auto":
        return "fp32" if on_cpu else "bf16"
    if asked not in KINDS:
        raise UsageError(f"no number type {asked!r}; choose auto, {', '.join(KINDS)}")
    if asked == "int8" and not on_cpu:
        raise UsageError("int8 is for the CPU; on a GPU choose bf16, or give --device cpu")
    if asked == "bf16" and on_cpu and not bf16_is_native():
        warnings.warn("this CPU has no bf16 of its own: fp32 is computed, which is faster here", stacklevel=2)
        return "fp32"
    return asked
