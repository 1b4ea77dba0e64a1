"""Shards on a Ray cluster of two workers. `tokenize` stands for all tasks: its workers need not load torch."""

import os
import pickle
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from roberta.engine.ray_engine import ShardWorker, _for_one_actor, _places, answer_shards
from roberta.engine.shards import TRIES, Outcome, Work, plan_shards
from roberta.errors import MissingExtra, ReadError, ResourceError, UsageError
from roberta.version import __version__


@dataclass
class Killer:
    """A check that kills its own process at some records, as the kernel does when memory runs out."""

    folder: str

    def __call__(self, record, result):
        once = Path(self.folder) / record.text.replace(" ", "-")
        if record.text.startswith("always") or (record.text.startswith("once") and not once.exists()):
            once.touch()
            os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.ray
def test_a_killed_worker_loses_nothing_and_one_that_always_dies_costs_its_shard_only(cluster, tmp_path):
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # a worker need not find the tests
    for number in range(6):
        lines = [f"shard {number}", {1: "once here", 3: "always here"}.get(number, "well"), "end"]
        (tmp_path / f"part-{number}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    shards = plan_shards([str(tmp_path)], tmp_path / "out")
    work = Work("tokenize", options={"show": "count"}, checks=(Killer(str(tmp_path)),))
    outcomes = {Path(shard.source).name: outcome for shard, outcome in answer_shards(work, shards, workers=2)}

    given_up = outcomes.pop("part-3.txt").error
    assert isinstance(given_up, ResourceError)
    assert f"part-3.txt: its process was killed {TRIES} times" in str(given_up)
    assert sorted(outcomes) == ["part-0.txt", "part-1.txt", "part-2.txt", "part-4.txt", "part-5.txt"]
    assert all((outcome.error, outcome.tally.records) == (None, 3) for outcome in outcomes.values())
    assert (tmp_path / "once-here").exists(), "it was killed in the midst of a shard"
    alone = Work("tokenize", options={"show": "count"}).open()
    for shard in plan_shards([str(tmp_path / name) for name in outcomes], tmp_path / "alone"):
        alone.answer(shard)
    outputs, expected = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("out", "alone")
    )
    assert outputs == expected, "each is whole, the same as without a kill, and nothing else is left"


@pytest.mark.ray
def test_a_cluster_that_is_not_there_or_too_small_is_a_sentence(cluster, tmp_path):
    (tmp_path / "a.txt").write_text("a\n", encoding="utf-8")
    shards = plan_shards([str(tmp_path / "a.txt")], tmp_path / "out")
    with pytest.raises(ResourceError, match="the cluster has 2 CPUs and 0 GPUs, and a worker needs 3 and 0"):
        list(answer_shards(Work("tokenize", checkpoint={"threads": 3}), shards))
    with pytest.raises(ResourceError, match="a worker needs 1 and 1; start more nodes"):
        list(answer_shards(Work("tokenize", checkpoint={"device": "cuda"}), shards))


ELSEWHERE = """
import sys
from pathlib import Path
from roberta.engine.ray_engine import answer_shards
from roberta.engine.shards import Work, plan_shards
from roberta.errors import ResourceError

shards = plan_shards(["a.txt"], Path("out"))
for address in sys.argv[1:]:
    try:
        print([outcome.tally.records for _, outcome in answer_shards(Work("tokenize"), shards, address=address)])
    except ResourceError as error:
        print(error)
"""


@pytest.mark.ray
def test_another_process_finds_the_cluster_by_its_address(cluster, tmp_path):
    (tmp_path / "a.txt").write_text("a\nb\n", encoding="utf-8")
    address = cluster.get_runtime_context().gcs_address
    ended = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, "127.0.0.1:1", address],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    refused, answered = ended.stdout.splitlines()
    assert refused.startswith("no Ray cluster at 127.0.0.1:1 (")
    assert answered == "[2]"
    assert (tmp_path / "out" / "a.jsonl").exists()


def told(worker, shard):
    [outcome] = worker({"shard": [pickle.dumps(shard)]})["outcome"]
    return pickle.loads(outcome)[1]


def test_what_a_node_lacks_is_told_for_its_shard(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("a\n", encoding="utf-8")
    [shard] = plan_shards(["a.txt"], Path("out"))
    elsewhere = told(ShardWorker(Work("tokenize"), "/no/such/folder", __version__), shard)
    assert isinstance(elsewhere.error, ReadError)
    assert "/no/such/folder: " in str(elsewhere.error) and "has no such folder" in str(elsewhere.error)
    older = told(ShardWorker(Work("tokenize"), str(tmp_path), "0.0.1"), shard)
    assert "the job was started with 0.0.1; install one version everywhere" in str(older.error)
    assert not (tmp_path / "out").exists()
    fine = told(ShardWorker(Work("tokenize"), str(tmp_path), __version__), shard)
    assert isinstance(fine, Outcome) and fine.error is None
    assert (tmp_path / "out" / "a.jsonl").exists()


class Resources:
    """As much of Ray as says what the cluster has."""

    def __init__(self, **there):
        self.there = there

    def cluster_resources(self):
        return self.there


def test_a_worker_has_a_gpu_where_there_is_one_and_one_thread():
    for there, device in ((Resources(CPU=8.0), "cpu"), (Resources(CPU=8.0, GPU=2.0), "cuda")):
        assert _for_one_actor(there, Work("embed"), 1).checkpoint == {"device": device, "threads": 1}
    assert _places(Resources(CPU=9.0), 2, 0) == 4
    assert _places(Resources(CPU=9.0, GPU=3.0), 1, 1) == 3
    with pytest.raises(UsageError, match="cuda:1: Ray gives each worker a GPU of its own"):
        _for_one_actor(Resources(CPU=8.0), Work("embed", checkpoint={"device": "cuda:1"}), 1)


def test_without_ray_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"--engine ray needs the package ray; .* pip install 'roberta\[ray\]'"):
        list(answer_shards(Work("tokenize"), []))
