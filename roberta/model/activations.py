"""The activations of the feed-forward part, by the names that config.json uses."""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from roberta.errors import InputError
from roberta.spelling import did_you_mean


# Functions with names, not lambdas: a model can be pickled, and sent to another process.
def _quick_gelu(x: Tensor) -> Tensor:
    return x * torch.sigmoid(1.702 * x)


def _clipped_gelu(x: Tensor) -> Tensor:
    return F.gelu(x).clamp(-10, 10)


def _squared_relu(x: Tensor) -> Tensor:
    return F.relu(x).square()


def _laplace(x: Tensor, mean: float = 0.707107, spread: float = 0.282095) -> Tensor:
    return 0.5 * (1 + torch.erf((x - mean) / (spread * 2**0.5)))  # MEGA's stand-in for relu2


def _unchanged(x: Tensor) -> Tensor:
    return x


_tanh_gelu = partial(F.gelu, approximate="tanh")

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "gelu_python": F.gelu,
    # One function under five names: GPT-2's formula, its fused forms, and fairseq's name for it.
    "gelu_new": _tanh_gelu,
    "gelu_fast": _tanh_gelu,
    "gelu_pytorch_tanh": _tanh_gelu,
    "gelu_python_tanh": _tanh_gelu,
    "gelu_accurate": _tanh_gelu,
    "gelu_10": _clipped_gelu,
    "quick_gelu": _quick_gelu,
    "relu": F.relu,
    "relu2": _squared_relu,
    "relu6": F.relu6,
    "leaky_relu": F.leaky_relu,
    "silu": F.silu,
    "swish": F.silu,
    "mish": F.mish,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "laplace": _laplace,
    "linear": _unchanged,
}


def activation(name: str | Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """The function that `config.hidden_act` means: a name of ACTIVATIONS or a function itself.

    >>> activation("relu")(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])

    Raises InputError: an unknown name.
    """
    if callable(name):
        return name
    if name in ACTIVATIONS:
        return ACTIVATIONS[name]
    hint = did_you_mean(str(name), ACTIVATIONS) or f"; choose from {', '.join(ACTIVATIONS)}"
    raise InputError(f"hidden_act {name!r} is not an activation known here{hint}")
