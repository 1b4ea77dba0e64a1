"""The tables of foreign names, one for each framework, and which of them a file's names are in."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np

from roberta.weights.names import BODY, WORD_TABLE
from roberta.weights.naming import Leaf, Naming, Row

if TYPE_CHECKING:
    from roberta.config import RobertaConfig

_ATTENTION = ("self.query", "self.key", "self.value", "output.dense")
LINEARS = (
    *(f"{BODY}encoder.layer.{{}}.{kind}.{part}" for kind in ("attention", "crossattention") for part in _ATTENTION),
    f"{BODY}encoder.layer.{{}}.intermediate.dense",
    f"{BODY}encoder.layer.{{}}.output.dense",
    f"{BODY}pooler.dense",
    "lm_head.dense",
    "classifier.dense",
    "classifier.out_proj",
    "classifier",
    "qa_outputs",
)
NORMS = (
    f"{BODY}embeddings.LayerNorm",
    f"{BODY}encoder.layer.{{}}.attention.output.LayerNorm",
    f"{BODY}encoder.layer.{{}}.crossattention.output.LayerNorm",
    f"{BODY}encoder.layer.{{}}.output.LayerNorm",
    "lm_head.layer_norm",
)
_WORDS = WORD_TABLE.removesuffix(".weight")
TABLES = (f"{BODY}embeddings.position_embeddings", f"{BODY}embeddings.token_type_embeddings")


def _tensorflow_rows() -> tuple[Row, ...]:
    linear = (Leaf("kernel:0", "weight", turned=True), Leaf("bias:0", "bias"))
    norm = (Leaf("gamma:0", "weight"), Leaf("beta:0", "bias"))
    words = (Leaf("weight:0", "weight"), Leaf("embeddings:0", "weight"))
    kinds = dict.fromkeys(LINEARS, linear) | dict.fromkeys(NORMS, norm)
    kinds |= {_WORDS: words} | dict.fromkeys(TABLES, words[::-1])
    kinds["lm_head"] = (Leaf("bias:0", "bias"),)
    return tuple(Row(_slashes(ours).replace("layer/{}", "layer_._{}"), ours, leaves) for ours, leaves in kinds.items())


def _flax_rows() -> tuple[Row, ...]:
    linear = (Leaf("kernel", "weight", turned=True), Leaf("bias", "bias"))
    norm = (Leaf("scale", "weight"), Leaf("bias", "bias"))
    table = (Leaf("embedding", "weight"),)
    kinds = dict.fromkeys(LINEARS, linear) | dict.fromkeys(NORMS, norm)
    kinds |= dict.fromkeys((_WORDS, *TABLES), table)
    kinds["lm_head"] = (Leaf("bias", "bias"),)
    kinds["lm_head.decoder"] = linear[:1]  # when it is not tied
    return tuple(Row(_slashes(ours), ours, leaves) for ours, leaves in kinds.items())


def _slashes(module: str) -> str:
    return module.replace(".", "/")


class TensorFlowNaming(Naming):
    """A variable's name: the model's scope, such as tf_roberta_for_masked_lm, and the path of the layer.

    In an .h5 file the top layer stands before it; in shards and safetensors the path stands alone.
    """

    _HEAD = re.compile(r"(?:[^/]+/){0,2}((?:roberta/(?:embeddings|encoder|pooler)|lm_head|classifier|qa_outputs)/.*)")

    def plain(self, name: str) -> str:
        found = self._HEAD.fullmatch(name)
        return found[1] if found else name

    def from_published(self, tensors: Mapping[str, np.ndarray], config: RobertaConfig) -> dict[str, np.ndarray]:
        """As every naming's; each name begins with the scope of the class."""
        scope = tensorflow_scope(config.architectures[0] if config.architectures else "RobertaModel")
        return {f"{scope}/{name}": array for name, array in super().from_published(tensors, config).items()}


class FlaxNaming(Naming):
    """A path of keys; with dots between them in safetensors. A body alone has no "roberta" on top."""

    def plain(self, name: str) -> str:
        path = name.replace(".", "/").removeprefix("params/")
        return f"roberta/{path}" if path.startswith(("embeddings/", "encoder/", "pooler/")) else path

    def from_published(self, tensors: Mapping[str, np.ndarray], config: RobertaConfig) -> dict[str, np.ndarray]:
        found = super().from_published(tensors, config)
        if all(name.startswith("roberta/") for name in found):
            return {name.removeprefix("roberta/"): array for name, array in found.items()}
        return found


TENSORFLOW = TensorFlowNaming("TensorFlow", "/", _tensorflow_rows())
FLAX = FlaxNaming("Flax", "/", _flax_rows())
NAMINGS = (TENSORFLOW, FLAX)


def to_published(tensors: dict[str, np.ndarray], *, source: str) -> dict[str, np.ndarray]:
    """The tensors by their published names, whichever naming the file's are in; as `Naming.to_published`.

    The kind of file does not say: safetensors come with names of every framework.
    """
    naming = find_naming(tensors)
    return tensors if naming is None else naming.to_published(tensors, source=source)


def find_naming(names: Collection[str]) -> Naming | None:
    """The naming that these names are in; None: the published one, or none that is known."""
    return next((naming for naming in NAMINGS if naming.recognise(names)), None)


def tensorflow_scope(architecture: str) -> str:
    """What Keras calls the model inside: its class in small letters.

    >>> tensorflow_scope("RobertaForMaskedLM")
    'tf_roberta_for_masked_lm'
    """
    words = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", f"TF{architecture}")
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()
