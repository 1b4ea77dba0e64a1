"""Imports point down the tiers only; the contracts stand in pyproject.toml."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_ABOVE = ("", "roberta", "roberta/engine", "roberta/training", "roberta_cli")


def test_the_contracts_are_kept():
    # By module, not by the script: the script's folder need not be on PATH.
    call = "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()"
    ran = subprocess.run(
        [sys.executable, "-c", call, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout
    assert "0 broken" in ran.stdout


def test_the_architecture_page_names_only_files_that_exist():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    places = {
        place for place in re.findall(r"`([\w./]+(?:\.py|/))`", page) if "x.py" not in place and "test_x" not in place
    }
    missing = [
        place
        for place in places
        if not any(
            (ROOT / above / place).exists()
            for above in ("", "roberta", "roberta/convert", "roberta/engine", "roberta/training", "roberta_cli")
        )
    ]
    assert len(places) > 20
    assert missing == []
