"""tokenize --decode: ids in, text out. Needs no model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from roberta.errors import InputError
from roberta.records.record import json_type, no_field
from roberta.tasks.base import Result, Task, Window

if TYPE_CHECKING:
    from roberta.records import Record
    from roberta.tokenizer import RobertaTokenizer


@dataclass(frozen=True)
class Detokenize(Task):
    """The text that ids stand for.

    The ids are in the field "ids": a list of whole numbers, or a string with blanks between them. A record without that
    field may hold such a string as its text, as a line of a text file does.

    specials: whether special tokens are shown.

    >>> Detokenize(tokenizer).decode(Record(0, "argument 1", {"text": "0 31414 232 2"}), [], [])
    {'text': '<s>Hello world</s>', 'count': 4}
    """

    tokenizer: RobertaTokenizer
    specials: bool = True
    allow_empty: bool = False

    def prepare(self, record: Record) -> list[Window]:
        return []

    def decode(self, record: Record, windows: list[Window], outputs: list) -> Result:
        ids = self._ids(record)
        if not ids and not self.allow_empty:
            raise InputError("ids is empty; give at least one id", code="empty_text")
        text = self.tokenizer.decode(ids, skip_special_tokens=not self.specials, clean_up_tokenization_spaces=False)
        return {"text": text, "count": len(ids)}

    def _ids(self, record: Record) -> list[int]:
        name = "ids" if "ids" in record.fields else "text"
        if name not in record.fields:
            raise no_field("ids", record.as_given, "ids")
        value = record.value(name)
        if isinstance(value, str):
            ids = [_number(word) for word in value.split()]
        elif isinstance(value, list) and name == "ids":
            ids = [_checked(entry, f"ids[{place}]") for place, entry in enumerate(value)]
        else:
            wanted = "a list of whole numbers, or a string of them with blanks between"
            raise InputError(f"{name} must be {wanted}, got {json_type(value)}", code="wrong_type")
        last = len(self.tokenizer) - 1
        for id in ids:
            if not 0 <= id <= last:
                raise InputError(
                    f"id {id} is not in the vocabulary (0..{last}); decode with the model that made it",
                    code="unknown_id",
                )
        return ids


def _number(word: str) -> int:
    try:
        return int(word)
    except ValueError:
        raise InputError(
            f"{word[:40]!r} is not an id; give whole numbers with blanks between", code="wrong_type"
        ) from None


def _checked(entry: Any, where: str) -> int:
    if isinstance(entry, bool) or not isinstance(entry, int):
        raise InputError(f"{where} must be a whole number, got {json_type(entry)}", code="wrong_type")
    return entry
