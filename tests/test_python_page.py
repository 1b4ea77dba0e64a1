"""docs/python.md is true: its examples run one after the other and print what stands below them."""

import contextlib
import io
import re
from pathlib import Path

import roberta

PAGE = (Path(__file__).parents[1] / "docs" / "python.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```\n```text\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_every_example_prints_what_stands_below_it(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    names = {"__name__": "page"}
    for code, printed in EXAMPLES:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile(code, "docs/python.md", "exec"), names)
        assert out.getvalue() == printed, code


def test_the_page_names_all_that_is_public():
    assert [name for name in roberta.__all__ if name not in PAGE] == []


def test_every_python_block_has_its_output():
    assert PAGE.count("```python\n") == len(EXAMPLES)
