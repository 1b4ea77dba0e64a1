"""The layers: attention and feed-forward, each added to its input and normalised after the sum."""

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from roberta.config import RobertaConfig
from roberta.model.activations import activation
from roberta.model.attention import Attention, View


class AddNorm(nn.Module):
    """Project back to the model's width, add to what came in, normalise."""

    def __init__(self, inner: int, config: RobertaConfig):
        super().__init__()
        self.dense = nn.Linear(inner, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, inner: Tensor, hidden: Tensor) -> Tensor:
        return self.LayerNorm(self.dropout(self.dense(inner)) + hidden)


class Layer(nn.Module):
    """One layer. The nesting of dicts only spells the published names: attention.self.query.weight and so on."""

    def __init__(self, config: RobertaConfig, number: int):
        super().__init__()
        width, wide = config.hidden_size, config.intermediate_size
        own = Attention(config, number)
        self.attention = nn.ModuleDict({"self": own, "output": AddNorm(own.query.out_features, config)})
        if config.add_cross_attention:
            cross = Attention(config, number, cross=True)
            self.crossattention = nn.ModuleDict({"self": cross, "output": AddNorm(width, config)})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, wide)})
        self.output = AddNorm(wide, config)
        self.activation = activation(config.hidden_act)
        self.chunk = config.chunk_size_feed_forward

    def forward(self, hidden: Tensor, own: View, cross: View | None = None, rows: Tensor | None = None) -> Tensor:
        """(batch, length, width) -> the same shape; or, without `cross`, of some `rows` alone, (rows, width)."""
        mixed = self.attention.self(hidden, own)
        if rows is not None:
            mixed, hidden = taken(mixed, rows), taken(hidden, rows)
        hidden = self.attention.output(mixed, hidden)
        if cross is not None:
            hidden = self.crossattention.output(self.crossattention.self(hidden, cross), hidden)
        if self.chunk:  # the same numbers in less memory: the wide states of a few positions at a time
            return torch.cat([self.feed_forward(part) for part in hidden.split(self.chunk, -2)], -2)
        return self.feed_forward(hidden)

    def feed_forward(self, hidden: Tensor) -> Tensor:
        return self.output(self.activation(self.intermediate.dense(hidden)), hidden)

    def prune_heads(self, heads: set[int]) -> None:
        columns = self.attention.self.prune(heads)
        dense = self.attention.output.dense
        dense.weight = nn.Parameter(dense.weight.detach()[:, columns].clone())
        dense.in_features = len(columns)


class Encoder(nn.Module):
    """All layers in turn."""

    def __init__(self, config: RobertaConfig):
        super().__init__()
        self.layer = nn.ModuleList(Layer(config, number) for number in range(config.num_hidden_layers))
        self.gradient_checkpointing = False

    def forward(
        self,
        hidden: Tensor,
        own: View,
        cross: View | None = None,
        kept_states: list[Tensor] | None = None,
        rows: Tensor | None = None,
    ) -> Tensor:
        """(batch, length, width) -> the same shape, or (rows, width); kept_states receives every layer's input.

        rows: those that are read, counted through the whole batch; the last layer mixes for all and goes on with these.
        """
        for number, layer in enumerate(self.layer, 1):
            if kept_states is not None:
                kept_states.append(hidden)
            read = rows if number == len(self.layer) else None
            if self.gradient_checkpointing and self.training:
                hidden = checkpoint(layer, hidden, own, cross, read, use_reentrant=False)
            else:
                hidden = layer(hidden, own, cross, read)
        return hidden if rows is None or len(self.layer) else taken(hidden, rows)


def taken(states: Tensor, rows: Tensor) -> Tensor:
    """(batch, length, width) -> (rows, width)."""
    return states.flatten(0, 1).index_select(0, rows)
