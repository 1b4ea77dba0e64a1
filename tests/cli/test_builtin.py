"""The model that ships is whole, and its card says whom it learned from."""

import json

import pytest

from roberta.builtin import MINI, adapter_for
from tests.shared import SHARED, needs_shared


def test_the_folder_is_a_checkpoint_in_the_usual_layout():
    found = {path.name for path in MINI.iterdir()}
    assert found >= {"config.json", "model.safetensors", "vocab.json", "merges.txt", "tokenizer.json", "README.md"}
    config = json.loads((MINI / "config.json").read_text(encoding="utf-8"))
    assert config["architectures"] == ["RobertaForMaskedLM"]
    assert config["vocab_size"] == len(json.loads((MINI / "vocab.json").read_text(encoding="utf-8")))


def test_the_card_says_what_it_is_and_that_it_is_weak():
    card = (MINI / "README.md").read_text(encoding="utf-8")
    assert "It is weak" in card
    for fact in ("171 (92 %)", "24.2 %, 174", "Paris 0.71", "35.7 M tokens", "Limits"):
        assert fact in card, fact


@needs_shared
def test_every_source_of_text_is_credited():
    card = (MINI / "README.md").read_text(encoding="utf-8")
    sources = (SHARED / "corpus" / "SOURCES.md").read_text(encoding="utf-8")
    rows = [line.split("|")[3] for line in sources.splitlines() if line.startswith("| ") and ".txt |" in line]
    named = {word.strip(",;)") for row in rows for word in row.split() if "/" in word and "LICENSE" not in word}
    repositories = {name for name in named if name not in ("openstax/osbooks-*", "nltk/nltk_data")}
    assert len(repositories) >= 12
    assert [name for name in repositories if name not in card] == []
    books = [line.split()[1].removeprefix("osbooks-") for line in sources.splitlines() if line.startswith("- osbooks-")]
    assert len(books) == 19
    assert [book for book in books if book not in card.replace("\n", " ")] == []


ASKED = {
    "classify": ["A warm, funny film."],
    "ner": ["Ada Lovelace was born in London."],
    "qa": ["--context-text", "Ada was born in London.", "Where was Ada born?"],
    "choose": ["--context", "He was hungry, so", "--choice", "he ate.", "--choice", "he rained."],
    "embed": ["A cat.", "--dims", "4"],
}


@pytest.mark.parametrize("command", [name for name in ASKED if adapter_for(name)])
def test_a_command_with_an_adapter_answers_without_a_model_being_named(roberta, command):
    ended = roberta(command, *ASKED[command])
    assert ended.code == 0
    assert ended.err == "note: the small built-in model answers; name a checkpoint with --model for real work\n"


@pytest.mark.parametrize("command", [name for name in ("classify", "ner", "qa") if not adapter_for(name)])
def test_where_it_does_not_fit_it_is_not_said_to_answer(roberta, command):
    ended = roberta(command, *ASKED[command])
    assert ended.code == 4
    [line] = ended.err.splitlines()
    assert line.startswith("error: the built-in model has no ") and " --model " in line


def test_it_is_small():
    sizes = {path: path.stat().st_size for path in MINI.rglob("*") if path.is_file()}
    assert sum(sizes.values()) < 30_000_000
    assert all(size < 1_000_000 for path, size in sizes.items() if path.name == "adapter_model.safetensors")
