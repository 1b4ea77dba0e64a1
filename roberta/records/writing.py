"""Results as lines: jsonl, csv and tsv, into a file that is whole or absent."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from roberta.errors import InputError, ResourceError, UsageError
from roberta.files import whole_or_absent
from roberta.records.numbers import plain

STDOUT = "-"
# Line ends to some readers, though not to JSON; written as escapes they are the same text to every reader.
_LINE_ENDS = str.maketrans({"\u0085": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"})


class Writer(Protocol):
    """Takes results in order, each a dict of plain values; a result is one write of whole lines."""

    def write(self, result: dict[str, Any]) -> None: ...

    def flush(self) -> None: ...

    def finish(self) -> None: ...


class LineWriter:
    """What writers share.

    Raises ResourceError where the output cannot be written; BrokenPipeError as it is, the reader has gone.
    """

    def __init__(self, stream: BinaryIO):
        self._stream = stream

    def flush(self) -> None:
        _flush(self._stream)

    def finish(self) -> None:
        """Write what only the end can have; called once, after the last result."""

    def _send(self, lines: str) -> None:
        try:
            self._send_bytes(lines.encode())
        except UnicodeEncodeError as error:
            half = ord(lines[error.start])
            raise InputError(f"a result holds half of a character, U+{half:04X}", code="lone_surrogate") from None

    def _send_bytes(self, lines: bytes) -> None:
        try:
            self._stream.write(lines)
        except OSError as error:
            raise _unwritable(error) from None


class JsonlWriter(LineWriter):
    """One compact JSON object a line, keys in the order given, Unicode as it is, no NaN (null instead)."""

    def write(self, result: dict[str, Any]) -> None:
        self._send(json_line(result) + "\n")

    def write_lines(self, lines: bytes) -> None:
        """Whole lines that `json_line` has made."""
        self._send_bytes(lines)


def json_line(result: Any) -> str:
    """The line that `JsonlWriter` writes, without its end.

    >>> json_line({"id": 1, "text": "Zoë", "score": 0.5})
    '{"id":1,"text":"Zoë","score":0.5}'
    """
    try:
        line = _ENCODER.encode(result)
    except ValueError:
        line = _ENCODER.encode(_finite(result))
    return line if line.isascii() else line.translate(_LINE_ENDS)


def _array_or_error(value: Any) -> Any:
    if not hasattr(value, "tolist"):
        raise TypeError(f"a result holds a {type(value).__name__}, which JSON has no form for")
    return plain(value)


_ENCODER = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"), default=_array_or_error
)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


class _TableWriter(LineWriter):
    """A header, then one row a result; lists and objects spread over columns such as labels.0.label.

    columns: the header, if it is known beforehand; else the first result makes it. A column that a result lacks is an
    empty cell.

    Raises UsageError from `write`: a result with a column that the header lacks; it could only be dropped.
    """

    delimiter: str

    def __init__(self, stream: BinaryIO, columns: Iterable[str] | None = None):
        super().__init__(stream)
        self._columns = None if columns is None else list(columns)
        self._known = set(self._columns or ())
        self._needs_quotes = re.compile(f'[{self.delimiter}"\r\n]')
        self._header_due = True

    def write(self, result: dict[str, Any]) -> None:
        cells = dict(flatten(result))
        if self._columns is None:
            self._columns = list(cells)
            self._known = set(cells)
        new = next((name for name in cells if name not in self._known), None)
        if new is not None:
            raise UsageError(
                f'a result has the column "{new}", which the header lacks; a table needs the same columns in every row:'
                " use --output-format jsonl"
            )
        row = self._row(_cell(cells.get(name)) for name in self._columns)
        if self._header_due:
            row = self._row(self._columns) + row
            self._header_due = False
        self._send(row)

    def _row(self, cells: Iterable[str]) -> str:
        line = self.delimiter.join(
            '"' + cell.replace('"', '""') + '"' if self._needs_quotes.search(cell) else cell for cell in cells
        )
        return (line or '""') + "\n"  # one empty cell alone would read as a blank line


class CsvWriter(_TableWriter):
    __doc__ = _TableWriter.__doc__
    delimiter = ","


class TsvWriter(_TableWriter):
    __doc__ = _TableWriter.__doc__
    delimiter = "\t"


def flatten(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Columns and values of a result.

    >>> dict(flatten({"id": 1, "labels": [{"label": "positive", "score": 0.5}]}))
    {'id': 1, 'labels.0.label': 'positive', 'labels.0.score': 0.5}
    """
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list | tuple):
        inner = enumerate(value)
    else:
        yield name, value
        return
    for key, item in inner:
        yield from flatten(item, f"{name}.{key}" if name else str(key))


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json_line(value)


@contextlib.contextmanager
def open_output(path: str | Path = STDOUT, *, force: bool = False) -> Iterator[BinaryIO]:
    """A stream of bytes for results: "-" is standard output; a pipe or device is written as it is.

    A file is written beside its name and takes it when the block ends without an error, so that it is whole or absent
    and may be an input of the same run.

    Raises UsageError: the file is there and `force` was not given, or it cannot be written.
    """
    if str(path) == STDOUT:
        yield sys.stdout.buffer
        _flush(sys.stdout.buffer)
        return
    path = Path(path)
    if path.is_dir():
        raise UsageError(f"{path}: a folder; name a file in it")
    with contextlib.ExitStack() as stack:
        try:
            if path.exists() and not path.is_file():
                target = path
            elif path.exists() and not force:
                raise UsageError(f"{path}: is there already; name another file, or use --force to replace it")
            else:
                target = stack.enter_context(whole_or_absent(path))
            stream = target.open("wb")
        except OSError as error:
            raise UsageError(f"{path}: cannot be written ({error.strerror})") from None
        try:
            yield stream
        except BaseException:
            with contextlib.suppress(OSError):  # what is still in its buffer is not wanted any more
                stream.close()
            raise
        try:
            stream.close()
        except OSError as error:
            raise _unwritable(error) from None


def _flush(stream: BinaryIO) -> None:
    try:
        stream.flush()
    except OSError as error:
        raise _unwritable(error) from None


def _unwritable(error: OSError) -> Exception:
    if isinstance(error, BrokenPipeError):
        return error
    return ResourceError(f"the output cannot be written ({error.strerror})")
