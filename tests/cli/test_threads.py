"""--threads reaches what multiplies: OpenBLAS below NumPy, torch's own."""

import json
import os
import subprocess
import sys

import pytest

PROBE = """
import json, os, sys
from roberta_cli import app
code = app.run(sys.argv[1:])
torch = sys.modules.get("torch")
said = [int(code), os.environ.get("OPENBLAS_NUM_THREADS"), torch and torch.get_num_threads()]
print(json.dumps(said), file=sys.stderr)
"""


def threads(*args: str, **environment: str) -> tuple[str | None, int | None]:
    """What OpenBLAS was told, and what torch uses if it was loaded."""
    surroundings = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    ran = subprocess.run(
        [sys.executable, "-c", PROBE, "embed", "-q", "--device", "cpu", *args],
        capture_output=True,
        text=True,
        check=True,
        env=surroundings | environment,
    )
    code, blas, torch = json.loads(ran.stderr.splitlines()[-1])
    assert code == 0, ran.stderr
    return blas, torch


def test_the_flag_reaches_the_backend_that_answers():
    assert threads("A dog.", "--threads", "3") == ("3", None)
    assert threads("A dog.", "--threads", "3", "--backend", "torch") == ("3", 3)


@pytest.mark.parametrize(
    ("text", "environment", "told"),
    [("A dog.", {}, "1"), ("A dog." * 100, {}, None), ("A dog.", {"OPENBLAS_NUM_THREADS": "2"}, "2")],
)
def test_a_short_text_gets_one_thread_unless_the_environment_says_otherwise(text, environment, told):
    assert threads(text, **environment)[0] == told
