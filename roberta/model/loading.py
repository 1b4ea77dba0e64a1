"""Stored weights into a model: what fits goes in without a copy, what is missing is named."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Collection

import numpy as np
import torch
from torch import Tensor, nn

from roberta.config import RobertaConfig
from roberta.errors import CheckpointError, InputError
from roberta.model.parameters import BODY, HEADS
from roberta.weights.arrays import BFLOAT16
from roberta.weights.folder import Weights
from roberta.weights.names import check_shapes, match, some

log = logging.getLogger(__name__)


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
    tied = model.config.tie_word_embeddings and model.get_output_embeddings() is not None
    ties = {"lm_head.decoder.weight": BODY + "embeddings.word_embeddings.weight"} if tied else {}
    # lm_head.bias is lm_head.decoder.bias by another name; `tie_weights` gives tied parameters their second names.
    expected = {name: x.shape for name, x in model.state_dict().items() if name not in {*ties, "lm_head.bias"}}
    matched = match(stored.tensors, expected, source=stored.source, ties=ties)
    if matched.unexpected:
        log.debug("%s: not used by %s: %s", stored.source, type(model).__name__, ", ".join(sorted(matched.unexpected)))
    check_shapes(matched.found, expected, stored.source)
    if matched.missing:
        _check_missing(model, expected, matched.missing, stored.source, strict)

    loaded = {}
    for name, array in matched.found.items():
        tensor = to_tensor(array)
        if not torch.isfinite(tensor.sum(dtype=torch.promote_types(tensor.dtype, torch.float32))):
            warnings.warn(f"{stored.source}: {name} holds NaN or infinite numbers; answers may too", stacklevel=3)
        loaded[name] = tensor.to(device=device or "cpu", dtype=dtype)
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


def _check_missing(
    model: nn.Module, expected: Collection[str], missing: Collection[str], source: str, strict: bool
) -> None:
    """Parts that are not stored at all may start at random; raises for whatever else is missing."""
    kind = type(model).__name__
    stored_parts = {_part(name, model) for name in set(expected).difference(missing)}
    lost = [name for name in missing if _part(name, model) in {None, *stored_parts}]
    if lost:
        raise CheckpointError(
            f"{source}: no weights for {some(lost)} of {kind}; the file is incomplete,"
            " or belongs to a model of another size"
        )
    parts = " and ".join(dict.fromkeys(_part(name, model) for name in missing))
    if strict:
        raise CheckpointError(
            f"{source}: no weights for the {parts} of {kind}, and answers are never made with random"
            " ones; name a model that was trained for this, or train one: roberta train"
        )
    warnings.warn(
        f"{source}: no weights for the {parts} of {kind}: started at random; train it before you use its answers",
        stacklevel=4,
    )


def _part(name: str, model: nn.Module) -> str | None:
    """The part that a parameter belongs to, where fine-tuning may add it: pooler, head, cross-attention; else None."""
    words = name.removeprefix(BODY).split(".")
    if "crossattention" in words:
        return "crossattention"
    own = HEADS[model.head].module if model.head else None
    return words[0] if words[0] in ("pooler", own) else None


def _draw(model: nn.Module, missing: Collection[str], dtype: torch.dtype, device: torch.device | str | None) -> None:
    owners: dict[str, nn.Module] = {}
    for name in missing:
        path, _, own_name = name.rpartition(".")
        owner = owners.setdefault(path, model.get_submodule(path))
        shape = getattr(owner, own_name).shape
        setattr(owner, own_name, nn.Parameter(torch.empty(shape, dtype=dtype, device=device or "cpu")))
    for owner in owners.values():
        model.init_weights(owner)
