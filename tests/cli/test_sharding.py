"""--engine ray: a folder of shards in, a folder of the same shards out, whichever process answered them."""

import json
import random
import sys

import pytest

from roberta.builtin import MINI
from roberta_cli import app
from roberta_cli.shard_log import NAME


@pytest.fixture
def shards(tmp_path):
    """A folder of shards whose lengths are mixed, so that other batches would give other last digits."""
    draw = random.Random(0)
    words = ["the", "cat", "sat", "on", "a", "mat", "and", "ate", "it"]
    for name, count in {"a/part-0.jsonl": 40, "a/part-1.jsonl": 3, "b.jsonl": 25, "c.jsonl": 1}.items():
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        texts = [" ".join(draw.choices(words, k=draw.randint(1, 60))) for _ in range(count)]
        path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    return tmp_path / "in"


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


EMBED = ["embed", "-q", "--dims", "8", "--batch-tokens", "200"]


@pytest.mark.ray
def test_results_are_those_of_one_process_to_the_byte(cluster, roberta, shards, tmp_path):
    ended = roberta(*EMBED, "-i", "in", "-o", "out", "--engine", "ray", "--workers", "2", "--summary")
    assert (ended.code, ended.out) == (0, "")
    for name in contents(shards):
        assert roberta(*EMBED, "--threads", "1", "-i", f"in/{name}", "-o", f"alone/{name}").code == 0
    found = contents(tmp_path / "out")
    assert found.pop(NAME)
    assert found == contents(tmp_path / "alone")
    summary = json.loads(ended.err)
    assert (summary["records"], summary["failed"], summary["shards"]) == (69, 0, 4)
    assert summary["tokens"] > 1000


@pytest.fixture
def one_without_a_mask(shards):
    """Shards for fill-mask; the second line of one of them cannot be answered."""
    for name in contents(shards):
        (shards / name).write_text('{"text":"A <mask>."}\n', encoding="utf-8")
    (shards / "b.jsonl").write_text('{"text":"A <mask>."}\n{"text":"no mask"}\n', encoding="utf-8")
    return ["fill-mask", "-k", "1", "-m", str(MINI), "-i", "in", "-o", "out", "--engine", "ray", "--workers", "1"]


@pytest.mark.ray
def test_a_failure_stops_the_job_which_goes_on_with_what_is_left(cluster, roberta, one_without_a_mask, tmp_path):
    ended = roberta(*one_without_a_mask)
    assert (ended.code, ended.out) == (1, "")
    *notes, error = ended.err.splitlines()
    assert error == "error: in/b.jsonl:2: the text has no <mask>; write <mask> where a word is missing"
    written = contents(tmp_path / "out")
    log = written.pop(NAME).splitlines()
    assert written.keys() <= {"a/part-0.jsonl", "a/part-1.jsonl", "c.jsonl"}
    done = len(log) - 1
    assert done <= len(written)
    assert notes == ([f"stopped after {done} of 4 shards; --resume goes on from there"] if done else [])

    refused = roberta(*one_without_a_mask)
    assert refused.code == 2
    assert refused.err.endswith("is there already; --resume goes on, or --force replaces the shards\n") or not written
    refused = roberta(*one_without_a_mask, "--resume", "-k", "2")
    assert (refused.code, "was begun with --top 1, now 2" in refused.err) == (2, True)
    (tmp_path / "in" / "b.jsonl").write_text('{"text":"A <mask>."}\n', encoding="utf-8")
    for _ in range(2):  # the second time nothing is left to do
        ended = roberta(*one_without_a_mask, "--resume", "--summary")
        assert (ended.code, ended.out) == (0, "")
        counts = json.loads(ended.err)
        assert (counts["records"], counts["shards"]) == (4, 4)
        assert written.items() <= contents(tmp_path / "out").items()
    assert len(contents(tmp_path / "out")) == 5


@pytest.mark.ray
def test_failures_are_kept_apart_as_by_one_process(cluster, roberta, one_without_a_mask, tmp_path):
    pytest.importorskip("pyarrow")
    ended = roberta(*one_without_a_mask, "--on-error", "record", "--output-format", "parquet", "--keep", "text")
    assert (ended.code, ended.err) == (1, "1 of 5 records failed\n")
    assert sorted(contents(tmp_path / "out")) == [
        NAME,
        "a/part-0.parquet",
        "a/part-1.parquet",
        "b.parquet",
        "c.parquet",
    ]
    back = roberta("tokenize", "-q", "--show", "count", "--keep", "text,error", "-i", "out/b.parquet")
    first, second = map(json.loads, back.out.splitlines())
    assert (first["text"], first["error"]) == ("A <mask>.", None)
    assert (second["error"]["code"], second["error"]["where"]) == ("no_mask", "in/b.jsonl:2")


def test_a_dry_run_reads_the_shards_and_starts_no_cluster(roberta, shards, tmp_path):
    ended = roberta("embed", "-q", "--engine", "ray", "--dry-run", "-i", "in", "-o", "out")
    assert (ended.code, ended.err) == (0, "")
    assert "seconds_for_all" in ended.out
    assert not (tmp_path / "out").exists()


def test_what_shards_leave_without_a_meaning_is_refused(roberta, shards, tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "c.jsonl").touch()
    ray = ("embed", "--engine", "ray")
    for args, sentence in [
        (("embed", "--engine", "spark"), "no engine 'spark'; choose from local, ray"),
        (("embed", "--workers", "2"), "--workers are those of --engine ray; this process has --threads"),
        ((*ray, "A text.", "-o", "out"), "--engine ray reads files; name them, or their folder, with --input"),
        ((*ray, "-i", "in"), "--engine ray writes a shard for each file of its input; name their folder with --output"),
        ((*ray, "-i", "in", "-o", "file"), "file: a file; --engine ray writes a folder of shards, name one"),
        (
            (*ray, "-i", "in", "-o", "out", "--limit", "3"),
            "--limit goes over all records in their order; leave it out, or leave out --engine ray",
        ),
    ]:
        ended = roberta(*args)
        assert (ended.code, ended.err) == (2, f"error: {sentence}\n")


def test_without_the_extra_the_exit_code_says_so(roberta, shards, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    ended = roberta("embed", "-i", "in", "-o", "out", "--engine", "ray")
    assert ended.code == 6
    assert ended.err == "error: --engine ray needs the package ray; install it with: pip install 'roberta[ray]'\n"


@pytest.mark.parametrize("command", [name for name in app.ANSWERING if name != "tokenize"])
def test_every_command_with_a_model_can_be_spread(command):
    names = {name for param in app.build(command).params for name in param.opts}
    assert {"--engine", "--workers", "--ray-address"} <= names
