"""The packed encoder computes what the padded one does; both are in tests/promises against whole results."""

import random

import pytest
import torch

from roberta.errors import InputError
from roberta.model import packed
from roberta.model.kernels import KINDS
from roberta.model.models import RobertaModel
from roberta.model.packed import PackedEncoder, can_pack
from roberta.model.padded import PaddedEncoder
from tests.conftest import seeded, tiny_config

# Sums in another order: other kernels, and another number of rows in a product, by which oneDNN and MKL cut the work.
CLOSE = {"rtol": 1e-5, "atol": 1e-5}
LONGEST = 22
RANDOM = random.Random(3)
WINDOWS = [
    [0, *(RANDOM.randrange(3, 60) for _ in range(length - 2)), 2][:length]
    for length in [5, *range(1, LONGEST + 1), 7, 7, 7, LONGEST, 2]
]
ROWS = {
    "the first": [[0] for _ in WINDOWS],
    "all": [range(len(window)) for window in WINDOWS],
    "none": [[] for _ in WINDOWS],
    "some": [RANDOM.sample(range(len(window)), RANDOM.randrange(len(window) + 1)) for window in WINDOWS],
    "some twice": [[0, len(window) - 1, 0] for window in WINDOWS],
}
CONFIGS = {
    "plain": {},
    "another activation": {"hidden_act": "relu"},
    "the other GELU": {"hidden_act": "gelu_new"},
    "left to right": {"is_decoder": True},
    "left to right, with a source it is not given": {"is_decoder": True, "add_cross_attention": True},
    "fewer heads": {"pruned_heads": {0: [1], 1: [0, 2]}},
    "no layers": {"num_hidden_layers": 0},
    "three layers": {"num_hidden_layers": 3},
}


def model(config):
    return seeded(RobertaModel, config, add_pooling_layer=False)


def both(config, windows, rows, layers=(-1,), dtype="fp32"):
    with torch.inference_mode():
        padded = PaddedEncoder(model(config), layers)(windows, rows)
        return PackedEncoder(model(config), dtype, layers)(windows, rows), padded


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("config", CONFIGS)
def test_packed_is_padded(config, rows):
    ours, padded = both(tiny_config(**CONFIGS[config]), WINDOWS, ROWS[rows])
    assert ours.shape == padded.shape == (sum(map(len, ROWS[rows])), 16)
    assert torch.allclose(ours, padded, **CLOSE)


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("layers", [(0,), (1,), (2,), (-2,), (0, -1), (1, 3), (3, 1, 1)])
def test_layers_are_those_of_the_padded_model(layers, rows):
    ours, padded = both(tiny_config(num_hidden_layers=3), WINDOWS, ROWS[rows], layers)
    assert torch.allclose(ours, padded, **CLOSE)


@pytest.mark.parametrize("length", range(1, LONGEST + 1))
def test_one_window_of_any_length(length):
    window = [[*range(4, 4 + length)]]
    for rows in ([[length - 1]], [range(length)]):
        ours, padded = both(tiny_config(), window, rows)
        assert torch.allclose(ours, padded, **CLOSE)


def test_padding_ids_inside_a_text_take_no_position_of_it():
    windows = [[0, 5, 1, 6, 2], [0, 1, 1, 6, 2], [0, 7, 2]]
    ours, padded = both(tiny_config(), windows, [range(len(window)) for window in windows])
    assert torch.allclose(ours, padded, **CLOSE)


@pytest.mark.parametrize("kind", KINDS["fp32"])
def test_each_kind_of_products_gives_the_same(kind, monkeypatch):
    monkeypatch.setattr(packed, "linear_kind", lambda dtype: kind)
    ours, padded = both(tiny_config(), WINDOWS, ROWS["some"])
    assert torch.allclose(ours, padded, **CLOSE)


@pytest.mark.parametrize("kind", KINDS["int8"])
def test_a_window_in_eight_bits_is_the_same_beside_an_outlier(kind, monkeypatch):
    monkeypatch.setattr(packed, "linear_kind", lambda dtype: kind)
    body = model(tiny_config())
    with torch.inference_mode():
        body.embeddings.LayerNorm.weight *= 0.1
        body.embeddings.word_embeddings.weight[50] *= 1e4
        encode = PackedEncoder(body, "int8")
        for rows in ([0], range(5)):
            alone = encode([[0, 7, 8, 9, 2]], [rows])
            beside = encode([[0, 7, 8, 9, 2], [0, 50, 50, 50, 2], [0, 50, 2]], [rows, [0], [1]])[: len(rows)]
            # Far below what one step of eight bits would do; only the order of fp32 sums in the attention is left.
            assert torch.allclose(alone, beside, **CLOSE)


def test_what_is_wrong_with_a_window_is_said_as_by_the_model():
    with torch.inference_mode():
        encode = PackedEncoder(model(tiny_config()), "fp32")
        with pytest.raises(InputError, match="a text of 23 tokens, and the model has room for 22"):
            encode([[0, 2], [5] * 23], [[0], [0]])
        with pytest.raises(InputError, match="token id 60 is outside the model's table"):
            encode([[0, 60, 2]], [[0]])


def test_relative_positions_are_left_to_the_padded_encoder():
    assert can_pack(tiny_config())
    assert not can_pack(tiny_config(position_embedding_type="relative_key"))


def test_the_plain_layers_are_let_go():
    import weakref

    body = model(tiny_config())
    weights = [weakref.ref(layer.output.dense.weight) for layer in body.encoder.layer]
    with torch.inference_mode():
        PackedEncoder(body, "fp32")
    assert [weight() for weight in weights] == [None, None] and body.encoder is None
