"""Multi-head attention, over a text itself or over the states of an encoder."""

import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from roberta.config import RobertaConfig
from roberta.errors import InputError
from roberta.model.embeddings import table

KeyValue = tuple[Tensor, Tensor]  # each (batch, heads, length, width of a head)


@dataclass
class View:
    """What one forward pass asks of the attention in every layer, beyond the hidden states.

    bias: (batch or 1, heads or 1, queries, keys), added to the scores: 0, or the lowest finite number where nothing may
        be seen. Finite, so that a row that sees nothing averages over everything instead of becoming NaN.
        None: every position sees every other.
    source: (batch, keys, width), another sequence to look at; None: the text itself.
    past: for each layer the keys and values of earlier columns; for a source, those of the source.
    head_mask: (layers, batch or 1, heads, 1 or queries, 1 or keys), multiplied with the probabilities.
    kept_keys: receives each layer's keys and values, for the next call's `past`.
    kept_probabilities: receives each layer's (batch, heads, queries, keys).
    fused: whether the fused kernel can do all that; plain steps do it otherwise.
    """

    bias: Tensor | None = None
    source: Tensor | None = None
    past: list[KeyValue] | None = None
    head_mask: Tensor | None = None
    kept_keys: list[KeyValue] | None = None
    kept_probabilities: list[Tensor] | None = None
    fused: bool = field(init=False)

    def __post_init__(self):
        # The fused kernel's backward pass takes every weight of a row that sees nothing for 1, whatever its length.
        lost = self.bias is not None and torch.is_grad_enabled() and bool((self.bias.amax(-1) < 0).any())
        self.fused = self.head_mask is None and self.kept_probabilities is None and not lost


class Attention(nn.Module):
    """Queries, keys, values, their mixture; the projection that follows is the layer's."""

    def __init__(self, config: RobertaConfig, layer: int, *, cross: bool = False):
        super().__init__()
        pruned = () if cross else config.pruned_heads.get(layer, ())
        self.layer = layer
        self.kept_heads = [head for head in range(config.num_attention_heads) if head not in pruned]
        self.head_size = config.head_size
        inner = len(self.kept_heads) * self.head_size
        self.query = nn.Linear(config.hidden_size, inner)
        self.key = nn.Linear(config.hidden_size, inner)
        self.value = nn.Linear(config.hidden_size, inner)
        self.dropout = nn.Dropout(config.attention_probs_dropout_prob)
        self.relative = "absolute" if cross else config.position_embedding_type
        if self.relative != "absolute":
            self.longest = config.max_position_embeddings
            self.distance_embedding = table(2 * self.longest - 1, self.head_size)

    def forward(self, hidden: Tensor, view: View) -> Tensor:
        """(batch, queries, width) -> (batch, queries, heads x width of a head)."""
        query = self.split(self.query(hidden))
        key, value = self.keys_and_values(hidden, view)
        dropout = self.dropout.p if self.training else 0.0
        # The kernel drops as nn.Dropout would; what stands in its place has to be called.
        called = dropout and type(self.dropout) is not nn.Dropout
        if self.relative == "absolute" and view.fused and not called:
            mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=view.bias, dropout_p=dropout)
        else:
            mixed = self.probabilities(query, key, view) @ value
        return mixed.transpose(1, 2).flatten(2)

    def split(self, x: Tensor) -> Tensor:
        """(batch, length, heads x width of a head) -> (batch, heads, length, width of a head)."""
        return x.unflatten(2, (-1, self.head_size)).transpose(1, 2)

    def keys_and_values(self, hidden: Tensor, view: View) -> KeyValue:
        past = view.past[self.layer] if view.past is not None else None
        if view.source is not None and past is not None:
            key, value = past
        else:
            seen = hidden if view.source is None else view.source
            key, value = self.split(self.key(seen)), self.split(self.value(seen))
            if past is not None:
                key, value = torch.cat([past[0], key], 2), torch.cat([past[1], value], 2)
        if view.kept_keys is not None:
            view.kept_keys.append((key, value))
        return key, value

    def probabilities(self, query: Tensor, key: Tensor, view: View) -> Tensor:
        """What `scaled_dot_product_attention` keeps to itself, in plain steps: (batch, heads, queries, keys)."""
        scores = query @ key.transpose(2, 3)
        if self.relative != "absolute":
            scores = scores + self.distance_scores(query, key)
        scores = scores / math.sqrt(self.head_size)
        if view.bias is not None:
            scores = scores + view.bias
        probabilities = self.dropout(scores.softmax(-1))
        if view.head_mask is not None:
            probabilities = probabilities * view.head_mask[self.layer][:, self.kept_heads]
        if view.kept_probabilities is not None:
            view.kept_probabilities.append(probabilities)
        return probabilities

    def distance_scores(self, query: Tensor, key: Tensor) -> Tensor:
        """How well each query, and with relative_key_query each key, fits the distance between the two."""
        queries, keys = query.shape[2], key.shape[2]
        if keys > self.longest:
            raise InputError(
                f"a text of {keys} tokens, and the model knows distances within {self.longest};"
                " cut it with truncation=True or split it into windows",
                code="too_long",
            )
        place = torch.arange(keys, device=query.device)
        distance = place[keys - queries :, None] - place[None, :]  # with a cache the queries are the last columns
        table = self.distance_embedding(distance + self.longest - 1)  # (queries, keys, width of a head)
        scores = torch.einsum("bhqd,qkd->bhqk", query, table)
        if self.relative == "relative_key_query":
            scores = scores + torch.einsum("bhkd,qkd->bhqk", key, table)
        return scores

    def prune(self, heads: set[int]) -> Tensor:
        """Drop heads, counted as in the unpruned model; returns the inner columns that stay."""
        stay = [place for place, head in enumerate(self.kept_heads) if head not in heads]
        columns = torch.arange(len(self.kept_heads) * self.head_size, device=self.query.weight.device)
        columns = columns.view(-1, self.head_size)[stay].flatten()
        for linear in (self.query, self.key, self.value):
            linear.weight = nn.Parameter(linear.weight.detach()[columns].clone())
            linear.bias = nn.Parameter(linear.bias.detach()[columns].clone())
            linear.out_features = len(columns)
        self.kept_heads = [self.kept_heads[place] for place in stay]
        return columns
