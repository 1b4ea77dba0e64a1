"""Where a language model's training starts: drawn at random, from counts, from a checkpoint, or grown from one."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import torch

from roberta.config import RobertaConfig
from roberta.errors import UsageError
from roberta.model.pretrained import PretrainedModel
from roberta.tokenizer import RobertaTokenizer


@dataclass(frozen=True)
class Sizes:
    """A new model's sizes; those not given are the published base model's, or follow from the others."""

    layers: int | None = None
    hidden: int | None = None
    heads: int | None = None
    ffn: int | None = None
    positions: int | None = None

    def config(self, tokenizer: RobertaTokenizer, **others) -> RobertaConfig:
        """514 positions, 1 token type and an epsilon of 1e-5, as published models have and the documented defaults
        do not. Raises UsageError: a width that the heads do not divide."""
        hidden = self.hidden or 768
        heads = self.heads or max(1, hidden // 64)
        if hidden % heads:
            raise UsageError(f"--hidden {hidden} cannot be shared out among {heads} heads; give --heads that divide it")
        return RobertaConfig(
            vocab_size=len(tokenizer),
            hidden_size=hidden,
            num_hidden_layers=self.layers or 12,
            num_attention_heads=heads,
            intermediate_size=self.ffn or 4 * hidden,
            max_position_embeddings=(self.positions or 512) + tokenizer.pad_token_id + 1,
            type_vocab_size=1,
            layer_norm_eps=1e-5,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            **others,
        )


def start(kind: type[PretrainedModel], model: str | Path | None, tokenizer, sizes: Sizes, seed: int, **others):
    """A model of class `kind`: a checkpoint's, with more layers and positions if `sizes` asks for more, or a fresh one.

    Raises UsageError: another size of a checkpoint is asked for, or less than it has, or layers not a multiple of it.
    """
    torch.manual_seed(seed)
    if model is None:
        return kind(sizes.config(tokenizer, **others))
    found = kind.from_pretrained(model, **others)
    fixed = [name for name in ("hidden", "heads", "ffn") if getattr(sizes, name) is not None]
    if fixed:
        raise UsageError(f"--{fixed[0]} is for a new model; of {model} only --layers and --positions may grow")
    if sizes.layers:
        found = with_layers(found, sizes.layers)
    if sizes.positions:
        found = with_positions(found, sizes.positions)
    return copy.deepcopy(found)  # its weights may lie in a mapped file, which training would read for ever


def with_layers(model: PretrainedModel, layers: int) -> PretrainedModel:
    """A model with `layers` layers, a multiple of what it has: the stack is put upon itself (Gong et al. 2019,
    "Efficient Training of BERT by Progressively Stacking"). The shallow model learns its first part in less time."""
    had = model.config.num_hidden_layers
    if layers == had:
        return model
    if layers % had:
        raise UsageError(f"--layers {layers}: the model has {had}, and grows to a multiple of that, such as {2 * had}")
    config = copy.deepcopy(model.config)
    config.num_hidden_layers = layers
    bigger = type(model)(config)
    tensors = dict(model.state_dict())
    for name, tensor in model.state_dict().items():
        before, found, after = name.partition("encoder.layer.")
        if found:
            number, rest = after.split(".", 1)
            for copied in range(int(number) + had, layers, had):
                tensors[f"{before}{found}{copied}.{rest}"] = tensor
    bigger.load_state_dict(tensors)
    return bigger


def with_positions(model: PretrainedModel, positions: int) -> PretrainedModel:
    """A model that reads texts of `positions` tokens: the learnt positions are repeated (Beltagy et al. 2020,
    "Longformer", section 5), so that near tokens know each other at once, but for the seams."""
    had = model.config.usable_length
    if positions == had:
        return model
    if positions < had:
        raise UsageError(f"--positions {positions}: the model has {had}; it can only grow")
    config = copy.deepcopy(model.config)
    first = config.pad_token_id + 1
    config.max_position_embeddings = positions + first
    bigger = type(model)(config)
    tensors = dict(model.state_dict())
    name = next(key for key in tensors if key.endswith("embeddings.position_embeddings.weight"))
    table = tensors[name]
    tensors[name] = torch.cat([table[:first], table[first:].repeat(-(-positions // had), 1)[:positions]])
    bigger.load_state_dict(tensors)
    return bigger
