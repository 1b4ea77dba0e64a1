"""roberta generate: how results read, and what is shown while they are made."""

import io
import json
import sys

import pytest

from roberta_cli.commands.generate import as_views
from roberta_cli.display import plain
from roberta_cli.live import LiveText


@pytest.fixture
def author(models):
    return str(models / "my-causal-model")


def test_several_texts_stand_under_each_other():
    assert plain(as_views({"id": 1, "text": "A cat.", "new": " cat."}, None)) == "A cat."
    several = [{"text": "A.", "new": ""}, {"text": "B.", "new": "."}]
    assert plain(as_views({"id": 1, "outputs": several}, None)) == "A.\n\nB."


@pytest.mark.parametrize("options", [[], ["--sample", "--seed", "3"]])
def test_a_one_liner_on_a_terminal_is_shown_as_it_grows(roberta, author, monkeypatch, options):
    [result] = map(json.loads, roberta("generate", "-m", author, "A cat", *options).out.splitlines())
    written = []
    write = LiveText.__call__
    monkeypatch.setattr(LiveText, "__call__", lambda live, new: (written.append(new), write(live, new))[1])
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    ended = roberta("generate", "-m", author, "A cat", *options)
    assert ended.out == result["text"] + "\n"
    assert len(written) == result["tokens"] and written[-1] == result["new"]


@pytest.mark.parametrize("more", [["B"], ["--beams", "2"], ["--sample", "--num", "2"], ["--output-format", "jsonl"]])
def test_only_one_text_of_one_record_is_shown_so(roberta, author, monkeypatch, more):
    monkeypatch.setattr(LiveText, "__call__", lambda live, new: pytest.fail("it was shown"))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert roberta("generate", "-m", author, "A cat", *more).code == 0


def test_half_a_letter_waits_for_its_other_half():
    stream = io.StringIO()
    live = LiveText("A", stream)
    for new in (" \ufffd", " \ufffd\ufffd", " 🎉", " 🎉!"):
        live(new)
    assert stream.getvalue() == "A 🎉!"
    assert live.rest({"text": "A 🎉!?"}) == "?"


def test_a_letter_that_stays_half_is_shown_in_the_end():
    stream = io.StringIO()
    live = LiveText("A", stream)
    live(" \ufffd")
    assert stream.getvalue() + live.rest({"text": "A \ufffd"}) == "A \ufffd"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--method", "causal"], 4, "this checkpoint was trained to fill masks, not to continue text; use --method"),
        (["--method", "best"], 2, "no method 'best'"),
        (["--temperature", "2"], 2, "--temperature has no effect on the likeliest tokens; add --sample"),
        (["--num", "2"], 2, "would all be the same"),
        (["--beams", "2"], 2, "--beams needs a causal model"),
        (["--max-new", "9999"], 2, "9999 new tokens leave no room"),
        (["--max-new", "0"], 2, "below 1"),
        (["--stop", ""], 2, "none of them empty"),
        (["--sample", "--sample-top-p", "0"], 2, "above 0, up to 1"),
    ],
)
def test_wrong_use_is_one_sentence(roberta, arguments, code, said):
    ended = roberta("generate", "-q", "A cat", *arguments)
    assert (ended.code, ended.out) == (code, "") and said in ended.err
    assert len([line for line in ended.err.splitlines() if line.startswith("error: ")]) == 1


def test_the_id_flag_seeds_by_that_field(roberta, author, tmp_path):
    rows = [{"id": 1, "name": name, "text": "A cat"} for name in "ab"]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    ended = roberta("generate", "-m", author, "--sample", "-i", "in.jsonl", "--id", "name")
    one, other = map(json.loads, ended.out.splitlines())
    assert one["text"] != other["text"] and (one["id"], other["id"]) == ("a", "b")
