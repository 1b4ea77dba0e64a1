"""What of a job is done already: noted shard by shard, and believed only of the same job."""

import pytest

from roberta.engine.job import Tally
from roberta.engine.shards import plan_shards
from roberta.errors import UsageError
from roberta_cli.beginning import Beginning
from roberta_cli.shard_log import NAME, ShardLog

FLAGS = {"--top": "3", "--on-error": "fail"}
MODEL = {"the model": "3c1c"}


@pytest.fixture
def shards(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", "c"):
        for folder in ("in", "out"):
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / f"{name}.jsonl").write_text(f"{folder} {name}\n", encoding="utf-8")
    return plan_shards(["in"], tmp_path / "out")


@pytest.fixture
def log(shards, tmp_path):
    """Of a job that was stopped when two of three shards were whole."""
    log = ShardLog(tmp_path / "out", Beginning(FLAGS, MODEL))
    assert log.take_up(shards) == {}
    log.add(shards[0], Tally(2, 0, 40, 1))
    log.add(shards[2], Tally(3, 0, 50, 0))
    return log


def again(tmp_path, shards, model="3c1c", **changed):
    return ShardLog(tmp_path / "out", Beginning(FLAGS | changed, {"the model": model})).take_up(shards)


def test_whole_shards_are_known_with_what_they_came_to(log, shards, tmp_path):
    assert again(tmp_path, shards) == {shards[0]: Tally(2, 0, 40, 1), shards[2]: Tally(3, 0, 50, 0)}
    (tmp_path / "out" / "a.jsonl").unlink()
    assert list(again(tmp_path, shards)) == [shards[2]], "one that went away is not whole"


def test_a_line_that_a_kill_cut_off_counts_for_nothing(log, shards, tmp_path):
    path = tmp_path / "out" / NAME
    path.write_bytes(path.read_bytes()[:-5])
    assert list(again(tmp_path, shards)) == [shards[0]]
    log.add(shards[2], Tally())
    assert list(again(tmp_path, shards)) == [shards[0], shards[2]]


def test_another_flag_model_or_input_is_refused_by_name(log, shards, tmp_path):
    with pytest.raises(UsageError, match=r"was begun with --top 3, now 4; run the same command again"):
        again(tmp_path, shards, **{"--top": "4"})
    with pytest.raises(UsageError, match=r"was begun with --digits \(not given\), now 2"):
        again(tmp_path, shards, **{"--digits": "2"})
    with pytest.raises(UsageError, match=r"the model is not what it was when .*/out was begun"):
        again(tmp_path, shards, model="4d2d")
    (tmp_path / "in" / "a.jsonl").write_text("in A\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"in/a\.jsonl is not what it was when .*/out/a\.jsonl was made"):
        again(tmp_path, shards)


def test_another_rule_for_failures_will_do_as_long_as_there_were_none(log, shards, tmp_path):
    assert len(again(tmp_path, shards, **{"--on-error": "record"})) == 2
    log.add(shards[1], Tally(3, 1, 50, 0))
    with pytest.raises(UsageError, match="was begun with --on-error fail, now record"):
        again(tmp_path, shards, **{"--on-error": "record"})


def test_begun_anew_nothing_is_whole_and_what_is_no_log_is_not_read_as_one(log, shards, tmp_path):
    log.begin()
    assert again(tmp_path, shards) == {}
    (tmp_path / "out" / NAME).write_text("notes\n", encoding="utf-8")
    with pytest.raises(UsageError, match="is something else; run the same command again, or begin anew"):
        again(tmp_path, shards)
