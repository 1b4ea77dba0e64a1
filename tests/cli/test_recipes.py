"""Every recipe of docs/recipes.md runs as written, in bash, and does what it says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
RECIPES = dict(
    re.match(r"(.*?)\n.*?^```sh\n(.*?)^```$", part, re.MULTILINE | re.DOTALL).groups()
    for part in PAGE.split("\n## ")[1:]
)


@pytest.fixture
def shell(surroundings, tmp_path):
    """Runs a recipe in the folder of the examples; gives the lines that it printed."""
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "a.txt").write_text("Good.\nVery.\n", encoding="utf-8")
    (tmp_path / "inbox" / "b.txt").write_text("Bad.\n", encoding="utf-8")
    rows = [{"text": "Good.", "label": "positive"}, {"text": "Bad.", "label": "negative"}]
    (tmp_path / "labelled.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with (tmp_path / "sentences.txt").open("a", encoding="utf-8") as sentences:
        sentences.write("Two.\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "roberta").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m roberta_cli "$@"\n')
    (tmp_path / "bin" / "roberta").chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    environment["ROBERTA_BACKEND"] = "numpy"  # a dozen starts of torch would take half a minute

    def run(name):
        script = f"set -euo pipefail\n{RECIPES[name]}"
        ran = subprocess.run(
            ["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.splitlines()

    return run


def test_every_recipe_is_tried_below():
    assert len(RECIPES) == PAGE.count("\n## ") == PAGE.count("```sh")
    assert all(f'shell("{name}")' in Path(__file__).read_text(encoding="utf-8") for name in RECIPES)


def test_a_csv_is_scored(shell):
    header, *rows = shell("Score a CSV")
    assert (header.split(",")[:5], len(rows)) == (["review", "stars", "id", "label", "score"], 2)


def test_names_are_redacted(shell):
    [line] = shell("Redact names")
    assert re.search(r"\[(PER|ORG)\]", json.loads(line)["text"])


def test_doubles_are_found(shell):
    found = [line.split("\t")[:2] for line in shell("Find near-duplicates")]
    assert ["2", "4"] in found


def test_a_folder_has_a_line_for_each_file(shell):
    assert [json.loads(line)["id"] for line in shell("A folder of files")] == ["inbox/a.txt", "inbox/b.txt"]


def test_squad_is_evaluated(shell, tmp_path):
    [scores] = shell("Evaluate on SQuAD")
    assert "exact" in scores and "f1" in scores
    assert json.loads((tmp_path / "predictions.json").read_text()).keys() == {"q"}


def test_tokens_are_counted(shell):
    [line] = shell("Count tokens")
    assert json.loads(line)["stats"]["records"] == 4


def test_a_gate_opens(shell, tmp_path):
    assert shell("In continuous integration") == []
    assert len((tmp_path / "answers.jsonl").read_text().splitlines()) == 2


def test_a_server_answers_each_question_before_the_next(shell):
    first, second = map(json.loads, shell("A FIFO as a server"))
    assert (len(first["masks"]), second["id"]) == (1, 2)


def test_a_long_job_ends(shell, tmp_path):
    assert shell("A long job that may be stopped")[-1].split() == ["4", "long.jsonl"]
    assert not list(tmp_path.glob("long.jsonl.*"))
