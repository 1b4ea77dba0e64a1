"""The rate's convention: after the warm-up it is that of transformers, to the bit. During the warm-up of w steps it
rises by equal parts from 1/(w + 1), so that the first step is not a wasted one with a rate of 0, as it is there."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import RobertaConfig as TheirConfig
from transformers import RobertaForMaskedLM as Theirs
from transformers import Trainer, get_cosine_schedule_with_warmup, get_linear_schedule_with_warmup

from roberta.model.models import RobertaForMaskedLM, RobertaForSequenceClassification
from roberta.training.optimizer import make_optimizer, rate, set_rate
from roberta.training.settings import Settings
from tests.conftest import tiny_config

THEIRS = {"linear": get_linear_schedule_with_warmup, "cosine": get_cosine_schedule_with_warmup}


def their_rates(schedule, warmup, steps):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = THEIRS[schedule](optimizer, warmup, steps)
    rates = []
    for _ in range(steps):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize("schedule", THEIRS)
@pytest.mark.parametrize(("warmup", "steps"), [(0, 7), (3, 20), (9, 10)])
def test_after_the_warm_up_the_rate_is_that_of_transformers(schedule, warmup, steps):
    settings = Settings(schedule=schedule, warmup=warmup)
    ours = [rate(step, steps, settings) for step in range(steps)]
    assert ours[warmup:] == pytest.approx(their_rates(schedule, warmup, steps)[warmup:], abs=1e-12)
    assert ours[:warmup] == pytest.approx([(step + 1) / (warmup + 1) for step in range(warmup)])


def test_a_constant_rate_stays_after_its_warm_up():
    assert [rate(step, 6, Settings(schedule="constant", warmup=2)) for step in range(6)] == [1 / 3, 2 / 3, 1, 1, 1, 1]


@given(
    st.sampled_from(["linear", "cosine", "constant"]),
    st.one_of(st.floats(0, 0.99), st.integers(0, 50)),
    st.integers(1, 60),
)
def test_no_step_is_wasted_and_none_is_over_the_peak(schedule, warmup, steps):
    settings = Settings(schedule=schedule, warmup=warmup)
    assert all(0 < rate(step, steps, settings) <= 1 for step in range(steps))


def test_below_one_the_warm_up_is_a_share_of_the_steps():
    assert Settings(warmup=0.06).warmup_steps(200) == 12
    assert Settings(warmup=12).warmup_steps(200) == 12
    assert Settings(warmup=1).warmup_steps(200) == 1


def groups_of(model, **settings):
    optimizer = make_optimizer(model, Settings(lr=1e-3, weight_decay=0.1, **settings))
    names = {parameter: name for name, parameter in model.named_parameters()}
    return optimizer, {names[p]: group for group in optimizer.param_groups for p in group["params"]}


def test_what_decays_is_what_decays_in_the_trainer_of_transformers():
    _, groups = groups_of(RobertaForMaskedLM(tiny_config()))
    theirs = Theirs(TheirConfig(**tiny_config().to_dict()))
    decaying = set(Trainer.get_decay_parameter_names(None, theirs)) & {name for name, _ in theirs.named_parameters()}
    assert {name for name, group in groups.items() if group["weight_decay"]} == decaying
    assert 10 < len(decaying) < len(groups)
    assert {group["weight_decay"] for group in groups.values()} == {0.0, 0.1}


def test_tied_weights_are_stepped_once():
    model = RobertaForMaskedLM(tiny_config())
    optimizer, _ = groups_of(model)
    held = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert len(held) == len(set(held))


def test_frozen_weights_are_left_out():
    model = RobertaForMaskedLM(tiny_config())
    model.roberta.embeddings.requires_grad_(False)
    _, groups = groups_of(model)
    assert groups
    assert not any(name.startswith("roberta.embeddings") for name in groups)


def test_a_head_may_have_its_own_rate():
    model = RobertaForSequenceClassification(tiny_config())
    head = frozenset(name for name, _ in model.named_parameters() if name.startswith("classifier"))
    optimizer = make_optimizer(model, Settings(lr=1e-3, head_lr=1e-2), head)
    set_rate(optimizer, 0.5)
    names = {parameter: name for name, parameter in model.named_parameters()}
    rates = {names[p]: group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert {name for name, lr in rates.items() if lr == pytest.approx(5e-3)} == head
    assert {name for name, lr in rates.items() if lr == pytest.approx(5e-4)} == rates.keys() - head
