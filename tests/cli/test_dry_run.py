"""--dry-run writes nothing but its own lines, and ends with 1 if a record would fail."""

import json

import pytest

from roberta_cli import app


@pytest.mark.parametrize("command", [name for name in app.ANSWERING if name != "tokenize"])
def test_every_command_rehearses_and_leaves_the_output_alone(roberta, surroundings, tmp_path, command):
    models = {"classify": "sentiment", "ner": "ner", "qa": "qa", "choose": "choice", "generate": "causal"}
    model = ["-m", f"my-{models[command]}-model"] if command in models else []
    record = {"text": "A <mask>.", "question": "Who?", "context": "Ada.", "choices": ["x", "y"]}
    (tmp_path / "in.jsonl").write_text(json.dumps(record), encoding="utf-8")
    ended = roberta(command, "--dry-run", "-i", "in.jsonl", "-o", "out.jsonl", *model)
    assert ended.code == 0, ended.err
    line, last = map(json.loads, ended.out.splitlines())
    assert line["id"] == 1 and line["windows"][0][0] == 0
    assert last["dry_run"]["tokens"] == sum(map(len, line["windows"]))
    assert not (tmp_path / "out.jsonl").exists()


def test_a_record_that_would_fail_is_exit_code_1(roberta):
    ended = roberta("fill-mask", "--dry-run", "none", "A <mask>.")
    assert ended.code == 1
    assert '"error"' in ended.out.splitlines()[0]


def test_a_dry_run_of_a_cluster_starts_none(roberta):
    ended = roberta("fill-mask", "--engine", "ray", "--dry-run", "A <mask>.")
    assert ended.code == 0, ended.err
    assert len(ended.out.splitlines()) == 2
