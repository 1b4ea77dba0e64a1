"""Stored weights into a model: what fits goes in without a copy, what is missing is named."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from roberta.config import RobertaConfig
from roberta.errors import CheckpointError, InputError
from roberta.hub import Origin
from roberta.model.parameters import HEADS
from roberta.weights.arrays import BFLOAT16
from roberta.weights.folder import read_weights
from roberta.weights.names import match_names

log = logging.getLogger(__name__)


def stored_arrays(origin: Origin) -> Mapping[str, np.ndarray]:
    """Every tensor of a checkpoint under its stored name, as a view into the mapped file."""
    return read_weights(origin)


def torch_dtype(asked: torch.dtype | str | None, config: RobertaConfig) -> torch.dtype:
    """The type of the weights: float32 unless asked, "auto" as stored.

    Raises InputError: a name that is no floating-point type of torch.
    """
    if asked is None:
        return torch.float32
    name = (config.dtype or "float32") if asked == "auto" else str(asked).removeprefix("torch.")
    found = getattr(torch, name, None)
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise InputError(f"dtype {name!r} is no floating-point type; choose from float32, float16, bfloat16, float64")
    return found


def load_weights(
    model: nn.Module,
    stored: Mapping[str, np.ndarray | Tensor],
    *,
    dtype: torch.dtype,
    device: torch.device | str | None,
    strict: bool,
    source: str,
) -> None:
    """Give every parameter of `model`, which may lie on the meta device, its stored value.

    Raises CheckpointError: tensors of the encoder missing, a head stored in part, another shape, whole numbers where
    fractions belong; with strict also a head or pooler that is not stored at all.
    """
    expected = {name: tensor.shape for name, tensor in model.state_dict().items()}
    matched, unexpected = match_names(stored, expected)
    if unexpected:
        log.debug("%s: tensors not used by %s: %s", source, type(model).__name__, ", ".join(sorted(unexpected)))
    _check_shapes(stored, matched, expected, source)
    drawn = _modules_to_draw(model, expected.keys() - matched.keys(), source, strict)

    loaded = {}
    for name, key in matched.items():
        tensor = _to_tensor(stored[key], source, key)
        if not torch.isfinite(tensor.sum(dtype=torch.float32)):
            warnings.warn(f"{source}: {key} holds NaN or infinite numbers; answers may be NaN too", stacklevel=4)
        loaded[name] = tensor.to(device=device or "cpu", dtype=dtype)
    model.load_state_dict(loaded, strict=False, assign=True)
    for module in drawn:
        module.to_empty(device=device or "cpu").to(dtype)
        module.apply(model.init_weights)
    model.tie_weights()


def _check_shapes(stored, matched: dict[str, str], expected: dict[str, torch.Size], source: str) -> None:
    wrong = [
        f"{key} is {tuple(stored[key].shape)}, the model needs {tuple(expected[name])}"
        for name, key in matched.items()
        if tuple(stored[key].shape) != tuple(expected[name])
    ]
    if wrong:
        raise CheckpointError(
            f"{source}: {_some(wrong, '; ')}; config.json and the weights do not belong together,"
            " or num_labels or another size was overridden"
        )


def _modules_to_draw(model: nn.Module, missing: set[str], source: str, strict: bool) -> list[nn.Module]:
    """The heads and poolers to start at random; raises for whatever else is missing."""
    if model.config.tie_word_embeddings:
        missing = missing - {"lm_head.decoder.weight"}
    if not missing:
        return []
    optional = {"pooler": "pooler", "roberta.pooler": "roberta.pooler"}
    if model.head is not None:
        optional[HEADS[model.head].module] = HEADS[model.head].module
    whole = [name for name in optional if any(key.startswith(name + ".") for key in missing)]
    names_of = {name: {key for key in model.state_dict() if key.startswith(name + ".")} for name in whole}
    tied = {"lm_head.decoder.weight"} if model.config.tie_word_embeddings else set()
    entirely = [name for name in whole if names_of[name] - tied <= missing]
    lost = missing - set().union(*(names_of[name] for name in entirely))
    kind = type(model).__name__
    if lost:
        raise CheckpointError(
            f"{source}: no weights for {_some(sorted(lost))} of {kind}; the file is incomplete,"
            " or belongs to a model of another size"
        )
    if strict:
        raise CheckpointError(
            f"{source}: no weights for the {' and '.join(entirely)} of {kind}, and answers are never made with random"
            " ones; name a model that was trained for this, or train one: roberta train"
        )
    warnings.warn(
        f"{source}: the {' and '.join(entirely)} of {kind} is not in the checkpoint and starts at random;"
        " train it before you use its answers",
        stacklevel=4,
    )
    return [model.get_submodule(name) for name in entirely]


def _to_tensor(value: np.ndarray | Tensor, source: str, key: str) -> Tensor:
    if isinstance(value, Tensor):
        return value
    if value.dtype == BFLOAT16:
        return torch.from_numpy(value.view(np.int16)).view(torch.bfloat16)
    if value.dtype.kind != "f":
        raise CheckpointError(
            f"{source}: {key} holds {value.dtype} numbers where fractions belong; the file is damaged"
        )
    return torch.from_numpy(value)


def _some(names: Iterable[str], between: str = ", ", most: int = 5) -> str:
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return between.join(names[:most]) + more
