"""--resume: killed at any moment and run again, a job leaves the file of a run that was never stopped, to the byte."""

import fcntl
import json
import random
import shutil
import signal
from pathlib import Path

import pytest

from roberta.engine import runner
from roberta_cli import app, resuming
from tests.conftest import tiny_config
from tests.tasks.tiny_classifier import tiny_classifier
from tests.training.children import in_child

TINY = Path(__file__).parents[1] / "data" / "tiny_vocabulary"
_WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "ate", "it"]


@pytest.fixture(autouse=True)
def a_note_each_time(monkeypatch):
    """Many look-aheads, and a note after each: most moments lie between the first and the last."""
    monkeypatch.setattr(resuming, "_EVERY", 0.0)
    monkeypatch.setattr(runner, "BATCH_TOKENS", 64)


@pytest.fixture
def folder(roberta, tmp_path):
    """Where the commands below work: texts of mixed lengths."""
    draw = random.Random(0)
    lines = [" ".join(draw.choices(_WORDS, k=draw.randint(1, 60))) for _ in range(200)]
    (tmp_path / "texts.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    # One that cannot be answered, where several notes were made.
    records = [json.dumps({"text": line}) for line in lines]
    (tmp_path / "bad.jsonl").write_text("\n".join([*records[:150], "{", *records[150:]]) + "\n", encoding="utf-8")
    shutil.copytree(TINY, tmp_path / "words")
    tiny_config().save_pretrained(tmp_path / "words")
    return tmp_path


@pytest.fixture
def model(folder):
    (folder / "model").mkdir()
    return tiny_classifier(folder / "model", {0: "bad", 1: "good"})


def tokenize(*more, texts="texts.txt", output="out.jsonl"):
    return ["tokenize", "-m", "words", "-i", texts, "-o", output, "--resume", "-q", *more]


def classify(*more, texts="texts.txt", output="out.jsonl"):
    # One thread: a forked child cannot use those of its parent, and sums over more of them end in other digits.
    one_way = ["--window", "40", "--threads", "1"]
    return ["classify", "-m", "model", *one_way, "-i", texts, "-o", output, "--resume", "-q", *more]


def killed(folder, args, moment):
    return in_child(lambda: app.run(args), watched=folder, kill_at=moment)


def names(folder):
    return sorted(path.name for path in folder.iterdir() if "out.jsonl" in path.name)


def test_killed_at_any_moment_it_ends_with_the_file_of_one_run(roberta, folder):
    """When it begins, while it takes a note, and at its end: the moments at which it touches a file."""
    assert roberta(*tokenize(output="whole.jsonl")).code == 0
    whole = (folder / "whole.jsonl").read_bytes()
    moments = killed(folder, tokenize(), None).events
    assert (moments > 30, (folder / "out.jsonl").read_bytes() == whole) == (True, True)
    for moment in (*range(6, 18), *range(moments - 8, moments)):
        (folder / "out.jsonl").unlink(missing_ok=True)
        assert killed(folder, tokenize(), moment).code == -signal.SIGKILL
        ended = roberta(*tokenize())
        assert (ended.code, ended.err) == (0, ""), moment
        assert (folder / "out.jsonl").read_bytes() == whole, moment
        assert names(folder) == ["out.jsonl"], moment


def test_a_job_that_was_killed_makes_the_same_batches(roberta, folder, model):
    """So the numbers are the same to the last digit, which depends on a text's neighbours; those of an ordinary run."""
    assert roberta(*[arg for arg in classify(output="whole.jsonl") if arg != "--resume"]).code == 0
    moments = killed(folder, classify(output="counted.jsonl"), None).events
    assert killed(folder, classify(), moments - 12).code == -signal.SIGKILL
    assert json.loads((folder / "out.jsonl.resume").read_text())["records"] > 20
    assert roberta(*classify()).code == 0
    assert (folder / "out.jsonl").read_bytes() == (folder / "whole.jsonl").read_bytes()


def test_on_a_full_disk_nothing_is_lost(roberta, folder):
    assert roberta(*tokenize(output="whole.jsonl")).code == 0
    moments = killed(folder, tokenize(output="counted.jsonl"), None).events
    said = set()
    for moment in range(7, moments - 8, 5):
        died = in_child(lambda: app.run(tokenize()), watched=folder, full_from=moment)
        said.add((died.code, died.said))
        assert died.code == 5, moment
        assert roberta(*tokenize()).code == 0
        assert (folder / "out.jsonl").read_bytes() == (folder / "whole.jsonl").read_bytes()
        (folder / "out.jsonl").unlink()
    assert any("make room, and run the same command again to go on" in text for _, text in said)


def stopped(roberta, *more):
    """A job that has met a record that it cannot answer, and stands at the last note before it."""
    ended = roberta(*tokenize(*more, texts="bad.jsonl"))
    assert ended.code == 1


def test_finished_records_are_not_answered_again(roberta, folder):
    stopped(roberta)
    part, note = folder / "out.jsonl.part", folder / "out.jsonl.resume"
    size, records = (json.loads(note.read_text())[name] for name in ("size", "records"))
    assert 20 < records < 150
    done = part.read_bytes()[:size].replace(b"cat", b"CAT")  # to see that it stays
    part.write_bytes(done + b'{"id":15')
    assert roberta(*tokenize("--on-error", "skip", texts="bad.jsonl")).code == 1
    assert (folder / "out.jsonl").read_bytes().startswith(done)
    lines = (folder / "out.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [*range(1, 151), *range(152, 202)]


def test_failures_of_former_runs_count(roberta, folder):
    bad = ["--on-error", "record"]
    whole = roberta(*tokenize(*bad, "--summary", texts="bad.jsonl", output="whole.jsonl"))
    moments = killed(folder, tokenize(*bad, texts="bad.jsonl", output="counted.jsonl"), None).events
    killed(folder, tokenize(*bad, texts="bad.jsonl"), moments - 4)
    assert json.loads((folder / "out.jsonl.resume").read_text())["tally"]["failed"] == 1
    ended = roberta(*tokenize(*bad, "--summary", texts="bad.jsonl"))
    counts = [{k: v for k, v in json.loads(run.err).items() if "second" not in k} for run in (whole, ended)]
    assert (ended.code, counts[1]) == (1, counts[0])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (["--show", "ids"], "was begun with --show tokens, now ids"),
        (["--no-specials"], "was begun with --no-specials no, now yes"),
        (["--limit", "170"], "was begun with --limit (not given), now 170"),
        (["-i", "texts.txt"], "was begun with --input bad.jsonl, now bad.jsonl texts.txt"),
    ],
)
def test_another_flag_is_refused_by_name(roberta, folder, change, sentence):
    stopped(roberta)
    before = {name: (folder / name).read_bytes() for name in names(folder)}
    ended = roberta(*tokenize(*change, texts="bad.jsonl"))
    advice = "; run the same command again, or begin anew with --force"
    assert (ended.code, ended.err) == (2, f"error: out.jsonl.part: {sentence}{advice}\n")
    assert {name: (folder / name).read_bytes() for name in names(folder)} == before
    assert roberta(*tokenize(*change, "--force", "--on-error", "skip", texts="bad.jsonl")).code == 1
    assert names(folder) == ["out.jsonl"]


