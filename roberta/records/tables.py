"""Tables (csv and tsv): a row is a record, a column a field, every cell a string."""

from __future__ import annotations

import csv
import sys
from collections import Counter, deque
from collections.abc import Iterator

from roberta.errors import InputError, ReadError
from roberta.records.input_file import InputFile
from roberta.records.json_lines import Found

QUOTED_LIMIT = 16 << 20  # characters; a cell this long was not closed, it did not end


def read_csv(file: InputFile) -> Iterator[Found]:
    """Every row of a comma-separated file; see `read_table`."""
    return read_table(file, ",")


def read_tsv(file: InputFile) -> Iterator[Found]:
    """Every row of a tab-separated file; see `read_table`.

    Many such files are written without any quoting: where a line cannot be read as quoted cells, its quotes are
    ordinary characters.
    """
    return read_table(file, "\t", quotes_may_be_text=True)


def read_table(file: InputFile, delimiter: str, *, quotes_may_be_text: bool = False) -> Iterator[Found]:
    """Every row that is not blank: its source (the line it starts in) and its cells by column name, or its InputError.

    The first row names the columns; without a header they are "1", "2", ... A quoted cell may hold line ends. A row
    with too few or too many cells is an error, and so is a quote out of place; the next line is then read as a row.

    Raises ReadError: a first row that cannot name the columns.
    """
    # The csv module keeps one limit for the whole process, 128 KB at first; a text may be longer.
    csv.field_size_limit(sys.maxsize)
    rows = _Rows(file, delimiter, quotes_may_be_text)
    names: list[str] | None = None
    for number, cells in rows:
        if names is None:
            if file.header:
                names = _column_names(f"{file.name}:{number}", cells)
                rows.width = len(names)
                continue
            if not isinstance(cells, InputError):
                names = [str(column) for column in range(1, len(cells) + 1)]
                rows.width = len(names)
        if isinstance(cells, InputError):
            yield f"{file.name}:{number}", cells
        else:
            yield f"{file.name}:{number}", dict(zip(names, cells))


class _Rows:
    """Rows of cells with the number of the line each starts in; `width` is checked once it is known."""

    def __init__(self, file: InputFile, delimiter: str, quotes_may_be_text: bool):
        self.width: int | None = None
        self._file = file
        self._delimiter = delimiter
        self._quotes_may_be_text = quotes_may_be_text
        self._fresh = iter(file)
        self._returned: deque[bytes] = deque()  # lines that a misplaced quote had swallowed
        self._taken: list[bytes] = []  # the lines of the current row

    def __iter__(self) -> Iterator[tuple[int, list[str] | InputError]]:
        number = 1
        while True:
            cells = self._next_row()
            if cells is None:
                return
            if cells != []:
                yield number, cells
            number += len(self._taken)

    def _next_row(self) -> list[str] | InputError | None:
        self._taken = []
        try:
            cells = next(csv.reader(self._lines(), delimiter=self._delimiter, strict=True))
        except StopIteration:
            return None
        except csv.Error as error:
            reason = "a quoted cell is never closed" if "unexpected end" in str(error) else str(error)
            return self._start_over(f'not a valid row: {reason}; write "" for a quote inside a quoted cell')
        except InputError as error:
            return self._start_over(str(error))
        if cells and self.width is not None and len(cells) != self.width:
            found = f"{len(cells)} cell{'s' if len(cells) > 1 else ''}"
            reason = f"{found} where the first row has {self.width}; quote a cell that holds the delimiter"
            return self._start_over(reason) if self._quotes_may_be_text else InputError(reason, code="bad_csv")
        return self._decoded(cells)

    def _lines(self) -> Iterator[str]:
        size = 0
        while True:
            if self._returned:
                line = self._returned.popleft()
            else:
                line = next(self._fresh, None)
                if line is None:
                    return
            self._taken.append(line)
            text = self._file.text_with_marks(line)
            size += len(text)
            if size > QUOTED_LIMIT and len(self._taken) > 1:
                raise InputError(
                    f"a quoted cell goes on for more than {QUOTED_LIMIT >> 20} Mi characters", code="bad_csv"
                )
            yield text

    def _start_over(self, reason: str) -> list[str] | InputError:
        """What the first line of the row gives by itself; the others are read again as rows of their own."""
        first, *others = self._taken
        self._returned.extendleft(reversed(others))
        self._taken = [first]
        if self._quotes_may_be_text:
            cells = self._file.text_with_marks(first).rstrip("\r\n").split(self._delimiter)
            if self.width is None or len(cells) == self.width:
                return self._decoded(cells)
        return InputError(reason, code="bad_csv")

    def _decoded(self, cells: list[str]) -> list[str] | InputError:
        if not any("\ufffd" in cell for cell in cells):
            return cells
        try:
            for line in self._taken:
                self._file.text(line)
        except InputError as error:
            return error
        return cells


def _column_names(source: str, cells: list[str] | InputError) -> list[str]:
    if isinstance(cells, InputError):
        raise ReadError(f"{source}: the header cannot be read: {cells}")
    names = [name or str(column) for column, name in enumerate(cells, 1)]
    for name, count in Counter(names).items():
        if count > 1:
            raise ReadError(
                f'{source}: {count} columns are called "{name}"; rename them, or use --no-header and numbers'
            )
    return names
