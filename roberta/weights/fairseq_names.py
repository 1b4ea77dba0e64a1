"""fairseq's names of the weights, of every age, and what is no renaming: fused projections, copies, the spare LM head.

Source: fairseq 0.12.2, `RobertaModel.upgrade_state_dict_named` and `MultiheadAttention.upgrade_state_dict_named`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from roberta.errors import CheckpointError
from roberta.weights.arrays import dtype_name, from_float32
from roberta.weights.names import BODY, check_equal, published
from roberta.weights.naming import Leaf, Naming, Row

if TYPE_CHECKING:
    from roberta.config import RobertaConfig

LM_HEAD = "encoder.lm_head."
_SENTENCE = "encoder.sentence_encoder."
_LAYER = _SENTENCE + "layers.{}"
_OUR_LAYER = BODY + "encoder.layer.{}"
_HEAD = "classification_head"  # the chosen one in the table, whatever it is called in the file
_HEADS = "classification_heads."
_BOTH = (Leaf("weight", "weight"), Leaf("bias", "bias"))
_TABLE = _BOTH[:1]
_MODULES = {  # theirs, ours
    f"{_SENTENCE}layernorm_embedding": f"{BODY}embeddings.LayerNorm",
    f"{_LAYER}.self_attn.q_proj": f"{_OUR_LAYER}.attention.self.query",
    f"{_LAYER}.self_attn.k_proj": f"{_OUR_LAYER}.attention.self.key",
    f"{_LAYER}.self_attn.v_proj": f"{_OUR_LAYER}.attention.self.value",
    f"{_LAYER}.self_attn.out_proj": f"{_OUR_LAYER}.attention.output.dense",
    f"{_LAYER}.self_attn_layer_norm": f"{_OUR_LAYER}.attention.output.LayerNorm",
    f"{_LAYER}.fc1": f"{_OUR_LAYER}.intermediate.dense",
    f"{_LAYER}.fc2": f"{_OUR_LAYER}.output.dense",
    f"{_LAYER}.final_layer_norm": f"{_OUR_LAYER}.output.LayerNorm",
    "encoder.lm_head.dense": "lm_head.dense",
    "encoder.lm_head.layer_norm": "lm_head.layer_norm",
}
_ROWS = (
    Row(f"{_SENTENCE}embed_tokens", f"{BODY}embeddings.word_embeddings", _TABLE),
    Row(f"{_SENTENCE}embed_positions", f"{BODY}embeddings.position_embeddings", _TABLE),
    *(Row(theirs, ours, _BOTH) for theirs, ours in _MODULES.items()),
    Row("encoder.lm_head", "lm_head", (Leaf("weight", "decoder.weight"), Leaf("bias", "bias"))),
)
_HEAD_ROWS = {  # head -> rows of the chosen classification head
    "sequence_classification": (
        Row(f"{_HEAD}.dense", "classifier.dense", _BOTH),
        Row(f"{_HEAD}.out_proj", "classifier.out_proj", _BOTH),
    ),
    "multiple_choice": (
        Row(f"{_HEAD}.dense", f"{BODY}pooler.dense", _BOTH),
        Row(f"{_HEAD}.out_proj", "classifier", _BOTH),
    ),
}
# What fairseq 0.12 writes beside the weights, for a faster path and for itself; some are zeros, all are made anew.
_BESIDE = re.compile(
    r"encoder\.sentence_encoder\.(?:layers\.\d+\.(?:in_proj|out_proj|fc1|fc2)_(?:weight|bias)|version)"
    r"|(?:.*\.)?_float_tensor"
)
# First words of names that are fairseq's own or the published ones: what is unknown there would be lost or mistaken.
_TAKEN = ("encoder.", "embeddings.", "pooler.", "lm_head.", "classifier.", BODY)
_FUSED = re.compile(r"(.*\.self_attn\.)in_proj_(weight|bias)")
_PARTS = ("q_proj", "k_proj", "v_proj")  # in this order along the first axis


@dataclass(frozen=True)
class FairseqNaming(Naming):
    """The names of a checkpoint in which one classification head, or none, is the one that is meant.

    head_name: its name in the file, such as "mnli"; other heads keep their names.
    """

    head_name: str | None = None

    def plain(self, name: str) -> str:
        name = modern(name)
        chosen = f"{_HEADS}{self.head_name}."
        return f"{_HEAD}.{name.removeprefix(chosen)}" if self.head_name and name.startswith(chosen) else name

    def spell(self, name: str) -> tuple[str, bool] | None:
        found = super().spell(name)
        if found is None or not found[0].startswith(f"{_HEAD}."):
            return found
        return f"{_HEADS}{self.head_name}.{found[0].removeprefix(f'{_HEAD}.')}", found[1]

    def to_published(self, tensors: dict[str, np.ndarray], *, source: str) -> dict[str, np.ndarray]:
        """As every naming's, of names of every age, and with "roberta." also where there is the body alone.

        Raises CheckpointError: also a tensor of the encoder that RoBERTa has not, or fused projections that do not
        divide by three.
        """
        for name in [name for name in tensors if _BESIDE.fullmatch(modern(name))]:
            del tensors[name]
        _split_projections(tensors, source)
        for name in tensors:
            if modern(name).startswith(_TAKEN) and self.find(name) is None:
                raise CheckpointError(f"{source}: {name[:80]!r} is no part of RoBERTa; this is another kind of model")
        found = super().to_published(tensors, source=source)
        return {published(name): array for name, array in found.items()}

    def from_published(self, tensors: Mapping[str, np.ndarray], config: RobertaConfig) -> dict[str, np.ndarray]:
        """As every naming's; fairseq's model always has a language model head, so one of zeros stands in for none.

        tensors: without the token types.
        """
        found = super().from_published(tensors, config)
        words = found[f"{_SENTENCE}embed_tokens.weight"]
        if LM_HEAD + "bias" not in found:
            found |= {LM_HEAD + name: array for name, array in _spare_head(words).items()}
        found.setdefault(LM_HEAD + "weight", words)  # tied
        return found


def fairseq_naming(head: str | None = None, head_name: str | None = None) -> FairseqNaming:
    """The names when `head`, a row of HEADS, is read from or written to the classification head `head_name`.

    >>> fairseq_naming("sequence_classification", "mnli").find("classification_heads.mnli.dense.bias")
    ('classifier.dense.bias', False)
    """
    return FairseqNaming("fairseq", ".", _ROWS + _HEAD_ROWS.get(head, ()), head_name)


def modern(name: str) -> str:
    """The name that fairseq of today gives a weight: until 0.9 "decoder" and "emb_layer_norm" stood for two of them."""
    if name.startswith("decoder."):
        name = "encoder." + name.removeprefix("decoder.")
    return name.replace(".emb_layer_norm.", ".layernorm_embedding.")


def head_names(names: Iterable[str]) -> list[str]:
    """The classification heads of a checkpoint, in its order.

    >>> head_names(["encoder.lm_head.bias", "classification_heads.mnli.dense.bias"])
    ['mnli']
    """
    return list(dict.fromkeys(name.split(".")[1] for name in names if name.startswith(_HEADS)))


def _split_projections(tensors: dict[str, np.ndarray], source: str) -> None:
    """Query, key and value out of the one matrix and the one bias in which fairseq kept them until 0.9: views."""
    for name in list(tensors):
        match = _FUSED.fullmatch(name)
        if match is None:
            continue
        fused = tensors.pop(name)
        if not fused.ndim or len(fused) % len(_PARTS):
            raise CheckpointError(f"{source}: {name[:80]} is {fused.shape}, not query, key and value; it is damaged")
        step = len(fused) // len(_PARTS)
        for place, part in enumerate(_PARTS):
            piece, own = fused[place * step : (place + 1) * step], f"{match[1]}{part}.{match[2]}"
            if own in tensors:
                check_equal(name, piece, own, tensors[own], source=source)
            tensors[own] = piece


def _spare_head(words: np.ndarray) -> dict[str, np.ndarray]:
    """A language model head that finds every word equally likely, as fairseq starts one but for what it draws."""
    count, width = words.shape
    ones = from_float32(np.ones(width, np.float32), dtype_name(words))
    shapes = {"dense.weight": (width, width), "dense.bias": width, "layer_norm.bias": width, "bias": count}
    return {"layer_norm.weight": ones} | {name: np.zeros(shape, words.dtype) for name, shape in shapes.items()}
