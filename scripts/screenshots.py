"""docs/screenshots/*.svg: what commands show on a terminal. python scripts/screenshots.py [--qa MODEL]

Runs the real commands on the built-in model. Questions it does not answer: --qa names a folder that does, and without
it the picture that is there stays. A picture is the same whenever the answers are.
"""

from __future__ import annotations

import argparse
import io
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from roberta_cli.endings import ExitCode

FOLDER = Path(__file__).parents[1] / "docs" / "screenshots"
WIDTH = 76  # columns
_SENTENCES = (
    "The harbour was quiet in the morning.",
    "She wrote a letter to her friend.",
    "The king marched against the city.",
    "They played music all night.",
    "A storm came up over the sea.",
)
QA_MODEL = "my-qa-model"  # what the picture calls it
_QUESTION = (
    f'roberta qa -m {QA_MODEL} --context-text "Ada Lovelace was born in London in 1815." "Where was Ada Lovelace born?"'
)
COMMANDS = {
    "fill-mask": 'roberta fill-mask "The capital of France is <mask>."',
    "classify": 'roberta classify --top all "A warm and funny film."',
    "ner": 'roberta ner "Ada Lovelace was born in London and worked with Charles Babbage."',
    "qa": _QUESTION,
    "choose": 'roberta choose --top all --context "He was hungry, so" --choice "he ate." --choice "he rained."',
    "generate": 'roberta generate --max-new 6 "The king of France was"',
    "embed": 'roberta embed --nearest sentences.npy --top 3 "Waves broke on the shore."',
    "tokenize": 'roberta tokenize "Zoë\'s unbelievable café 🎉"',
}


def shown(line: str, folder: Path) -> str:
    """What a terminal of WIDTH columns sees of a command."""
    args = [*shlex.split(line)[1:], "--quiet", "--output-format", "table", "--color", "always", "--no-config"]
    environment = {"COLUMNS": str(WIDTH), "TERM": "xterm", "HF_HUB_OFFLINE": "1", "PYTHONPATH": ":".join(sys.path)}
    ran = subprocess.run(
        [sys.executable, "-m", "roberta_cli", *args],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if ran.returncode != ExitCode.ANSWERED:
        raise SystemExit(f"{line}: {ran.stderr}")
    return ran.stdout


def picture(name: str, line: str, output: str) -> str:
    """The SVG of a terminal with a command line and what came of it."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), color_system="standard", force_terminal=True)
    console.print(Text.assemble(("$ ", "green"), (line, "bold")))
    console.print(Text.from_ansi(output))
    # Nothing is fetched from elsewhere to look at a picture: the viewer's own font does.
    form = re.sub(r"@font-face \{\{.*?\}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    form = form.replace("Fira Code, monospace", "monospace")
    return console.export_svg(title=f"roberta {name}", code_format=form, unique_id=name)


def pictures(qa: Path | None) -> Iterator[tuple[str, str]]:
    """Each command's name and its picture. qa: the model for that command, which is left out without one."""
    with tempfile.TemporaryDirectory() as folder:
        # Each row is named by its sentence, so that a neighbour can be read.
        rows = "id,text\n" + "".join(f'"{sentence}","{sentence}"\n' for sentence in _SENTENCES)
        (Path(folder) / "sentences.csv").write_text(rows, encoding="utf-8")
        make = [sys.executable, "-m", "roberta_cli", "embed", "-q", "-i", "sentences.csv", "-o", "sentences.npy"]
        subprocess.run(make, cwd=folder, check=True)
        if qa:
            (Path(folder) / QA_MODEL).symlink_to(qa.resolve())
        for name, line in COMMANDS.items():
            if name != "qa" or qa:
                yield name, picture(name, line, shown(line, Path(folder)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--qa", type=Path, metavar="MODEL", help="a model that answers questions")
    qa = parser.parse_args().qa
    FOLDER.mkdir(parents=True, exist_ok=True)
    for stale in FOLDER.glob("*.svg"):
        if stale.stem not in COMMANDS:
            stale.unlink()
    for name, made in pictures(qa):
        (FOLDER / f"{name}.svg").write_text(made, encoding="utf-8")
        print(f"{name}: {FOLDER / f'{name}.svg'}")


if __name__ == "__main__":
    main()
