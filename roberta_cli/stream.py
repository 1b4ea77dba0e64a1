"""Arguments, files or standard input in; one line for each result out."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from typer._click.globals import get_current_context  # Typer carries its own Click

from roberta.errors import UsageError
from roberta_cli.groups import Reading, Writing
from roberta_cli.options import OutputFormat

if TYPE_CHECKING:
    from roberta.records import Block, BrokenRecord, Record

_NOTES = ("windows", "truncated")  # keys of results on long texts only
_ERROR = ("error.code", "error.message", "error.where")
_VECTORS = (OutputFormat.npy, OutputFormat.npz)


def records_from(texts: list[str] | None, reading: Reading) -> Iterator[Record | BrokenRecord]:
    """The records that a command line means: its texts, else its files, else what is piped in.

    Raises UsageError: texts and files together, or neither while nothing is piped in (usage is printed then).
    ReadError: no such file.
    """
    if texts and reading.input:
        raise UsageError("texts and --input do not go together; give one or the other")
    if reading.doc and reading.input_format not in (None, "doc"):
        raise UsageError(f"--doc and --input-format {reading.input_format} do not go together; give one or the other")
    if not (texts or reading.input or _is_piped()):
        print(get_current_context().get_usage(), file=sys.stderr)
        raise UsageError("nothing to read; give a text, a file with --input, or pipe lines in")
    from roberta.records import given_records, read_records

    if texts:
        return given_records(texts[: reading.limit], name="argument")
    return read_records(**_inputs(reading), limit=reading.limit)


def blocks_from(reading: Reading) -> Iterator[Block | list[Record | BrokenRecord]]:
    """The same records of files or of what is piped in, many at a time."""
    from roberta.records import read_blocks

    return read_blocks(**_inputs(reading))


def _inputs(reading: Reading) -> dict[str, Any]:
    from roberta.records import STDIN

    return {
        "inputs": reading.input or [STDIN],
        "format": "doc" if reading.doc else reading.input_format,
        "encoding": reading.encoding,
        "header": not reading.no_header,
    }


def size_of(texts: list[str] | None, reading: Reading) -> int | None:
    """How many records there are, where that is known beforehand."""
    if texts:
        return len(texts[: reading.limit])
    return reading.limit


def output_form(writing: Writing, texts: list[str] | None) -> OutputFormat:
    """What was asked for; else what the output's suffix says, a table for texts given as arguments on a terminal, and
    JSON lines everywhere else."""
    if writing.output_format is not None:
        return writing.output_format
    suffix = writing.output.suffix[1:] if writing.output else ""
    if suffix in set(OutputFormat):
        return OutputFormat(suffix)
    is_one_liner = texts and not writing.output and sys.stdout.isatty()
    return OutputFormat.table if is_one_liner else OutputFormat.jsonl


class ResultWriter(Protocol):
    """Takes results in order."""

    def write(self, result: dict[str, Any]) -> None: ...

    def flush(self) -> None: ...


class _Tables:
    """Results for people, with a blank line between two."""

    def __init__(self, stream, as_text: Callable[[dict], str]):
        self._stream, self._as_text, self._begun = stream, as_text, False

    def write(self, result: dict[str, Any]) -> None:
        self._stream.write(f"{chr(10) if self._begun else ''}{self._as_text(result)}\n".encode())
        self._begun = True

    def flush(self) -> None:
        self._stream.flush()


class _Rows:
    """Results as rows of a table, whose header is that of the first answered record and of what may still come."""

    def __init__(self, make: Callable[..., ResultWriter], stream: BinaryIO, records_errors: bool):
        self._make, self._stream = make, stream
        self._later = [*_NOTES, *(_ERROR if records_errors else ())]
        self._writer: ResultWriter | None = None
        self._waiting: list[dict[str, Any]] = []  # failed records before the first answered one

    def write(self, result: dict[str, Any]) -> None:
        if self._writer is None and "error" in result:
            self._waiting.append(result)
            return
        if self._writer is None:
            self._begin(result)
        self._writer.write(result)

    def _begin(self, first: dict[str, Any]) -> None:
        from roberta.records.writing import flatten

        columns = [name for name, _ in flatten(first)]
        self._writer = self._make(self._stream, [*columns, *(name for name in self._later if name not in columns)])
        for result in self._waiting:
            self._writer.write(result)

    def flush(self) -> None:
        if self._writer is not None:
            self._writer.flush()

    def finish(self) -> None:
        """Where nothing was answered, the errors make the table."""
        if self._writer is None and self._waiting:
            self._begin(self._waiting[0])


@contextlib.contextmanager
def open_writer(
    writing: Writing,
    form: OutputFormat,
    as_text: Callable[[dict], str],
    target: AbstractContextManager[BinaryIO] | None = None,
) -> Iterator[ResultWriter]:
    """Where results go, in the form that was chosen. A file is whole when the block ends well, or not there.

    target: takes the place of the output that is named.

    Raises UsageError: a file that is there already, or a form that needs a file.
    """
    if form in _VECTORS:
        if writing.output is None:
            raise UsageError(f"{form} is written to a file; name it with --output vectors.{form}")
        from roberta.vectors.npy_file import open_npy

        with open_npy(Path(writing.output), force=writing.force) as writer:
            yield writer
        return
    from roberta.records import FORMATS, STDOUT, SquadWriter, open_output

    with target or open_output(writing.output or STDOUT, force=writing.force) as stream:
        if form is OutputFormat.table:
            yield _Tables(stream, as_text)
        elif form in (OutputFormat.csv, OutputFormat.tsv):
            rows = _Rows(FORMATS[form].write, stream, records_errors=writing.on_error == "record")
            yield rows
            rows.finish()
        else:
            writer = SquadWriter(stream) if form is OutputFormat.squad else FORMATS[form].write(stream)
            yield writer
            writer.finish()


def numbers_in(writing: Writing, form: OutputFormat) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """What makes an answer's numbers plain and rounds them; vectors for a file of vectors stay as they are."""
    if form in _VECTORS:
        return lambda result: result
    from roberta.records import plain

    return lambda result: plain(result, writing.digits)


def _is_piped() -> bool:
    """Whether standard input is a pipe, a file or a socket: not a terminal, not /dev/null, not closed."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, OSError, ValueError):  # no stdin at all, closed, or one without a file beneath
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def words_of(given: str | None) -> list[str] | None:
    """What --targets and --labels mean: words between commas, or the lines of @FILE that are not empty.

    >>> words_of("cat, dog")
    ['cat', 'dog']

    Raises UsageError: no words, or a file that cannot be read.
    """
    if given is None:
        return None
    if given.startswith("@"):
        try:
            lines = Path(given[1:]).read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{given[1:]}: cannot be read ({error}); give a UTF-8 file with one word a line") from None
        words = [line.removesuffix("\r") for line in lines]
    else:
        words = [word.strip() for word in given.split(",")]
    words = [word for word in words if word.strip()]
    if not words:
        raise UsageError(f"no words in {given!r}; give some, as in cat,dog, or @FILE with one a line")
    return words
