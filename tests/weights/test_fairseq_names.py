"""What fairseq called the weights through the years, and what is more than a renaming."""

import numpy as np
import pytest

from roberta.errors import CheckpointError
from roberta.weights.fairseq_names import fairseq_naming, head_names
from tests.conftest import tiny_config

BODY = "encoder.sentence_encoder."
ATTENTION = f"{BODY}layers.0.self_attn."
QUERY = "roberta.encoder.layer.0.attention.self.query"


def ones(*shape):
    return np.ones(shape, np.float32)


def read(tensors, **chosen):
    return fairseq_naming(**chosen).to_published(dict(tensors), source="model.pt")


@pytest.mark.parametrize("start", ["encoder.", "decoder."])
@pytest.mark.parametrize("norm", ["layernorm_embedding", "emb_layer_norm"])
def test_names_of_every_age_mean_the_same(start, norm):
    found = read({f"{start}sentence_encoder.{norm}.weight": ones(2), f"{start}lm_head.bias": ones(3)})
    assert list(found) == ["roberta.embeddings.LayerNorm.weight", "lm_head.bias"]


def test_a_body_alone_has_its_prefix_too():
    assert list(read({f"{BODY}embed_tokens.weight": ones(4, 2)})) == ["roberta.embeddings.word_embeddings.weight"]


def test_fused_projections_are_query_key_and_value_in_this_order():
    fused = np.arange(18, dtype=np.float32).reshape(9, 2)
    found = read({f"{ATTENTION}in_proj_weight": fused, f"{ATTENTION}in_proj_bias": fused[:, 0]})
    for place, part in enumerate(("query", "key", "value")):
        weight = found[f"roberta.encoder.layer.0.attention.self.{part}.weight"]
        assert weight.tolist() == fused[3 * place : 3 * place + 3].tolist()
        assert np.shares_memory(weight, fused)
        assert weight.flags.c_contiguous
    assert found[f"{QUERY}.bias"].tolist() == [0, 2, 4]


def test_a_fused_projection_beside_its_parts_must_agree_with_them():
    both = {f"{ATTENTION}in_proj_bias": np.arange(6, dtype=np.float32), f"{ATTENTION}q_proj.bias": np.float32([0, 1])}
    assert len(read(both)) == 3
    with pytest.raises(CheckpointError, match=r"in_proj_bias' and '.*q_proj\.bias' mean the same parameter but differ"):
        read(both | {f"{ATTENTION}q_proj.bias": ones(2)})


@pytest.mark.parametrize("shape", [(4, 2), ()])
def test_a_fused_projection_that_is_not_three_is_refused(shape):
    with pytest.raises(CheckpointError, match="not query, key and value"):
        read({f"{ATTENTION}in_proj_weight": ones(*shape)})


def test_copies_of_the_fast_path_are_left_out_be_they_zeros_or_not():
    copies = [
        f"{BODY}layers.0.{part}_{kind}" for part in ("in_proj", "out_proj", "fc1", "fc2") for kind in ("weight", "bias")
    ]
    beside = [*copies, f"{BODY}version", f"{BODY}embed_positions._float_tensor", "_float_tensor"]
    tensors = {name: ones(3) for name in beside} | {f"{BODY}layers.0.fc1.bias": ones(2)}
    assert list(read(tensors)) == ["roberta.encoder.layer.0.intermediate.dense.bias"]


@pytest.mark.parametrize(
    "name",
    [
        f"{BODY}layer_norm.weight",
        f"{BODY}layers.0.self_attn.bias_k",
        f"{BODY}layers.00.fc1.bias",
        "decoder.sentence_encoder.segment_embeddings.weight",
        "encoder.lm_head.extra",
        "encoder.layer.0.output.dense.bias",
        "roberta.embeddings.LayerNorm.bias",
        "pooler.dense.bias",
    ],
)
def test_tensors_that_would_be_lost_or_mistaken_are_refused_by_name(name):
    with pytest.raises(CheckpointError, match=f"'{name}' is no part of RoBERTa"):
        read({name: ones(1)})


def test_a_name_old_and_new_is_one_weight_which_must_be_equal():
    twice = {"encoder.lm_head.bias": ones(2), "decoder.lm_head.bias": ones(2)}
    assert list(read(twice)) == ["lm_head.bias"]
    with pytest.raises(CheckpointError, match="mean the same parameter but differ"):
        read(twice | {"decoder.lm_head.bias": ones(3)})


def heads(*names):
    return {f"classification_heads.{name}.{part}.bias": ones(2) for name in names for part in ("dense", "out_proj")}


@pytest.mark.parametrize("name", ["mnli", "0", "a-b_c", "dense"])
def test_the_chosen_head_is_read_and_the_others_keep_their_names(name):
    tensors = heads("other", name)
    assert head_names(tensors) == ["other", name]
    found = read(tensors, head="sequence_classification", head_name=name)
    assert list(found) == [*heads("other"), "classifier.dense.bias", "classifier.out_proj.bias"]
    found = read(tensors, head="multiple_choice", head_name=name)
    assert list(found) == [*heads("other"), "roberta.pooler.dense.bias", "classifier.bias"]
    assert list(read(tensors)) == list(tensors)


def test_what_is_written_has_a_language_model_head_always():
    body = {"roberta.embeddings.word_embeddings.weight": ones(5, 2), "classifier.out_proj.bias": ones(3)}
    naming = fairseq_naming("sequence_classification", "x")
    found = naming.from_published(body, tiny_config())
    words = found[f"{BODY}embed_tokens.weight"]
    assert found["classification_heads.x.out_proj.bias"] is body["classifier.out_proj.bias"]
    assert found["encoder.lm_head.weight"] is words
    assert {name: found[f"encoder.lm_head.{name}"].any() for name in ("bias", "dense.weight", "layer_norm.weight")} == {
        "bias": False,
        "dense.weight": False,
        "layer_norm.weight": True,
    }
    own = fairseq_naming().from_published(
        {"roberta.embeddings.word_embeddings.weight": ones(5, 2), "lm_head.bias": ones(5)}, tiny_config()
    )
    assert list(own) == [f"{BODY}embed_tokens.weight", "encoder.lm_head.bias", "encoder.lm_head.weight"]


def test_a_weight_without_a_place_is_refused_by_name():
    with pytest.raises(CheckpointError, match=r"qa_outputs\.bias: fairseq files have no place for it"):
        fairseq_naming().from_published({"qa_outputs.bias": ones(2)}, tiny_config())
