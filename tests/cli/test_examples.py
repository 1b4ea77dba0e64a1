"""Every example that the README and the help give runs as written, offline, on the built-in model."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from roberta_cli import app, tree

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def readme_lines() -> list[str]:
    """What runs after the installation; the installation and the tests themselves are what .ci/run runs."""
    commands = [part for block in blocks("sh") for line in block.splitlines() for part in line.split(" && ")]
    return [command for command in commands if not command.startswith(("pip ", "pytest"))]


def help_lines() -> list[str]:
    return [line for page in tree.pages() for line in page.examples]


def test_the_examples_are_found():
    assert len(readme_lines()) >= 3
    few = [page.names for page in tree.pages() if page.names in app.LEAVES and len(page.examples) < 3]
    assert not few, "three examples for each command"


@pytest.mark.parametrize("line", dict.fromkeys(readme_lines() + help_lines()))
def test_an_example_answers(roberta, surroundings, tmp_path, line):
    if "-o sentences.npy" in line:
        (tmp_path / "sentences.npy").unlink()
        (tmp_path / "sentences.ids.jsonl").unlink()
    for made in ("my-words", "my-model"):  # other examples use what this one makes
        if f"-o {made}" in line:
            (tmp_path / made).unlink()
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
    assert capsys.readouterr().out == " Paris\n"


def test_the_checks_install_and_test_as_the_readme_says():
    steps = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    install, run_tests = next(line for line in README.splitlines() if line.endswith("&& pytest")).split(" && ")
    assert install in steps
    assert run_tests in steps
