"""RobertaConfig: every size and switch of a model, to and from config.json."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from roberta.errors import CheckpointError, InputError
from roberta.files import read_json, write_json
from roberta.hub import Origin

CONFIG_FILE = "config.json"
GENERATION_FILE = "generation_config.json"  # how a causal model goes on by default
PROBLEM_TYPES = ("regression", "single_label_classification", "multi_label_classification")
POSITION_TYPES = ("absolute", "relative_key", "relative_key_query")
# Architectures whose weights look alike but whose vocabulary or layers differ: a wrong answer would look right.
NEAR_MISSES = ("camembert", "xlm-roberta", "xlm-roberta-xl", "roberta-prelayernorm", "longformer", "bert", "xmod")


class RobertaConfig:
    """The sizes and switches of a RoBERTa model, under the names and defaults of the documentation.

    Published checkpoints differ from these defaults (514 positions, 1 token type, layer_norm_eps 1e-5).
    Unknown keyword arguments become attributes and are written back, so nothing in a config.json is lost.

    >>> RobertaConfig(num_labels=3).id2label
    {0: 'LABEL_0', 1: 'LABEL_1', 2: 'LABEL_2'}

    Raises InputError: sizes that do not fit together, an unknown position or problem type.
    """

    model_type = "roberta"

    def __init__(
        self,
        vocab_size: int = 50265,
        hidden_size: int = 768,
        num_hidden_layers: int = 12,
        num_attention_heads: int = 12,
        intermediate_size: int = 3072,
        hidden_act: str | Callable = "gelu",
        hidden_dropout_prob: float = 0.1,
        attention_probs_dropout_prob: float = 0.1,
        max_position_embeddings: int = 512,
        type_vocab_size: int = 2,
        initializer_range: float = 0.02,
        layer_norm_eps: float = 1e-12,
        pad_token_id: int = 1,
        bos_token_id: int = 0,
        eos_token_id: int | list[int] = 2,
        position_embedding_type: str = "absolute",
        use_cache: bool = True,
        classifier_dropout: float | None = None,
        *,
        is_decoder: bool = False,
        add_cross_attention: bool = False,
        tie_word_embeddings: bool = True,
        chunk_size_feed_forward: int = 0,
        pruned_heads: dict[int, list[int]] | None = None,
        return_dict: bool = True,
        output_hidden_states: bool = False,
        output_attentions: bool = False,
        problem_type: str | None = None,
        num_labels: int | None = None,
        id2label: dict[int, str] | None = None,
        label2id: dict[str, int] | None = None,
        architectures: list[str] | None = None,
        dtype: str | None = None,
        **others: Any,
    ):
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.intermediate_size = intermediate_size
        self.hidden_act = hidden_act
        self.hidden_dropout_prob = hidden_dropout_prob
        self.attention_probs_dropout_prob = attention_probs_dropout_prob
        self.max_position_embeddings = max_position_embeddings
        self.type_vocab_size = type_vocab_size
        self.initializer_range = initializer_range
        self.layer_norm_eps = layer_norm_eps
        self.pad_token_id = pad_token_id
        self.bos_token_id = bos_token_id
        self.eos_token_id = eos_token_id
        self.position_embedding_type = position_embedding_type
        self.use_cache = use_cache
        self.classifier_dropout = classifier_dropout
        self.is_decoder = is_decoder
        self.add_cross_attention = add_cross_attention
        self.tie_word_embeddings = tie_word_embeddings
        self.chunk_size_feed_forward = chunk_size_feed_forward
        self.pruned_heads = {int(layer): sorted(set(heads)) for layer, heads in (pruned_heads or {}).items()}
        self.return_dict = return_dict
        self.output_hidden_states = output_hidden_states
        self.output_attentions = output_attentions
        self.problem_type = problem_type
        self.architectures = architectures
        self.dtype = _dtype_name(dtype if dtype is not None else others.pop("torch_dtype", None))
        others.pop("torch_dtype", None)
        others.pop("model_type", None)
        self._name_labels(num_labels, id2label, label2id)
        for name, value in others.items():
            setattr(self, name, value)
        self.check()

    def _name_labels(self, num_labels, id2label, label2id) -> None:
        if id2label is None and label2id is not None and num_labels in (None, len(label2id)):
            id2label = {number: name for name, number in label2id.items()}
        if id2label is None:
            self.num_labels = 2 if num_labels is None else num_labels
        else:
            self.id2label = {int(number): name for number, name in id2label.items()}
            self.label2id = {name: number for number, name in self.id2label.items()}
            if num_labels is not None and num_labels != len(self.id2label):
                if any(name != f"LABEL_{number}" for number, name in self.id2label.items()):
                    raise InputError(f"num_labels is {num_labels}, and id2label names {len(self.id2label)}; give one")
                self.num_labels = num_labels
        if label2id is not None and len(label2id) == self.num_labels:
            self.label2id = {name: int(number) for name, number in label2id.items()}

    def check(self) -> None:
        """Raises InputError: sizes that do not fit together, as after attributes were set one by one."""
        for name in (
            "vocab_size",
            "hidden_size",
            "num_attention_heads",
            "intermediate_size",
            "max_position_embeddings",
            "type_vocab_size",
        ):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise InputError(f"{name} is {value!r}; it must be a whole number of at least 1")
        if not isinstance(self.num_hidden_layers, int) or self.num_hidden_layers < 0:
            raise InputError(f"num_hidden_layers is {self.num_hidden_layers!r}; it must be a whole number, 0 or more")
        if self.hidden_size % self.num_attention_heads:
            raise InputError(
                f"hidden_size {self.hidden_size} is not a multiple of num_attention_heads {self.num_attention_heads};"
                " every head takes an equal share of the width"
            )
        padding, rows = self.pad_token_id, min(self.vocab_size, self.max_position_embeddings)
        if not isinstance(padding, int) or not 0 <= padding < rows:
            raise InputError(f"pad_token_id is {padding!r}; it must be a row of both tables: 0..{rows - 1}")
        if self.position_embedding_type not in POSITION_TYPES:
            raise InputError(
                f"position_embedding_type is {self.position_embedding_type!r}; choose from {', '.join(POSITION_TYPES)}"
            )
        if self.problem_type is not None and self.problem_type not in PROBLEM_TYPES:
            raise InputError(f"problem_type is {self.problem_type!r}; choose from {', '.join(PROBLEM_TYPES)}")

    @property
    def num_labels(self) -> int:
        return len(self.id2label)

    @num_labels.setter
    def num_labels(self, count: int) -> None:
        self.id2label = {number: f"LABEL_{number}" for number in range(count)}
        self.label2id = {name: number for number, name in self.id2label.items()}

    @property
    def head_size(self) -> int:
        """Width of one attention head."""
        return self.hidden_size // self.num_attention_heads

    @property
    def usable_length(self) -> int:
        """Tokens of a full window, `<s>` and `</s>` counted: positions below padding_idx + 1 are never used."""
        return self.max_position_embeddings - self.pad_token_id - 1

    @property
    def use_return_dict(self) -> bool:
        """The documented name of `return_dict` as forward passes read it."""
        return self.return_dict

    @property
    def torch_dtype(self) -> str | None:
        """The older name of `dtype`, the stored number type."""
        return self.dtype

    @classmethod
    def from_pretrained(cls, name: str | Path, *, return_unused_kwargs: bool = False, **overrides: Any):
        """Read config.json from a folder, from the file itself or from a hub id; keywords override its values.

        revision, token, cache_dir, local_files_only and subfolder say where to look (`roberta.hub.Origin`).
        With return_unused_kwargs, keywords that are no attribute of a config come back in a dict beside it.

        Raises CheckpointError: no such folder, no config.json, or a config of another architecture.
        """
        origin, overrides = Origin.split(name, overrides)
        values = read_json(origin.need(CONFIG_FILE))
        config = cls.from_dict(values, source=str(origin))
        unused = {key: value for key, value in overrides.items() if return_unused_kwargs and not hasattr(config, key)}
        config.update({key: value for key, value in overrides.items() if key not in unused})
        return (config, unused) if return_unused_kwargs else config

    @classmethod
    def from_dict(cls, values: dict[str, Any], *, source: str = "the given dict") -> RobertaConfig:
        """Build a config from the contents of a config.json; `source` names it in errors.

        Raises CheckpointError: another architecture, or sizes that cannot be.
        """
        _refuse_other_architectures(values, source)
        try:
            return cls(**values)
        except (InputError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(f"{source}: not a usable RoBERTa configuration: {error}") from None

    def update(self, values: dict[str, Any]) -> None:
        """Set several attributes at once, with the checks of the constructor."""
        values = dict(values)
        labels = {key: values.pop(key, None) for key in ("num_labels", "id2label", "label2id")}
        if any(value is not None for value in labels.values()):
            if labels["id2label"] is None and labels["num_labels"] is None:
                labels["id2label"] = {number: name for name, number in labels["label2id"].items()}
            self._name_labels(**labels)
        for name, value in values.items():
            if name in ("dtype", "torch_dtype"):
                name, value = "dtype", _dtype_name(value)
            setattr(self, name, value)
        self.check()

    def to_dict(self) -> dict[str, Any]:
        """Every value, ready for JSON, with `model_type`."""
        return {**vars(self), "model_type": self.model_type}

    def to_diff_dict(self) -> dict[str, Any]:
        """Only the values that differ from the defaults, with `model_type`."""
        defaults = RobertaConfig().to_dict()
        return {
            name: value
            for name, value in self.to_dict().items()
            if name == "model_type" or name not in defaults or value != defaults[name]
        }

    def to_json_string(self, use_diff: bool = True) -> str:
        """config.json as text; with use_diff only what differs from the defaults."""
        values = self.to_diff_dict() if use_diff else self.to_dict()
        return json.dumps(values, indent=2, sort_keys=True) + "\n"

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config.json into `folder`, every value of it: whoever reads it need not share our defaults.

        Raises InputError: `hidden_act` is a function, which a file cannot hold.
        """
        if callable(self.hidden_act):
            raise InputError("hidden_act is a function, which config.json cannot hold; give the name of an activation")
        values = dict(sorted(self.to_dict().items()))
        write_json(Path(folder) / CONFIG_FILE, values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RobertaConfig) and self.to_dict() == other.to_dict()

    __hash__ = None  # a config can be changed

    def __repr__(self) -> str:
        return f"RobertaConfig {json.dumps(self.to_diff_dict(), indent=2, sort_keys=True, default=repr)}"


def _dtype_name(dtype: Any) -> str | None:
    """torch.float16 or "float16" as "float16"; this file does not import torch."""
    return None if dtype is None else str(dtype).removeprefix("torch.")


def _refuse_other_architectures(values: dict[str, Any], source: str) -> None:
    kind = values.get("model_type")
    if kind == "roberta":
        return
    built = values.get("architectures") or []
    if kind is None and any(str(name).startswith("Roberta") for name in built):
        return  # files from before model_type existed
    if kind in NEAR_MISSES:
        raise CheckpointError(f"{source}: a {kind} model, not RoBERTa; this program reads model_type roberta only")
    found = f"model_type {kind!r}" if kind else "no model_type and no Roberta class in architectures"
    raise CheckpointError(f"{source}: not a RoBERTa configuration ({found}); name the folder of a RoBERTa model")


AutoConfig = RobertaConfig
