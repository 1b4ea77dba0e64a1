"""From files, folders, patterns, standard input or given texts to one numbered stream of records."""

from __future__ import annotations

import codecs
import contextlib
import glob
import io
import itertools
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from roberta.errors import InputError, ReadError
from roberta.records.decompress import open_bytes
from roberta.records.formats import FORMATS, Format, find_format, format_by_content, format_by_name
from roberta.records.input_file import InputFile, text_codec
from roberta.records.record import MAIN_FIELD, BrokenRecord, Record, json_type
from roberta.spelling import near_path

STDIN = "-"


def read_records(
    inputs: Iterable[str | os.PathLike],
    *,
    format: str | None = None,
    encoding: str = "utf-8",
    header: bool = True,
    limit: int | None = None,
    stdin: BinaryIO | None = None,
) -> Iterator[Record | BrokenRecord]:
    """The records of several files, in order, as their lines arrive; index counts through all of them.

    inputs: files, folders (their files, sorted by path, hidden ones left out; without `format` only those whose suffix
    is known), patterns such as "part-*.jsonl.gz", and "-" for standard input. format: a name of FORMATS; by default
    the suffix tells, or the first line. header: whether a table's first row names its columns. limit: stop after that
    many records, broken ones counted, without waiting for the next line.

    Raises at once: UsageError (an unknown format or encoding), ReadError (no such file). While reading: ReadError (a
    file or stream that cannot be opened or breaks off, after everything before it).

    >>> [record.text for record in read_records(["reviews.jsonl"])]  # doctest: +SKIP
    ['Good.', 'Too long.']
    """
    row = find_format(format) if format else None
    text_codec(encoding)
    paths = input_files(inputs, any_suffix=bool(row))

    def numbered() -> Iterator[Record | BrokenRecord]:
        index = 0
        for path in paths:
            with _opened(path, encoding, header, stdin) as file:
                for record in _numbered(row or _format_of(path, file), file, index):
                    yield record
                    index += 1
                    if index == limit:
                        return

    return numbered() if limit != 0 else iter(())


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines of a file in which a line is a record, still to be read.

    index: of the first record. first_line: its number in the file. form: a row of FORMATS.
    """

    index: int
    name: str
    first_line: int
    form: str
    data: bytes

    def records(self) -> Iterator[Record | BrokenRecord]:
        """As `read_records` gives them."""
        file = InputFile(self.name, io.BytesIO(self.data), first_line=self.first_line)
        return _numbered(FORMATS[self.form], file, self.index)


def read_blocks(
    inputs: Iterable[str | os.PathLike],
    *,
    format: str | None = None,
    encoding: str = "utf-8",
    header: bool = True,
    stdin: BinaryIO | None = None,
) -> Iterator[Block | list[Record | BrokenRecord]]:
    """The records of `read_records`, many at a time: unread lines where the form allows it, so that reading them can be
    left to another process, else lists of records. Arguments and errors are those of `read_records`."""
    row = find_format(format) if format else None
    codec = text_codec(encoding)
    paths = input_files(inputs, any_suffix=bool(row))

    def blocks() -> Iterator[Block | list[Record | BrokenRecord]]:
        index = 0
        for path in paths:
            with _opened(path, encoding, header, stdin) as file:
                found = row or _format_of(path, file)
                form = next((name for name in _LINES if FORMATS[name] is found), None)
                if form is None or codec != "utf-8":
                    records = _numbered(found, file, index)
                    while some := list(itertools.islice(records, _RECORDS)):
                        yield some
                        index += len(some)
                    continue
                line = 1
                for data in file.blocks(_BYTES):
                    yield Block(index, file.name, line, form, data)
                    line += data.count(b"\n")
                    index += _LINES[form](data)

    return blocks()


def _count_lines(data: bytes) -> int:
    return data.count(b"\n") + (not data.endswith(b"\n"))


def _count_objects(data: bytes) -> int:
    """Lines that `read_jsonl` takes for records: those that are not blank."""
    lines = data.split(b"\n")
    return len(lines) - sum(not line.removeprefix(codecs.BOM_UTF8).strip(b" \t\r") for line in lines)


_LINES = {"txt": _count_lines, "jsonl": _count_objects}  # forms in which a line is a record; records of whole lines
_BYTES = 1 << 18  # of a block
_RECORDS = 1000  # of a list


def _numbered(reader: Format, file: InputFile, index: int) -> Iterator[Record | BrokenRecord]:
    for number, (source, found) in enumerate(reader.read(file), index):
        if type(found) is dict:
            yield Record(number, source, found)
        else:
            yield BrokenRecord(number, source, found)


def _format_of(path: str, file: InputFile) -> Format:
    return (format_by_name(Path(path)) if path != STDIN else None) or format_by_content(file)


def input_files(inputs: Iterable[str | os.PathLike], *, any_suffix: bool = False) -> list[str]:
    """The files that inputs of `read_records` name, in its order, "-" as it is; any_suffix: of folders take them all.

    Raises ReadError: no such file.
    """
    return list(itertools.chain.from_iterable(_expand(os.fspath(given), any_suffix) for given in inputs))


def given_records(values: Iterable[str | Mapping[str, Any] | Record], *, name: str = "record") -> Iterator:
    """Records from values at hand: a text, a mapping of fields, or a record, which keeps its source.

    The source is the name with a number from 1. What is none of these becomes a BrokenRecord (wrong_type), a text with
    half of a character too (lone_surrogate; so do arguments that are not UTF-8).

    >>> [(record.source, record.text) for record in given_records(["Good."], name="argument")]
    [('argument 1', 'Good.')]
    """
    for index, value in enumerate(values):
        source = f"{name} {index + 1}"
        if isinstance(value, Record):
            yield Record(index, value.source, value.fields, value.given)
        elif isinstance(value, str | Mapping):
            yield _given_record(index, source, {MAIN_FIELD: value} if isinstance(value, str) else dict(value))
        else:
            message = f"a text or an object was expected, got {json_type(value)}"
            yield BrokenRecord(index, source, InputError(message, code="wrong_type"))


def _given_record(index: int, source: str, fields: dict[str, Any]) -> Record | BrokenRecord:
    for name, value in fields.items():
        try:
            if isinstance(value, str):
                value.encode()
        except UnicodeEncodeError as error:
            message = f"character {error.start} of {name} is half of a character, or a byte that is not UTF-8"
            return BrokenRecord(index, source, InputError(message, code="lone_surrogate"))
    return Record(index, source, fields)


@contextlib.contextmanager
def _opened(path: str, encoding: str, header: bool, stdin: BinaryIO | None) -> Iterator[InputFile]:
    """An input, closed in the end unless it is standard input."""
    if path == STDIN:
        if stdin is None and sys.stdin is None:
            raise ReadError("standard input is closed; give a file, or a text")
        yield InputFile("stdin", stdin or sys.stdin.buffer, encoding=encoding, header=header)
        return
    file = InputFile(path, open_bytes(Path(path)), encoding=encoding, header=header)
    try:
        yield file
    finally:
        file.close()


def _expand(given: str, any_suffix: bool) -> list[str]:
    """The files that one input names, without opening them: a pipe must be opened only once."""
    path = Path(given)
    try:
        if given == STDIN:
            return [STDIN]
        if path.is_dir():
            return _files_of(path, any_suffix)
        if path.exists():
            return [given]
    except OSError as error:
        raise ReadError(f"{given}: cannot be read ({error.strerror})") from None
    if glob.has_magic(given):
        # Path.glob would take no absolute pattern.
        matches = sorted(match for match in glob.iglob(given, recursive=True) if not Path(match).is_dir())  # noqa: PTH207
        if not matches:
            raise ReadError(f"{given}: no file matches this pattern")
        return matches
    raise ReadError(f"{given}: no such file{_did_you_mean(path)}")


def _files_of(folder: Path, any_suffix: bool) -> list[str]:
    files = []
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [Path(where) / name for name in names if not name.startswith(".")]
    files = sorted(file for file in files if any_suffix or format_by_name(file))
    if not files:
        which = "no file" if any_suffix else "no file of a known suffix (name the format with --input-format)"
        raise ReadError(f"{folder}: {which} in this folder")
    return [str(file) for file in files]


def _did_you_mean(path: Path) -> str:
    close = near_path(path)
    if close is not None:
        return f"; did you mean {close}?"
    return "" if path.parent.is_dir() else f" (there is no folder {path.parent})"
