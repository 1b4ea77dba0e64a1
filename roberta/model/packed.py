"""The encoder over windows that lie end to end, without padding, for inference on a CPU."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from roberta.config import RobertaConfig
from roberta.model.encoder import Layer
from roberta.model.kernels import Linear, linear_kind
from roberta.model.layout import Block, Layout, filled
from roberta.model.loading import to_array, to_tensor
from roberta.model.models import RobertaModel
from roberta.model.parameters import check_range, position_ids
from roberta.weights.mapped_file import give_back, take_rows


def can_pack(config: RobertaConfig) -> bool:
    """Whether `PackedEncoder` computes all that this model is: attention by distance is not for it."""
    return config.position_embedding_type == "absolute"


class PackedEncoder:
    """Hidden states of the rows that are read, from all tokens of a batch in one (tokens, width) matrix.

    Takes the layers of `body` over: their weights are packed and let go one layer after the other, so that both are
    never held at once, and `body` has no encoder any more. Use it under inference_mode.

    dtype: a row of `kernels.KINDS`, body's own or int8 over fp32. layers: those whose mean is read, 0 being the
    embeddings, -1 the last; what lies above the highest of them is left out.

    The last layer computes keys and values of every token, and all else only for the rows that are read, which changes
    nothing in them.

    >>> encode = PackedEncoder(RobertaModel.from_pretrained("checkpoints/mini"), "fp32")
    >>> encode([[0, 713, 2], [0, 2]], rows=[[0, 1], [0]]).shape
    torch.Size([3, 256])
    """

    def __init__(self, body: RobertaModel, dtype: str, layers: Sequence[int] = (-1,)):
        self.config, self.embeddings = body.config, body.embeddings
        self.words = to_array(body.embeddings.word_embeddings.weight)
        self.read_layers = [layer % (self.config.num_hidden_layers + 1) for layer in layers]
        self.layers = list(_packed(body, max(self.read_layers), linear_kind(dtype)))

    def __call__(self, windows: Sequence[Sequence[int]], rows: Sequence[Sequence[int]]) -> Tensor:
        """(all rows that are read, width): those of the first window, in the order asked for, then the next one's.

        windows: token ids. rows: of each window the positions that are read, maybe none.

        Raises InputError: a window that is too long, or ids that are not in the tables.
        """
        layout = Layout([len(ids) for ids in windows], [len(read) for read in rows])
        asked = Asked.of(rows, layout)
        hidden = self._embedded(windows, layout)
        states = {0: asked.read(hidden)} if 0 in self.read_layers else {}
        for number, layer in enumerate(self.layers, 1):
            if number == len(self.layers) and 0 < len(asked.rows) < layout.rows:
                states[number] = layer.only(hidden, layout, asked)[asked.places]
                break
            hidden = layer(hidden, layout)
            if number in self.read_layers:
                states[number] = asked.read(hidden)
        found = [states[layer] for layer in self.read_layers]
        return found[0] if len(found) == 1 else torch.stack(found).mean(0)

    def _embedded(self, windows: Sequence[Sequence[int]], layout: Layout) -> Tensor:
        """(rows, width), filler rows at the end."""
        ids = torch.tensor(list(chain.from_iterable(windows[number] for number in layout.order)))
        positions = [
            position_ids(ids[block.rows].view(block.pieces, block.size), self.config).flatten()
            for block in layout.windows
        ]
        filler = ids.new_full((filled(len(ids)) - len(ids),), self.config.pad_token_id)
        ids = torch.cat([ids, filler])
        check_range(int(ids.min()), int(ids.max()), len(self.words), "token", "vocab_size")
        words = to_tensor(take_rows(self.words, ids.numpy()))
        return self.embeddings(words[None], None, torch.cat([*positions, filler])[None])[0]


class Asked(NamedTuple):
    """The rows that are read.

    rows: their places in the matrix, as the windows lie. positions: the same rows counted in their own windows.
    places: where among these stands what was asked for, in the order asked for.
    """

    rows: Tensor
    positions: Tensor
    places: Tensor

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]], layout: Layout) -> Asked:
        positions = [row for number in layout.order for row in rows[number]]
        starts = [layout.starts[number] for number in layout.order for _ in rows[number]]
        places = [start + place for start, asked in zip(layout.read_starts, rows) for place in range(len(asked))]
        starts, positions, places = torch.tensor([starts, positions, places], dtype=torch.long)
        return cls(starts + positions, positions, places)

    def read(self, hidden: Tensor) -> Tensor:
        return hidden[self.rows[self.places]]


class PackedLayer:
    """One layer. is_last: whether it is the highest that is read, and may compute all but keys and values in part."""

    def __init__(self, layer: Layer, kind: type[Linear], *, causal: bool, is_last: bool):
        own = layer.attention.self
        self.split = (-1, len(own.kept_heads), own.head_size)
        self.causal = causal
        inputs = [[own.query], [own.key, own.value]] if is_last else [[own.query, own.key, own.value]]
        self.inputs = [_joined(kind, *linears) for linears in inputs]
        self.mixed = _joined(kind, layer.attention.output.dense)
        self.wide = _joined(kind, layer.intermediate.dense)
        self.narrow = _joined(kind, layer.output.dense)
        self.attention_norm, self.norm = layer.attention.output.LayerNorm, layer.output.LayerNorm
        self.activation = layer.activation

    def __call__(self, hidden: Tensor, layout: Layout) -> Tensor:
        """(rows, width) -> the same."""
        query, key, value = (part for linear in self.inputs for part in self._parts(linear(hidden)))
        mixed = torch.zeros_like(query, memory_format=torch.contiguous_format)
        for block in layout.windows:
            attend(mixed, query, key, value, block, block, is_causal=self.causal)
        return self._rest(mixed, hidden)

    def only(self, hidden: Tensor, layout: Layout, asked: Asked) -> Tensor:
        """(rows, width) -> (rows that are read, width), as the windows lie; filler rows at the end of both."""
        query, key_value = self.inputs
        key, value = self._parts(key_value(hidden))
        hidden = hidden[F.pad(asked.rows, (0, filled(len(asked.rows)) - len(asked.rows)))]
        [query] = self._parts(query(hidden))
        mixed = torch.zeros_like(query, memory_format=torch.contiguous_format)
        for queries, keys in layout.asked:
            places = asked.positions[queries.rows].view(queries.pieces, 1, queries.size, 1)
            visible = places >= torch.arange(keys.size) if self.causal else None
            attend(mixed, query, key, value, queries, keys, attn_mask=visible)
        return self._rest(mixed, hidden)

    def _parts(self, joined: Tensor) -> tuple[Tensor, ...]:
        """(rows, some times the inner width) -> so many of (rows, heads, width of a head)."""
        return joined.unflatten(1, self.split).unbind(1)

    def _rest(self, mixed: Tensor, hidden: Tensor) -> Tensor:
        """mixed: (rows, heads, width of a head), what attention made of the layer's input `hidden`, (rows, width)."""
        hidden = self.attention_norm(self.mixed.plus(mixed.flatten(1), hidden))
        wide = self.wide.gelu(hidden) if self.activation is F.gelu else self.activation(self.wide(hidden))
        return self.norm(self.narrow.plus(wide, hidden))


