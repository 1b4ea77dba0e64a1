import queue
import threading
import time

import pytest

from roberta.engine.feed import Feed


def feed(items, *, prepare=lambda item: item, look_ahead=4, idle=0.05):
    return Feed(items, prepare, weigh=lambda item: 1, look_ahead=look_ahead, idle=idle)


def test_everything_comes_out_in_order_in_full_look_aheads():
    def patient():  # a producer that is never slower than the idle time
        yield from range(10)

    found = list(feed(patient(), idle=10))
    assert found == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_a_slow_producer_gets_each_item_answered_before_it_sends_the_next():
    asked, answered = queue.Queue(), []

    def producer():
        for number in range(3):
            yield number
            assert asked.get(timeout=5) == number  # waits until the consumer has seen this one

    for batch in feed(producer(), look_ahead=1000):
        answered += batch
        asked.put(batch[0])
    assert answered == [0, 1, 2]


def test_look_aheads_that_are_never_short_wait_for_a_slow_producer():
    def slow():
        for number in range(5):
            time.sleep(0.02)
            yield number

    assert list(Feed(slow(), int, lambda item: 1, look_ahead=2, idle=0.001, never_short=True)) == [[0, 1], [2, 3], [4]]


def test_an_error_of_the_input_comes_after_everything_before_it():
    def broken():
        yield 1
        yield 2
        raise OSError("the pipe broke")

    seen = []
    with pytest.raises(OSError, match="the pipe broke"):
        for batch in feed(broken()):
            seen += batch
    assert seen == [1, 2]


def test_preparing_runs_ahead_by_a_bounded_number_of_items():
    prepared = []
    going = iter(feed(range(10_000), prepare=lambda item: prepared.append(item) or item, look_ahead=8))
    next(going)
    time.sleep(0.3)
    assert len(prepared) <= 8 + 8 + 2  # the look-ahead given, the next one waiting, and one in each hand


def test_a_consumer_that_stops_ends_the_thread():
    going = iter(feed(iter(int, 1), look_ahead=2))  # an endless input
    next(going)
    going.close()
    deadline = time.monotonic() + 5
    while any(thread.name == "prepare" for thread in threading.enumerate()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(thread.name == "prepare" for thread in threading.enumerate())
