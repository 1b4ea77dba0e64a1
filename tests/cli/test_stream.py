"""Standard input as a stream, and the choice of how results are written."""

import csv
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from roberta.builtin import MINI
from roberta_cli.groups import Writing
from roberta_cli.options import OutputFormat
from roberta_cli.stream import output_form
from tests.tasks.tiny_classifier import tiny_classifier


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


@pytest.fixture
def sentiment(tmp_path_factory):
    return str(tiny_classifier(tmp_path_factory.mktemp("sentiment"), {0: "bad", 1: "good"}))


def test_a_table_has_columns_for_what_comes_later_and_rows_for_what_failed(roberta, sentiment, tmp_path):
    lines = ["{", '{"text": "Good."}', '{"text": "%s"}' % ("word " * 200), '{"stars": 5}']
    (tmp_path / "in.jsonl").write_text("\n".join(lines), encoding="utf-8")
    ended = roberta("classify", "-m", sentiment, "-i", "in.jsonl", "--output-format", "csv", "--on-error", "record")
    header, *rows = csv.DictReader(ended.out.splitlines()).fieldnames, *csv.DictReader(ended.out.splitlines())
    assert header[:3] == ["id", "label", "score"]
    assert header[-5:] == ["windows", "truncated", "error.code", "error.message", "error.where"]
    assert [row["error.code"] for row in rows] == ["bad_json", "", "", "no_field"]
    assert [bool(row["label"]) for row in rows] == [False, True, True, False]
    assert int(rows[2]["windows"]) > 1
    assert ended.code == 1


def test_where_everything_failed_the_errors_are_the_table(roberta):
    ended = roberta("fill-mask", "no mask", "none", "--output-format", "tsv", "--on-error", "record")
    assert [line.split("\t")[1] for line in ended.out.splitlines()] == ["error.code", "no_mask", "no_mask"]


def test_kept_fields_are_copied_as_they_were_whatever_becomes_of_the_answers_numbers(roberta, tmp_path):
    kept = '"a":0.10000000149011612,"b":0.123456789,"id":7'
    (tmp_path / "in.jsonl").write_text(f'{{"text":"A <mask>.",{kept}}}', encoding="utf-8")
    ended = roberta("fill-mask", "-i", "in.jsonl", "--keep", "a,b", "--digits", "2", "--top", "1")
    assert ended.out.startswith(f"{{{kept},")
    assert all(len(number.partition(".")[2]) <= 2 for number in re.findall(r'"score":([\d.]+)', ended.out))


def test_a_kept_field_with_the_name_of_a_result_key_survives(roberta, sentiment, tmp_path):
    (tmp_path / "in.jsonl").write_text('{"text":"x","label":"mine","score":3}', encoding="utf-8")
    result = json.loads(roberta("classify", "-m", sentiment, "-i", "in.jsonl", "--keep", "all").out)
    assert (result["text"], result["input_label"], result["input_score"]) == ("x", "mine", 3)
    assert result["label"] in ("bad", "good")


def test_an_interrupted_run_says_how_far_it_got():
    command = [sys.executable, "-m", "roberta_cli", "tokenize", "-m", str(MINI)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        ask(running, "one")
        ask(running, "two")
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=60) == 130
        assert running.stderr.read() == b"stopped after 2 records\n"


def test_skipped_records_are_named_and_counted(roberta):
    ended = roberta("fill-mask", "A <mask>.", "none", "--on-error", "skip", "-m", str(MINI))
    assert (ended.code, len(ended.out.splitlines())) == (1, 1)
    assert ended.err.splitlines() == [
        "skipped: argument 2: the text has no <mask>; write <mask> where a word is missing",
        "1 of 2 records failed",
    ]


def test_too_many_errors_end_the_job(roberta):
    ended = roberta("fill-mask", "A <mask>.", "x", "y", "B <mask>.", "--on-error", "record", "--max-errors", "1")
    assert (ended.code, len(ended.out.splitlines())) == (1, 3)
    assert "more than --max-errors allows" in ended.err


def test_under_fail_everything_before_the_failure_is_delivered(roberta):
    ended = roberta("fill-mask", "A <mask>.", "B <mask>.", "none", "C <mask>.")
    assert (ended.code, len(ended.out.splitlines())) == (1, 2)
    assert ended.err.splitlines()[-1].startswith("error: argument 3: the text has no <mask>")


def test_a_choice_made_for_the_user_is_one_note_and_none_with_quiet(roberta):
    notes = roberta("embed", "-m", str(MINI), "x").err.splitlines()
    assert notes == ["note: this checkpoint names no pooling, so the mean of its tokens is taken; --pool chooses"]
    assert roberta("embed", "-m", str(MINI), "x", "--pool", "mean").err == ""
    assert roberta("embed", "-m", str(MINI), "x", "-q").err == ""


def test_parquet_goes_in_and_out_by_its_suffix(roberta, tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "a.jsonl").write_text('{"id":"x","text":"A cat."}\n{"id":"y","text":"B."}\n', encoding="utf-8")
    direct = roberta("tokenize", "-q", "--keep", "text", "-i", "a.jsonl")
    assert roberta("tokenize", "-q", "--keep", "text", "-i", "a.jsonl", "-o", "b.parquet").code == 0
    again = roberta("tokenize", "-q", "--keep", "text", "-i", "b.parquet")
    assert (again.code, again.out) == (0, direct.out)
