"""tokenize over files, in one process or several: the bytes of the plain walk, errors in their places, clean ends."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from roberta.builtin import MINI
from roberta.engine.job import Job
from roberta.engine.open_task import open_task
from roberta.engine.runner import open_runner
from roberta.records import Fields, json_line, plain, read_records, reading

RANDOM = random.Random(5)
WORDS = [
    "the",
    "House",
    "it's",
    "",
    " ",
    "\t",
    "é",
    "日本",
    "12,5",
    "</s>",
    "a<mask>b",
    "\u2028",
    '"',
    "x" * 300,
    "\x1c",
]


def line(rich: bool = True) -> str:
    return " ".join(RANDOM.choices(WORDS if rich else WORDS[:3], k=RANDOM.randrange(1, 12)))


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Several forms, in blocks so small that many are needed."""
    monkeypatch.setattr(reading, "_BYTES", 300)
    monkeypatch.setattr(reading, "_RECORDS", 3)
    lines = [line() for _ in range(60)]
    (tmp_path / "a.txt").write_text("\ufeff" + "\r\n".join(lines) + "\n\nlast", encoding="utf-8")
    rows = [{"text": line() or "x", "n": number, "ids": "kept"} for number in range(40)]
    rows[3]["id"], rows[5]["text_pair"] = "r3", line()
    blanks = ["", "  ", "\ufeff"]
    objects = [json.dumps(row, ensure_ascii=number % 2 == 0) for number, row in enumerate(rows)]
    spread = [each for each in objects for each in ([each, RANDOM.choice(blanks)] if RANDOM.random() < 0.3 else [each])]
    (tmp_path / "b.jsonl").write_text("\n".join(spread), encoding="utf-8")
    (tmp_path / "c.csv").write_text('n,text\n1,"a, b"\n2,c\n3,d\n4,"e\nf"\n', encoding="utf-8")
    (tmp_path / "d.txt").write_bytes("Zoë is here.\nSo is Jan.\n".encode("latin-1"))
    return tmp_path


def plain_walk(inputs, keep=None, **options) -> str:
    """What the engine makes of the records one by one."""
    runner = open_runner(MINI)
    job = Job(runner, open_task("tokenize", runner, allow_empty=True, **options), Fields.parse((), keep=keep))
    return "".join(f"{json_line(plain(result))}\n" for result in job.results(read_records(inputs)))


@pytest.mark.parametrize("workers", ["1", "2", "3"])
@pytest.mark.parametrize(
    ("flags", "options"),
    [
        ((), {"show": "ids"}),
        (("--no-specials",), {"show": "ids", "specials": False}),
        (("--keep", "all"), {"show": "ids", "keep": "all"}),
        (("--show", "all"), {"show": "all"}),
        (("--windows", "--window", "9"), {"show": "ids", "windows": True, "window": 9}),
    ],
)
def test_the_bytes_are_those_of_the_plain_walk(roberta, files, workers, flags, options):
    inputs = ["a.txt", "b.jsonl", "c.csv"]
    given = [part for name in inputs for part in ("-i", name)]
    show = () if "--show" in flags else ("--show", "ids")
    ended = roberta("tokenize", "-m", str(MINI), *given, "--allow-empty", "--workers", workers, *show, *flags)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == plain_walk(inputs, **options)


@pytest.mark.parametrize("rule", ["fail", "skip", "record"])
def test_a_failure_stands_in_its_place_whoever_met_it(roberta, files, rule):
    lines = [json.dumps({"text": line(rich=False) or "x"}) for _ in range(50)]
    lines[20], lines[33], lines[34] = "{", '{"review": "x"}', '{"text": ""}'
    (files / "bad.jsonl").write_text("\n".join(lines), encoding="utf-8")
    call = ("tokenize", "-q", "-i", "bad.jsonl", "--show", "ids", "--on-error", rule, "--summary")
    one, several = roberta(*call), roberta(*call, "--workers", "2")
    assert (several.code, several.out) == (one.code, one.out)
    assert one.code == 1
    if rule == "fail":
        assert one.err == several.err and one.err.startswith("error: bad.jsonl:21: not valid JSON")
        assert one.out.count("\n") == 20
        return
    tallies = [json.loads(next(line for line in run.err.splitlines() if "records" in line)) for run in (one, several)]
    assert [(tally["records"], tally["failed"]) for tally in tallies] == [(50, 3), (50, 3)]
    if rule == "record":
        wheres = [row["error"]["where"] for row in map(json.loads, one.out.splitlines()) if "error" in row]
        assert wheres == ["bad.jsonl:21", "bad.jsonl:34", "bad.jsonl:35"]


