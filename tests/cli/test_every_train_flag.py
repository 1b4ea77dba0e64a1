"""Every flag of `roberta train` changes what comes out, or says what it cannot do.

What is compared is the model, its log and card, the result line and the messages; not the list of settings in the card,
in which any flag makes a difference.
"""

import hashlib
import json
import shutil
import sys
import typing

import pytest

from roberta.model import encoder
from roberta_cli import app, train_options
from tests.cli.test_every_flag import flags_of
from tests.cli.training_files import write_training_files
from tests.training.conftest import SMALL, TINY, one_thread, save_thin  # noqa: F401 - a fixture for all tests here

DEV = ["--dev", "dev.jsonl"]
OFTEN = [*DEV, "--save-every", "1", "--steps", "4", "--lr", "1e-9"]  # so low that no score rises
SCORES = ["--field", "text=a", "--field", "text_pair=b", "--field", "score=score"]
# flag: the arguments beside it, and its value; True for a flag without one
WRITING = {
    "--output": ([], "other"),
    "--force": ([], True),  # of a folder that holds a model
    "--quiet": ([], True),  # of a terminal
    "--debug": (["nowhere.txt"], True),
    "--no-config": ([], True),
}
READING = {
    "--field": ([], "other"),
    "--input-format": ([], "conll"),
    "--encoding": ([], "latin-1"),
    "--no-header": (["train.csv"], True),
}
RUNNING = WRITING | {
    "--resume": ([], True),
    "--check": ([], True),
    "--dry-run": ([], True),
    "--require": (DEV, "accuracy=2"),
    "--license": ([], "mit"),
    "--data-note": ([], "Said by nobody."),
    "--device": ([], "gpu"),
    "--threads": ([], "0"),
}
LOOPING = {
    "--epochs": ([], "0.2"),
    "--steps": ([], "3"),
    "--batch-tokens": ([], "30"),
    "--accumulate": ([], "3"),
    "--lr": ([], "1e-4"),
    "--head-lr": ([], "1e-4"),
    "--warmup": ([], "2"),
    "--schedule": ([], "constant"),
    "--weight-decay": ([], "9"),
    "--clip": ([], "0.001"),
    "--dropout": ([], "0"),
    "--dtype": ([], "bf16"),
    "--gradient-checkpointing": ([], True),
    "--seed": ([], "7"),
    "--save-every": (DEV, "1"),
    "--keep-last": (OFTEN, "3"),
    "--patience": (OFTEN, "1"),
    "--metric": (DEV, "beauty"),
}
TUNING = READING | {
    "--dev": ([], "dev.jsonl"),
    "--model": ([], "nowhere/at/all"),
    "--window": ([], "8"),
    "--freeze": ([], "1"),
    "--lora": ([], "2"),
    "--lora-alpha": (["--lora", "2"], "9"),
    "--lora-modules": (["--lora", "2"], "query"),
}
TEXTS = READING | {
    "--dev": ([], "20%"),
    "--model": ([], "thin"),
    "--tokenizer": ([], "nowhere"),
    "--layers": ([], "1"),
    "--hidden": ([], "32"),
    "--heads": ([], "1"),
    "--ffn": ([], "16"),
    "--positions": ([], "48"),
    "--length": ([], "16"),
    "--init": ([], "svd"),
}
# What is left without the development data is not balanced.
BALANCED = {"--class-weights": (["--dev", "45%", "--batch-tokens", "900"], "balanced")}
OWN = {
    "tokenizer": WRITING | READING | {"--size": ([], "290"), "--min-frequency": ([], "50")},
    "mlm": TEXTS
    | {
        "--mask-prob": ([], "0.5"),
        "--whole-words": (["--mask-prob", "0.5"], True),
        "--shift-positions": (["--length", "16"], True),
    },
    "causal": {},
    "classify": LOOPING
    | RUNNING
    | TUNING
    | BALANCED
    | {"--label-names": (["--field", "label=score"], "none,one,two,three,four,five")},
    "regress": {},
    "multilabel": BALANCED,
    "ner": {"--words": ([], "blank"), "--decode": ([], "legal")},
    "qa": {"--overlap": (["--window", "16"], "1")},
    "choose": {},
    "embed": {
        "--pool": ([], "cls"),
        "--loss": (SCORES, "cosine"),
        "--temperature": (["--batch-tokens", "300"], "0.5"),
        "--scale": ([*SCORES, "--loss", "cosine"], "5"),
    },
}
# What kinds share is one group of flags, tried with one kind.
SHARED = dict.fromkeys(OWN, LOOPING | RUNNING | TUNING)
SHARED |= {"tokenizer": {}, **dict.fromkeys(("mlm", "causal"), LOOPING | RUNNING | TEXTS)}
FILES = dict.fromkeys(OWN, "train.jsonl") | {
    "tokenizer": "corpus.txt",
    "mlm": "corpus.txt",
    "causal": "corpus.txt",
    "regress": "rated.jsonl",
    "multilabel": "topics.jsonl",
    "ner": "train.conll",
    "qa": "train.json",
    "choose": "quiz.jsonl",
}
OUT = ["-o", "out"]
STEPS = ["--steps", "2", "--lr", "1e-2", "--threads", "1", "--batch-tokens", "90"]
BEGUN = {kind: ["-m", "thin"] for kind in OWN}
BEGUN |= {kind: ["--tokenizer", "my-words", *SMALL] for kind in ("mlm", "causal")}


