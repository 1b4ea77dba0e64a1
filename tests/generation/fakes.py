"""Small stand-ins: models whose next word is known by hand or drawn at random, and a tokenizer of a few letters."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import torch

from roberta.config import RobertaConfig

PAD, EOS = 1, 2


def tiny_config(**changes) -> RobertaConfig:
    sizes = {
        "vocab_size": 40,
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 34,
        "type_vocab_size": 1,
        "is_decoder": True,
        "initializer_range": 0.6,  # wide, so that the next word depends on every earlier one
    }
    return RobertaConfig(**(sizes | changes))


def tiny_decoder(seed: int = 0, **changes):
    """A real causal model with random weights, the rows of the padding included."""
    from roberta import RobertaForCausalLM

    torch.manual_seed(seed)
    model = RobertaForCausalLM(tiny_config(**changes))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.0, model.config.initializer_range)
    return model.eval()


@dataclass(frozen=True)
class ChainCache:
    ids: torch.Tensor

    def reorder(self, rows):
        return ChainCache(self.ids[rows])


class WordChain:
    """Called like a causal model; a word's scores come from a table of (place in the text, word before, word).

    Places count visible columns, and the word before comes from the cache, so a wrong mask or a cache whose rows were
    mixed up gives another text. calls: (rows, columns) of each forward pass.
    """

    device = torch.device("cpu")

    def __init__(self, table: torch.Tensor, **changes):
        self.table = table
        self.config = tiny_config(vocab_size=table.shape[-1], **changes)
        self.calls: list[tuple[int, int]] = []

    @classmethod
    def random(cls, seed: int, vocabulary: int = 14, spread: float = 2.0, **changes) -> WordChain:
        source = torch.Generator().manual_seed(seed)
        table = torch.randn(7, vocabulary, vocabulary, vocabulary, generator=source)
        return cls(table * spread, **changes)

    @classmethod
    def script(cls, words: list[int], vocabulary: int = 14) -> WordChain:
        """After a text of n words comes words[n], whatever the text."""
        table = torch.zeros(len(words) + 1, vocabulary, vocabulary, vocabulary)
        for place, word in enumerate(words):
            table[place, :, :, word] = 9.0
        return cls(table)

    def __call__(self, input_ids, attention_mask, past_key_values, use_cache, **rest):
        self.calls.append(tuple(input_ids.shape))
        ids = input_ids if past_key_values is None else torch.cat([past_key_values.ids, input_ids], 1)
        assert attention_mask.shape == ids.shape
        visible = attention_mask.bool()
        before = torch.nn.functional.pad(ids * visible, (1, 0))[:, :-1]
        place = visible.cumsum(1) % len(self.table)
        logits = self.table[place, before, ids][:, -input_ids.shape[1] :]
        return SimpleNamespace(logits=logits, past_key_values=ChainCache(ids) if use_cache else None)


class PieceTokenizer:
    """Ids are places in a list of byte strings; they are spelt as UTF-8, broken characters as the sign for them."""

    def __init__(self, pieces: list[bytes]):
        self.pieces = pieces

    def decode(self, token_ids, skip_special_tokens=False, clean_up_tokenization_spaces=None):
        return b"".join(self.pieces[token] for token in token_ids).decode("utf-8", errors="replace")