def test_too_many_failures_end_it_alike(roberta, files):
    (files / "bad.jsonl").write_text('{"text": "x"}\n{\n' * 40, encoding="utf-8")
    call = ("tokenize", "-q", "-i", "bad.jsonl", "--show", "ids", "--on-error", "skip", "--max-errors", "5")
    one, several = roberta(*call), roberta(*call, "--workers", "2")
    assert one == several and "6 records failed" in one.err


def test_a_pipe_and_another_encoding_are_read_too(roberta, files):
    for call, stdin in (((), b"Hello world\nZo\xc3\xab"), (("-i", "d.txt", "--encoding", "latin-1"), None)):
        one = roberta("tokenize", "-q", "--show", "ids", *call, stdin=stdin)
        assert roberta("tokenize", "-q", "--show", "ids", "--workers", "2", *call, stdin=stdin) == one
        assert one.out.count("\n") == 2


@pytest.mark.parametrize("flags", [("--stats",), ("--limit", "3"), ("--output-format", "csv"), ()])
def test_what_several_cannot_do_is_said(roberta, files, flags):
    text = () if flags else ("A dog.",)
    ended = roberta("tokenize", "-q", *text, *(("-i", "a.txt") if flags else ()), "--workers", "2", *flags)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: --workers share files and pipes whose results are JSON lines")


@pytest.fixture
def endless(tmp_path):
    """A run with two workers that never comes to its end."""
    reader, writer = os.pipe()
    ran = subprocess.Popen(
        [sys.executable, "-m", "roberta_cli", "tokenize", "-q", "--show", "ids", "--workers", "2"],
        stdin=reader,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    os.close(reader)
    for _ in range(3):
        os.write(writer, b"Hello world\n" * 100)
    ran.stdout.readline()
    yield ran, writer
    ran.kill()
    os.close(writer)


def children_of(ran) -> list[str]:
    with open(f"/proc/{ran.pid}/task/{ran.pid}/children") as file:  # noqa: PTH123
        return file.read().split()


def assert_gone(processes: list[str]) -> None:
    assert len(processes) == 2
    deadline = time.monotonic() + 20
    while any(os.path.exists(f"/proc/{process}") for process in processes):  # noqa: PTH110
        assert time.monotonic() < deadline, "a worker outlived the run"
        time.sleep(0.1)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_when_it_is_stopped_no_worker_stays_and_nothing_is_said(endless, number, code):
    ran, _ = endless
    processes = children_of(ran)
    os.killpg(ran.pid, number) if number == signal.SIGINT else ran.send_signal(number)
    assert ran.wait(timeout=30) == code
    assert ran.stderr.read() == b""
    assert_gone(processes)


def test_a_closed_pipe_ends_it_without_a_word(endless):
    ran, writer = endless
    processes = children_of(ran)
    ran.stdout.close()
    for _ in range(50):
        try:
            os.write(writer, b"Hello world\n" * 100)
        except BrokenPipeError:
            break
    assert ran.wait(timeout=30) == 141
    assert ran.stderr.read() == b""
    assert_gone(processes)


def test_a_worker_that_is_killed_ends_the_run_with_a_sentence(endless):
    ran, writer = endless
    processes = children_of(ran)
    os.kill(int(processes[0]), signal.SIGKILL)
    for _ in range(5):
        try:
            os.write(writer, b"Hello world\n" * 100)
        except BrokenPipeError:
            break
    assert ran.wait(timeout=30) == 5
    assert ran.stderr.read().startswith(b"error: a worker process was killed")
    assert_gone(processes)
