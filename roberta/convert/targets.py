"""TARGETS: for each format that is written, how, and what the written folder answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from roberta.convert import onnx_target
from roberta.convert.fairseq_folder import as_fairseq_holds, write_fairseq
from roberta.convert.plan import Plan, make_plan
from roberta.convert.source import KINDS, open_source
from roberta.errors import MissingExtra
from roberta.hub import Origin
from roberta.tokenizer import RobertaTokenizer
from roberta.tokenizer.loading import SINGLE_FILE, VOCAB_FILE
from roberta.weights.folder import save_foreign, save_weights

if TYPE_CHECKING:
    from roberta.convert.compare import Outputs
    from roberta.convert.probe import Probe

Tensors = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Target:
    """One format that is written.

    write: (folder, plan, tensors, bytes of a shard) -> what the result line says of it besides; the tensors are by
    their published names, in the types that they will have. read: (folder) -> the tensors by their published names,
    as they were written. outputs: (folder, probes) -> what the written checkpoint gives. whole: whether it gives all
    that its class does even for the longest probe. packages: of the extra `extra`, those that it needs; the second one
    only in order to compare. lacks: number types that it does not have. adds: whether weights are added to each other,
    which a reduced type would round. held: what comes back of (plan, tensors), where that is not the same.
    """

    write: Callable[[Path, Plan, Tensors, int | str], dict[str, Any]]
    read: Callable[[Path], Tensors]
    outputs: Callable[[Path, Sequence[Probe]], Outputs]
    whole: bool = False
    extra: str = ""
    packages: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    adds: Callable[[Tensors], bool] = lambda tensors: False
    held: Callable[[Plan, Tensors], Tensors] = lambda plan, tensors: tensors

    def check_packages(self, *, verify: bool) -> None:
        """Raises MissingExtra: one that is needed is not installed."""
        for package in self.packages if verify else self.packages[:1]:
            if find_spec(package) is None:
                raise MissingExtra(package, self.extra, "this conversion")


def _save(folder: Path, plan: Plan, tensors: Tensors, max_shard: int | str, *, safe: bool) -> dict[str, Any]:
    save_weights(folder, tensors, max_shard_size=max_shard, safe_serialization=safe)
    return {}


def _save_foreign(folder: Path, plan: Plan, tensors: Tensors, max_shard: int | str, *, word: str) -> dict[str, Any]:
    save_foreign(folder, KINDS[word], tensors, plan.config, max_shard_size=max_shard)
    return {}


def _save_fairseq(folder: Path, plan: Plan, tensors: Tensors, max_shard: int | str) -> dict[str, Any]:
    has_words = (folder / SINGLE_FILE).is_file() or (folder / VOCAB_FILE).is_file()
    tokenizer = RobertaTokenizer.from_pretrained(folder) if has_words else None
    return {"notes": write_fairseq(folder, plan.config, tensors, tokenizer)}


def _has_token_types(tensors: Tensors) -> bool:
    return any(x.view(np.uint8).any() for name, x in tensors.items() if name.endswith("token_type_embeddings.weight"))


def _read(folder: Path, word: str) -> Tensors:
    source = open_source(Origin(folder), word)
    return make_plan(source.config, source.weights)[1]


def _outputs(folder: Path, probes: Sequence[Probe], word: str) -> Outputs:
    from roberta.convert.compare import build, outputs_of

    source = open_source(Origin(folder), word)
    plan, tensors = make_plan(source.config, source.weights)
    return outputs_of(build(plan, tensors, source.weights.source), probes)


def _of_torch(word: str, write: Callable[..., dict[str, Any]], **needs: Any) -> Target:
    """A format that our own classes read, so that they answer for it too."""
    return Target(write, partial(_read, word=word), partial(_outputs, word=word), **needs)


TARGETS = {
    "safetensors": _of_torch("safetensors", partial(_save, safe=True)),
    "pytorch": _of_torch("pytorch", partial(_save, safe=False)),
    "tf": _of_torch("tf", partial(_save_foreign, word="tf"), extra="convert", packages=("h5py",), lacks=("bfloat16",)),
    "flax": _of_torch("flax", partial(_save_foreign, word="flax")),
    "fairseq": _of_torch(
        "fairseq",
        _save_fairseq,
        lacks=("bfloat16",),
        adds=_has_token_types,
        held=lambda plan, tensors: as_fairseq_holds(plan.config, tensors)[1],
    ),
    "onnx": Target(
        onnx_target.write,
        onnx_target.read,
        onnx_target.outputs,
        whole=True,
        extra="onnx",
        packages=("onnx", "onnxruntime"),
    ),
}