def attend(mixed: Tensor, query: Tensor, key: Tensor, value: Tensor, queries: Block, keys: Block, **what) -> None:
    """Attention of windows of one length, written into their rows of `mixed`.

    All tensors are (rows, heads, width of a head). queries, keys: where the windows' rows lie in `mixed` and `query`,
    and in `key` and `value`. what: a mask, or is_causal.
    """

    def windows(x: Tensor, block: Block) -> Tensor:  # (rows, heads, width) -> (windows, heads, length, width)
        return x[block.rows].unflatten(0, (block.pieces, block.size)).transpose(1, 2)

    found = F.scaled_dot_product_attention(windows(query, queries), windows(key, keys), windows(value, keys), **what)
    windows(mixed, queries).copy_(found)


def _joined(kind: type[Linear], *linears: nn.Linear) -> Linear:
    """One layer, or several over the same input as one, whose outputs stand side by side. The plain ones are let go."""
    weights, biases = [linear.weight for linear in linears], [linear.bias for linear in linears]
    several = len(linears) > 1
    made = kind(torch.cat(weights) if several else weights[0], torch.cat(biases) if several else biases[0])
    if several or kind.copies:
        for weight in weights:
            give_back(to_array(weight))
    return made


def _packed(body: RobertaModel, count: int, kind: type[Linear]) -> Iterator[PackedLayer]:
    """The first `count` layers; each plain one is let go once it is packed."""
    plain, body.encoder = list(reversed(body.encoder.layer)), None
    for number in range(1, count + 1):
        yield PackedLayer(plain.pop(), kind, causal=body.config.is_decoder, is_last=number == count)
