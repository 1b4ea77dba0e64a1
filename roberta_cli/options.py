"""Every flag, once: its names, its help and its limits. A command takes the flags it needs as parameters."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from roberta.version import __version__

DEBUG = "debug"  # what --debug leaves in the context's object, for the way out


class OutputFormat(StrEnum):
    """How results are written."""

    jsonl = "jsonl"
    table = "table"


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"roberta {__version__}")
        raise typer.Exit


def _remember_debug(context: typer.Context, wanted: bool) -> bool:
    if wanted and context.obj is not None:
        context.obj.add(DEBUG)
    return wanted


# Before the name of a command
Version = Annotated[
    bool, Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
]

# Input
Texts = Annotated[list[str] | None, Argument(metavar="TEXT", help="Texts to answer, one record each.")]
Input = Annotated[
    list[Path] | None,
    Option(
        "--input", "-i", metavar="FILE", help="Read records from a file, - for standard input; may be given repeatedly."
    ),
]

# Model
Model = Annotated[
    str | None,
    Option(
        "--model",
        "-m",
        metavar="NAME|DIR",
        envvar="ROBERTA_MODEL",
        help="A checkpoint folder or a hub id; without it, the small built-in model.",
    ),
]
Revision = Annotated[
    str | None, Option("--revision", metavar="NAME", help="Branch, tag or commit of a model on the hub.")
]
Device = Annotated[
    str, Option("--device", metavar="auto|cpu|cuda[:N]", help="Where the model runs; auto is a GPU if there is one.")
]
Threads = Annotated[int | None, Option("--threads", min=1, help="CPU threads; without it, all cores.")]

# Answers
Top = Annotated[int, Option("--top", "-k", min=1, help="Answers to print for each question.")]

# Output
Format = Annotated[
    OutputFormat | None,
    Option(
        "--output-format", help="How to write results: jsonl, or a table, which a text given here gets on a terminal."
    ),
]
Quiet = Annotated[bool, Option("--quiet", "-q", help="Nothing on stderr but errors.")]
Debug = Annotated[
    bool, Option("--debug", callback=_remember_debug, is_eager=True, help="Show the traceback of an error.")
]
