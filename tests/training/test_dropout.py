"""Dropout with shared draws: the share, the scale, the seed, and what of a model it replaces."""

import pytest
import torch
from torch import nn

from roberta import RobertaForSequenceClassification
from roberta.model.attention import Attention, View
from roberta.training.dropout import SharedDraws, set_dropout, share_draws
from tests.conftest import seeded, tiny_config

MANY = 400_001  # not a multiple of the four numbers that share a draw


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.5, 0.9])
def test_the_share_that_is_dropped_is_the_rate_and_the_mean_stays(rate):
    torch.manual_seed(0)
    out = SharedDraws(rate)(torch.ones(MANY))
    spread = (rate * (1 - rate) / MANY) ** 0.5
    assert abs(float((out == 0).float().mean()) - rate) < 5 * spread
    assert sorted(out.unique().tolist()) == pytest.approx([0.0, 1 / (1 - rate)], rel=1e-4)


def test_neighbours_are_dropped_independently_though_they_share_a_draw():
    torch.manual_seed(0)
    kept = SharedDraws(0.5)(torch.ones(MANY)) != 0
    for distance in (1, 2, 3, 4, 5):
        both = float((kept[distance:] & kept[:-distance]).float().mean())
        assert abs(both - 0.25) < 5 * (0.25 * 0.75 / MANY) ** 0.5 * 2  # twice: neighbouring pairs overlap


def test_the_seed_alone_decides_whatever_the_threads():
    def drawn(seed, threads):
        torch.set_num_threads(threads)
        torch.manual_seed(seed)
        return [SharedDraws(0.3)(torch.ones(7, 11, 600)) for _ in range(2)]

    before = torch.get_num_threads()
    try:
        first, second = drawn(1, 1)
        again = drawn(1, 2)
        other, _ = drawn(2, 2)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(first, again[0]) and torch.equal(second, again[1])
    assert not torch.equal(first, second) and not torch.equal(first, other)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_gradients_pass_where_values_do(dtype):
    x = torch.full((5, 40), 3.0, dtype=dtype, requires_grad=True)
    out = SharedDraws(0.4)(x)
    out.sum().backward()
    assert out.dtype == dtype
    assert torch.allclose(x.grad * 3, out)
    assert 0 < int((x.grad == 0).sum()) < x.numel()


@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_nothing_is_dropped_when_not_training_and_the_ends_are_exact(rate):
    x, module = torch.ones(50), SharedDraws(rate)
    assert torch.equal(module.eval()(x), x)
    if rate in (0.0, 1.0):
        assert torch.equal(module.train()(x), x * (1 - rate))


@pytest.mark.parametrize("rate", [1e-9, 1 - 1e-7])
def test_rates_between_the_steps_at_either_end_are_torchs_own(rate):
    x = torch.ones(500)
    torch.manual_seed(0)
    expected = nn.Dropout(rate)(x)
    torch.manual_seed(0)
    assert torch.equal(SharedDraws(rate)(x), expected)


def test_a_model_gets_it_everywhere_at_the_rates_it_had():
    config = tiny_config(hidden_dropout_prob=0.2, classifier_dropout=0.4)
    model = seeded(RobertaForSequenceClassification, config)
    before = {name: part.p for name, part in model.named_modules() if isinstance(part, nn.Dropout)}
    share_draws(model)
    after = {name: part.p for name, part in model.named_modules() if isinstance(part, SharedDraws)}
    assert after == before
    set_dropout(model, 0.05)
    assert {part.p for part in model.modules() if isinstance(part, nn.Dropout)} == {0.05}


def test_a_model_on_another_device_keeps_its_own():
    model = seeded(RobertaForSequenceClassification, tiny_config(hidden_dropout_prob=0.2))
    before = [type(part) for part in model.modules()]
    share_draws(model.to("meta"))
    assert [type(part) for part in model.modules()] == before


def test_attention_asks_the_dropout_that_stands_in_it():
    attention = Attention(tiny_config(attention_probs_dropout_prob=0.5), 0).train()
    hidden = torch.randn(2, 6, attention.query.in_features)
    whole = attention.eval()(hidden, View())
    calls = []

    class Counted(SharedDraws):
        def forward(self, x):
            calls.append(x.shape)
            return super().forward(x)

    attention.dropout = Counted(0.0)
    assert torch.allclose(attention.train()(hidden, View()), whole, atol=1e-6) and not calls  # the kernel did it
    attention.dropout.p = 0.5
    assert not torch.allclose(attention(hidden, View()), whole, atol=1e-3) and len(calls) == 1
