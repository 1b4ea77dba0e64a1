"""fairseq's arguments of a RoBERTa as a config, and the other way round; what either cannot say is refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from roberta.config import PROBLEM_TYPES, RobertaConfig
from roberta.errors import CheckpointError
from roberta.model.parameters import BODY, HEADS

ENCODER = "RobertaModel"
RANKING = "sentence_ranking"  # the criterion of heads with one class that are compared: multiple choice
_RANKING_TASKS = (RANKING, "commonsense_qa")
_ATTENTION_HEADS = {"roberta_large": 16, "xlm": 16}  # by arch, where the argument is missing; 12 in others
_BEFORE_AND_BEHIND = 2  # rows of the position table that are no position: fairseq counts from the pad token's id on

_DEMANDED = {  # argument: the one value that RoBERTa has, which is fairseq's default too, and what another one means
    "encoder_normalize_before": (False, "LayerNorm before attention and not behind"),
    "layernorm_embedding": (True, "no LayerNorm behind the embeddings"),
    "encoder_learned_pos": (True, "positions that are computed, not learned"),
    "no_token_positional_embeddings": (False, "no positions"),
    "no_scale_embedding": (True, "word embeddings that are scaled"),
    "pooler_activation_fn": ("tanh", "a classification head of another kind"),
    "spectral_norm_classification_head": (False, "a classification head with spectral normalisation"),
    "encoder_layers_to_keep": (None, "layers that are left out on loading"),
}
_PRENORM = {"encoder_normalize_before": True, "layernorm_embedding": False}  # defaults of the arch roberta_prenorm

_ACTIVATIONS = {  # theirs, ours
    "gelu": "gelu",
    "gelu_accurate": "gelu_new",
    "gelu_fast": "gelu_new",
    "relu": "relu",
    "relu_squared": "relu2",
    "swish": "silu",
    "tanh": "tanh",
    "linear": "linear",
}
_SPELLINGS = {  # our further names of the same functions
    **{ours: theirs for theirs, ours in reversed(_ACTIVATIONS.items())},
    **dict.fromkeys(("gelu_fast", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_accurate"), "gelu_accurate"),
    "gelu_python": "gelu",
    "swish": "swish",
}
_DROPOUTS = {  # theirs: ours, fairseq's default
    "dropout": ("hidden_dropout_prob", 0.1),
    "attention_dropout": ("attention_probs_dropout_prob", 0.1),
    "pooler_dropout": ("classifier_dropout", 0.0),
}
_ALWAYS = {  # what no argument of fairseq's changes
    "layer_norm_eps": 1e-5,
    "pad_token_id": 1,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
    "pruned_heads": {},
}
# Arguments of our own, which fairseq carries along and does not read.
_LABELS, _PROBLEM, _NO_LM_HEAD = "label_names", "problem_type", "without_lm_head"


def is_ranking(settings: Mapping[str, Any]) -> bool:
    """Whether heads with one class were trained to be compared with each other, as for multiple choice."""
    return settings.get("criterion") == RANKING or settings.get("task") in _RANKING_TASKS


def has_lm_head(settings: Mapping[str, Any]) -> bool:
    """Whether the language model head, which fairseq always has, is one that was trained."""
    return settings.get(_NO_LM_HEAD) is not True


def config_of(
    settings: Mapping[str, Any], tensors: Mapping[str, np.ndarray], head: str | None, *, source: str
) -> RobertaConfig:
    """The config of a model with `head`, a row of HEADS or None for the encoder alone.

    Shapes decide all that they can; of the arguments count the attention heads, activation, dropout and tying.
    tensors: by their published names.

    Raises CheckpointError: arguments that mean another model than RoBERTa, or that are no sizes.
    """
    _refuse_other_models(settings, source)
    activation = _given(settings, "activation_fn", "gelu")
    if not isinstance(activation, str) or activation not in _ACTIVATIONS:
        raise CheckpointError(f"{source}: activation_fn is {activation!r:.40}, which is not known here")
    if head == "masked_lm" and activation != "gelu":
        raise CheckpointError(
            f"{source}: its language model head uses {activation}, and RoBERTa's always gelu; "
            "convert the encoder alone: --head none"
        )
    words = _shape(tensors, "embeddings.word_embeddings.weight", source)
    values = _ALWAYS | {
        "model_type": RobertaConfig.model_type,
        "architectures": [HEADS[head].architecture if head else ENCODER],
        "vocab_size": words[0],
        "hidden_size": words[1],
        "max_position_embeddings": _shape(tensors, "embeddings.position_embeddings.weight", source)[0],
        "type_vocab_size": 1,
        "num_hidden_layers": _layers(tensors, source),
        "num_attention_heads": _attention_heads(settings),
        "hidden_act": _ACTIVATIONS[activation],
        "tie_word_embeddings": not _given(settings, "untie_weights_roberta", False),
        **{ours: _dropout(settings, theirs, source) for theirs, (ours, _) in _DROPOUTS.items()},
    }
    if values["num_hidden_layers"]:
        values["intermediate_size"] = _shape(tensors, "encoder.layer.0.intermediate.dense.weight", source)[0]
    if head == "sequence_classification":
        values |= _labels(settings, _shape(tensors, "classifier.out_proj.weight", source)[0])
    return RobertaConfig.from_dict(values, source=source)


def settings_of(config: RobertaConfig, head: str | None) -> dict[str, Any]:
    """fairseq's arguments of a model with `head`, a row of HEADS or None for the encoder alone.

    Raises CheckpointError: a config that fairseq's RoBERTa cannot have, with the value that it cannot.
    """
    if head not in ("masked_lm", "sequence_classification", "multiple_choice", None):
        raise CheckpointError(f"fairseq has no place for the head of {HEADS[head].architecture}; choose another format")
    for name, always in _ALWAYS.items():
        if getattr(config, name) != always:
            raise CheckpointError(
                f"{name} is {getattr(config, name)!r:.80} and in fairseq always {always!r}; choose another format"
            )
    activation = _SPELLINGS.get(config.hidden_act) if isinstance(config.hidden_act, str) else None
    if activation is None:
        raise CheckpointError(f"hidden_act is {config.hidden_act!r:.40}, which fairseq lacks; choose another format")
    if head == "masked_lm" and activation != "gelu":
        raise CheckpointError(
            f"hidden_act is {config.hidden_act!r:.40}, which fairseq would use in the language model head too; "
            "choose another format"
        )
    positions = config.max_position_embeddings - _BEFORE_AND_BEHIND
    dropouts = {theirs: getattr(config, ours) for theirs, (ours, _) in _DROPOUTS.items()}
    if dropouts["pooler_dropout"] is None:
        dropouts["pooler_dropout"] = config.hidden_dropout_prob
    settings = {
        "arch": "roberta_base",  # only fills in what is not given
        "task": "masked_lm",
        "criterion": RANKING if head == "multiple_choice" else "masked_lm",
        "data": ".",
        "encoder_layers": config.num_hidden_layers,
        "encoder_embed_dim": config.hidden_size,
        "encoder_ffn_embed_dim": config.intermediate_size,
        "encoder_attention_heads": config.num_attention_heads,
        "max_positions": positions,
        "tokens_per_sample": positions,
        "activation_fn": activation,
        "untie_weights_roberta": not config.tie_word_embeddings,
        **{name: float(value) for name, value in dropouts.items()},
        "activation_dropout": 0.0,
        **{name: wanted for name, (wanted, _) in _DEMANDED.items()},
        "sample_break_mode": "complete",
    }
    if head != "masked_lm":
        settings[_NO_LM_HEAD] = True
    if head == "sequence_classification":
        settings |= {_LABELS: list(map(str, config.id2label.values())), _PROBLEM: config.problem_type}
    return settings


def _refuse_other_models(settings: Mapping[str, Any], source: str) -> None:
    if settings.get("bpe") == "sentencepiece":
        raise CheckpointError(
            f"{source}: its words come from SentencePiece, so it is an XLM-R or CamemBERT, not RoBERTa"
        )
    defaults = _PRENORM if _arch(settings) == "roberta_prenorm" else {}
    for name, (wanted, meaning) in _DEMANDED.items():
        value = _given(settings, name, defaults.get(name, wanted))
        if value != wanted:
            raise CheckpointError(f"{source}: {name} is {value!r:.40}, so it has {meaning}; RoBERTa's classes cannot")


def _given(settings: Mapping[str, Any], name: str, default: Any) -> Any:
    """An argument; fairseq takes None for one that is missing."""
    value = settings.get(name)
    return default if value is None else value


def _arch(settings: Mapping[str, Any]) -> str:
    """The set of defaults; a cfg has it as the model's _name."""
    return str(settings.get("_name") or settings.get("arch"))


