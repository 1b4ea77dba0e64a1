"""The documented words for padding and truncation, made plain: how long, on which side, by which strategy."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any, NamedTuple

from roberta.errors import InputError
from roberta.tokenizer.truncation import STRATEGIES

NO_LIMIT = int(1e30)  # what model_max_length says when the files say nothing
_SURELY_NO_LIMIT = int(1e20)
SIDES = ("right", "left")

_log = logging.getLogger(__name__)


class Request(NamedTuple):
    """What a call asks for beside its texts, by the documented names and defaults; None: the tokenizer's own."""

    add_special_tokens: bool = True
    padding: Any = False
    truncation: Any = None
    max_length: int | None = None
    stride: int = 0
    is_split_into_words: bool = False
    pad_to_multiple_of: int | None = None
    padding_side: str | None = None
    return_tensors: Any = None
    return_token_type_ids: bool | None = None
    return_attention_mask: bool | None = None
    return_overflowing_tokens: bool = False
    return_special_tokens_mask: bool = False
    return_offsets_mapping: bool = False
    return_length: bool = False
    verbose: bool = True
    split_special_tokens: bool | None = None
    add_prefix_space: bool | None = None


class Limits(NamedTuple):
    """padding: None, "longest" or "max_length". truncation: None or a strategy. Both may need max_length."""

    padding: str | None
    truncation: str | None
    max_length: int | None


def resolve(
    padding: Any,
    truncation: Any,
    max_length: int | None,
    pad_to_multiple_of: int | None,
    model_max_length: int,
) -> Limits:
    """What `padding`, `truncation` and `max_length` of a call mean together, as the documentation has it.

    max_length alone cuts too, and says so once. Without max_length the model's limit counts; without that, nothing is
    cut or filled up.

    >>> resolve("max_length", True, None, None, 512)
    Limits(padding='max_length', truncation='longest_first', max_length=512)

    Raises InputError: an unknown word, a negative length, or a length that is no multiple of pad_to_multiple_of.
    """
    if max_length is not None and max_length < 0:
        raise InputError(f"max_length is {max_length}; give 0 or more")
    if pad_to_multiple_of is not None and pad_to_multiple_of < 1:
        raise InputError(f"pad_to_multiple_of is {pad_to_multiple_of}; give 1 or more")
    if max_length is not None and padding is False and truncation is None:
        warn_once("max_length without truncation cuts the text; write truncation=True to say that this is meant")
        truncation = True
    pads = _word("padding", padding, "longest", ("longest", "max_length"), "do_not_pad")
    cuts = _word("truncation", truncation, "longest_first", STRATEGIES, "do_not_truncate")
    if max_length is None and (cuts or pads == "max_length"):
        if model_max_length > _SURELY_NO_LIMIT:
            warn_once("no max_length is given and the model names no limit, so that nothing is cut or filled up")
            cuts, pads = None, None if pads == "max_length" else pads
        else:
            max_length = model_max_length
    if cuts and pads and pad_to_multiple_of and max_length % pad_to_multiple_of:
        raise InputError(
            f"max_length {max_length} is not a multiple of pad_to_multiple_of {pad_to_multiple_of}; "
            "truncation and padding cannot both be met"
        )
    return Limits(pads, cuts, max_length)


@cache
def warn_once(message: str) -> None:
    """Log a warning, unless it was logged before."""
    _log.warning(message)


def check_side(name: str, side: Any) -> str:
    """`side`, if it is "left" or "right"; InputError if not."""
    if side not in SIDES:
        raise InputError(f"{name} is {side!r}; choose 'right' or 'left'")
    return side


def round_up(length: int, multiple: int | None) -> int:
    """The next multiple, or `length` itself without one.

    >>> round_up(9, 8), round_up(9, None)
    (16, 9)
    """
    return length if not multiple else -(-length // multiple) * multiple


def _word(name: str, given: Any, default: str, words: tuple[str, ...], never: str) -> str | None:
    if given is None or given is False:
        return None
    if given is True:
        return default
    word = getattr(given, "value", given)
    if word == never:
        return None
    if word not in words:
        raise InputError(f"{name} is {word!r}; choose True, False, {', '.join(map(repr, (*words, never)))}")
    return word
