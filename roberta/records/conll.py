"""CoNLL columns: a word a line with its tags after it, a blank line between sentences; in, and out with a tag more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from roberta.errors import InputError, UsageError
from roberta.records.input_file import InputFile
from roberta.records.json_lines import Found
from roberta.records.writing import JsonlWriter

WORDS_FIELD = "tokens"
TAGS_FIELD = "tags"
LINES_FIELD = "lines"
DOCUMENT_START = "-DOCSTART-"
_BLANK = " \t\r\n"


def read_conll(file: InputFile) -> Iterator[Found]:
    """Every sentence: its source (the line of its first word) and {"tokens", "tags", "lines"}, or its InputError.

    tags: the last column, absent where there is only one. lines: the sentence as it stood, with the blank lines,
    -DOCSTART- lines and comments before it and the blank line that ended it, so that it can be written again. What
    stands after the last sentence is a record without words.

    Columns stand between tabs or, in a sentence without any, between blanks; where tabs are used, a line that begins
    with # and has no tab is a comment. A sentence is given as soon as its blank line arrived.
    """
    lines: list[str] = []
    first = wrong = None
    number = 0
    for number, line in enumerate(file, 1):
        try:
            text = file.text(line).rstrip("\r\n")
        except InputError as error:
            text = file.text_with_marks(line).rstrip("\r\n")
            wrong = wrong or error
        lines.append(text)
        if _is_word(text):
            first = first or number
        elif first is not None and not text.strip(_BLANK):
            yield f"{file.name}:{first}", wrong or _sentence(lines, number)
            lines, first, wrong = [], None, None
    if lines:
        yield f"{file.name}:{first or number}", wrong or _sentence(lines, number)


def _sentence(lines: list[str], last: int) -> dict[str, Any] | InputError:
    """last: the number of the last line."""
    tabs = any("\t" in line for line in lines)
    rows = [(last - len(lines) + 1 + place, columns_of(line, tabs)) for place, line in enumerate(lines)]
    rows = [(number, columns) for number, columns in rows if columns]
    for number, columns in rows:
        if len(columns) != len(rows[0][1]):
            count = f"{len(columns)} column{'s' if len(columns) > 1 else ''}"
            return InputError(
                f"line {number} has {count} where the first of its sentence has {len(rows[0][1])};"
                " give every word the same columns",
                code="bad_conll",
            )
    found: dict[str, Any] = {WORDS_FIELD: [columns[0] for _, columns in rows]}
    if rows and len(rows[0][1]) > 1:
        found[TAGS_FIELD] = [columns[-1] for _, columns in rows]
    return {**found, LINES_FIELD: lines}


def _is_word(line: str) -> bool:
    return bool(line.strip(_BLANK)) and not line.startswith(DOCUMENT_START)


def columns_of(line: str, tabs: bool) -> list[str]:
    """The columns of a word's line, none of any other line. tabs: whether the sentence uses them.

    >>> columns_of("Paris NNP  B-LOC", tabs=False), columns_of("# text = Paris", tabs=True)
    (['Paris', 'NNP', 'B-LOC'], [])
    """
    if not _is_word(line) or (tabs and line.startswith("#") and "\t" not in line):
        return []
    return line.split("\t") if tabs else [column for column in line.split(" ") if column]


def tagged_lines(lines: Sequence[str], tags: Sequence[str]) -> list[str]:
    """The lines of a sentence with one more column.

    >>> tagged_lines(["-DOCSTART- O", "", "Paris B-LOC", ""], ["B-PER"])
    ['-DOCSTART- O', '', 'Paris B-LOC B-PER', '']
    """
    tabs = any("\t" in line for line in lines)
    separator = "\t" if tabs or not any(" " in line for line in lines) else " "
    left = iter(tags)
    return [
        f"{line if tabs else line.rstrip(' ')}{separator}{next(left)}" if columns_of(line, tabs) else line
        for line in lines
    ]


class ConllWriter(JsonlWriter):
    """The lines of each result, which hold its words and tags; a record that failed is a comment.

    Raises UsageError from `write`: a result without lines.
    """

    def write(self, result: dict[str, Any]) -> None:
        if "error" in result:
            error = result["error"]
            lines = [f"# error: {error['where']}: {' '.join(error['message'].split())}", ""]
        elif LINES_FIELD in result:
            lines = result[LINES_FIELD]
        else:
            raise UsageError("only ner gives tags, which conll is made of; choose another --output-format")
        self._send("".join(f"{line}\n" for line in lines))
