"""One small module for each way to read the hidden states that is more than a linear layer."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from roberta.config import RobertaConfig


class Pooler(nn.Module):
    """The first token's state, once more projected: (batch, length, width) -> (batch, width)."""

    def __init__(self, config: RobertaConfig):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, hidden: Tensor) -> Tensor:
        return torch.tanh(self.dense(hidden[:, 0]))


class LanguageModelHead(nn.Module):
    """A score for every word of the vocabulary: (..., width) -> (..., vocabulary).

    Its activation is the exact GELU whatever `hidden_act` says: that setting is about the layers only.
    """

    def __init__(self, config: RobertaConfig):
        super().__init__()
        width = config.hidden_size
        self.dense = nn.Linear(width, width)
        self.layer_norm = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.decoder = nn.Linear(width, config.vocab_size)
        self.bias = self.decoder.bias  # one parameter; published files know it by either name

    def forward(self, hidden: Tensor) -> Tensor:
        return self.decoder(self.layer_norm(F.gelu(self.dense(hidden))))


class ClassificationHead(nn.Module):
    """A score for every label, from the first token: (batch, length, width) -> (batch, labels)."""

    def __init__(self, config: RobertaConfig):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.dropout = head_dropout(config)
        self.out_proj = nn.Linear(config.hidden_size, config.num_labels)

    def forward(self, hidden: Tensor) -> Tensor:
        first = torch.tanh(self.dense(self.dropout(hidden[:, 0])))
        return self.out_proj(self.dropout(first))


def head_dropout(config: RobertaConfig) -> nn.Dropout:
    """Dropout of a classification head: its own rate where the config names one."""
    rate = config.classifier_dropout
    return nn.Dropout(config.hidden_dropout_prob if rate is None else rate)
