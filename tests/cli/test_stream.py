"""Standard input as a stream, and the choice of how results are written."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from roberta_cli.groups import Writing
from roberta_cli.options import OutputFormat
from roberta_cli.stream import output_form


@pytest.fixture
def tokenizing():
    """A `roberta tokenize` that reads a pipe which we hold."""
    command = [sys.executable, "-m", "roberta_cli", "tokenize", "-q"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        yield running
        running.kill()


def ask(running: subprocess.Popen, text: str) -> dict:
    running.stdin.write(f"{text}\n".encode())
    running.stdin.flush()
    return json.loads(running.stdout.readline())


def test_each_answer_comes_before_the_next_line_is_sent(tokenizing):
    assert [ask(tokenizing, text)["id"] for text in ("one", "two", "three")] == [1, 2, 3]
    _, err = tokenizing.communicate(timeout=60)
    assert (tokenizing.returncode, err) == (0, b"")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_waits_for_input_can_be_ended(tokenizing, number, code):
    ask(tokenizing, "one")
    tokenizing.send_signal(number)
    assert tokenizing.wait(timeout=60) == code
    assert tokenizing.stderr.read() == b""


def test_a_reader_that_leaves_ends_the_run_silently(tokenizing):
    ask(tokenizing, "one")
    tokenizing.stdout.close()
    tokenizing.stdin.write(b"two\n")
    tokenizing.stdin.flush()
    assert tokenizing.wait(timeout=60) == 141
    assert tokenizing.stderr.read() == b""


@pytest.mark.parametrize(
    ("asked", "texts", "terminal", "form"),
    [
        (None, ["x"], True, "table"),
        (None, ["x"], False, "jsonl"),
        (None, None, True, "jsonl"),
        (None, [], True, "jsonl"),
        ("jsonl", ["x"], True, "jsonl"),
        ("table", None, False, "table"),
    ],
)
def test_a_table_is_for_a_one_liner_on_a_terminal(asked, texts, terminal, form, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)
    assert output_form(Writing(output_format=asked and OutputFormat(asked)), texts) == form


def test_the_suffix_of_the_output_names_its_form():
    assert output_form(Writing(output=Path("vectors.npy")), None) is OutputFormat.npy
    assert output_form(Writing(output=Path("table.csv")), ["x"]) is OutputFormat.csv
    assert output_form(Writing(output=Path("notes.md")), None) is OutputFormat.jsonl
