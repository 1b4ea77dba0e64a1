"""Stored weights into a model: what fits goes in without a copy, what is missing is named."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import torch
from torch import Tensor, nn

from roberta.config import RobertaConfig
from roberta.errors import InputError
from roberta.model.matching import find_parameters, warn_of_nan
from roberta.weights.arrays import BFLOAT16
from roberta.weights.folder import Weights
from roberta.weights.mapped_file import give_back


def torch_dtype(asked: torch.dtype | str | None, config: RobertaConfig, stored: Weights) -> torch.dtype:
    """The type of the weights: float32 unless asked; "auto" as the config says, or else as most of them are stored.

    Raises InputError: a name that is no floating-point type of torch.
    """
    if asked is None:
        return torch.float32
    name = (config.dtype or stored.dtype or "float32") if asked == "auto" else str(asked).removeprefix("torch.")
    found = getattr(torch, name, None)
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise InputError(f"dtype {name!r} is no floating-point type; choose from float32, float16, bfloat16, float64")
    return found


def load_weights(
    model: nn.Module, stored: Weights, *, dtype: torch.dtype, device: torch.device | str | None, strict: bool
) -> None:
    """Give every parameter of `model`, which may lie on the meta device, its stored value.

    Raises CheckpointError: tensors of the encoder missing, a head stored in part, another shape, whole numbers where
    fractions belong; with strict also a head or pooler that is not stored at all.
    """
    shapes = {name: tuple(parameter.shape) for name, parameter in model.state_dict().items()}
    tied = model.config.tie_word_embeddings and model.get_output_embeddings() is not None
    matched = find_parameters(stored, shapes, model=type(model).__name__, head=model.head, tied=tied, strict=strict)
    loaded = {}
    for name, array in matched.found.items():
        tensor = to_tensor(array)
        if not torch.isfinite(tensor.sum(dtype=torch.promote_types(tensor.dtype, torch.float32))):
            warn_of_nan(stored.source, name, stacklevel=3)
        loaded[name] = tensor.to(device=device or "cpu", dtype=dtype)
        give_back(array)  # its pages come again with the first use, if no copy was made; of some rows only, maybe
    model.load_state_dict(loaded, strict=False, assign=True)
    _draw(model, matched.missing, dtype, device)
    model.tie_weights()


def to_tensor(array: np.ndarray) -> Tensor:
    """An array of `roberta.weights` as a tensor over the same memory."""
    if array.dtype == BFLOAT16:
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def to_array(tensor: Tensor) -> np.ndarray:
    """The other way round; NumPy has no bfloat16 of its own."""
    tensor = tensor.detach().cpu().contiguous()
    return tensor.view(torch.int16).numpy().view(BFLOAT16) if tensor.dtype == torch.bfloat16 else tensor.numpy()


def _draw(model: nn.Module, missing: Collection[str], dtype: torch.dtype, device: torch.device | str | None) -> None:
    owners: dict[str, nn.Module] = {}
    for name in missing:
        path, _, own_name = name.rpartition(".")
        owner = owners.setdefault(path, model.get_submodule(path))
        shape = getattr(owner, own_name).shape
        setattr(owner, own_name, nn.Parameter(torch.empty(shape, dtype=dtype, device=device or "cpu")))
    for owner in owners.values():
        model.init_weights(owner)
