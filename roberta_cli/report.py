"""One result that is about a model and not about a record: printed as a line of JSON, a row, or a table for people."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from typing import Any

from roberta_cli.report_options import Form


def show(result: dict[str, Any], form: Form | None, as_text: Callable[[dict], str]) -> None:
    """Print a result in the form that was asked for; else a table on a terminal, and a line of JSON elsewhere."""
    form = form or (Form.table if sys.stdout.isatty() else Form.jsonl)
    if form is Form.jsonl:
        print(json.dumps(result, ensure_ascii=False))
    elif form is Form.table:
        print(as_text(result))
    else:
        from roberta.records import FORMATS
        from roberta.records.writing import flatten

        writer = FORMATS[form].write(sys.stdout.buffer, [name for name, _ in flatten(result)])
        writer.write(result)
        writer.flush()


def word_warnings(quiet: bool) -> None:
    """From now on a library's warning is one line without the place in the code; none with --quiet."""
    warnings.simplefilter("ignore" if quiet else "default")
    warnings.showwarning = lambda message, *where: print(f"note: {message}", file=sys.stderr)


def columns(rows: list[list[str]], numbers: frozenset[int] = frozenset()) -> str:
    """Rows as lines with their cells below each other; numbers: the columns that stand to the right.

    >>> print(columns([["words", "60"], ["layers", "2"]], numbers={1}))
    words   60
    layers   2
    """
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = (
        "  ".join(
            cell.rjust(width) if place in numbers else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths))
        )
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)
