"""Running `roberta` in this process, with a pipe or nothing on standard input."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from roberta_cli import app


@dataclass
class Ended:
    """How a command line ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def roberta(capsys, monkeypatch, tmp_path) -> Callable[..., Ended]:
    """Calls `roberta(*args, stdin=None)` in an empty folder; stdin is what is piped in, None for nothing at all."""
    monkeypatch.delenv("ROBERTA_MODEL", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)

    def call(*args: str, stdin: bytes | None = None) -> Ended:
        path = tmp_path / "piped"
        if stdin is not None:
            path.write_bytes(stdin)
        with Path(os.devnull if stdin is None else path).open(encoding="utf-8") as piped:
            monkeypatch.setattr(sys, "stdin", piped)
            code = app.run(args)
        return Ended(code, *capsys.readouterr())

    return call
