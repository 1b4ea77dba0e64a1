"""jsonl and json: what counts as an object, and how each other thing is reported."""

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roberta.errors import InputError, ReadError
from roberta.records.input_file import InputFile
from roberta.records.json_lines import DEPTH_LIMIT, parse_object, read_json, read_jsonl


def jsonl(data: bytes, **options) -> list:
    return list(read_jsonl(InputFile("a.jsonl", io.BytesIO(data), **options)))


def document(data: bytes) -> list:
    return list(read_json(InputFile("a.json", io.BytesIO(data))))


def code(text: str) -> str:
    with pytest.raises(InputError) as caught:
        parse_object(text)
    return caught.value.code


ANY_TEXT = st.text(st.characters(codec="utf-8"))
ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.dictionaries(ANY_TEXT, ANY_JSON, max_size=4), max_size=3),
    st.booleans(),
    st.sampled_from(["\n", "\r\n"]),
)
def test_whatever_json_writes_is_read_back(objects, escaped, end):
    data = "".join(json.dumps(each, ensure_ascii=escaped) + end for each in objects).encode()
    assert jsonl(data) == [(f"a.jsonl:{line}", each) for line, each in enumerate(objects, 1)]
    whole = json.dumps(objects, ensure_ascii=escaped, indent=1).encode()
    assert document(whole) == [(f"a.json[{place}]", each) for place, each in enumerate(objects)]


def test_blank_lines_are_skipped_and_counted():
    assert jsonl(b'\n{"a":1}\n \t\r\n\n{"a":2}') == [("a.jsonl:2", {"a": 1}), ("a.jsonl:5", {"a": 2})]


def test_a_byte_order_mark_may_stand_before_any_line():
    mark = b"\xef\xbb\xbf"
    assert [found for _, found in jsonl(mark + b'{"a":1}\n' + mark + b'{"a":2}\n')] == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x00", "\x1e", "\r", "\x7f"])
def test_only_a_newline_ends_a_line(character):
    assert jsonl(f'{{"text":"a{character}b"}}\n'.encode()) == [("a.jsonl:1", {"text": f"a{character}b"})]


def test_a_line_of_a_megabyte_is_a_line():
    assert jsonl(b'{"text":"' + b"x" * 1_000_000 + b'"}')[0][1] == {"text": "x" * 1_000_000}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "bad_json"),
        ('{"a":1} {"b":2}', "bad_json"),
        ('{"a":1},', "bad_json"),
        ("{'a':1}", "bad_json"),
        ('{"a":NaN}', "bad_json"),
        ('{"a":[-Infinity]}', "bad_json"),
        ('{"a":1,"a":1}', "bad_json"),
        ('{"b":{"a":1,"\\u0061":2}}', "bad_json"),
        ('{"a":' + "9" * 5000 + "}", "bad_json"),
        ('{"a":' + "[" * 100_000, "bad_json"),
        ('{"a":' + "[" * DEPTH_LIMIT + "]" * DEPTH_LIMIT + "}", "bad_json"),
        ("\u00a0{}", "bad_json"),
        ("[1]", "wrong_type"),
        ('"text"', "wrong_type"),
        ("null", "wrong_type"),
        ('{"a":"\\ud800"}', "lone_surrogate"),
        ('{"\\udc00":1}', "lone_surrogate"),
        ('{"a":[{"b":"x\\uD83Dy"}]}', "lone_surrogate"),
    ],
)
def test_what_is_no_record_has_a_code(text, expected):
    assert code(text) == expected


def test_brackets_in_a_text_are_not_depth_and_the_last_allowed_depth_is_read():
    assert parse_object('{"a":"' + "[{" * 1000 + '"}') == {"a": "[{" * 1000}
    assert parse_object('{"a":' + "[" * (DEPTH_LIMIT - 1) + "]" * (DEPTH_LIMIT - 1) + "}")


def test_both_halves_of_a_character_are_one():
    assert parse_object('{"a":"\\ud83d\\ude42"}') == {"a": "🙂"}


def test_the_message_says_what_is_wrong_and_where():
    with pytest.raises(InputError, match=r"^not valid JSON: expecting ',' delimiter at character 8$"):
        parse_object('{"a": 1 "b": 2}')
    with pytest.raises(InputError, match='the key "a" is given twice'):
        parse_object('{"a": 1, "a": 2}')
    with pytest.raises(InputError, match=r"^\\ud800 is half of a character"):
        parse_object('{"a": "\\ud800"}')


def test_wrong_bytes_cost_one_line_and_their_place_is_told():
    (_, error), (_, after) = jsonl(b'{"a":"\xc3\xa9\xff"}\n{"a":1}\n')
    assert error.code == "bad_encoding"
    assert "byte 8 of the line (0xff)" in str(error)
    assert after == {"a": 1}


def test_objects_that_follow_each_other_are_a_document_too():
    assert [found for _, found in document(b' {"a":1}\n{"a":2} {"a":3}\n')] == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert document(b'{\n "a": 1\n}') == [("a.json[0]", {"a": 1})]
    assert document(b"[]") == document(b" \n") == []


def test_a_bad_entry_of_an_array_costs_only_itself():
    found = [each for _, each in document(b'[{"a":1}, 3, {"a":NaN}, {"a":1,"a":2}, {"a":2}]')]
    assert [each if isinstance(each, dict) else each.code for each in found] == [
        {"a": 1}, "wrong_type", "bad_json", "bad_json", {"a": 2}
    ]  # fmt: skip


@pytest.mark.parametrize("tail", ["", ",", ",]", "] x", ' {"a":2}]', "}", ',{"a":', "]]", ',{"a":tru}]'])
def test_a_document_that_breaks_off_says_where_after_what_came_before(tail):
    reader = read_json(InputFile("a.json", io.BytesIO(b'[\n{"a":1}' + tail.encode())))
    assert next(reader) == ("a.json[0]", {"a": 1})
    with pytest.raises(ReadError, match=r"^a\.json: not valid JSON"):
        list(reader)


def test_a_document_over_the_limit_is_refused_with_the_way_out(monkeypatch):
    monkeypatch.setattr("roberta.records.input_file.WHOLE_FILE_LIMIT", 4)
    with pytest.raises(ReadError, match="give one record a line as jsonl"):
        document(b'[{"a":1}]')


def test_a_document_that_is_not_utf8_names_the_byte():
    with pytest.raises(ReadError, match=r"byte 6 of the file \(0xff\)"):
        document(b'[{"a":\xff}]')
