"""Every flag of every command changes what comes out, or says what it cannot do."""

import json

import numpy as np
import pytest

from roberta_cli import app
from tests.cli.closed_schema import agrees_with_its_schema
from tests.tasks.tiny_answerer import tiny_answerer
from tests.tasks.tiny_author import tiny_author
from tests.tasks.tiny_classifier import tiny_classifier
from tests.tasks.tiny_tagger import tiny_tagger

NLI = {0: "contradiction", 1: "neutral", 2: "entailment"}
LONG = " ".join(f"word{number}" for number in range(150)) + " "
NAMES = "Zoë O'Neil, of the Royal Society, flew from Cork to New York on Monday; Jan didn't. "
# flag: the arguments beside it, and its value; "MODEL" stands for the model of the command
READING = {
    "--input": (["-i", "b.jsonl"], None),
    "--input-format": (["-i", "b.jsonl"], "txt"),
    "--doc": (["-i", "two.txt"], True),
    "--encoding": (["-i", "latin.txt"], "latin-1"),
    "--no-header": (["-i", "b.csv", "--field", "2"], True),
    "--field": (["-i", "b.jsonl"], "other"),
    "--id": (["-i", "b.jsonl"], "name"),
    "--keep": (["-i", "b.jsonl"], "all"),
    "--limit": (["-i", "b.jsonl"], "1"),
    "--allow-empty": ([""], True),
}
VOCABULARY = {
    "--model": (["A <mask>."], "nowhere/at/all"),
    "--revision": (["A <mask>.", "-m", "some/model"], "v9"),
    "--offline": (["A <mask>.", "-m", "some/model"], True),
}
COMPUTING = {
    "--adapter": (["A <mask>."], "nowhere/at/all"),
    "--device": (["A <mask>."], "gpu"),
    "--dtype": (["A <mask>."], "bf16"),
    "--backend": (["A <mask>.", "--dtype", "bf16"], "numpy"),
    "--threads": (["A <mask>."], "0"),
    "--batch-tokens": (["A <mask>."], "0"),
    "--engine": (["A <mask>."], "ray"),
    "--workers": (["A <mask>."], "2"),
}
WRITING = {
    "--output": (["A <mask>."], "out.jsonl"),
    "--resume": (["A <mask>."], True),  # more in test_resume.py
    "--force": (["A <mask>.", "-o", "there.jsonl"], True),
    "--output-format": (["A <mask>."], "table"),
    "--color": (["A <mask>.", "--output-format", "table"], "always"),
    "--on-error": (["-i", "bad.jsonl"], "record"),
    "--max-errors": (["-i", "bad.jsonl", "--on-error", "record"], "0"),
    "--summary": (["A <mask>."], True),
    "--quiet": (["-i", "bad.jsonl", "--on-error", "skip"], True),
    "--debug": (["-m", "nowhere/at/all", "A <mask>."], True),
    "--no-config": (["A <mask>."], True),
    "--dry-run": (["A <mask>."], True),
    "--schema": (["A <mask>."], True),
}
DIGITS = {"--digits": (["A <mask>."], "2")}
CUT = {"--long": ([LONG], "truncate"), "--window": ([LONG], "40"), "--overlap": ([LONG], "1")}
FLAGS = {
    "tokenize": READING
    | VOCABULARY
    | WRITING
    | {
        "--show": (["A <mask>."], "words"),
        "--decode": (["0 5 6"], True),
        "--no-specials": (["A <mask>."], True),
        "--windows": ([LONG], True),
        "--window": ([LONG, "--windows"], "40"),
        "--overlap": ([LONG, "--windows"], "1"),
        "--offsets": (["Zoë is <mask>."], "bytes"),
        "--stats": (["A <mask>."], True),
        "--workers": (["A <mask>."], "2"),
    },
    "fill-mask": READING
    | VOCABULARY
    | COMPUTING
    | WRITING
    | DIGITS
    | {
        "--allow-empty": (["", "--score"], True),
        "--top": (["A <mask>."], "2"),
        "--targets": (["A <mask>."], "cat,dog"),
        "--exact-targets": (["A <mask>.", "--targets", "cat"], True),
        "--per-piece": (["A <mask>.", "--targets", "year,doorstep,the,unbelievable"], True),
        "--fill": (["A <mask> <mask> <mask>."], "greedy"),
        "--beams": (["A <mask> <mask> in <mask>.", "--fill", "joint"], "1"),
        "--mask": (["A ___."], "___"),
        "--score": (["A <mask> b."], True),
        "--offsets": (["Zoë is <mask>."], "bytes"),
        "--long": ([LONG + "<mask>."], "truncate"),
        "--window": ([LONG + "<mask>."], "20"),
    },
    "classify": READING
    | VOCABULARY
    | COMPUTING
    | WRITING
    | DIGITS
    | CUT
    | {
        "--top": (["A <mask>."], "all"),
        "--activation": (["A <mask>."], "sigmoid"),
        "--threshold": (["A <mask>."], "1"),
        "--labels": (["A <mask>."], "war,peace"),
        "--zero-shot": (["-i", "b.jsonl"], True),
        "--template": (["A <mask>.", "--labels", "war,peace"], "{}!"),
        "--multi-label": (["A <mask>.", "--labels", "war,peace"], True),
        "--entailment-label": (["A <mask>.", "--labels", "war,peace"], "neutral"),
        "--logits": (["A <mask>."], True),
        "--gold": (["-i", "b.jsonl"], "gold"),
    },
    "embed": READING
    | VOCABULARY
    | COMPUTING
    | WRITING
    | DIGITS
    | CUT
    | {
        "--level": (["A <mask>."], "word"),
        "--pool": (["A <mask>."], "max"),
        "--layer": (["A <mask>."], "1"),
        "--normalize": (["A <mask>."], True),
        "--dims": (["A <mask>."], "3"),
        "--color": (["A <mask>.", "--nearest", "vectors.npy", "--output-format", "table"], "always"),
        "--precision": (["A <mask>."], "int8"),
        "--base64": (["A <mask>."], True),
        "--prompt": (["A <mask>."], "query: "),
        "--prompt-name": (["A <mask>."], "query"),
        "--pair-score": (["-i", "b.jsonl"], "other"),
        "--nearest": (["A <mask>."], "vectors.npy"),
        "--top": (["A <mask>.", "--nearest", "vectors.npy"], "1"),
        "--offsets": (["Zoë is <mask>.", "--level", "token"], "bytes"),
    },
    "ner": READING
    | VOCABULARY
    | COMPUTING
    | WRITING
    | DIGITS
    | {
        "--digits": ([NAMES], "2"),
        "--aggregate": ([NAMES], "none"),
        "--words": ([NAMES], "blank"),
        "--decode": ([NAMES], "legal"),
        "--ignore": ([NAMES], "LOC"),
        "--types": ([NAMES], "LOC"),
        "--min-score": ([NAMES], "0.9"),
        "--join-space": ([NAMES], True),
        "--offsets": ([NAMES], "bytes"),
        "--gold": (["-i", "b.jsonl"], "gold"),
        "--long": ([NAMES * 9], "truncate"),
        "--window": ([NAMES * 9], "40"),
        "--overlap": ([NAMES * 9], "1"),
    },
    "qa": READING
    | VOCABULARY
    | COMPUTING
    | WRITING
    | DIGITS
    | {
        "--allow-empty": ([""], True),
        "--question": ([], "Who?"),
        "--context": (["Who?"], "two.txt"),
        "--context-text": (["Who?"], "Ada."),
        "--top": (["Who?"], "2"),
        "--max-answer": (["Who?", "--top", "9"], "1"),
        "--null": (["Who?", "--null-threshold", "-100"], "never"),
        "--null-threshold": (["Who?"], "-100"),
        "--gold": (["-i", "b.jsonl"], "gold"),
        "--offsets": (["Who?", "--context-text", "Zoë is in Orléans.", "--top", "99"], "bytes"),
        "--long": (["Who?", "--context-text", LONG, "--window", "64"], "truncate"),
        "--window": (["Who?", "--context-text", LONG], "64"),
        "--overlap": (["Who?", "--context-text", LONG, "--window", "64"], "1"),
    },
    "generate": READING
    | VOCABULARY
    | COMPUTING
    | WRITING
    | DIGITS
    | {
        "--method": (["A cat"], "mask"),
        "--max-new": (["A cat"], "3"),
        "--sample": (["A cat"], True),
        "--temperature": (["A cat", "--sample"], "9"),
        "--sample-top-k": (["A cat", "--sample"], "1"),
        "--sample-top-p": (["A cat", "--sample"], "0.01"),
        "--beams": (["A cat"], "4"),
        "--repetition-penalty": (["A cat"], "9"),
        "--no-repeat": (["A cat"], "1"),
        "--stop": (["A cat"], "e"),
        "--num": (["A cat", "--sample"], "2"),
        "--seed": (["A cat", "--sample"], "7"),
    },
    "choose": READING
    | VOCABULARY
    | COMPUTING
    | WRITING
    | DIGITS
    | {
        "--context": ([], "Ada sang."),
        "--question": (["Ada sang."], "Who?"),
        "--choice": (["Ada sang."], "Perhaps."),
        "--method": (["Ada sang."], "head"),
        "--per-token": (["Ada sang."], True),
        "--entailment-label": (["Ada sang."], "neutral"),
        "--top": (["Ada sang."], "all"),
        "--gold": (["-i", "b.jsonl"], "name"),
        "--long": ([LONG], "error"),
        "--window": ([LONG], "40"),
    },
}
# --progress speaks after half a minute: see test_progress.py; --ray-address to a cluster: see test_sharding.py
HELP = {"--help", "--progress", "--ray-address"}


