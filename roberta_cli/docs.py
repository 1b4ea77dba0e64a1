"""Writes man/ and completions/ of this checkout, or says which of their files are stale.

python -m roberta_cli.docs [--check]
"""

from __future__ import annotations

import sys
from pathlib import Path

from roberta_cli.manual import file_name, man_page
from roberta_cli.shells import SHELLS
from roberta_cli.tree import pages

ROOT = Path(__file__).parents[1]
_FOLDERS = ("man", "completions")  # every file in them is made here
_COMPLETIONS = {"bash": "bash/roberta", "zsh": "zsh/_roberta", "fish": "fish/roberta.fish"}  # as the shells look for it


def generated() -> dict[str, str]:
    """The files, by their paths in the checkout.

    >>> generated()["man/roberta.1"].splitlines()[0].split()[:2]
    ['.TH', 'ROBERTA']
    """
    made = list(pages())
    manuals = {f"man/{file_name(page)}": man_page(page) for page in made}
    return manuals | {f"completions/{path}": SHELLS[shell](made) for shell, path in _COMPLETIONS.items()}


def stale(root: Path) -> list[str]:
    """The paths of files that lack, differ, or belong to a command that is gone."""
    wanted = generated()
    there = {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for folder in _FOLDERS
        for path in root.glob(f"{folder}/**/*")
        if path.is_file()
    }
    return sorted(path for path in wanted.keys() | there.keys() if wanted.get(path) != there.get(path))


def write(root: Path) -> None:
    """Make the folders equal `generated`."""
    wanted = generated()
    for path in stale(root):
        if path not in wanted:
            (root / path).unlink()
            continue
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(wanted[path], encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] != ["--check"]:
        write(ROOT)
    elif found := stale(ROOT):
        sys.exit(f"stale: {', '.join(found)}; run: python -m roberta_cli.docs")
