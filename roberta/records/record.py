"""What the user gave, one record at a time: a Record that can be answered, or a BrokenRecord that says why not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from roberta.errors import InputError
from roberta.spelling import near_miss

MAIN_FIELD = "text"


@dataclass(frozen=True, slots=True)
class Record:
    """One input.

    index: counts from 0 in input order. source: where it stood, "reviews.jsonl:17" or "argument 1".
    fields: what the task reads, by name. given: the fields as the file spelt them, where --field renamed some.

    >>> Record(0, "reviews.jsonl:1", {"text": "Good.", "stars": 5}).text
    'Good.'
    """

    index: int
    source: str
    fields: dict[str, Any]
    given: dict[str, Any] | None = None

    @property
    def text(self) -> str:
        """The main text. Raises InputError as `string` does."""
        return self.string(MAIN_FIELD)

    @property
    def as_given(self) -> dict[str, Any]:
        """The fields under the names that the input gave them."""
        return self.fields if self.given is None else self.given

    def value(self, name: str) -> Any:
        """The field `name`, whatever it holds. Raises InputError (no_field)."""
        try:
            return self.fields[name]
        except KeyError:
            raise no_field(name, self.as_given, field_flag(name)) from None

    def string(self, name: str, *, allow_empty: bool = False) -> str:
        """The field `name`, a string. Raises InputError: no_field, wrong_type, or empty_text unless that is allowed."""
        value = self.value(name)
        if not isinstance(value, str):
            raise InputError(f"{name} must be a string, got {json_type(value)}", code="wrong_type")
        if not value and not allow_empty:
            raise InputError(f"{name} is empty; give it at least one character", code="empty_text")
        return value

    def strings(self, name: str) -> list[str]:
        """The field `name`, a list of strings. Raises InputError: no_field or wrong_type."""
        values = self.value(name)
        if not isinstance(values, list):
            raise InputError(f"{name} must be a list of strings, got {json_type(values)}", code="wrong_type")
        for place, value in enumerate(values):
            if not isinstance(value, str):
                raise InputError(f"{name}[{place}] must be a string, got {json_type(value)}", code="wrong_type")
        return values


@dataclass(frozen=True, slots=True)
class BrokenRecord:
    """A place in the input that holds no record, in the same sequence of indexes as the records.

    error: an InputError whose message does not repeat `source`; its `code` is bad_json, bad_encoding, lone_surrogate,
    bad_csv, wrong_type or no_field. fields: what could be read all the same, for the id.

    >>> str(BrokenRecord(16, "reviews.jsonl:17", InputError("not valid JSON", code="bad_json")))
    'reviews.jsonl:17: not valid JSON'
    """

    index: int
    source: str
    error: InputError
    fields: dict[str, Any] | None = None

    @property
    def as_given(self) -> dict[str, Any]:
        """The fields under the names that the input gave them, none when nothing could be read."""
        return self.fields or {}

    def __str__(self) -> str:
        return f"{self.source}: {self.error}"


def no_field(name: str, found: dict[str, Any], flag: str) -> InputError:
    """The error for a record without the field `name`; a likely field is suggested, to be written after `flag`.

    >>> str(no_field("text", {"review": "Good.", "stars": 5}, "--field "))
    'no field "text" (found: "review", "stars"); try --field review'
    """
    if not found:
        return InputError(f'no field "{name}" (the record is empty)', code="no_field")
    shown = ", ".join(f'"{field}"' for field in list(found)[:8]) + (", ..." if len(found) > 8 else "")
    likely = near_miss(name, found) or _longest_text(found)
    advice = f"; try {flag}{likely}" if likely else ""
    return InputError(f'no field "{name}" (found: {shown}){advice}', code="no_field")


def field_flag(target: str) -> str:
    """How a user names the field that is to serve as `target`, up to its name."""
    return "--field " if target == MAIN_FIELD else f"--field {target}="


def json_type(value: Any) -> str:
    """What JSON calls the type of `value`, with an article where it reads better."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    names = {str: "a string", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), f"a {type(value).__name__}")


def _longest_text(fields: dict[str, Any]) -> str | None:
    texts = {name: len(value) for name, value in fields.items() if isinstance(value, str) and value}
    return max(texts, key=texts.__getitem__) if texts else None
