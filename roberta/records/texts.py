"""Plain text: a line is a record (txt), or a whole file is one (doc)."""

from __future__ import annotations

from collections.abc import Iterator

from roberta.errors import InputError
from roberta.records.input_file import InputFile
from roberta.records.json_lines import Found
from roberta.records.record import MAIN_FIELD


def read_txt(file: InputFile) -> Iterator[Found]:
    """Every line as {"text": line} without its \\n or \\r\\n. A blank line is a record too: line numbers and answers
    stay side by side."""
    for number, line in enumerate(file, file.first_line):
        try:
            text = file.text(line)
            if text.endswith("\n"):
                text = text[:-2] if text.endswith("\r\n") else text[:-1]
            found: dict[str, str] | InputError = {MAIN_FIELD: text}
        except InputError as error:
            found = error
        yield f"{file.name}:{number}", found


def read_doc(file: InputFile) -> Iterator[Found]:
    """The whole file as {"id": its path, "text": what it holds}, line ends as they are."""
    try:
        found: dict[str, str] | InputError = {"id": file.name, MAIN_FIELD: file.whole_text()}
    except InputError as error:
        found = error
    yield file.name, found
