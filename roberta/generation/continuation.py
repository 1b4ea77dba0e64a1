"""One step of a model over texts that grow: the cache, the mask and the encoder's states, row by row."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from roberta.errors import InputError
from roberta.generation.causal import RobertaForCausalLM


class Continuation:
    """Rows of text that a model continues, read once where it keeps a cache and anew at each step where it does not.

    visible: (rows, length) 1 for the columns of the prompts that are text, 0 for padding.
    encoder_hidden_states (rows, source length, width) and encoder_attention_mask (rows, source length), or None.

    The model numbers positions itself: each row's own count of tokens that are no padding.
    """

    def __init__(
        self,
        model,
        visible: Tensor,
        *,
        use_cache: bool,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
    ):
        self._model = model
        self._visible = visible
        self._use_cache = use_cache
        self._source = encoder_hidden_states
        self._source_visible = encoder_attention_mask
        self._cache = None

    def scores(self, input_ids: Tensor) -> Tensor:
        """(rows, vocabulary) float32: the model's scores of the token after each row of `input_ids` (rows, length)."""
        logits, cache = _last_logits(
            self._model,
            input_ids=input_ids if self._cache is None else input_ids[:, -1:],
            attention_mask=self._visible,
            encoder_hidden_states=self._source,
            encoder_attention_mask=self._source_visible,
            past_key_values=self._cache,
            use_cache=self._use_cache,
            return_dict=True,
        )
        self._cache = cache if self._use_cache else None
        self._visible = torch.nn.functional.pad(self._visible, (0, 1), value=1)
        # A copy: a view of the last column would keep the scores of the whole prompt in memory.
        return logits.to(torch.float32, copy=True)

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows: some dropped, some repeated, in this order."""
        if torch.equal(rows, torch.arange(len(self._visible), device=rows.device)):
            return
        self._visible = self._visible[rows]
        if self._source is not None:
            self._source = self._source[rows]
        if self._source_visible is not None:
            self._source_visible = self._source_visible[rows]
        if self._cache is not None:
            self._cache = self._cache.reorder(rows)


def _last_logits(model, **inputs) -> tuple[Tensor, Any]:
    """The last column's scores, and the cache.

    Of our own model only that column meets the vocabulary: a batch of 32 prompts of 512 tokens and 50,265 words would
    otherwise make 3 GB of scores, and use a third of the time, for nothing.
    """
    if isinstance(model, RobertaForCausalLM):
        body = model.roberta(**inputs)
        return model.lm_head(body.last_hidden_state[:, -1]), body.past_key_values
    output = model(**inputs)
    return output.logits[:, -1], output.past_key_values


def left_aligned_padding(input_ids: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
    """Move the padding at the end of each row to its start, so that new tokens follow the text directly.

    With ids [[5, 6, 1, 1]] and visible [[1, 1, 0, 0]] the ids become [[1, 1, 5, 6]], visible [[0, 0, 1, 1]].

    Raises InputError: a row of which nothing is visible.
    """
    length = input_ids.shape[1]
    place = torch.arange(length, device=input_ids.device)
    hidden_rows = (~visible.bool().any(1)).nonzero()
    if len(hidden_rows):
        raise InputError(f"row {int(hidden_rows[0])} of the prompts is nothing but padding; start it with a token")
    last = torch.where(visible.bool(), place, -1).amax(1, keepdim=True)
    source = (place + last + 1) % length
    return input_ids.gather(1, source), visible.gather(1, source)
