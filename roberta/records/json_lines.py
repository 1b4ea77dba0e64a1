"""JSON records: one object a line (jsonl), or one document that holds them (json)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from roberta.errors import InputError, ReadError
from roberta.records.input_file import InputFile
from roberta.records.record import json_type

DEPTH_LIMIT = 200  # lists and objects inside each other; what is read must also be written, deeper in our own calls
_BLANK = " \t\r\n"  # the white space of JSON, no other

Found = tuple[str, dict[str, Any] | InputError]  # where it stood, and the fields or what is wrong with them


def read_jsonl(file: InputFile) -> Iterator[Found]:
    """Every line that is not blank: its source and its fields, or its InputError."""
    for number, line in enumerate(file, file.first_line):
        try:
            text = file.text(line)
            found: dict[str, Any] | InputError = parse_object(text)
        except InputError as error:
            if error.code == "bad_json" and not text.removeprefix("\ufeff").strip(_BLANK):
                continue
            found = error
        yield f"{file.name}:{number}", found


def read_json(file: InputFile) -> Iterator[Found]:
    """The objects of a JSON array, or objects that follow each other; sources count from 0: "reviews.json[0]".

    The whole text is held in memory, the objects are not. Raises ReadError: not valid JSON, after what stood before.
    """
    try:
        text = file.whole_text()
    except InputError as error:
        raise ReadError(f"{file.name}: {error}") from None
    place = _skip(text, 0)
    is_array = text.startswith("[", place)
    if is_array:
        place = _skip(text, place + 1)
    number = 0
    while place < len(text) and not (is_array and text[place] == "]"):
        end = _end_of_value(text, place, file.name)
        yield f"{file.name}[{number}]", _object_or_error(text[place:end])
        number += 1
        place = _skip(text, end)
        if is_array and text.startswith(",", place):
            place = _skip(text, place + 1)
            if text.startswith("]", place):
                raise _not_json(file.name, text, place)
        elif is_array and not text.startswith("]", place):
            raise _not_json(file.name, text, place)
    if is_array:
        if place == len(text):
            raise ReadError(f"{file.name}: not valid JSON, the file ends inside its list; fetch it again")
        if _skip(text, place + 1) < len(text):
            raise _not_json(file.name, text, _skip(text, place + 1))


def parse_object(text: str) -> dict[str, Any]:
    """The JSON object that `text` spells.

    Stricter than json.loads: no NaN, no key twice, no lone surrogate. More lenient: raw control characters in strings,
    a byte order mark in front. Raises InputError: bad_json, lone_surrogate or wrong_type.

    >>> parse_object('{"text": "Good.", "stars": 5}')
    {'text': 'Good.', 'stars': 5}
    """
    if text.startswith("\ufeff"):
        text = text[1:]
    try:
        value, end = _STRICT.raw_decode(text, len(text) - len(text.lstrip(_BLANK)))
    except InputError:
        raise  # from the two hooks below; it is a ValueError too
    except json.JSONDecodeError as error:
        raise InputError(f"not valid JSON: {_reason(error)}", code="bad_json") from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        # int() refuses thousands of digits, see sys.set_int_max_str_digits.
        raise InputError(f"not valid JSON here: {error}", code="bad_json") from None
    if text[end:].strip(_BLANK):
        raise InputError(f"not valid JSON: something follows the value at character {end}", code="bad_json")
    if not isinstance(value, dict):
        raise InputError(f"a JSON object was expected, this is {json_type(value)}", code="wrong_type")
    if "\\u" in text:
        _refuse_lone_surrogates(value)
    if text.count("[") + text.count("{") > DEPTH_LIMIT:
        _refuse_depth(value)
    return value


def _object_or_error(text: str) -> dict[str, Any] | InputError:
    try:
        return parse_object(text)
    except InputError as error:
        return error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f'the key "{twice}" is given twice; keep one of them', code="bad_json")
    return fields


def _no_constant(name: str) -> None:
    raise InputError(f"not valid JSON: {name} is not a JSON number; write null", code="bad_json")


_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, strict=False)
_LENIENT = json.JSONDecoder(strict=False, parse_int=str, parse_float=str)  # only asked where a value ends


def _refuse_lone_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise _too_deep() from None
    except UnicodeEncodeError as error:
        half = ord(error.object[error.start])
        raise InputError(
            f"\\u{half:04x} is half of a character; write both halves or the character itself", code="lone_surrogate"
        ) from None


def _refuse_depth(value: Any) -> None:
    layer = [value]
    for _ in range(DEPTH_LIMIT):
        layer = [
            inner
            for outer in layer
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not layer:
            return
    raise _too_deep()


def _too_deep() -> InputError:
    return InputError(f"lists and objects stand more than {DEPTH_LIMIT} deep inside each other", code="bad_json")


def _reason(error: json.JSONDecodeError) -> str:
    return f"{error.msg[:1].lower()}{error.msg[1:]} at character {error.pos}"


def _skip(text: str, place: int) -> int:
    while place < len(text) and text[place] in _BLANK:
        place += 1
    return place


def _end_of_value(text: str, place: int, name: str) -> int:
    try:
        return _LENIENT.raw_decode(text, place)[1]
    except json.JSONDecodeError as error:
        raise _not_json(name, text, error.pos) from None
    except RecursionError:
        raise ReadError(f"{name}: {_too_deep()}") from None


def _not_json(name: str, text: str, place: int) -> ReadError:
    line = text.count("\n", 0, place) + 1
    return ReadError(f"{name}: not valid JSON at line {line} (character {place}); correct it, or give jsonl")
