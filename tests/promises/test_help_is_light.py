"""Help, version and wrong use are there at once, they load nothing heavy; and what is answered loads what it needs."""

import json
import subprocess
import sys

import pytest

HEAVY = ("torch", "numpy", "transformers", "huggingface_hub", "safetensors", "pydantic", "ray", "pyarrow")

PROBE = """
import json, sys
from roberta_cli import app
code = app.run(sys.argv[1:])
print(json.dumps([int(code), sorted(sys.modules)]), file=sys.stderr)
"""


def modules_after(*args: str) -> tuple[int, set[str]]:
    ran = subprocess.run(
        [sys.executable, "-c", PROBE, *args], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL
    )
    code, modules = json.loads(ran.stderr.splitlines()[-1])
    return code, set(modules)


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["fill-mask", "--help"], 0),
        (["tokenize", "--help"], 0),
        (["fill-mask", "--schema"], 0),
        (["man", "fill-mask"], 0),
        (["completions", "bash"], 0),
        (["doctor", "--config"], 0),
        (["fill-mask", "x", "--topp", "3"], 2),
        (["fill-mask"], 2),
    ],
)
def test_what_needs_no_model_loads_none(args, code):
    ended, modules = modules_after(*args)
    assert ended == code
    assert modules.isdisjoint(HEAVY), modules.intersection(HEAVY)


def test_the_list_of_commands_makes_no_flags():
    _, modules = modules_after("--version")
    assert not any(name.startswith("roberta_cli.commands.") for name in modules)


def test_tokenize_loads_neither_torch_nor_numpy():
    code, modules = modules_after("tokenize", "-q", "Hello world")
    assert code == 0
    needless = {*HEAVY, "rich", "regex", "hashlib", "roberta.model"}
    assert modules.isdisjoint(needless), modules.intersection(needless)


@pytest.mark.parametrize("args", [["fill-mask", "A <mask> barks."], ["embed", "A dog barks."], ["generate", "A dog"]])
def test_a_few_texts_are_answered_without_torch(args):
    code, modules = modules_after(*args, "-q", "--device", "cpu")
    assert code == 0
    needless = {"torch", "transformers", "pydantic", "rich", "huggingface_hub", "safetensors"}
    assert modules.isdisjoint(needless), modules.intersection(needless)


def test_importing_the_library_loads_neither_torch_nor_numpy():
    ran = subprocess.run(
        [sys.executable, "-c", "import json, sys, roberta; print(json.dumps(sorted(sys.modules)))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(json.loads(ran.stdout)).isdisjoint(HEAVY)