def _attention_heads(settings: Mapping[str, Any]) -> Any:
    return _given(settings, "encoder_attention_heads", _ATTENTION_HEADS.get(_arch(settings), 12))


def _dropout(settings: Mapping[str, Any], name: str, source: str) -> float:
    value = _given(settings, name, _DROPOUTS[name][1])
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        raise CheckpointError(f"{source}: {name} is {value!r:.40}, which is no probability; the file is damaged")
    return float(value)


def _layers(tensors: Mapping[str, np.ndarray], source: str) -> int:
    start = f"{BODY}encoder.layer."
    numbers = {name.removeprefix(start).split(".")[0] for name in tensors if name.startswith(start)}
    for number in range(len(numbers)):
        if str(number) not in numbers:
            raise CheckpointError(f"{source}: holds {len(numbers)} layers, of which {number} is none; it is damaged")
    return len(numbers)


def _labels(settings: Mapping[str, Any], count: int) -> dict[str, Any]:
    names, problem = settings.get(_LABELS), settings.get(_PROBLEM)
    if settings.get("regression_target") is True and count == 1:
        problem = "regression"
    known = isinstance(names, list) and all(isinstance(name, str) for name in names) and len(set(names)) == count
    labels = {"id2label": dict(enumerate(names))} if known and len(names) == count else {"num_labels": count}
    return labels | ({_PROBLEM: problem} if problem in PROBLEM_TYPES else {})


def _shape(tensors: Mapping[str, np.ndarray], name: str, source: str) -> tuple[int, ...]:
    array = tensors.get(name if name.startswith("classifier") else BODY + name)
    if array is None or array.ndim != 2 or 0 in array.shape:
        fault = "is not there" if array is None else f"has the shape {array.shape}"
        raise CheckpointError(f"{source}: what becomes {name} {fault}; the file is damaged or of another model")
    return array.shape
