import random
import threading
import time

import pytest
import torch

from roberta.engine.batching import LEAST, plan_batches
from roberta.engine.lanes import MOST, Lanes
from roberta.errors import ResourceError
from tests.engine.fakes import Echo, EchoBackend, EchoRunner, records

SECONDS = 20  # until a test that waits for another thread gives up


def test_results_come_in_order_though_later_ones_are_ready_sooner():
    def slow_first(number):
        time.sleep(0.05 if number == 0 else 0)
        return number

    assert list(Lanes(3, torch.set_num_threads).map(slow_first, range(7))) == list(range(7))


def test_as_many_calls_run_side_by_side_as_there_are_lanes():
    everybody = threading.Barrier(3)
    assert list(Lanes(3, torch.set_num_threads).map(lambda _: everybody.wait(SECONDS) < 3, range(6))) == [True] * 6


def test_no_more_are_begun_than_are_asked_for():
    begun = []
    found = Lanes(2, torch.set_num_threads).map(begun.append, range(10))
    next(found)
    found.close()
    assert len(begun) <= 3


@pytest.mark.parametrize(("threads", "items", "share"), [(2, 4, 1), (2, 1, 2), (MOST * 2, 4, 2), (1, 4, 1)])
def test_each_lane_has_its_share_of_the_threads_and_one_item_has_all(threads, items, share):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        lanes = Lanes(threads, torch.set_num_threads)
        assert set(lanes.map(lambda _: torch.get_num_threads(), range(items))) == {share}
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_an_error_stands_where_its_result_would_have_stood():
    def refuse(number):
        if number == 2:
            raise ResourceError("no memory")
        return number

    found = Lanes(2, torch.set_num_threads).map(refuse, range(5))
    assert [next(found), next(found)] == [0, 1]
    with pytest.raises(ResourceError, match="no memory"):
        next(found)


def test_a_window_that_fails_in_one_lane_costs_its_own_record_only():
    backend = EchoBackend(lanes=Lanes(2, torch.set_num_threads))
    texts = [f"{'ab' * (number % 9 + 1)} {'?' if number % 10 == 0 else 'c'}" for number in range(200)]
    answers = list(EchoRunner(backend).answer(Echo(), records(*texts)))
    assert [answer.record.text for answer in answers] == texts
    for text, answer in zip(texts, answers):
        assert (answer.error is not None) == ("?" in text)
        assert answer.error or answer.result == {"words": text.split()}


@pytest.mark.parametrize("lanes", [2, 3, 8])
@pytest.mark.parametrize("rounds", [1, 2, 9])
def test_all_lanes_are_done_at_about_the_same_time(lanes, rounds):
    draw = random.Random(rounds)
    lengths = [draw.randint(5, 40) for _ in range(LEAST * lanes * rounds // 20)]
    batches = plan_batches(lengths, 4 * LEAST, lanes)
    assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
    busy = [0] * lanes  # tokens; whoever is done first takes the next batch
    for batch in batches:
        busy[busy.index(min(busy))] += sum(lengths[place] for place in batch)
    assert max(busy) - min(busy) <= LEAST + max(lengths)


def test_few_tokens_are_one_batch_though_a_lane_has_none():
    assert len(plan_batches([20] * 5, 10_000, 4)) == 1


def test_full_batches_stay_within_the_budget():
    batches = plan_batches([30] * 1000, 300, 4)
    assert [len(batch) for batch in batches[:96]] == [10] * 96
    assert max(map(len, batches[96:])) <= 10  # the last ones are shared out
