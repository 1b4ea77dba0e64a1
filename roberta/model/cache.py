"""Keys and values of earlier columns, so that a decoder reads each token once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from roberta.errors import InputError
from roberta.model.attention import KeyValue


@dataclass(frozen=True)
class KeyValueCache:
    """What a forward pass leaves for the next one. A call never changes the cache it is given: it returns a new one.

    own: for each layer (key, value), each (batch, heads, length, width of a head), before any bias by position.
    cross: the same over the encoder's states, or None.
    real_tokens: (batch, 1) int64, non-pad tokens so far; each row's positions go on from its own count, whatever the
        side of its padding.

    Indexed and iterated like the documented tuple of layers: `cache[0]` is (key, value[, cross key, cross value]).
    """

    own: list[KeyValue]
    cross: list[KeyValue] | None
    real_tokens: Tensor

    @property
    def length(self) -> int:
        """Cached columns, pads included."""
        return self.own[0][0].shape[2] if self.own else 0

    def get_seq_length(self, layer: int = 0) -> int:
        """The documented name of `length`."""
        return self.length

    def __len__(self) -> int:
        return len(self.own)

    def __getitem__(self, layer: int) -> tuple[Tensor, ...]:
        return self.own[layer] + (self.cross[layer] if self.cross is not None else ())

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        return (self[layer] for layer in range(len(self)))

    def reorder(self, rows: Tensor) -> KeyValueCache:
        """The cache whose row i is row rows[i] of this one: beams are chosen, prompts repeated."""

        def chosen(pairs: list[KeyValue]) -> list[KeyValue]:
            return [(key[rows], value[rows]) for key, value in pairs]

        cross = None if self.cross is None else chosen(self.cross)
        return KeyValueCache(chosen(self.own), cross, self.real_tokens[rows])

    @classmethod
    def of(cls, past, attention_mask: Tensor | None) -> KeyValueCache | None:
        """Read `past_key_values`: a cache, the documented tuple of layers, or None.

        A tuple does not say which of its columns were padding: those that the mask hides are taken to be.
        """
        if past is None or isinstance(past, KeyValueCache):
            return past
        layers = [tuple(layer) for layer in past]
        if not layers or any(len(layer) not in (2, 4) for layer in layers):
            raise InputError("past_key_values must hold (key, value) or (key, value, cross key, cross value) per layer")
        batch, _, length, _ = layers[0][0].shape
        if attention_mask is not None and attention_mask.dim() == 2:
            counts = attention_mask[:, :length].sum(1, keepdim=True).long()
        else:
            counts = torch.full((batch, 1), length, device=layers[0][0].device)
        cross = [layer[2:] for layer in layers] if len(layers[0]) == 4 else None
        return cls([layer[:2] for layer in layers], cross, counts)
