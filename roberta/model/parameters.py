"""What a checkpoint must hold, without torch: the name and shape of every weight, the heads, the positions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from roberta.config import RobertaConfig
from roberta.errors import InputError

Shapes = dict[str, tuple[int, ...]]

BODY = "roberta."  # in front of the encoder's names in every class with a head


@dataclass(frozen=True)
class Head:
    """One way to read the hidden states.

    architecture: the class whose checkpoints hold it.
    module: the attribute, and so the first word of its weights' names.
    shapes: (config) -> name without the module, shape.
    rows: which positions of a window it reads: "asked" (those that the task names), "first" or "all".
    pooler: whether it reads the pooler instead of the hidden states.
    """

    architecture: str
    module: str
    shapes: Callable[[RobertaConfig], Shapes]
    rows: str
    pooler: bool = False


def _linear(name: str, inputs: int, outputs: int) -> Shapes:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _language_model(config: RobertaConfig) -> Shapes:
    width, words = config.hidden_size, config.vocab_size
    # decoder.bias is the same parameter as bias; decoder.weight is the word table unless config.tie_word_embeddings
    # is off. Published files hold one name or both.
    return {
        "bias": (words,),
        **_linear("dense", width, width),
        **_norm("layer_norm", width),
        **_linear("decoder", width, words),
    }


def _sequence_classification(config: RobertaConfig) -> Shapes:
    width = config.hidden_size
    return _linear("dense", width, width) | _linear("out_proj", width, config.num_labels)


def _plain(outputs: Callable[[RobertaConfig], int]) -> Callable[[RobertaConfig], Shapes]:
    return lambda config: {"weight": (outputs(config), config.hidden_size), "bias": (outputs(config),)}


HEADS = {
    "masked_lm": Head("RobertaForMaskedLM", "lm_head", _language_model, rows="asked"),
    "causal_lm": Head("RobertaForCausalLM", "lm_head", _language_model, rows="asked"),
    "sequence_classification": Head(
        "RobertaForSequenceClassification", "classifier", _sequence_classification, rows="first"
    ),
    "multiple_choice": Head(
        "RobertaForMultipleChoice", "classifier", _plain(lambda config: 1), rows="first", pooler=True
    ),
    "token_classification": Head(
        "RobertaForTokenClassification", "classifier", _plain(lambda config: config.num_labels), rows="all"
    ),
    "question_answering": Head(
        "RobertaForQuestionAnswering", "qa_outputs", _plain(lambda config: config.num_labels), rows="all"
    ),
}


def body_shapes(config: RobertaConfig, *, pooler: bool) -> Shapes:
    """Name and shape of every weight of RobertaModel, without the prefix that classes with a head put in front."""
    width, wide = config.hidden_size, config.intermediate_size
    shapes: Shapes = {
        "embeddings.word_embeddings.weight": (config.vocab_size, width),
        "embeddings.position_embeddings.weight": (config.max_position_embeddings, width),
        "embeddings.token_type_embeddings.weight": (config.type_vocab_size, width),
        **_norm("embeddings.LayerNorm", width),
    }
    for number in range(config.num_hidden_layers):
        layer = f"encoder.layer.{number}"
        kept = config.num_attention_heads - len(config.pruned_heads.get(number, ()))
        shapes |= _attention(f"{layer}.attention", config, kept, relative=config.position_embedding_type != "absolute")
        if config.add_cross_attention:
            shapes |= _attention(f"{layer}.crossattention", config, config.num_attention_heads, relative=False)
        shapes |= _linear(f"{layer}.intermediate.dense", width, wide)
        shapes |= _linear(f"{layer}.output.dense", wide, width)
        shapes |= _norm(f"{layer}.output.LayerNorm", width)
    if pooler:
        shapes |= _linear("pooler.dense", width, width)
    return shapes


def _attention(name: str, config: RobertaConfig, heads: int, *, relative: bool) -> Shapes:
    width, inner = config.hidden_size, heads * config.head_size
    shapes: Shapes = {}
    for part in ("query", "key", "value"):
        shapes |= _linear(f"{name}.self.{part}", width, inner)
    if relative:
        shapes[f"{name}.self.distance_embedding.weight"] = (2 * config.max_position_embeddings - 1, config.head_size)
    return shapes | _linear(f"{name}.output.dense", inner, width) | _norm(f"{name}.output.LayerNorm", width)


def head_shapes(config: RobertaConfig, head: str) -> Shapes:
    """Name and shape of every weight of a class with a head: `roberta.…` and the head's own."""
    row = HEADS[head]
    shapes = {BODY + name: shape for name, shape in body_shapes(config, pooler=row.pooler).items()}
    return shapes | {f"{row.module}.{name}": shape for name, shape in row.shapes(config).items()}


def position_ids(input_ids, config: RobertaConfig, before=0):
    """Number the real tokens of each row from padding_idx + 1; padding keeps padding_idx.

    input_ids: (batch, length) int64, a torch tensor or a NumPy array; so is the result.
    before: real tokens that each row had earlier, in a cache: (batch, 1) or a number.
    With padding_idx 1, [0, 31414, 2, 1] gives [2, 3, 4, 1]: 514 positions for 512 tokens, <s> and </s> counted.

    Raises InputError: a row with more real tokens than the position table has room for.
    Source: fairseq, `make_positions`; the rule does not look at the attention mask.
    """
    padding = config.pad_token_id
    real = input_ids != padding
    positions = (real.cumsum(1) + before) * real + padding
    # Few columns and none earlier always fit: on a GPU, looking would wait for the device.
    sure = isinstance(before, int) and before + real.shape[1] <= config.usable_length
    if not sure and 0 not in real.shape:
        longest = int(positions.max()) - padding
        if longest > config.usable_length:
            raise InputError(
                f"a text of {longest} tokens, and the model has room for {config.usable_length};"
                " cut it with truncation=True or split it into windows",
                code="too_long",
            )
    return positions


def check_range(low: int, high: int, size: int, kind: str, setting: str) -> None:
    """Raises InputError: of ids between low and high some are outside 0..size-1, rows that a table does not have.

    kind: what the ids number, such as "token". setting: what the config calls the size.
    """
    if low < 0 or high >= size:
        raise InputError(
            f"{kind} id {low if low < 0 else high} is outside the model's table (0..{size - 1}, {setting} {size});"
            " use the tokenizer that belongs to this model",
            code="id_out_of_range",
        )