def test_a_changed_file_is_refused_by_name(roberta, folder, model):
    """Wherever the byte stands, and though the size stays."""
    (folder / "kinds.txt").write_text("good\nfine\n", encoding="utf-8")
    asked = classify("--labels", "@kinds.txt", "--entailment-label", "good", texts="bad.jsonl")
    assert roberta(*asked).code == 1
    named = {"bad.jsonl": "bad.jsonl", "kinds.txt": "kinds.txt", "model/model.safetensors": "the model"}
    for file, name in named.items():
        data = (folder / file).read_bytes()
        (folder / file).write_bytes(data[:-2] + bytes([data[-2] ^ 1]) + data[-1:])
        ended = roberta(*asked)
        assert (ended.code, f"{name} is not what it was when out.jsonl.part was begun" in ended.err) == (2, True), file
        (folder / file).write_bytes(data)
    assert roberta(*asked, "--on-error", "skip").code == 1
    assert names(folder) == ["out.jsonl"]


def test_nothing_that_was_done_binds_nobody(roberta, folder):
    """A job that died before its first note begins anew with other flags."""
    moments = killed(folder, tokenize(output="counted.jsonl"), None).events
    assert killed(folder, tokenize("--no-specials"), moments - 21).code == -signal.SIGKILL
    assert json.loads((folder / "out.jsonl.resume").read_text())["records"] == 0
    assert roberta(*tokenize()).code == 0


