"""From token ids to the first hidden states."""

import torch
from torch import Tensor, nn

from roberta.config import RobertaConfig
from roberta.model.parameters import check_range


class Embeddings(nn.Module):
    """Word + token type + position, LayerNorm, dropout."""

    def __init__(self, config: RobertaConfig):
        super().__init__()
        width, padding = config.hidden_size, config.pad_token_id
        # The pad rows get no gradient from the look-up, yet a checkpoint's values in them are kept and used.
        self.word_embeddings = table(config.vocab_size, width, padding)
        self.position_embeddings = table(config.max_position_embeddings, width, padding)
        self.token_type_embeddings = table(config.type_vocab_size, width)
        self.LayerNorm = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.absolute = config.position_embedding_type == "absolute"

    def forward(self, words: Tensor, token_type_ids: Tensor | None, position_ids: Tensor | None) -> Tensor:
        """words: (batch, length, width), from `look_up` or the caller's own; the ids (batch, length) or (1, length).

        position_ids is not looked at when positions are relative.
        """
        if token_type_ids is None:
            hidden = words + self.token_type_embeddings.weight[0]
        else:
            _check_range(token_type_ids, self.token_type_embeddings.num_embeddings, "token type", "type_vocab_size")
            hidden = words + self.token_type_embeddings(token_type_ids)
        if self.absolute:
            _check_range(position_ids, self.position_embeddings.num_embeddings, "position", "max_position_embeddings")
            hidden = hidden + self.position_embeddings(position_ids)
        return self.dropout(self.LayerNorm(hidden))

    def look_up(self, input_ids: Tensor) -> Tensor:
        """(batch, length) ids -> (batch, length, width) rows of the word table."""
        _check_range(input_ids, self.word_embeddings.num_embeddings, "token", "vocab_size")
        return self.word_embeddings(input_ids)


def table(rows: int, width: int, padding: int | None = None) -> nn.Embedding:
    """An embedding whose numbers are drawn or loaded later.

    nn.Embedding itself would draw them at once, which on the meta device imports a compiler: a second and 70 MB.
    """
    return nn.Embedding.from_pretrained(torch.empty(rows, width), freeze=False, padding_idx=padding)


def _check_range(ids: Tensor, size: int, kind: str, setting: str) -> None:
    """Raises InputError: an id outside 0..size-1, which would read a row that is not there."""
    if ids.is_cuda or ids.numel() == 0 or torch.compiler.is_compiling() or torch.jit.is_tracing():
        return  # on a GPU the look-up itself refuses, and asking first would wait for the device
    low, high = ids.aminmax()
    check_range(int(low), int(high), size, kind, setting)
