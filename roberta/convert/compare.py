"""The outputs of a class before and after, and how far apart they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

import roberta
from roberta.convert.plan import Plan
from roberta.convert.probe import Probe
from roberta.errors import CheckFailed
from roberta.model.loading import load_weights
from roberta.model.pretrained import PretrainedModel
from roberta.weights.folder import Weights

Outputs = list[dict[str, np.ndarray]]  # of each probe, by their names

_SOURCE_LENGTH = 3  # of the states that cross-attention is given


@dataclass(frozen=True)
class Difference:
    """largest: of any two numbers. scaled: the same, of each output divided by max(1, its largest number)."""

    largest: float
    scaled: float


def build(plan: Plan, tensors: dict[str, np.ndarray], source: str) -> PretrainedModel:
    """The model that a plan describes, over its tensors and without a copy where they are float32. Nothing is drawn."""
    kind = getattr(roberta, plan.architecture)
    arguments = {"add_pooling_layer": plan.has_pooler} if plan.head is None else {}
    with torch.device("meta"):
        model = kind(plan.config, **arguments)
    load_weights(model, Weights(tensors, source), dtype=torch.float32, device=None, strict=True)
    return model.eval().requires_grad_(False)


def outputs_of(model: PretrainedModel, probes: Sequence[Probe], *, whole: bool = False) -> Outputs:
    """What a model gives for each probe.

    whole: also of the longest text all that the class gives; without it its hidden states, which for a language model
    are a hundredth of the numbers and have been through the same positions.
    """
    return [dict(_outputs(model, probe, whole or not probe.is_full)) for probe in probes]


@torch.inference_mode()
def _outputs(model: PretrainedModel, probe: Probe, whole: bool) -> Iterator[tuple[str, np.ndarray]]:
    asked = model if whole else model.body
    inputs = {name: torch.from_numpy(x) for name, x in probe.inputs(model.head if whole else None).items()}
    if model.config.add_cross_attention:
        size = (len(probe.input_ids), _SOURCE_LENGTH, model.config.hidden_size)
        inputs["encoder_hidden_states"] = torch.randn(size, generator=torch.Generator().manual_seed(0))
    found = asked(**inputs, output_attentions=False, output_hidden_states=False, return_dict=True)
    for name, value in found.items():
        if isinstance(value, Tensor):  # a cache is none
            yield name, probe.kept(value.numpy())


def difference(before: Outputs, after: Outputs) -> Difference:
    """The largest difference between the outputs of two models for the same probes.

    Raises CheckFailed: other outputs, other shapes, or a number on one side where there is none on the other.
    """
    largest = scaled = 0.0
    for one, other in zip(before, after, strict=True):
        if one.keys() != other.keys():
            raise CheckFailed(f"the outputs are {', '.join(other)} where they were {', '.join(one)}")
        for name, expected in one.items():
            if other[name].shape != expected.shape:
                raise CheckFailed(f"{name} has the shape {other[name].shape}, where it was {expected.shape}")
            # Row by row, since each step makes an array of its own.
            apart = max((_apart(name, *rows) for rows in zip(other[name], expected)), default=0.0)
            size = max(1.0, *(float(np.abs(row[np.isfinite(row)]).max(initial=0.0)) for row in expected))
            largest, scaled = max(largest, apart), max(scaled, apart / size)
    return Difference(largest, scaled)


def _apart(name: str, found: np.ndarray, expected: np.ndarray) -> float:
    finite = np.isfinite(expected)
    if not np.array_equal(np.isfinite(found), finite) or not np.array_equal(
        found[~finite], expected[~finite], equal_nan=True
    ):
        raise CheckFailed(f"{name} has NaN or infinite numbers in other places than before")
    return float(np.abs(found[finite].astype(np.float64) - expected[finite]).max(initial=0.0))
