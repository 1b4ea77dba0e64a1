from hypothesis import given
from hypothesis import strategies as st

from roberta.engine.batching import plan_batches

lengths = st.lists(st.integers(1, 600), max_size=80)
budgets = st.integers(1, 4000)


@given(lengths, budgets)
def test_every_window_is_in_exactly_one_batch(lengths, budget):
    assert sorted(place for batch in plan_batches(lengths, budget) for place in batch) == list(range(len(lengths)))


@given(lengths, budgets)
def test_a_padded_batch_stays_within_the_budget_unless_it_is_one_window(lengths, budget):
    for batch in plan_batches(lengths, budget):
        assert len(batch) == 1 or len(batch) * max(lengths[place] for place in batch) <= budget


def test_equal_lengths_fill_the_budget_and_keep_their_order():
    assert plan_batches([10] * 5, batch_tokens=20) == [[0, 1], [2, 3], [4]]
