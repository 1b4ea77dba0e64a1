"""Filling rows of ids up to one length after they were made: what a collate function needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from roberta.errors import InputError
from roberta.tokenizer.batch_encoding import BatchEncoding
from roberta.tokenizer.options import check_side, resolve, round_up
from roberta.tokenizer.special_tokens import SpecialTokens


class Padding(SpecialTokens):
    """The part of a tokenizer that pads what was encoded before."""

    padding_side: str
    model_max_length: int
    model_input_names: list[str]

    def pad(
        self,
        encoded_inputs: Any,
        padding: Any = True,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_attention_mask: bool | None = None,
        return_tensors: Any = None,
        verbose: bool = True,
    ) -> BatchEncoding:
        """Fill up input_ids, attention_mask, token_type_ids and special_tokens_mask; other values stay as they are.

        encoded_inputs: one encoded text or a batch, as a mapping, or a list of mappings. Arrays and tensors come back
            as such, of the length of the longest row; lists come back as lists.

        Raises InputError: no input_ids, or values of different batch sizes.
        """
        if isinstance(encoded_inputs, (list, tuple)) and encoded_inputs and isinstance(encoded_inputs[0], Mapping):
            encoded_inputs = {name: [one[name] for one in encoded_inputs] for name in encoded_inputs[0]}
        if not isinstance(encoded_inputs, Mapping) or "input_ids" not in encoded_inputs:
            raise InputError("pad() needs input_ids: give what the tokenizer gave, or a list of such")
        values = {name: _lists(value) for name, value in encoded_inputs.items()}
        rows = values["input_ids"]
        if return_tensors is None:
            return_tensors = _kind(encoded_inputs["input_ids"])
        single = not rows or not isinstance(rows[0], (list, tuple))
        if single:
            values = {name: [value] for name, value in values.items()}
            rows = values["input_ids"]
        if any(not isinstance(value, (list, tuple)) or len(value) != len(rows) for value in values.values()):
            raise InputError(f"the values to pad are not all of {len(rows)} rows, as input_ids is")
        limits = resolve(padding, None if padding else False, max_length, None, self.model_max_length)
        if return_attention_mask is None:
            return_attention_mask = "attention_mask" in self.model_input_names
        if return_attention_mask and "attention_mask" not in values:
            values["attention_mask"] = [[1] * len(row) for row in rows]
        length = 0
        if limits.padding and any(rows):
            length = limits.max_length if limits.padding == "max_length" else max(map(len, rows))
            length = round_up(length, pad_to_multiple_of)
        side = check_side("padding_side", padding_side or self.padding_side)
        fillers = {"input_ids": self.pad_token_id, "token_type_ids": self.pad_token_type_id, "special_tokens_mask": 1}
        if return_attention_mask:
            fillers["attention_mask"] = 0
        for name in fillers.keys() & values.keys():
            values[name] = [_filled(row, length, fillers[name], side) for row in values[name]]
        return BatchEncoding(
            {name: value[0] if single else value for name, value in values.items()}, None, return_tensors
        )


def _filled(row: list[int], length: int, filler: int, side: str) -> list[int]:
    padding = [filler] * (length - len(row))
    return padding + list(row) if side == "left" else list(row) + padding


def _lists(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, (list, tuple)) and value and hasattr(value[0], "tolist"):
        return [row.tolist() for row in value]
    return value


def _kind(value: Any) -> str | None:
    """ "pt" or "np" where the values are tensors or arrays."""
    if isinstance(value, (list, tuple)):
        return _kind(value[0]) if value else None
    if not hasattr(value, "tolist"):
        return None
    return "pt" if type(value).__module__.split(".")[0] == "torch" else "np"
