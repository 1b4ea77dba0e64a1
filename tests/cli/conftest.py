"""Running `roberta` in this process, with a pipe or nothing on standard input."""

import json
import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from roberta_cli import app
from tests.cli.training_files import write_training_files
from tests.training.conftest import TINY

MODELS = {
    "my-sentiment-model": (("negative", "positive"), None),
    "my-nli-model": (("contradiction", "neutral", "entailment"), None),
    "my-regression-model": (("stars",), "regression"),
}


@dataclass
class Ended:
    """How a command line ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def roberta(capsys, monkeypatch, tmp_path) -> Callable[..., Ended]:
    """Calls `roberta(*args, stdin=None)` in an empty folder; stdin is what is piped in, None for nothing at all."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)

    def call(*args: str, stdin: bytes | None = None) -> Ended:
        path = tmp_path / "piped"
        if stdin is not None:
            path.write_bytes(stdin)
        with Path(os.devnull if stdin is None else path).open(encoding="utf-8") as piped, warnings.catch_warnings():
            monkeypatch.setattr(sys, "stdin", piped)
            code = app.run(args)  # which words warnings in its own way
        return Ended(code, *capsys.readouterr())

    return call


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """The folders that examples name, small and untrained."""
    from roberta.model.models import RobertaForMaskedLM  # late: they load torch
    from tests.tasks.tiny_answerer import tiny_answerer
    from tests.tasks.tiny_author import tiny_author
    from tests.tasks.tiny_chooser import tiny_chooser
    from tests.tasks.tiny_classifier import tiny_classifier
    from tests.tasks.tiny_tagger import tiny_tagger

    folder = tmp_path_factory.mktemp("models")
    for name, (labels, problem_type) in MODELS.items():
        (folder / name).mkdir()
        tiny_classifier(folder / name, dict(enumerate(labels)), problem_type=problem_type)
    (folder / "my-ner-model").mkdir()
    tiny_tagger(folder / "my-ner-model", ("O", "B-PER", "I-PER", "B-ORG", "I-ORG"))
    (folder / "my-qa-model").mkdir()
    tiny_answerer(folder / "my-qa-model")
    (folder / "my-choice-model").mkdir()
    tiny_chooser(folder / "my-choice-model")
    (folder / "my-causal-model").mkdir()
    tiny_author(folder / "my-causal-model")
    (folder / "my-masked-model").mkdir()
    tiny_author(folder / "my-masked-model", kind=RobertaForMaskedLM, is_decoder=False)
    return folder


@pytest.fixture
def surroundings(roberta, models, tmp_path):
    """The folder in which examples run: the models and the files that they name."""
    for model in models.iterdir():
        (tmp_path / model.name).symlink_to(model)
    (tmp_path / "my-model").symlink_to(models / "my-sentiment-model")
    (tmp_path / "FacebookAI").mkdir()
    (tmp_path / "FacebookAI" / "roberta-base").symlink_to(models / "my-masked-model")
    (tmp_path / "news.jsonl").write_text('{"text": "Ada met Jan."}\n', encoding="utf-8")
    write_training_files(tmp_path, TINY)
    exam = {"article": "Ada sang.", "question": "Ada _ .", "options": ["sang", "slept"], "answer": "A"}
    (tmp_path / "exam.jsonl").write_text(json.dumps(exam) + "\n", encoding="utf-8")
    (tmp_path / "words.jsonl").write_text('{"tokens": ["Ada", "met", "Jan"]}\n', encoding="utf-8")
    (tmp_path / "letter.txt").write_text("Ada Lovelace wrote it in London.\n", encoding="utf-8")
    question = {"id": "q", "question": "Who?", "answers": [{"text": "Ada", "answer_start": 0}]}
    squad = {"data": [{"title": "Ada", "paragraphs": [{"context": "Ada wrote it.", "qas": [question]}]}]}
    (tmp_path / "dev-v2.0.json").write_text(json.dumps(squad), encoding="utf-8")
    (tmp_path / "sentences.txt").write_text("One.\nTwo.\nThree.\n", encoding="utf-8")
    roberta("embed", "-i", "sentences.txt", "-o", "sentences.npy")
