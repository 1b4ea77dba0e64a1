import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roberta.training.sampler import Sampler

LENGTHS = st.lists(st.integers(1, 30), min_size=1, max_size=60)


def epoch_of(sampler, epoch):
    """All batches of an epoch."""
    first = sampler.steps_in(epoch) if epoch else 0
    return [sampler.batch(step)[1] for step in range(first, sampler.steps_in(epoch + 1))]


@given(LENGTHS, st.integers(1, 64), st.integers(0, 3))
def test_an_epoch_has_each_example_once(lengths, budget, epoch):
    sampler = Sampler(np.array(lengths), batch_tokens=budget, seed=7)
    batches = epoch_of(sampler, epoch)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))


@given(LENGTHS, st.integers(1, 64))
def test_a_batch_keeps_its_budget_padding_counted_unless_one_text_is_over_it(lengths, budget):
    lengths = np.array(lengths)
    for batch in epoch_of(Sampler(lengths, batch_tokens=budget, seed=0), 0):
        assert len(batch)
        assert len(batch) == 1 or len(batch) * lengths[batch].max() <= budget


@given(LENGTHS, st.integers(1, 64), st.lists(st.integers(0, 40), max_size=8))
def test_a_batch_depends_on_its_step_and_the_seed_alone(lengths, budget, others):
    def sampler():
        return Sampler(np.array(lengths), batch_tokens=budget, seed=3)

    used = sampler()
    for step in others:
        used.batch(step)
    for step in (0, 5, 17):
        (epoch, batch), (same_epoch, same) = used.batch(step), sampler().batch(step)
        assert epoch == same_epoch
        assert batch.tolist() == same.tolist()


def test_epochs_and_seeds_have_orders_of_their_own():
    lengths = np.full(100, 5)

    def order(seed, epoch):
        return np.concatenate(epoch_of(Sampler(lengths, batch_tokens=20, seed=seed), epoch)).tolist()

    orders = [order(0, 0), order(0, 1), order(1, 0)]
    assert all(one != other for place, one in enumerate(orders) for other in orders[:place])


def test_batches_are_of_like_length_and_in_no_order_of_length():
    lengths = np.random.default_rng(0).integers(1, 400, 5000)
    batches = epoch_of(Sampler(lengths, batch_tokens=2000, seed=0), 0)
    real = sum(lengths[batch].sum() for batch in batches)
    padded = sum(len(batch) * lengths[batch].max() for batch in batches)
    assert padded / real < 1.05
    widths = np.array([lengths[batch].max() for batch in batches])
    assert abs(np.corrcoef(widths[:-1], widths[1:])[0, 1]) < 0.1


@pytest.mark.parametrize(("epochs", "steps"), [(1, 20), (3, 60), (0.5, 10), (1.25, 25), (0.001, 1)])
def test_epochs_may_be_fractions(epochs, steps):
    assert Sampler(np.full(100, 5), batch_tokens=25, seed=0).steps_in(epochs) == steps


def test_steps_tell_their_epoch():
    sampler = Sampler(np.full(100, 5), batch_tokens=25, seed=0)
    assert [sampler.epoch_of(step) for step in (0, 19, 20, 59, 60)] == [0, 0, 1, 2, 3]
    assert [sampler.batch(step)[0] for step in (60, 20, 0)] == [3, 1, 0], "in any order"
