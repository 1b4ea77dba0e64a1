import hashlib
import json
import re

import pytest

from roberta.errors import ReadError
from roberta.training.checkpoint import State
from roberta.training.model_card import USES, card
from roberta.training.provenance import Provenance, data_files
from roberta.training.run import train
from roberta.training.settings import Settings
from roberta_cli import app
from tests.training.toy import Toy

STATE = State(step=80, tokens=12345, scores={"accuracy": 0.912345, "pearson": None}, identity={"steps": 100, "seed": 0})


def made(tmp_path, task="classify", state=STATE, adapter=False, **provenance):
    return card(tmp_path / "my-model", task, state, Provenance(**provenance), parameters=1000, adapter=adapter)


def front_matter(text):
    """The YAML, each of whose values is JSON too."""
    assert text.startswith("---\n")
    lines = text.split("---\n")[1].splitlines()
    return {name: json.loads(value) for name, value in (line.split(": ", 1) for line in lines)}


def test_the_hub_is_told_what_it_asks_for(tmp_path):
    text = made(tmp_path, base="FacebookAI/roberta-base", license="CC-BY-4.0")
    assert front_matter(text) == {
        "license": "cc-by-4.0",
        "base_model": "FacebookAI/roberta-base",
        "library_name": "transformers",
        "pipeline_tag": "text-classification",
        "tags": ["roberta"],
    }


def test_a_folder_of_this_machine_is_no_base_for_others(tmp_path):
    text = made(tmp_path, base=str(tmp_path))
    assert "base_model" not in front_matter(text)
    assert "license" not in front_matter(text)
    assert "None was named." in text


@pytest.mark.parametrize(("task", "library"), [("embed", "sentence-transformers"), ("mlm", "transformers")])
def test_the_library_that_reads_it_is_named(tmp_path, task, library):
    assert front_matter(made(tmp_path, task))["library_name"] == library
    adapter = front_matter(made(tmp_path, task, adapter=True))
    assert (adapter["library_name"], adapter["tags"]) == ("peft", ["roberta", "lora"])


@pytest.mark.parametrize("task", USES)
def test_the_command_of_a_card_exists(tmp_path, task):
    command = re.search(r"```sh\nroberta (\S+) -m my-model", made(tmp_path, task))[1]
    assert command in app.ANSWERING
    assert ("train", task) in app.LEAVES


def test_the_data_are_named_with_sizes_and_hashes(tmp_path):
    one, two = tmp_path / "a.jsonl", tmp_path / "b|c.jsonl"
    one.write_bytes(b"one\n")
    two.write_bytes(b"other\n")
    text = made(tmp_path, train=[str(one), str(one), str(two)], dev="5%", note="Of our own.")
    digest = hashlib.sha256(b"one\n").hexdigest()
    assert f"| training | a.jsonl | 4 | 2 times | `{digest}` |" in text
    assert "| training | b\\|c.jsonl | 6 | once |" in text
    assert "For development 5% of the training data were set apart" in text
    assert "Of our own." in text
    assert str(tmp_path) not in text
    assert "| development | b\\|c.jsonl |" in made(tmp_path, dev=str(two))


def test_scores_steps_and_settings(tmp_path):
    text = made(tmp_path)
    assert "after step 80" in text
    assert "| accuracy | 0.9123 |" in text
    assert "| pearson | none |" in text
    assert "| steps | 80 of 100 |" in text
    assert "| tokens seen | 12,345 |" in text
    assert "| seed | 0 |" in text
    assert "There were no development data." in made(tmp_path, state=State())


def test_what_somebody_wrote_stays_when_a_run_is_resumed(tmp_path):
    plan = Settings(steps=2, batch_tokens=12)
    train(Toy(), plan, tmp_path)
    written = (tmp_path / "README.md").read_text(encoding="utf-8")
    (tmp_path / "README.md").write_text("# Mine\n", encoding="utf-8")
    train(Toy(), plan, tmp_path, resume=True)
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "# Mine\n"
    train(Toy(), plan, tmp_path)
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == written, "a new model has a new card"


# Where it comes from


def test_files_are_known_by_their_bytes_wherever_they_lie(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"one\n")
    (tmp_path / "b.txt").write_bytes(b"one\n")
    (tmp_path / "c.txt").write_bytes(b"two\n")

    def identity(*names, **more):
        return Provenance([str(tmp_path / name) for name in names], **more).identity

    assert identity("a.txt") == identity("b.txt")
    assert identity("a.txt") != identity("c.txt")
    assert identity("a.txt") != identity("a.txt", "a.txt")
    assert identity("a.txt", "c.txt") != identity("c.txt", "a.txt"), "the order is that of the examples"
    assert identity("a.txt", dev=str(tmp_path / "a.txt")) == identity("a.txt", dev=str(tmp_path / "b.txt"))
    assert identity("a.txt", dev="1%") != identity("a.txt", dev="2%")
    assert identity("a.txt", asked={"length": 8}) != identity("a.txt", asked={"length": 9})


def test_a_pipe_has_no_size(tmp_path):
    (file,) = data_files(["-"])
    assert (file.path, file.size, file.sha256) == ("-", None, None)
    assert "training_data" not in Provenance(["-"]).identity
    with pytest.raises(ReadError, match="no such file"):
        data_files([str(tmp_path / "absent.txt")])