def test_two_runs_at_once_are_refused(roberta, folder):
    with (folder / "out.jsonl.part").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        ended = roberta(*tokenize())
        assert (ended.code, ended.err) == (
            2,
            "error: out.jsonl: another run is at work on it; let it end, or stop it\n",
        )
    assert roberta(*tokenize()).code == 0


def test_files_that_are_there_already_stay(roberta, folder):
    (folder / "out.jsonl").write_text("mine\n", encoding="utf-8")
    ended = roberta(*tokenize())
    assert (ended.code, "out.jsonl: is there already" in ended.err, names(folder)) == (2, True, ["out.jsonl"])
    assert roberta(*tokenize("--force")).code == 0
    assert (folder / "out.jsonl").read_bytes().startswith(b'{"id":1')
    (folder / "out.jsonl").rename(folder / "out.jsonl.part")
    ended = roberta(*tokenize())
    assert (ended.code, "out.jsonl.part: is there without a note" in ended.err) == (2, True)
    assert names(folder) == ["out.jsonl.part"]


def test_force_goes_on_and_replaces_only_what_is_whole(roberta, folder):
    (folder / "out.jsonl").write_text("old\n", encoding="utf-8")
    moments = killed(folder, tokenize(output="counted.jsonl"), None).events
    assert killed(folder, tokenize("--force"), moments - 6).code == -signal.SIGKILL
    assert (folder / "out.jsonl").read_text() == "old\n"
    size = json.loads((folder / "out.jsonl.resume").read_text())["size"]
    part = folder / "out.jsonl.part"
    part.write_bytes(part.read_bytes()[:size].replace(b"cat", b"CAT"))  # to see that it stays
    assert roberta(*tokenize("--force")).code == 0
    done = (folder / "out.jsonl").read_bytes()
    assert b"CAT" in done
    assert roberta(*tokenize(output="whole.jsonl")).code == 0
    assert done.replace(b"CAT", b"cat") == (folder / "whole.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["-i", "b.jsonl"], "--resume goes on with a file of JSON lines; name it: --output FILE.jsonl"),
        (["-i", "b.jsonl", "-o", "x.csv"], "--resume goes on with a file of JSON lines; name it: --output FILE.jsonl"),
        (["a text", "-o", "x.jsonl"], "--resume reads its input again; give files with --input"),
        (["-i", "-", "-o", "x.jsonl"], "-: cannot be read a second time, as --resume would; give a file with --input"),
        (
            ["-i", "b.jsonl", "-o", "x.jsonl", "--stats"],
            "--resume knows nothing of what former runs counted; leave out --gold and --stats",
        ),
    ],
)
def test_what_cannot_be_resumed_is_refused(roberta, folder, args, sentence):
    (folder / "b.jsonl").write_text('{"text": "A."}\n', encoding="utf-8")
    ended = roberta("tokenize", *args, "--resume", "-q")
    assert (ended.code, ended.err) == (2, f"error: {sentence}\n")


def test_who_stops_it_learns_how_it_goes_on(roberta, folder):
    ended = roberta(*[arg for arg in tokenize(texts="bad.jsonl") if arg != "-q"])
    assert "stopped after 151 records; the same command goes on from there\n" in ended.err
