"""What a sentence-transformers folder says beside the encoder: pooling, further layers, prompts, the length limit."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from roberta.errors import CheckpointError
from roberta.files import read_json, whole_or_absent, write_json
from roberta.hub import Origin
from roberta.weights.arrays import to_float32
from roberta.weights.formats import read_file

MODULES = "modules.json"
_LIMITS, _PROMPTS = "sentence_bert_config.json", "config_sentence_transformers.json"
_CONFIG, _WEIGHTS = "config.json", ("model.safetensors", "pytorch_model.bin")
_POOLINGS = {  # theirs, ours
    "cls": "cls",
    "max": "max",
    "mean": "mean",
    "mean_sqrt_len_tokens": "mean-sqrt-len",
    "weightedmean": "weighted",
    "lasttoken": "last",
}
_SWITCHES = {  # what folders had before `pooling_mode`, in the order in which several of them are concatenated
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_ACTIVATIONS = {"Tanh": "tanh", "Identity": "linear", "ReLU": "relu", "GELU": "gelu", "Sigmoid": "sigmoid"}


@dataclass(frozen=True)
class Dense:
    """A linear layer on the pooled vector. weight: (outputs, inputs). activation: a word of _ACTIVATIONS."""

    weight: np.ndarray
    bias: np.ndarray | None
    activation: str


@dataclass(frozen=True)
class SentenceModules:
    """What happens to the hidden states on their way to one vector.

    encoder: the origin of the RoBERTa model inside. poolings: concatenated. pools_prompt: whether the prompt's tokens
    are pooled with the text's. room: the folder's own limit of tokens. lower_case: the text is lower-cased first.
    given: whether a folder said all this.
    """

    encoder: Origin
    poolings: tuple[str, ...] = ("mean",)
    pools_prompt: bool = True
    dense: tuple[Dense, ...] = ()
    normalize: bool = False
    prompts: dict[str, str] = field(default_factory=dict)
    default_prompt: str | None = None
    room: int | None = None
    lower_case: bool = False
    given: bool = False


def read_sentence_folder(origin: Origin) -> SentenceModules | None:
    """Read modules.json and what it names; None where there is none, for a plain checkpoint.

    An adapter that was trained for vectors has its own, which goes before the checkpoint's.

    Raises CheckpointError: a module of another kind, or out of order: its vectors would be other ones.
    """
    found = _read(origin)
    beside = None if origin.adapter is None else _read(origin.adapter)
    if beside is None:
        return found
    return replace(beside, encoder=origin if found is None else found.encoder)


def _read(origin: Origin) -> SentenceModules | None:
    path = origin.file(MODULES)
    if path is None:
        return None
    found: dict[str, Any] = {}
    dense: list[Dense] = []
    for place, row in enumerate(_rows(path)):
        kind = _kind(row)
        if (kind == "Transformer") != (place == 0) or (kind == "Pooling") != (place == 1):
            raise CheckpointError(
                f"{path}: the modules are not Transformer, Pooling and then Dense or Normalize; this folder's"
                " vectors cannot be made here"
            )
        if kind == "Transformer":
            found |= _limits(_inside(origin, row))
        elif kind == "Pooling":
            found |= _pooling(_inside(origin, row))
        elif kind == "Dense":
            dense.append(_dense(_inside(origin, row)))
        elif kind == "Normalize":
            found["normalize"] = True
        else:
            raise CheckpointError(f"{path}: the module {kind!r} is not known here; use a folder without it")
    if "poolings" not in found:
        raise CheckpointError(f"{path}: no Pooling module, so there is no one vector for a text")
    settings = origin.file(_PROMPTS)
    if settings is not None:
        values = read_json(settings)
        found["prompts"] = dict(values.get("prompts") or {})
        found["default_prompt"] = values.get("default_prompt_name")
    return SentenceModules(dense=tuple(dense), given=True, **found)


def files_of_modules(origin: Origin) -> list[tuple[Origin, tuple[str, ...]]]:
    """What makes a folder one of sentence-transformers, the encoder's own files left out: where a part of it lies, and
    the names of the files that it may have there."""
    if origin.adapter is not None and origin.file(_CONFIG) and (own := files_of_modules(origin.adapter)):
        return own  # which say that the encoder lies beside them
    path = origin.file(MODULES)
    if path is None:
        return []
    found: list[tuple[Origin, tuple[str, ...]]] = [(origin, (MODULES, _PROMPTS))]
    for row in _rows(path):
        kind = _kind(row)
        if kind == "Transformer":
            found.append((_inside(origin, row), (_LIMITS,)))
        elif kind != "Normalize":  # which has no files, and in a copy from the hub no folder
            found.append((_inside(origin, row), (_CONFIG, *_WEIGHTS)))
    return found


def save_modules(folder: Path, *, pooling: str, width: int, room: int) -> None:
    """Write beside a saved encoder what makes its folder one of sentence-transformers.

    pooling: one of our words, such as "mean". width: numbers of a vector. room: longest text in tokens.

    >>> save_modules(Path("my-vectors"), pooling="mean", width=768, room=512)
    """
    theirs = {ours: name for name, ours in _POOLINGS.items()}[pooling]
    rows = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]
    switches = {switch: mode == theirs for switch, mode in _SWITCHES.items()}
    write_json(folder / "1_Pooling" / _CONFIG, {"word_embedding_dimension": width, **switches})
    write_json(folder / _LIMITS, {"max_seq_length": room, "do_lower_case": False})
    with whole_or_absent(folder / MODULES) as beside:  # last: it makes the folder one
        beside.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read as JSON ({error}); fetch it again") from None
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise CheckpointError(f"{path}: a list of modules was expected")
    return sorted(rows, key=lambda row: int(row.get("idx", 0)))


def _kind(row: dict[str, Any]) -> str:
    return str(row.get("type", "")).rpartition(".")[2]


def _inside(origin: Origin, row: dict[str, Any]) -> Origin:
    folder = str(row.get("path", ""))
    return Origin.split(origin, {"subfolder": f"{origin.subfolder}/{folder}".strip("/")})[0]


def _limits(origin: Origin) -> dict[str, Any]:
    path = origin.file(_LIMITS)
    values = {} if path is None else read_json(path)
    return {"encoder": origin, "room": values.get("max_seq_length"), "lower_case": bool(values.get("do_lower_case"))}


def _pooling(origin: Origin) -> dict[str, Any]:
    path = origin.need(_CONFIG)
    values = read_json(path)
    modes = values.get("pooling_mode") or [mode for switch, mode in _SWITCHES.items() if values.get(switch)]
    modes = [modes] if isinstance(modes, str) else modes
    if not isinstance(modes, list) or not modes or not all(mode in _POOLINGS for mode in modes):
        raise CheckpointError(f"{path}: the pooling {modes!r} is not among those known here: {', '.join(_POOLINGS)}")
    poolings = tuple(_POOLINGS[mode] for mode in modes)
    return {"poolings": poolings, "pools_prompt": bool(values.get("include_prompt", True))}


def _dense(inside: Origin) -> Dense:
    values = read_json(inside.need(_CONFIG))
    tensors = read_file(inside.need(*_WEIGHTS))
    word = str(values.get("activation_function", "torch.nn.modules.activation.Tanh")).rpartition(".")[2]
    if word not in _ACTIVATIONS:
        raise CheckpointError(f"{inside}: the activation {word!r} of a Dense module is not known here")
    try:
        weight = to_float32(tensors["linear.weight"])
    except KeyError:
        raise CheckpointError(f"{inside}: no linear.weight in the Dense module; the file is incomplete") from None
    bias = to_float32(tensors["linear.bias"]) if "linear.bias" in tensors else None
    return Dense(weight, bias, _ACTIVATIONS[word])