def flags_of(*command):
    return {max(param.opts, key=len) for param in app.build(*command).params if param.opts[0].startswith("-")} - HELP


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """What commands that the built-in model cannot serve are tried with."""
    return {
        "classify": str(tiny_classifier(tmp_path_factory.mktemp("nli"), NLI)),
        "qa": str(tiny_answerer(tmp_path_factory.mktemp("qa"))),
        "ner": str(tiny_tagger(tmp_path_factory.mktemp("ner"))),
        "generate": str(tiny_author(tmp_path_factory.mktemp("causal"))),
    }


@pytest.fixture
def folder(tmp_path, monkeypatch):
    rows = [
        {"text": "A <mask>.", "other": "B is <mask>!", "name": "x", "labels": ["war", "love"], "gold": "neutral"},
        {"text": "C <mask>.", "other": "D is <mask>?", "name": "y", "labels": ["art"], "gold": "entailment"},
    ]
    lines = [json.dumps(row) for row in rows]
    (tmp_path / "b.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "bad.jsonl").write_text("\n".join([lines[0], "{", lines[1]]), encoding="utf-8")
    (tmp_path / "b.csv").write_text("1,2\nx,A <mask>.\n", encoding="utf-8")
    (tmp_path / "two.txt").write_text("One <mask>.\nTwo <mask>.\n", encoding="utf-8")
    (tmp_path / "latin.txt").write_bytes("Zoë is <mask>.".encode("latin-1"))
    (tmp_path / "there.jsonl").write_text("before\n", encoding="utf-8")
    np.save(tmp_path / "vectors.npy", np.eye(256, dtype=np.float32)[:9] * 3)
    return tmp_path


@pytest.mark.parametrize("command", app.ANSWERING)
def test_the_table_has_every_flag_and_no_other(command):
    assert FLAGS[command].keys() == flags_of(command)


@pytest.mark.parametrize(("command", "flag"), [(command, flag) for command in FLAGS for flag in FLAGS[command]])
def test_the_flag_makes_a_difference(roberta, folder, models, command, flag):
    arguments, value = FLAGS[command][flag]
    if command in models and flag not in VOCABULARY and "-m" not in arguments:
        arguments = [*arguments, "-m", models[command]]
    if command == "qa" and not {"--context", "--context-text"} & {flag, *arguments}:
        arguments = [*arguments, "--context-text", "Ada Lovelace lived in Rome."]
    if command == "choose":
        arguments = [*arguments, "--choice", "x", "--choice", "Y is it not."]
    given = [flag] if value is True else [flag, value]
    if flag == "--input":
        arguments, given = arguments[2:], arguments[:2]

    def outcome(*args):
        for stale in folder.glob("out*"):
            stale.unlink()
        (folder / "there.jsonl").write_text("before\n", encoding="utf-8")
        ended = roberta(command, *args)
        written = {path.name: path.read_bytes() for path in folder.glob("*.jsonl")}
        return ended.code, ended.out, ended.err, written

    if flag == "--no-config":
        (folder / "roberta.toml").write_text("summary = true", encoding="utf-8")
    without, with_flag = outcome(*arguments), outcome(*arguments, *given)
    assert with_flag != without
    for _, out, *_ in (without, with_flag) if flag not in ("--output-format", "--dry-run", "--schema") else ():
        agrees_with_its_schema(command, out)
    assert with_flag[0] != 70 and without[0] != 70, (without, with_flag)  # never by a fault of ours
