"""docs/screenshots/*.svg: what commands show on a terminal. python scripts/screenshots.py

Runs the real commands on the built-in model. That has no head for questions, so for `qa` it is trained on made-up ones
first, which takes half a minute. A picture is the same whenever the answers are.
"""

from __future__ import annotations

import io
import json
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

from roberta.builtin import MINI
from roberta_cli.endings import ExitCode

sys.path.insert(0, str(Path(__file__).parent))
from birth_questions import births

FOLDER = Path(__file__).parents[1] / "docs" / "screenshots"
WIDTH = 76  # columns
_SENTENCES = (
    "The harbour was quiet in the morning.",
    "She wrote a letter to her friend.",
    "The king marched against the city.",
    "They played music all night.",
    "A storm came up over the sea.",
)
QA_MODEL = "my-qa-model"
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


def pictures() -> Iterator[tuple[str, str]]:
    """Each command's name and its picture."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Each row is named by its sentence, so that a neighbour can be read.
        rows = "id,text\n" + "".join(f'"{sentence}","{sentence}"\n' for sentence in _SENTENCES)
        (folder / "sentences.csv").write_text(rows, encoding="utf-8")
        make(folder, "embed", "-i", "sentences.csv", "-o", "sentences.npy")
        (folder / "births.json").write_text(json.dumps(births(3000)), encoding="utf-8")
        sizes = ("--window", "64", "--overlap", "16", "--batch-tokens", "2048", "--lr", "1e-3", "--steps", "90")
        make(folder, "train", "qa", "births.json", "-m", str(MINI), "-o", QA_MODEL, *sizes)
        for command, line in COMMANDS.items():
            yield command, picture(command, line, shown(line, folder))


def make(folder: Path, *args: str) -> None:
    """Run a command whose output is a file."""
    subprocess.run([sys.executable, "-m", "roberta_cli", *args, "-q"], cwd=folder, check=True)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for stale in FOLDER.glob("*.svg"):
        if stale.stem not in COMMANDS:
            stale.unlink()
    for name, made in pictures():
        (FOLDER / f"{name}.svg").write_text(made, encoding="utf-8")
        print(f"{name}: {FOLDER / f'{name}.svg'}")


if __name__ == "__main__":
    main()
