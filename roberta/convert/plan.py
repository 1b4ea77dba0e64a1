"""What becomes what: the class that a checkpoint holds, and for each of its tensors the name and type it will have."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from roberta.config import RobertaConfig
from roberta.errors import CheckpointError
from roberta.model.parameters import BODY, HEADS, Shapes, body_shapes, head_shapes
from roberta.weights.arrays import DTYPES, dtype_name, from_float32, to_float32
from roberta.weights.folder import Weights
from roberta.weights.mapped_file import give_back
from roberta.weights.names import DECODER, WORD_TABLE, check_shapes, match, published, some

ENCODER = "RobertaModel"
_OF_OTHER_FRAMEWORKS = ("TF", "Flax")  # in front of the names of their classes


@dataclass(frozen=True)
class Row:
    """One tensor: its name in the source, the published name, its shape, the type it will have, its bytes then."""

    theirs: str
    ours: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int


@dataclass(frozen=True)
class Plan:
    """How a checkpoint is taken over.

    config: as it will be saved. head: a row of HEADS, None for the encoder alone. missing: what the class has and the
    checkpoint does not, a head or a pooler as a whole; nothing is made up for it. unused: names of the source that the
    class has no place for.
    """

    config: RobertaConfig
    head: str | None
    rows: list[Row]
    missing: list[str]
    unused: list[str]

    @property
    def architecture(self) -> str:
        """The class, such as "RobertaForMaskedLM"."""
        return HEADS[self.head].architecture if self.head else ENCODER

    @property
    def has_pooler(self) -> bool:
        return any(row.ours.endswith("pooler.dense.weight") for row in self.rows)

    @property
    def parameters(self) -> int:
        """How many numbers there are; tied ones count once."""
        return sum(int(np.prod(row.shape)) for row in self.rows)


def make_plan(
    config: RobertaConfig, weights: Weights, dtype: str | None = None, names: Mapping[str, str] | None = None
) -> tuple[Plan, dict[str, np.ndarray]]:
    """The plan, and the tensors by their published names as they are stored.

    dtype: the type that real numbers will have, such as "float16"; None: the one they have. names: what the files call
    a weight, where that is not the name that it has in `weights`.

    >>> plan, tensors = make_plan(read_config(origin), read_weights(origin))
    >>> plan.architecture, plan.rows[0].ours
    ('RobertaForMaskedLM', 'roberta.embeddings.word_embeddings.weight')

    Raises CheckpointError: tensors of the encoder or a part of a head missing, or of another shape.
    """
    head = find_head(config, weights.tensors)
    matched = _match(config, head, weights)
    missing: list[str] = []
    if head and all(name in matched.missing for name in _own_names(config, head)):
        missing = [name for name in matched.missing if name in _own_names(config, head)]
        head, matched = None, _match(config, None, weights)
    poolers = [name for name in matched.missing if ".pooler." in f".{name}"]
    if head is None and len(poolers) == 2:
        missing += poolers
    lost = [name for name in matched.missing if name not in missing]
    if lost:
        raise CheckpointError(
            f"{weights.source}: no weights for {some(lost)}; the file is incomplete, or belongs to a model of another"
            " size"
        )
    check_shapes(matched.found, expected(config, head), weights.source)
    rows = []
    for name, array in matched.found.items():
        kind = dtype or dtype_name(array)
        size = array.size * DTYPES[kind].itemsize
        source = matched.sources[name]
        rows.append(Row((names or {}).get(source, source), name, tuple(array.shape), kind, size))
    plan = Plan(_config(config, head, rows), head, rows, missing, sorted(matched.unexpected))
    return plan, matched.found


def find_head(config: RobertaConfig, names: Collection[str]) -> str | None:
    """The head that config.json names, or, where it names no class that is known here, the one that the weights have.

    >>> find_head(RobertaConfig(), ["roberta.embeddings.LayerNorm.bias", "qa_outputs.bias"])
    'question_answering'
    """
    heads = {row.architecture: head for head, row in HEADS.items()}
    for name in config.architectures or ():
        for prefix in _OF_OTHER_FRAMEWORKS:
            name = name.removeprefix(prefix)
        if name in heads or name == ENCODER:
            return heads.get(name)
    full = {published(name) for name in names}
    for head in HEADS:
        # A pooler tells multiple choice from token classification, and nothing but the config the two language models.
        own = _own_names(config, head)
        has_pooler = f"{BODY}pooler.dense.weight" in full
        if own <= full and HEADS[head].pooler <= has_pooler and (head == "causal_lm") >= config.is_decoder:
            return head
    return None


def expected(config: RobertaConfig, head: str | None) -> Shapes:
    """Name and shape of every tensor that a file of this class has, each parameter once."""
    if head is None:
        return body_shapes(config, pooler=True)
    shapes = head_shapes(config, head)
    for second in ("lm_head.decoder.bias", *([DECODER] if config.tie_word_embeddings else [])):
        shapes.pop(second, None)
    return shapes


def cast(array: np.ndarray, name: str) -> np.ndarray:
    """The array as the floating-point type `name`; itself when it has that type.

    >>> cast(np.float32([1.0]), "float16").dtype
    dtype('float16')
    """
    return array if dtype_name(array) == name else from_float32(to_float32(array), name)


def _match(config: RobertaConfig, head: str | None, weights: Weights):
    ties = {DECODER: WORD_TABLE} if config.tie_word_embeddings and head in ("masked_lm", "causal_lm") else {}
    return match(weights.tensors, expected(config, head), source=weights.source, ties=ties)


def _own_names(config: RobertaConfig, head: str) -> set[str]:
    """The names of the head itself, without the encoder's."""
    return {name for name in expected(config, head) if not name.startswith(BODY)}


def _config(config: RobertaConfig, head: str | None, rows: list[Row]) -> RobertaConfig:
    sizes: dict[str, int] = {}
    for row in rows:
        sizes[row.dtype] = sizes.get(row.dtype, 0) + row.bytes
    changed = RobertaConfig.from_dict(config.to_dict())
    architecture = HEADS[head].architecture if head else ENCODER
    changed.update({"architectures": [architecture], "dtype": max(sizes, key=lambda name: sizes[name])})
    return changed


def as_type(tensors: Mapping[str, np.ndarray], dtype: str | None) -> dict[str, np.ndarray]:
    """All tensors in one type, None: in their own. The pages of what is changed are let go."""
    found = {}
    for name, array in tensors.items():
        found[name] = cast(array, dtype) if dtype else array
        if found[name] is not array:
            give_back(array)
    return found
