"""Every example that the README and the help give runs as written, offline, on the built-in model."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from roberta_cli import app
from tests.tasks.tiny_answerer import tiny_answerer
from tests.tasks.tiny_classifier import tiny_classifier
from tests.tasks.tiny_tagger import tiny_tagger

MODELS = {
    "my-sentiment-model": ("negative", "positive"),
    "my-nli-model": ("contradiction", "neutral", "entailment"),
}
ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def readme_lines() -> list[str]:
    """What runs after the installation; the installation and the tests themselves are what .ci/run runs."""
    commands = [part for block in blocks("sh") for line in block.splitlines() for part in line.split(" && ")]
    return [command for command in commands if not command.startswith(("pip ", "pytest"))]


def help_lines() -> list[str]:
    lines = [line.strip() for name in app.COMMANDS for line in app.build(name).help.splitlines()]
    return [line for line in lines if re.match(r"(roberta|printf) ", line)]


def test_the_examples_are_found():
    assert len(readme_lines()) >= 3
    assert len(help_lines()) >= 3 * len(app.COMMANDS), "three examples for each command"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The folders that examples name, small and untrained."""
    folder = tmp_path_factory.mktemp("models")
    for name, labels in MODELS.items():
        (folder / name).mkdir()
        tiny_classifier(folder / name, dict(enumerate(labels)))
    (folder / "my-ner-model").mkdir()
    tiny_tagger(folder / "my-ner-model", ("O", "B-PER", "I-PER", "B-ORG", "I-ORG"))
    (folder / "my-qa-model").mkdir()
    tiny_answerer(folder / "my-qa-model")
    return folder


@pytest.fixture
def surroundings(roberta, models, tmp_path):
    """The folder in which examples run: the models and the files that they name."""
    for model in models.iterdir():
        (tmp_path / model.name).symlink_to(model)
    (tmp_path / "my-ner-model").symlink_to(models / "my-ner-model")
    (tmp_path / "news.jsonl").write_text('{"text": "Ada met Jan."}\n', encoding="utf-8")
    (tmp_path / "dev.conll").write_text("Ada B-PER\nsang O\n\nHm O\n", encoding="utf-8")
    (tmp_path / "reviews.csv").write_text('stars,review\n5,Good.\n1,"Bad, very bad."\n', encoding="utf-8")
    (tmp_path / "letter.txt").write_text("Ada Lovelace wrote it in London.\n", encoding="utf-8")
    question = {"id": "q", "question": "Who?", "answers": [{"text": "Ada", "answer_start": 0}]}
    squad = {"data": [{"title": "Ada", "paragraphs": [{"context": "Ada wrote it.", "qas": [question]}]}]}
    (tmp_path / "dev-v2.0.json").write_text(json.dumps(squad), encoding="utf-8")
    (tmp_path / "sentences.txt").write_text("One.\nTwo.\nThree.\n", encoding="utf-8")
    roberta("embed", "-i", "sentences.txt", "-o", "sentences.npy")


@pytest.mark.parametrize("line", dict.fromkeys(readme_lines() + help_lines()))
def test_an_example_answers(roberta, surroundings, tmp_path, line):
    if "-o sentences.npy" in line:
        (tmp_path / "sentences.npy").unlink()
        (tmp_path / "sentences.ids.jsonl").unlink()
    # In this process, since each start of torch takes seconds; only what is piped in needs a shell.
    source, _, command = line.rpartition(" | ")
    piped = subprocess.run(["sh", "-c", source], capture_output=True, check=True).stdout if source else None
    program, *args = shlex.split(command)
    assert program == "roberta"
    ended = roberta(*args, stdin=piped)
    assert (ended.code, "error" in ended.err) == (0, False), ended.err
    assert ended.out or "-o " in line


@pytest.mark.parametrize("code", blocks("python"))
def test_the_python_example_runs(code, capsys, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    exec(compile(code, "README.md", "exec"), {"__name__": "readme"})
    assert capsys.readouterr().out == " France\n"


def test_the_checks_install_and_test_as_the_readme_says():
    steps = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    install, run_tests = next(line for line in README.splitlines() if line.endswith("&& pytest")).split(" && ")
    assert install in steps
    assert run_tests in steps
