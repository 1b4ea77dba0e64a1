"""The pictures of docs/screenshots/ stand where the README says, and fetch nothing."""

import re
from pathlib import Path

from scripts import screenshots

ROOT = Path(__file__).parents[2]


def test_the_readme_shows_pictures_that_are_there():
    named = re.findall(r"\]\((docs/screenshots/[^)]+\.svg)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(named) >= 7
    assert all((ROOT / path).is_file() for path in named)


def test_there_is_a_picture_of_each_command_and_none_of_another():
    assert {path.stem for path in screenshots.FOLDER.glob("*.svg")} == screenshots.COMMANDS.keys()


def test_a_picture_fetches_nothing_and_is_the_same_again():
    lines = ["roberta tokenize x", "\x1b[36m████\x1b[0m  <mask> & more\n"]
    picture = screenshots.picture("tokenize", *lines)
    assert picture == screenshots.picture("tokenize", *lines)
    assert "@font-face" not in picture and "url(http" not in picture
    assert "████" in picture and "&lt;mask&gt;" in picture
