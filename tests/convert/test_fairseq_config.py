"""fairseq's arguments of a model, as a config and back."""

import numpy as np
import pytest

from roberta.convert.fairseq_config import config_of, is_ranking, settings_of
from roberta.errors import CheckpointError
from roberta.model.parameters import head_shapes
from tests.conftest import tiny_config

FAIRSEQ = {"layer_norm_eps": 1e-5, "type_vocab_size": 1}  # what a config needs to have a place there
SETTINGS = {"arch": "roberta_base", "encoder_attention_heads": 4}


def config(**changes):
    return tiny_config(**(FAIRSEQ | changes))


def tensors(head="masked_lm", **changes):
    return {name: np.zeros(shape, np.float32) for name, shape in head_shapes(config(**changes), head).items()}


def read(settings=None, head="masked_lm", **changes):
    return config_of(SETTINGS | (settings or {}), tensors(head or "masked_lm", **changes), head, source="model.pt")


def test_shapes_decide_and_arguments_that_contradict_them_do_not_count():
    found = read({"encoder_layers": 24, "encoder_embed_dim": 1024, "encoder_ffn_embed_dim": 1, "max_positions": 512})
    wanted = config(architectures=["RobertaForMaskedLM"], classifier_dropout=0.0)
    assert found == wanted


def test_missing_arguments_are_what_fairseq_takes_for_them():
    found = config_of({}, tensors(hidden_size=24, num_attention_heads=12), "masked_lm", source="x")
    assert (found.num_attention_heads, found.hidden_act, found.tie_word_embeddings) == (12, "gelu", True)
    assert (found.hidden_dropout_prob, found.attention_probs_dropout_prob, found.classifier_dropout) == (0.1, 0.1, 0.0)
    found = config_of({"arch": "roberta_large"}, tensors(), "masked_lm", source="x")
    assert found.num_attention_heads == 16
    found = config_of({"_name": "roberta_large", "encoder_attention_heads": None}, tensors(), "masked_lm", source="x")
    assert found.num_attention_heads == 16


def test_each_argument_reaches_its_field():
    found = read({"dropout": 0.2, "attention_dropout": 0.3, "pooler_dropout": 0.4, "untie_weights_roberta": True})
    assert (found.hidden_dropout_prob, found.attention_probs_dropout_prob, found.classifier_dropout) == (0.2, 0.3, 0.4)
    assert not found.tie_word_embeddings
    assert read({"activation_fn": "relu"}, head=None).hidden_act == "relu"
    assert read({"activation_fn": "gelu_accurate"}, head=None).hidden_act == "gelu_new"
    assert read(head=None).architectures == ["RobertaModel"]


def test_labels_and_kind_of_problem_come_from_shapes_and_arguments():
    head = "sequence_classification"
    assert read(head=head, num_labels=3).num_labels == 3
    assert read({"regression_target": True}, head=head, num_labels=1).problem_type == "regression"
    assert read({"regression_target": True}, head=head, num_labels=2).problem_type is None
    named = read({"label_names": ["no", "yes"], "problem_type": "multi_label_classification"}, head=head)
    assert (named.id2label, named.problem_type) == ({0: "no", 1: "yes"}, "multi_label_classification")
    for odd in (["no"], ["no", "no"], [1, 2], "ab", {"a": 1}):
        assert read({"label_names": odd, "problem_type": "x"}, head=head).id2label == {0: "LABEL_0", 1: "LABEL_1"}


def test_ranking_is_told_by_criterion_or_task():
    assert is_ranking({"criterion": "sentence_ranking"})
    assert is_ranking({"task": "commonsense_qa", "criterion": "x"})
    assert not is_ranking({"task": "masked_lm", "criterion": "sentence_prediction"})


