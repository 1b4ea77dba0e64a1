"""Which stored tensor is which parameter, and what is wrong where one is missing or of another size; without torch."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Collection

from roberta.errors import CheckpointError
from roberta.model.parameters import BODY, HEADS, Shapes
from roberta.weights.folder import Weights
from roberta.weights.names import DECODER, WORD_TABLE, Matched, check_shapes, match, some

log = logging.getLogger(__name__)


def find_parameters(
    stored: Weights, shapes: Shapes, *, model: str, head: str | None, tied: bool, strict: bool
) -> Matched:
    """The stored array of every parameter, and the names of those that may start at random.

    shapes: of every parameter by its name, second names included. model: the class, for messages. head: its row of
    HEADS; None: the body alone. tied: the decoder of its language model head is the word table.

    Raises CheckpointError: tensors of the encoder missing, a head stored in part, another shape, whole numbers where
    fractions belong; with strict also a head or pooler that is not stored at all.
    """
    ties = {DECODER: WORD_TABLE} if tied else {}
    # lm_head.bias is lm_head.decoder.bias by another name.
    expected = {name: shape for name, shape in shapes.items() if name not in {*ties, "lm_head.bias"}}
    matched = match(stored.tensors, expected, source=stored.source, ties=ties)
    if matched.unexpected:
        log.debug("%s: not used by %s: %s", stored.source, model, ", ".join(sorted(matched.unexpected)))
    check_shapes(matched.found, expected, stored.source)
    if matched.missing:
        _check_missing(model, head, expected, matched.missing, stored.source, strict)
    return matched


def warn_of_nan(source: str, name: str, stacklevel: int) -> None:
    """Say that a weight is no number, once it is known; answers are given all the same."""
    warnings.warn(f"{source}: {name} holds NaN or infinite numbers; answers may too", stacklevel=stacklevel + 1)


def _check_missing(
    model: str, head: str | None, expected: Collection[str], missing: Collection[str], source: str, strict: bool
) -> None:
    """Parts that are not stored at all may start at random; raises for whatever else is missing."""
    stored_parts = {_part(name, head) for name in set(expected).difference(missing)}
    lost = [name for name in missing if _part(name, head) in {None, *stored_parts}]
    if lost:
        raise CheckpointError(
            f"{source}: no weights for {some(lost)} of {model}; the file is incomplete,"
            " or belongs to a model of another size"
        )
    parts = " and ".join(dict.fromkeys(_part(name, head) for name in missing))
    if strict:
        raise CheckpointError(
            f"{source}: no weights for the {parts} of {model}, and answers are never made with random"
            " ones; name a model that was trained for this, or train one: roberta train"
        )
    warnings.warn(
        f"{source}: no weights for the {parts} of {model}: started at random; train it before you use its answers",
        stacklevel=5,
    )


def _part(name: str, head: str | None) -> str | None:
    """The part that a parameter belongs to, where fine-tuning may add it: pooler, head, cross-attention; else None."""
    words = name.removeprefix(BODY).split(".")
    if "crossattention" in words:
        return "crossattention"
    own = HEADS[head].module if head else None
    return words[0] if words[0] in ("pooler", own) else None
