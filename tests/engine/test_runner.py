import random

import pytest

from roberta.engine.runner import Runner
from roberta.errors import InputError, ResourceError
from roberta.records import BrokenRecord
from roberta.tasks.base import Again, Task, Window

from .fakes import Echo, EchoBackend, EchoRunner, records


def words(answers):
    return [answer.result["words"] if answer.result else answer.error.code for answer in answers]


def test_answers_come_in_the_order_of_the_records_whatever_their_length():
    texts = [" ".join("x" * random.Random(number).randrange(1, 40) for _ in range(number % 5)) for number in range(200)]
    texts = [text or "y" for text in texts]
    assert words(EchoRunner(batch_tokens=64).answer(Echo(), records(*texts))) == [text.split() for text in texts]


def test_a_record_without_windows_is_answered_in_its_place():
    assert words(EchoRunner().answer(Echo(), records("a", " ", "b"))) == [["a"], [], ["b"]]


def test_refused_and_broken_records_keep_their_place_and_harm_no_other():
    broken = BrokenRecord(1, "in.jsonl:2", InputError("not JSON", code="bad_json"))
    first, refused, last = records("one", "refuse", "two")
    answers = list(EchoRunner().answer(Echo(), [first, broken, refused, last]))
    assert words(answers) == [["one"], "bad_json", "refused", ["two"]]
    assert answers[1].record is broken


def test_a_window_that_the_model_refuses_takes_only_its_own_record_with_it():
    backend = EchoBackend()
    found = words(EchoRunner(backend).answer(Echo(), records("aaa", "b?b", "ccc", "d?", "ee", "fff ggg ?")))
    assert found == [["aaa"], "id_out_of_range", ["ccc"], "id_out_of_range", ["ee"], "id_out_of_range"]


def test_out_of_memory_halves_the_batch_until_it_fits():
    backend = EchoBackend(most_windows=2)
    texts = ["abc"] * 9
    assert words(EchoRunner(backend).answer(Echo(), records(*texts))) == [["abc"]] * 9
    assert max(len(batch) for batch in backend.batches) > 2  # it was tried, and recovered from


def test_one_window_that_does_not_fit_ends_the_run_and_says_so():
    with pytest.raises(ResourceError):
        list(EchoRunner(EchoBackend(most_windows=0)).answer(Echo(), records("abc")))


def test_batches_hold_windows_of_many_records():
    backend = EchoBackend()
    list(EchoRunner(backend, batch_tokens=30).answer(Echo(), records(*["abc"] * 20)))
    assert [len(batch) for batch in backend.batches] == [10, 10]


class Countdown(Task):
    """Asks the model again as often as the text has letters."""

    head = "echo"

    def prepare(self, record):
        return [Window([len(record.text)])]

    def decode(self, record, windows, outputs):
        left = int(outputs[0][0])
        if left == 0:
            return {"words": [record.text]}
        return Again([Window([left - 1])], lambda outputs: self.decode(record, windows, outputs))


def test_a_task_may_ask_again_and_the_rounds_of_many_records_share_batches():
    backend = EchoBackend()
    texts = ["aaa", "a", "aaaa", "aa"]
    found = words(EchoRunner(backend).answer(Countdown(), records(*texts)))
    assert found == [[text] for text in texts]
    assert [len(batch) for batch in backend.batches] == [4, 4, 3, 2, 1]


def test_a_broken_input_is_raised_after_what_came_before_it():
    def breaking():
        yield from records("one", "two")
        raise OSError("the pipe broke")

    seen = []
    with pytest.raises(OSError, match="pipe"):
        for answer in EchoRunner().answer(Echo(), breaking()):
            seen.append(answer.result["words"])
    assert seen == [["one"], ["two"]]


def test_the_model_is_opened_once_and_only_for_a_task_that_needs_it():
    opened = []

    class Counting(EchoRunner):
        def _open(self, task):
            opened.append(task.head)
            return super()._open(task)

    runner = Counting()
    list(runner.answer(Echo(), records(" ")))
    assert opened == []
    list(runner.answer(Echo(), records("a")))
    list(runner.answer(Echo(), records("b")))
    assert opened == ["echo"]
    assert isinstance(runner, Runner)
