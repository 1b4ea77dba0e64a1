"""Parquet: tables of typed columns, as clusters keep them. Needs pyarrow, of the extra `ray`."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from itertools import islice
from math import isfinite
from types import ModuleType
from typing import Any, BinaryIO

from roberta.errors import MissingExtra, ReadError, UsageError
from roberta.records.input_file import InputFile
from roberta.records.json_lines import Found
from roberta.records.writing import LineWriter, json_line

MAGIC = "PAR1"  # how such a file begins
_ROWS = 1024  # that are held as Python values at a time


def read_parquet(file: InputFile) -> Iterator[Found]:
    """Every row: its source, counted from 1 ("reviews.parquet:17"), and its columns as JSON would have them.

    Bytes that are UTF-8 are text, others base64; times are ISO 8601, decimals strings, NaN is null.

    Raises MissingExtra: no pyarrow. ReadError: no Parquet file, or a damaged one, after the rows before it.
    """
    arrow = _pyarrow(f"reading {file.name}")
    number = 0
    try:
        table = arrow.parquet.ParquetFile(file.seekable())
        names = table.schema_arrow.names
        if len(set(names)) < len(names):
            raise ReadError(f"{file.name}: two columns have the same name; rename one of them")
        for batch in table.iter_batches(batch_size=_ROWS):
            for fields in batch.to_pylist():
                number += 1
                yield f"{file.name}:{number}", {name: _as_json(value) for name, value in fields.items()}
    except (arrow.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        raise ReadError(f"{file.name}: not a whole Parquet file ({reason}); write it anew") from None


class ParquetWriter(LineWriter):
    """A row a result, nested as the result is; what a result lacks is null.

    The columns and their types are those of all results together, so results wait in a temporary file until `finish`.

    Raises MissingExtra: no pyarrow. UsageError from `finish`: a column that is a text here and a number there.
    """

    def __init__(self, stream: BinaryIO):
        self._arrow = _pyarrow("writing Parquet")
        self._target = stream
        super().__init__(tempfile.TemporaryFile())  # noqa: SIM115 - closed by `finish`, or with the process

    def write(self, result: dict[str, Any]) -> None:
        self._send(json_line(result) + "\n")

    def finish(self) -> None:
        arrow = self._arrow
        try:
            schema = arrow.schema([])
            for rows in self._rows():
                found = arrow.schema(list(arrow.array(rows).type))  # of all of them; from_pylist takes the first one's
                schema = arrow.unify_schemas([schema, found], promote_options="permissive")
            with arrow.parquet.ParquetWriter(self._target, schema) as table:
                for rows in self._rows():
                    table.write_batch(arrow.RecordBatch.from_pylist(rows, schema=schema))
        except (arrow.ArrowException, OverflowError) as error:
            reason = str(error).splitlines()[0].rstrip(".")
            raise UsageError(
                f"the results have no common columns ({reason}); a Parquet column has one type in every row: use"
                " --output-format jsonl"
            ) from None
        finally:
            self._stream.close()

    def _rows(self) -> Iterator[list[dict[str, Any]]]:
        self._stream.seek(0)
        while lines := list(islice(self._stream, _ROWS)):
            yield [json.loads(line) for line in lines]


def _pyarrow(purpose: str) -> ModuleType:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingExtra("pyarrow", "ray", purpose) from None
    return pyarrow


def _as_json(value: Any) -> Any:
    if isinstance(value, str | int) or value is None:  # bool is an int
        return value
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {name: _as_json(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(inner) for inner in value]
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            import base64  # late: every reader of records imports this file

            return base64.b64encode(value).decode()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)  # dates and times; decimals and the like
