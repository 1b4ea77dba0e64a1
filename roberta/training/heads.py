"""A checkpoint with the head that shall be trained: its own where it fits the labels, else a new one."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence

import torch

from roberta.config import RobertaConfig
from roberta.errors import UsageError
from roberta.hub import Origin
from roberta.model.loading import to_tensor
from roberta.model.parameters import BODY, HEADS
from roberta.model.pretrained import PretrainedModel
from roberta.weights.folder import read_weights


def open_with_head(
    kind: type[PretrainedModel], name: str, seed: int, *, labels: Sequence[str] | None = None, **others
) -> PretrainedModel:
    """The model of class `kind` over the checkpoint `name`, in memory of its own, since training will change it.

    labels: names in the order of the outputs. A stored head is kept if it is of this class and has the same ones.
    others: for the config.

    Raises CheckpointError: no such checkpoint.
    """
    origin, _ = Origin.split(name, {})
    config = RobertaConfig.from_pretrained(origin)
    stored = {key: to_tensor(array) for key, array in read_weights(origin).tensors.items()}
    fits = kind.__name__ in (config.architectures or [kind.__name__])
    if labels is not None:
        names = dict(enumerate(labels))
        fits = fits and config.id2label == names
        config.update({"id2label": names, "label2id": {label: number for number, label in names.items()}})
    if kind.head and not fits:  # heads of several classes go by the same names
        module = HEADS[kind.head].module
        stored = {key: tensor for key, tensor in stored.items() if not key.startswith(f"{module}.")}
    config.update(others)
    torch.manual_seed(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the head starts at random is why it is trained
        return copy.deepcopy(kind.from_pretrained(origin, config=config, state_dict=stored))


def head_parameters(model: PretrainedModel) -> frozenset[str]:
    """The names of the parameters outside the body, which `--head-lr` is for."""
    if model.body is model:
        return frozenset()
    return frozenset(name for name, _ in model.named_parameters() if not name.startswith(BODY))


def check_freeze(model: PretrainedModel, layers: int | None) -> None:
    """Raises UsageError: more layers than the model has."""
    if layers is not None and not 0 <= layers <= model.config.num_hidden_layers:
        raise UsageError(f"--freeze {layers}; this model has {model.config.num_hidden_layers} layers")