REFUSED = {
    "norm before": ({"encoder_normalize_before": True}, "LayerNorm before attention"),
    "no norm behind the embeddings": ({"layernorm_embedding": False}, "no LayerNorm behind"),
    "the arch that is so": ({"arch": "roberta_prenorm"}, "encoder_normalize_before is True"),
    "computed positions": ({"encoder_learned_pos": False}, "not learned"),
    "no positions": ({"no_token_positional_embeddings": True}, "no positions"),
    "scaled words": ({"no_scale_embedding": False}, "scaled"),
    "another pooler": ({"pooler_activation_fn": "relu"}, "pooler_activation_fn is 'relu'"),
    "spectral norm": ({"spectral_norm_classification_head": True}, "spectral"),
    "pruned on loading": ({"encoder_layers_to_keep": "0,1"}, "left out on loading"),
    "SentencePiece": ({"bpe": "sentencepiece"}, "XLM-R or CamemBERT"),
    "an unknown activation": ({"activation_fn": "selu"}, "'selu', which is not known"),
    "an activation that is a list": ({"activation_fn": ["gelu"]}, "not known"),
    "another activation in the language model head": ({"activation_fn": "relu"}, "uses relu.*--head none"),
    "heads that do not divide": ({"encoder_attention_heads": 5}, "not a multiple"),
    "heads that are text": ({"encoder_attention_heads": "${model.heads}"}, "must be a whole number"),
    "no heads": ({"encoder_attention_heads": 0}, "must be a whole number of at least 1"),
    "a dropout of 2": ({"dropout": 2}, "no probability"),
    "a dropout in words": ({"attention_dropout": "some"}, "no probability"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_other_models_and_arguments_that_are_none_are_refused_by_name(fault):
    settings, said = REFUSED[fault]
    with pytest.raises(CheckpointError, match=said) as error:
        read(settings)
    assert str(error.value).startswith("model.pt: ")


def test_a_roberta_prenorm_that_is_told_otherwise_is_read():
    assert read({"arch": "roberta_prenorm", "encoder_normalize_before": False, "layernorm_embedding": True})


BODY = "roberta.embeddings."


@pytest.mark.parametrize(
    ("name", "array", "said"),
    [
        (f"{BODY}word_embeddings.weight", None, "is not there"),
        (f"{BODY}word_embeddings.weight", np.zeros(4, np.float32), r"has the shape \(4,\)"),
        (f"{BODY}position_embeddings.weight", np.zeros((0, 16), np.float32), r"has the shape \(0, 16\)"),
        (f"{BODY}position_embeddings.weight", np.zeros((1, 16), np.float32), "pad_token_id is 1"),
        ("roberta.encoder.layer.7.output.dense.bias", np.zeros(1, np.float32), "of which 2 is none"),
    ],
)
def test_shapes_that_no_model_has_are_refused(name, array, said):
    changed = tensors() | {name: array}
    with pytest.raises(CheckpointError, match=said):
        config_of(SETTINGS, {name: x for name, x in changed.items() if x is not None}, "masked_lm", source="x")


@pytest.mark.parametrize("head", ["masked_lm", "sequence_classification", "multiple_choice", None])
@pytest.mark.parametrize("tied", [True, False])
def test_a_config_comes_back_from_its_arguments(head, tied):
    ours = config(tie_word_embeddings=tied, classifier_dropout=0.3, hidden_dropout_prob=0.2, num_labels=3)
    settings = settings_of(ours, head)
    found = config_of(settings, tensors(head or "masked_lm", num_labels=3), head, source="x")
    ours.architectures = found.architectures
    if head != "sequence_classification":
        ours.num_labels = 2
    assert found == ours
    assert is_ranking(settings) == (head == "multiple_choice")


def test_every_size_is_written_out():
    found = settings_of(config(), "masked_lm")
    sizes = {"layers": 2, "embed_dim": 16, "ffn_embed_dim": 24, "attention_heads": 4}
    assert {name: found[f"encoder_{name}"] for name in sizes} == sizes
    assert found["max_positions"] == found["tokens_per_sample"] == 24 - 2


def test_labels_come_back_and_dropout_that_follows_another_is_spelled_out():
    ours = config(id2label={0: "no", 1: "yes"}, problem_type="multi_label_classification")
    settings = settings_of(ours, "sequence_classification")
    found = read(settings, head="sequence_classification")
    assert (found.id2label, found.problem_type) == (ours.id2label, ours.problem_type)
    assert found.classifier_dropout == ours.hidden_dropout_prob


@pytest.mark.parametrize(
    "name", ["relu", "silu", "tanh", "relu2", "linear", "gelu_new", "gelu_pytorch_tanh", "gelu_python"]
)
def test_activations_come_back_as_the_same_function(name):
    import torch

    from roberta.model.activations import ACTIVATIONS

    found = read(settings_of(config(hidden_act=name), None), head=None).hidden_act
    x = torch.linspace(-4, 4, 50)
    assert torch.equal(ACTIVATIONS[found](x), ACTIVATIONS[name](x))


UNHELD = {
    "another eps": ({"layer_norm_eps": 1e-12}, "masked_lm", "layer_norm_eps is 1e-12 and in fairseq always 1e-05"),
    "another pad token": ({"pad_token_id": 0}, "masked_lm", "pad_token_id is 0"),
    "another end": ({"eos_token_id": 0}, "masked_lm", "eos_token_id is 0"),
    "relative positions": ({"position_embedding_type": "relative_key"}, "masked_lm", "position_embedding_type"),
    "a decoder": ({"is_decoder": True}, "masked_lm", "is_decoder is True"),
    "cross-attention": ({"add_cross_attention": True}, "masked_lm", "add_cross_attention is True"),
    "pruned heads": ({"pruned_heads": {0: [1]}}, "masked_lm", r"pruned_heads is \{0: \[1\]\}"),
    "an unknown activation": ({"hidden_act": "mish"}, None, "'mish', which fairseq lacks"),
    "a function": ({"hidden_act": len}, None, "which fairseq lacks"),
    "an activation of the language model head": ({"hidden_act": "relu"}, "masked_lm", "in the language model head too"),
    "token classification": ({}, "token_classification", "no place for the head of RobertaForTokenClassification"),
    "question answering": ({}, "question_answering", "no place for the head of RobertaForQuestionAnswering"),
    "a causal model": ({}, "causal_lm", "no place for the head of RobertaForCausalLM"),
}


@pytest.mark.parametrize("fault", UNHELD)
def test_what_fairseq_cannot_hold_is_refused_by_name(fault):
    changes, head, said = UNHELD[fault]
    with pytest.raises(CheckpointError, match=said) as error:
        settings_of(config(**changes), head)
    assert str(error.value).endswith("; choose another format")
