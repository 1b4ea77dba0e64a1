"""man/ and completions/ are those of the commands as they are."""

import re
from pathlib import Path

from roberta_cli import docs
from roberta_cli.endings import ExitCode

ROOT = Path(__file__).parents[2]


def test_the_committed_files_equal_a_fresh_generation():
    assert docs.stale(ROOT) == [], "run: python -m roberta_cli.docs"


def test_a_changed_a_missing_and_a_left_over_file_are_found_and_mended(tmp_path):
    docs.write(tmp_path)
    assert docs.stale(tmp_path) == []
    (tmp_path / "man" / "roberta.1").write_text("", encoding="utf-8")
    (tmp_path / "man" / "roberta-qa.1").unlink()
    (tmp_path / "man" / "roberta-no-more.1").write_text("", encoding="utf-8")
    assert docs.stale(tmp_path) == ["man/roberta-no-more.1", "man/roberta-qa.1", "man/roberta.1"]
    docs.write(tmp_path)
    assert docs.stale(tmp_path) == []


def test_the_readme_gives_the_exit_codes_their_meanings():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([\d, ]+) \| (.*) \|$", readme, flags=re.MULTILINE)
    told = dict(rows)
    *single, interrupted, pipe, terminated = ExitCode
    last = [code.meaning for code in (interrupted, pipe, terminated)]
    assert told == {str(code.value): code.meaning for code in single} | {"130, 141, 143": ", ".join(last)}
