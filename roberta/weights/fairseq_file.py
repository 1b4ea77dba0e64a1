"""fairseq's checkpoints: tensors and the arguments that the model was made with, in a PyTorch file of many forms."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from roberta.errors import CheckpointError
from roberta.weights.pickling import NAMESPACE
from roberta.weights.torch_file import TorchFile, is_fairseq, read_objects, write_objects
from roberta.weights.unpickle import FAIRSEQ_STAND_INS, Record, Tensor

_NESTING = 8  # records within records around one value; omegaconf has two
_GROUPS = ("task", "criterion", "bpe")  # parts of a cfg whose kind `_name` tells

Setting = None | bool | int | float | str | list


@dataclass(frozen=True)
class FairseqFile:
    """settings: the arguments by name, those that are plain values; lists may hold anything that is inert.
    tensors: by the names that the file gives them."""

    settings: dict[str, Setting]
    tensors: dict[str, np.ndarray]


def recognise(path: Path) -> bool:
    """Whether a PyTorch file is a checkpoint of fairseq's, and not a state dict.

    Raises CheckpointError: not a PyTorch file, or one that is damaged or unsafe.
    """
    return is_fairseq(read_objects(path, stand_ins=FAIRSEQ_STAND_INS).root)


def read(path: Path) -> FairseqFile:
    """Read a checkpoint as fairseq's trainer writes it, of any version; nothing in it runs, fairseq is not needed.

    >>> read(Path("roberta.base/model.pt")).settings["encoder_attention_heads"]
    12

    Raises CheckpointError: not a checkpoint of fairseq's, one without arguments, or a file that is damaged or unsafe.
    """
    file = read_objects(path, stand_ins=FAIRSEQ_STAND_INS)
    if not is_fairseq(file.root):
        raise CheckpointError(f"{path}: not a checkpoint of fairseq, which holds 'model' with 'args' or 'cfg'")
    return FairseqFile(_settings(file.root, path), _tensors(file, path))


def write(path: Path, settings: Mapping[str, Setting], tensors: Mapping[str, np.ndarray]) -> None:
    """Write a checkpoint that fairseq 0.12 loads, whole or absent; the same content gives the same bytes.

    settings: the arguments, kept in the older way (args), which every version reads. What a trainer would need to go
    on is not there: the optimizer has made no steps.
    """
    steps = {"criterion_name": "", "optimizer_name": "", "lr_scheduler_state": {}, "num_updates": 0}
    root = {
        "args": Record(NAMESPACE, state=dict(settings)),
        "model": OrderedDict(tensors),
        "optimizer_history": [steps],
        "extra_state": {"epoch": 1},
        "last_optimizer_state": None,
    }
    write_objects(path, root)


def _tensors(file: TorchFile, path: Path) -> dict[str, np.ndarray]:
    for name, value in file.root["model"].items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            shown = repr(name[:80]) if isinstance(name, str) else f"a {type(name).__name__}"
            raise CheckpointError(f"{path}: {shown} names a {type(value).__name__} among the weights; it is damaged")
    return {name: file.array(tensor) for name, tensor in file.root["model"].items()}


def _settings(root: dict, path: Path) -> dict[str, Setting]:
    """The model's arguments; of a cfg also what kinds of task, criterion and byte-pair encoding it names."""
    arguments = _attributes(root.get("args"))
    cfg = {} if arguments else _attributes(root.get("cfg"))
    kinds = {group: _plain(_attributes(cfg.get(group)).get("_name")) for group in _GROUPS}
    found = kinds | (arguments or _attributes(cfg.get("model")))
    if not found.keys() - kinds:
        raise CheckpointError(f"{path}: holds no arguments, so nothing says how many heads attention has")
    plain = {name: _plain(value) for name, value in found.items() if isinstance(name, str)}
    return {name: value for name, value in plain.items() if isinstance(value, Setting)}


def _attributes(value: Any) -> dict:
    """What a mapping, a Namespace, a dataclass or a DictConfig holds by name; nothing, if it is none of these."""
    value = _plain(value)
    return value if isinstance(value, dict) else {}


def _plain(value: Any) -> Any:
    """The value inside a node of omegaconf's, the attributes of a record; what is plain already as it is."""
    for _ in range(_NESTING):
        if not isinstance(value, Record):
            return value
        state = value.state
        if not isinstance(state, dict):
            return value.items or None
        value = state["_val"] if "_val" in state else state.get("_content", state)
    return None
