"""The published names of weights, and the one way from a file's names to a model's.

The model's names are the published PyTorch ones, so PyTorch's own table is short: what older files spell otherwise.
The names of other frameworks are in `foreign_names`. File formats live elsewhere and know nothing of names.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from roberta.errors import CheckpointError
from roberta.weights.arrays import dtype_name, is_float

BODY = "roberta."
WORD_TABLE = BODY + "embeddings.word_embeddings.weight"
DECODER = "lm_head.decoder.weight"  # of a language model; a tied one is the word table
_BODY_MODULES = ("embeddings.", "encoder.", "pooler.")

PYTORCH = [  # theirs, ours; the first pattern that fits a name's end
    (r"LayerNorm\.gamma", "LayerNorm.weight"),
    (r"LayerNorm\.beta", "LayerNorm.bias"),
]
# Parameters with a second name: the second, the first.
SAME = {"lm_head.decoder.bias": "lm_head.bias"}
# Counters and defaults that files hold beside the weights and a model makes for itself.
BUFFERS = re.compile(r"(?:.*\.)?embeddings\.(?:position_ids|token_type_ids)")


@dataclass(frozen=True)
class Matched:
    """What a model finds in a file.

    found: the model's name -> array. sources: the model's name -> the file's. missing: names of the model that the file
    does not have, in the model's order. unexpected: names of the file that the model has no place for, without the
    buffers that every model ignores.
    """

    found: dict[str, np.ndarray] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)


def match(
    tensors: Mapping[str, np.ndarray],
    expected: Collection[str],
    *,
    source: str,
    ties: Mapping[str, str] | None = None,
) -> Matched:
    """Find a model's parameters among a file's tensors, whatever the file's age and whether it names the body or not.

    expected: the model's names. The body's may begin with "roberta." or not, and so may the file's, one by one.
    ties: model names that share the parameter of another, such as the LM head's decoder that of the word embeddings;
    each is found when the other is. source: the file, for messages.

    >>> match({"encoder.layer.0.output.LayerNorm.beta": beta}, ["roberta.encoder.layer.0.output.LayerNorm.bias"], ...)
    Matched(found={'roberta.encoder.layer.0.output.LayerNorm.bias': ...}, sources=..., missing=[], unexpected=[])

    Raises CheckpointError: two tensors of the file for one parameter that are not equal, or whole numbers for one.
    """
    same = SAME | {_full(second): _full(first) for second, first in (ties or {}).items()}
    wanted = {same.get(_full(name), _full(name)) for name in expected}
    sources: dict[str, str] = {}  # the parameter's full name -> the file's name for it
    result = Matched()
    for name, array in tensors.items():
        full = _full(_modern(name))
        parameter = same.get(full, full)
        if parameter not in wanted:
            if not BUFFERS.fullmatch(name):
                result.unexpected.append(name)
            continue
        if not is_float(array):
            raise CheckpointError(
                f"{source}: {name!r} holds {dtype_name(array)} numbers where a parameter has floating point ones; "
                "these weights are quantized or damaged, get the original ones"
            )
        other = sources.setdefault(parameter, name)
        if other != name:
            check_equal(other, tensors[other], name, array, source=source)
    for name in expected:
        parameter = same.get(_full(name), _full(name))
        if parameter in sources:
            result.sources[name] = sources[parameter]
            result.found[name] = tensors[sources[parameter]]
        else:
            result.missing.append(name)
    return result


def check_shapes(found: Mapping[str, np.ndarray], expected: Mapping[str, tuple[int, ...]], source: str) -> None:
    """Raises CheckpointError: an array that has not the shape that the model's config asks for."""
    wrong = [
        f"{name} is {array.shape}, the model needs {tuple(expected[name])}"
        for name, array in found.items()
        if array.shape != tuple(expected[name])
    ]
    if wrong:
        raise CheckpointError(
            f"{source}: {some(wrong, '; ')}; config.json and the weights do not belong together,"
            " or num_labels or another size was overridden"
        )


def some(names: Sequence[str], between: str = ", ", most: int = 5) -> str:
    """The first of many names, and how many more there are, for a message."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return between.join(names[:most]) + more


def published(name: str) -> str:
    """The name that published files of today give a parameter of a model with a head, whatever older ones call it.

    >>> published("encoder.layer.0.output.LayerNorm.beta")
    'roberta.encoder.layer.0.output.LayerNorm.bias'
    """
    full = _full(_modern(name))
    return SAME.get(full, full)


def check_equal(one_name: str, one: np.ndarray, other_name: str, other: np.ndarray, *, source: str) -> None:
    """Raises CheckpointError unless two tensors that stand for one parameter are the same, bit for bit."""
    if not _equal(one, other):
        raise CheckpointError(
            f"{source}: {one_name!r} and {other_name!r} mean the same parameter but differ; remove the wrong one, "
            "or set tie_word_embeddings to false if they are two"
        )


def _modern(name: str) -> str:
    for theirs, ours in PYTORCH:
        changed, count = re.subn(rf"{theirs}\Z", ours, name)
        if count:
            return changed
    return name


def _full(name: str) -> str:
    """The name as a model with a head has it: the body's modules below "roberta."."""
    return BODY + name if name.startswith(_BODY_MODULES) else name


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    """Bit for bit; tied tensors of one storage are so at a glance."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if one.__array_interface__["data"] == other.__array_interface__["data"]:
        return True
    one, other = (array.reshape(-1).view(np.uint8) for array in (one, other))
    step = 1 << 20  # bytes at a time: the comparison makes an array of its own
    return all(np.array_equal(one[at : at + step], other[at : at + step]) for at in range(0, len(one), step))
