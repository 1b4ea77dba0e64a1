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
    """The names of the parameters of the new parts, which `--head-lr` is for."""
    parts = tuple(f"{part}." for part in new_parts(model))
    return frozenset(name for name, _ in model.named_parameters() if name.startswith(parts))


def new_parts(model: PretrainedModel) -> list[str]:
    """The parts of a model that fine-tuning begins anew: its head, and the pooler if that is what the head reads.

    >>> new_parts(RobertaForMultipleChoice(config))
    ['classifier', 'roberta.pooler']
    """
    head = HEADS.get(model.head or "")
    return [] if head is None else [head.module, *([f"{BODY}pooler"] if head.pooler else [])]


def check_freeze(model: PretrainedModel, layers: int | None) -> None:
    """Raises UsageError: more layers than the model has, or all of them where there is no head that could learn."""
    if layers is None:
        return
    count = model.config.num_hidden_layers
    if not 0 <= layers <= count:
        raise UsageError(f"--freeze {layers}; this model has {count} layers")
    if layers == count and model.head is None:
        raise UsageError(
            f"--freeze {layers} leaves nothing to learn, since vectors have no head; give a smaller number"
        )
