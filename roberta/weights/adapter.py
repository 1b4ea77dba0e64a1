"""Low-rank adapters in PEFT's layout: read, and merged into the weights that they were trained beside.

`adapter_config.json` says which and how strong; `adapter_model.safetensors` (or .bin) holds for a linear layer W the
matrices A (rank, in) and B (out, rank), named `base_model.model.<path>.lora_A.weight`, and whole modules under their
own names. Merged is W + (alpha / rank) B A. For an embedding they are `lora_embedding_A` (rank, words) and
`lora_embedding_B` (hidden, rank), and merged is W + (alpha / rank) (B A)^T. Our own adapters also have a
config.json, for the names of labels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from roberta.config import CONFIG_FILE, RobertaConfig
from roberta.errors import CheckpointError
from roberta.files import read_json
from roberta.hub import Origin
from roberta.weights.arrays import to_float32
from roberta.weights.formats import read_file
from roberta.weights.names import published

SETTINGS = "adapter_config.json"
WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
PREFIX = "base_model.model."
_TURNED = ".lora_embedding_A"  # the rows of an embedding are words, which stand in the columns of A
_PAIRS = {".lora_A.weight": ".lora_B.weight", _TURNED: ".lora_embedding_B"}
_ARCHITECTURES = {
    "SEQ_CLS": "RobertaForSequenceClassification",
    "TOKEN_CLS": "RobertaForTokenClassification",
    "QUESTION_ANS": "RobertaForQuestionAnswering",
    "CAUSAL_LM": "RobertaForCausalLM",
}
_LAST = {  # task type -> the layer whose rows are the labels
    "SEQ_CLS": "classifier.out_proj.weight",
    "TOKEN_CLS": "classifier.weight",
}
_PLAIN = {"use_dora": False, "rank_pattern": {}, "alpha_pattern": {}, "fan_in_fan_out": False}


def read_config(origin: Origin, **overrides: Any) -> RobertaConfig | tuple[RobertaConfig, dict[str, Any]]:
    """The config of a checkpoint as its adapter, if it has one, makes it: head, labels and what else it was saved with.

    overrides: as RobertaConfig.from_pretrained takes them.
    """
    adapter = origin.adapter
    if adapter is None:
        return RobertaConfig.from_pretrained(origin, **overrides)
    if adapter.file(CONFIG_FILE):
        return RobertaConfig.from_pretrained(adapter, **overrides)
    settings = read_json(adapter.need(SETTINGS))
    kind = settings.get("task_type")
    found: dict[str, Any] = {}
    if kind in _ARCHITECTURES:
        found["architectures"] = [_ARCHITECTURES[kind]]
    if kind in _LAST:
        rows = [array.shape[0] for name, array in _whole(read_tensors(adapter)).items() if name == _LAST[kind]]
        found |= {"num_labels": rows[0]} if rows else {}
    return RobertaConfig.from_pretrained(origin, **found | overrides)


def read_tensors(adapter: Origin) -> dict[str, np.ndarray]:
    """The tensors of an adapter by the names its file gives them.

    Raises CheckpointError: no adapter, or one of a kind that is not known here, by name.
    """
    settings = read_json(adapter.need(SETTINGS, remedy="name the folder of an adapter in PEFT's layout"))
    kind = settings.get("peft_type")
    if kind != "LORA":
        raise CheckpointError(f"{adapter}: an adapter of the kind {kind!r}; only LORA is known here")
    for name, usual in _PLAIN.items():
        if settings.get(name, usual) not in (usual, None):
            raise CheckpointError(f"{adapter}: {name} is {settings[name]!r}, which is not known here")
    return read_file(adapter.need(*WEIGHTS))


def merged(tensors: Mapping[str, np.ndarray], adapter: Origin) -> dict[str, np.ndarray]:
    """The weights with an adapter merged in; the layers that it changes as float32, all others as they were.

    >>> merged(read_weights(Origin("mini")).tensors, Origin("my-adapter"))  # doctest: +SKIP

    Raises CheckpointError: it was trained beside a model of other names or sizes.
    """
    settings = read_json(adapter.need(SETTINGS))
    stored = read_tensors(adapter)
    names = {published(name): name for name in tensors}
    found = dict(tensors)
    for name, low in stored.items():
        end = next((end for end in _PAIRS if name.endswith(end)), None)
        if end is None:
            continue
        layer = name.removeprefix(PREFIX).removesuffix(end)
        high = stored.get(name.removesuffix(end) + _PAIRS[end])
        place = names.get(published(f"{layer}.weight"))
        if high is None or place is None:
            lacking = "no B for this A" if high is None else f"the model has no {layer}"
            raise CheckpointError(f"{adapter}: {name}: {lacking}; the adapter does not belong to this model")
        weight = to_float32(tensors[place])
        first, second = (low.T, high.T) if end == _TURNED else (high, low)
        if (first.shape[0], second.shape[1], low.shape[0]) != (*weight.shape, high.shape[1]):
            raise CheckpointError(
                f"{adapter}: {layer} is {weight.shape} in the model, {(first.shape[0], second.shape[1])} in the"
                " adapter; it belongs to a model of another size"
            )
        # Not `@`: the last digits of a BLAS depend on its threads, and answers would with them.
        product = np.einsum("or,ri->oi", to_float32(first), to_float32(second))
        found[place] = weight + _scale(settings, low.shape[0]) * product
    for name, array in _whole(stored).items():
        found[names.get(published(name), name)] = array
    return found


def _whole(stored: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The modules that were trained as a whole, without what PEFT wraps around their names."""
    return {
        name.removeprefix(PREFIX).replace(".modules_to_save.default.", ".").replace(".modules_to_save.", "."): array
        for name, array in stored.items()
        if not name.endswith((*_PAIRS, *_PAIRS.values())) and ".original_module." not in name
    }


def _scale(settings: Mapping[str, Any], rank: int) -> float:
    alpha = float(settings.get("lora_alpha", rank))
    return alpha / math.sqrt(rank) if settings.get("use_rslora") else alpha / rank
