"""A dry run says what the job would read, without the weights."""

import shutil

import pytest

from roberta.builtin import MINI
from roberta.engine.dry_run import RECORDS, dry_run
from roberta.engine.job import Job
from roberta.engine.open_task import open_task
from roberta.engine.runner import open_runner
from roberta.errors import CheckpointError
from roberta.records import Fields, given_records


@pytest.fixture(scope="module")
def weightless(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weightless")
    for name in ("config.json", "vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(MINI / name, folder)
    return folder


def rehearsed(folder, texts, task="fill-mask", size=None, batch_tokens=None, **fields):
    runner = open_runner(folder, batch_tokens=batch_tokens)
    job = Job(runner, open_task(task, runner), fields=Fields.parse((), **fields))
    *lines, last = dry_run(job, given_records(texts), size)
    return lines, last["dry_run"]


def test_the_windows_are_those_that_the_model_would_read(weightless):
    tokenizer = open_runner(weightless).tokenizer
    lines, plan = rehearsed(weightless, ["A <mask>.", {"text": "B <mask>!", "n": 7}], keep="all")
    assert lines == [
        {"text": "A <mask>.", "id": 1, "windows": [tokenizer("A <mask>.")["input_ids"]]},
        {"text": "B <mask>!", "n": 7, "id": 2, "windows": [tokenizer("B <mask>!")["input_ids"]]},
    ]
    assert plan["seconds"] > 0
    assert plan["seconds"] == plan["seconds_for_all"]


def test_batches_are_those_of_the_token_budget(weightless):
    _, plan = rehearsed(weightless, ["A <mask>.", "A <mask> and <mask>.", "B <mask>."], batch_tokens=10)
    assert plan["batches"] == [{"windows": 2, "longest": 5}, {"windows": 1, "longest": 7}]
    assert (plan["windows"], plan["tokens"]) == (3, 17)


def test_only_the_first_records_are_taken_from_the_input(weightless):
    taken = []

    def endless():
        while True:
            taken.append("A <mask>.")
            yield taken[-1]

    lines, plan = rehearsed(weightless, endless(), size=10 * RECORDS)
    assert len(lines) == len(taken) == plan["records"] == RECORDS
    assert plan["seconds_for_all"] == pytest.approx(10 * plan["seconds"], rel=0.1)


def test_where_the_number_of_records_is_not_known_all_is_not_guessed(weightless):
    assert rehearsed(weightless, ["A <mask>."] * RECORDS)[1]["seconds_for_all"] is None


def test_a_record_that_would_fail_is_told_in_its_place(weightless):
    lines, plan = rehearsed(weightless, ["A <mask>.", "none"])
    assert lines[1]["error"]["code"] == "no_mask"
    assert (plan["records"], plan["failed"], plan["windows"]) == (2, 1, 1)


def test_a_model_without_the_head_is_told_at_once(weightless):
    with pytest.raises(CheckpointError, match="no classification head"):
        rehearsed(weightless, ["A"], task="classify")


def test_a_task_without_a_model_takes_no_time(weightless):
    lines, plan = rehearsed(weightless, ["A"], task="tokenize")
    assert (lines[0]["windows"], plan["batches"], plan["seconds"]) == ([], [], None)
