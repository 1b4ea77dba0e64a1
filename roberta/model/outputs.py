"""What a forward pass gives: dataclasses that also answer as dicts and as tuples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from torch import Tensor

from roberta.config import RobertaConfig
from roberta.model.cache import KeyValueCache

Tensors = tuple[Tensor, ...] | None


def asked(this_call: bool | None, configured: bool) -> bool:
    """What a call asked for, or where it did not say, what the config does."""
    return configured if this_call is None else this_call


@dataclass
class ModelOutput:
    """Fields by name (`output.logits`, `output["logits"]`) or by place among those that exist (`output[0]`)."""

    def __getitem__(self, key: str | int | slice) -> Any:
        if isinstance(key, str):
            if (found := self.get(key)) is None:
                raise KeyError(key)
            return found
        return self.to_tuple()[key]

    @classmethod
    def all_fields(cls) -> list[str]:
        return [field.name for field in fields(cls)]

    def keys(self) -> list[str]:
        return [name for name in self.all_fields() if getattr(self, name) is not None]

    def values(self) -> list[Any]:
        return list(self.to_tuple())

    def items(self) -> list[tuple[str, Any]]:
        return list(zip(self.keys(), self.to_tuple()))

    def get(self, key: str, default: Any = None) -> Any:
        found = getattr(self, key, None) if key in self.all_fields() else None
        return default if found is None else found

    def __contains__(self, key: object) -> bool:
        return key in self.keys()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def to_tuple(self) -> tuple[Any, ...]:
        """The fields that exist, in order."""
        return tuple(getattr(self, name) for name in self.keys())

    def as_tuple(self) -> tuple[Any, ...]:
        """What `return_dict=False` gives; RobertaModel's differs from `to_tuple`."""
        return self.to_tuple()

    def as_asked(self, return_dict: bool | None, config: RobertaConfig) -> ModelOutput | tuple[Any, ...]:
        """This object or its tuple: what the call asked for, else what the config says."""
        return self if asked(return_dict, config.return_dict) else self.as_tuple()


@dataclass
class EncoderOutput(ModelOutput):
    """RobertaModel: last_hidden_state (batch, length, width), pooler_output (batch, width); then what was asked for.

    hidden_states: layers + 1 of (batch, length, width), the embeddings first. attentions, cross_attentions: one
    (batch, heads, queries, keys) for each layer. past_key_values: the cache for the next call.
    """

    last_hidden_state: Tensor | None = None
    pooler_output: Tensor | None = None
    hidden_states: Tensors = None
    past_key_values: KeyValueCache | None = None
    attentions: Tensors = None
    cross_attentions: Tensors = None

    def as_tuple(self) -> tuple[Any, ...]:
        # As documented: place 1 is the pooler's even when there is none, and the cache comes before the states.
        rest = (self.past_key_values, self.hidden_states, self.attentions, self.cross_attentions)
        return (self.last_hidden_state, self.pooler_output, *(part for part in rest if part is not None))


@dataclass
class MaskedLMOutput(ModelOutput):
    """loss (), logits (batch, length, vocabulary)."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    hidden_states: Tensors = None
    attentions: Tensors = None


@dataclass
class CausalLMOutput(ModelOutput):
    """loss (), logits (batch, length, vocabulary), past_key_values."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    past_key_values: KeyValueCache | None = None
    hidden_states: Tensors = None
    attentions: Tensors = None
    cross_attentions: Tensors = None


@dataclass
class SequenceClassifierOutput(ModelOutput):
    """loss (), logits (batch, labels)."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    hidden_states: Tensors = None
    attentions: Tensors = None


@dataclass
class MultipleChoiceOutput(ModelOutput):
    """loss (), logits (batch, choices)."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    hidden_states: Tensors = None
    attentions: Tensors = None


@dataclass
class TokenClassifierOutput(ModelOutput):
    """loss (), logits (batch, length, labels)."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    hidden_states: Tensors = None
    attentions: Tensors = None


@dataclass
class QuestionAnsweringOutput(ModelOutput):
    """loss (), start_logits and end_logits (batch, length)."""

    loss: Tensor | None = None
    start_logits: Tensor | None = None
    end_logits: Tensor | None = None
    hidden_states: Tensors = None
    attentions: Tensors = None
