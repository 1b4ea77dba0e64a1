"""Arguments, files or standard input in; one line for each result out."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

from typer._click.globals import get_current_context  # Typer carries its own Click

from roberta.errors import UsageError
from roberta_cli.options import OutputFormat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from roberta.records import BrokenRecord, Record


def records_from(texts: list[str] | None, files: list[Path] | None) -> Iterator[Record | BrokenRecord]:
    """The records that a command line means: its texts, else its files, else what is piped in.

    Raises UsageError: texts and files together, or neither while nothing is piped in (usage is printed then).
    ReadError: no such file.
    """
    if texts and files:
        raise UsageError("texts and --input do not go together; give one or the other")
    if not (texts or files or _is_piped()):
        print(get_current_context().get_usage(), file=sys.stderr)
        raise UsageError("nothing to read; give a text, a file with --input, or pipe lines in")
    from roberta.records import given_records, read_records

    return given_records(texts, name="argument") if texts else read_records(files or ["-"])


def write_results(results: Iterable[dict], as_text: Callable[[dict], str], form: OutputFormat) -> None:
    """Write each result as it comes: a line of JSON, or what `as_text` makes of it, with a blank line between two."""
    from roberta.records import JsonlWriter, plain

    lines = JsonlWriter(sys.stdout.buffer)
    for number, result in enumerate(results):
        if form is OutputFormat.table:
            print("\n" * (number > 0) + as_text(result), flush=True)
        else:
            lines.write(plain(result))
            lines.flush()


def output_form(asked: OutputFormat | None, texts: list[str] | None) -> OutputFormat:
    """What was asked for; else a table for texts given as arguments on a terminal, and JSON lines everywhere else."""
    if asked is not None:
        return asked
    return OutputFormat.table if texts and sys.stdout.isatty() else OutputFormat.jsonl


def say_which_model(model: str | None, quiet: bool) -> None:
    """Nobody shall take the built-in model's answers for those of a real one."""
    if model is None and not quiet:
        print("note: the small built-in model answers; name a checkpoint with --model for real work", file=sys.stderr)


def _is_piped() -> bool:
    """Whether standard input is a pipe, a file or a socket: not a terminal, not /dev/null, not closed."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, OSError, ValueError):  # no stdin at all, closed, or one without a file beneath
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)
