"""FORMATS: every form that records may have, how to know it, how to read it and how to write it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from roberta.errors import UsageError
from roberta.records.conll import ConllWriter, read_conll
from roberta.records.decompress import DECOMPRESSORS
from roberta.records.input_file import InputFile
from roberta.records.json_lines import Found, read_jsonl
from roberta.records.parquet import MAGIC, ParquetWriter, read_parquet
from roberta.records.squad_file import looks_like_squad, read_json_or_squad, read_squad
from roberta.records.tables import read_csv, read_tsv
from roberta.records.texts import read_doc, read_txt
from roberta.records.writing import CsvWriter, JsonlWriter, TsvWriter, Writer
from roberta.spelling import near_miss


@dataclass(frozen=True)
class Format:
    """read: the records of an open file, in order, each with its source. write: takes the open output; None, if
    results cannot have this form. suffixes: by which a file is known."""

    suffixes: tuple[str, ...]
    read: Callable[[InputFile], Iterator[Found]]
    write: Callable[[BinaryIO], Writer] | None = None


FORMATS = {
    "jsonl": Format((".jsonl", ".ndjson", ".jsonlines"), read_jsonl, JsonlWriter),
    "json": Format((".json",), read_json_or_squad),
    "csv": Format((".csv",), read_csv, CsvWriter),
    "tsv": Format((".tsv", ".tab"), read_tsv, TsvWriter),
    "txt": Format((".txt", ".text"), read_txt),
    "doc": Format((), read_doc),
    "conll": Format((".conll", ".iob", ".bio"), read_conll, ConllWriter),
    "squad": Format((), read_squad),
    "parquet": Format((".parquet",), read_parquet, ParquetWriter),
}


def find_format(name: str) -> Format:
    """The row called `name`. Raises UsageError: there is none.

    >>> find_format("tsv").suffixes
    ('.tsv', '.tab')
    """
    if name not in FORMATS:
        close = near_miss(name, FORMATS)
        advice = f'did you mean "{close}"?' if close else f"choose from {', '.join(FORMATS)}"
        raise UsageError(f'no format is called "{name}"; {advice}')
    return FORMATS[name]


def format_by_name(path: Path) -> Format | None:
    """The format that a file's name tells, the suffix before .gz and the like; None if it tells nothing."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in DECOMPRESSORS:
        suffixes.pop()
    known = {suffix: row for row in FORMATS.values() for suffix in row.suffixes}
    return known.get(suffixes[-1]) if suffixes else None


def format_by_content(file: InputFile) -> Format:
    """By the first line that is not blank, and no more.

    squad if it has the keys of such a file, jsonl if it starts with {, parquet if with its mark, else txt.
    """
    start = file.first_text().removeprefix("\ufeff").lstrip()
    if start.startswith(MAGIC):
        return FORMATS["parquet"]
    if start.startswith("{") and looks_like_squad(start):
        return FORMATS["squad"]
    return FORMATS["jsonl" if start.startswith("{") else "txt"]