@pytest.fixture(scope="module")
def thin(tmp_path_factory):
    """A model of two thin layers for texts of 64 tokens."""
    return save_thin(tmp_path_factory.mktemp("thin"), layers=2, hidden=16, heads=2, ffn=32, positions=64)


@pytest.fixture
def folder(roberta, thin, tmp_path):
    write_training_files(tmp_path, TINY)
    (tmp_path / "thin").symlink_to(thin)
    rows = [json.loads(line) for line in (tmp_path / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    rated = [json.dumps(row | {"label": row["score"]}) for row in rows]
    (tmp_path / "rated.jsonl").write_text("\n".join(rated), encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def known():
    """Outcomes of runs without the flag, which many flags share, by the arguments."""
    return {}


@pytest.fixture
def train(roberta, folder, monkeypatch):
    """Runs in an empty output folder, or where `keep` is true in the former one; gives the outcome."""
    recomputed = []
    compute = encoder.checkpoint
    monkeypatch.setattr(encoder, "checkpoint", lambda *args, **kind: recomputed.append(1) or compute(*args, **kind))

    def call(*args, keep=False):
        recomputed.clear()
        for name in () if keep else ("out", "other"):
            shutil.rmtree(folder / name, ignore_errors=True)
        ended = roberta("train", *args)
        assert ended.code != 70, ended  # never by a fault of ours
        return ended.code, _read(ended.out), ended.err, len(recomputed), _left_in(folder)

    return call


def _read(printed):
    """The result line but for the clock; several lines as they are."""
    if printed.count("\n") != 1:
        return printed
    return {name: value for name, value in json.loads(printed).items() if name != "seconds"}


def _left_in(folder):
    """Names and contents, but for what depends on the clock or lists the settings."""
    found = {}
    for path in sorted(path for name in ("out", "other") for path in (folder / name).rglob("*") if path.is_file()):
        name = str(path.relative_to(folder))
        if path.name == "README.md":
            before, _, after = path.read_text(encoding="utf-8").partition("## Training")
            found[name] = before + after[after.index("## Licence") :]
        elif path.name == "log.jsonl":
            lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            found[name] = [{key: value for key, value in line.items() if key != "speed"} for line in lines]
        elif path.suffix != ".html" and path.name not in ("state.json", "tokens.json"):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def plain_run(kind, *beside):
    """The arguments of a run of two steps."""
    how = ["--size", "300"] if kind == "tokenizer" else [*BEGUN[kind], *STEPS]
    return [kind, FILES[kind], *how, *beside]


@pytest.mark.parametrize("kind", app.INNER["train"])
def test_the_table_has_every_flag_and_no_other(kind):
    assert OWN[kind].keys() | SHARED[kind].keys() == flags_of("train", kind)


@pytest.mark.parametrize(
    ("group", "tried"), [("Looping", LOOPING), ("Running", RUNNING), ("Tuning", TUNING), ("Writings", TEXTS)]
)
def test_a_group_that_kinds_share_is_tried_as_a_whole(group, tried):
    hints = typing.get_type_hints(getattr(train_options, group), include_extras=True)
    # Typer takes what stands first in an Option for its default until it makes the command.
    names = [(hint.__metadata__[0].default, *hint.__metadata__[0].param_decls) for hint in hints.values()]
    flags = {max(each, key=len) for each in names}
    assert flags - {"--progress"} == tried.keys() - {"--no-config"}


@pytest.mark.parametrize("kind", OWN)
def test_the_same_run_has_the_same_outcome(train, known, kind):
    given = [*plain_run(kind), *OUT]
    first = known[tuple(given)] = train(*given)
    assert first[0] == 0, first
    assert train(*given, "--force") == first


@pytest.mark.parametrize(("kind", "flag"), [(kind, flag) for kind in OWN for flag in OWN[kind]])
def test_the_flag_makes_a_difference(train, folder, known, monkeypatch, kind, flag):
    beside, value = OWN[kind][flag]
    given = [flag] if value is True else [flag, value]
    plain = [*plain_run(kind, *beside), *OUT]
    if flag == "--epochs":  # which steps are in place of
        plain = [one for one in plain if one not in ("--steps", "2")]
    if flag == "--no-config":
        (folder / "roberta.toml").write_text("quiet = 3", encoding="utf-8")
    if flag == "--quiet":
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    held = flag in ("--force", "--resume")
    if held:
        train(*plain)
    if held or flag in ("--no-config", "--quiet"):
        without = train(*plain, keep=held)
    else:
        without = known.get(tuple(plain)) or train(*plain)
        known[tuple(plain)] = without
    assert train(*plain, *given, keep=held) != without
