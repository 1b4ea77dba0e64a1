"""Which field is which, and what a result carries over from its record."""

import pytest

from roberta.errors import InputError, UsageError
from roberta.records import BrokenRecord, Fields, Record


def record(index=0, **fields) -> Record:
    return Record(index, f"a.jsonl:{index + 1}", fields)


def test_without_flags_a_record_is_passed_on_as_it_is():
    given = record(text="x")
    assert Fields.parse().select(given) is given


def test_a_bare_field_is_the_main_one_and_others_are_named():
    selected = Fields.parse(["review", "text_pair=b"]).select(record(review="x", b="y", text="old"))
    assert selected.fields == {"review": "x", "b": "y", "text": "x", "text_pair": "y"}
    assert selected.given == {"review": "x", "b": "y", "text": "old"}
    assert Fields.parse(["q"], main="question").select(record(q="x")).fields["question"] == "x"


@pytest.mark.parametrize(
    ("place", "value"),
    [("a.b", 1), ("a.list.1.c", 2), ("a.list.0", 0), ("dotted.name", 3), ("a=b", 4), ("a.0", "key")],
)
def test_a_dot_reaches_inside_objects_and_lists(place, value):
    given = record(
        **{"a": {"b": 1, "list": [0, {"c": 2}], "0": "key"}, "dotted.name": 3, "dotted": {"name": 9}, "a=b": 4}
    )
    assert Fields.parse([f"text={place}"]).select(given).fields["text"] == value


@pytest.mark.parametrize("place", ["a.c", "a.list.2", "a.list.-1", "a.list.x", "a.b.c", "a.", ".a", "a.list.²", "zz"])
def test_what_is_not_there_breaks_only_that_record(place):
    given = record(6, a={"b": 1, "list": [0, 1]}, id="k")
    broken = Fields.parse([place]).select(given)
    assert isinstance(broken, BrokenRecord)
    assert (broken.index, broken.source, broken.error.code) == (6, "a.jsonl:7", "no_field")
    assert Fields.parse([place]).id_of(broken) == "k"


def test_the_suggestion_names_the_flag_as_it_was_used():
    broken = Fields.parse(["text_pair=reveiw"]).select(record(review="x", text="y"))
    assert str(broken.error).endswith("; try --field text_pair=review")
    broken = Fields.parse(id="nmber").select(record(number=3, text="y"))
    assert str(broken.error) == 'no field "nmber" (found: "number", "text"); try --id number'


def test_a_missing_field_is_explained_by_the_names_of_the_input():
    selected = Fields.parse(["other=review"]).select(record(review="x"))
    with pytest.raises(InputError, match=r'no field "text" \(found: "review"\); try --field review'):
        _ = selected.text


def test_broken_records_pass_through():
    broken = BrokenRecord(3, "a:4", InputError("x"))
    assert Fields.parse(["review"]).select(broken) is broken
    assert Fields.parse().id_of(broken) == 4
    assert Fields.parse(keep="a").result(broken, {"error": {}}) == {"a": None, "id": 4, "error": {}}


@pytest.mark.parametrize("given", [["text="], ["=review"], [""], ["a=b", "a=c"], ["a", "text=b"]])
def test_flags_that_name_nothing_or_one_thing_twice_are_refused(given):
    with pytest.raises(UsageError, match="--field"):
        Fields.parse(given)


def test_the_id_is_the_field_of_that_name_else_the_number_from_one():
    assert Fields.parse().id_of(record(4, id="k")) == "k"
    assert Fields.parse().id_of(record(4, id=0)) == 0
    assert Fields.parse().id_of(record(4, id=None)) == 5
    assert Fields.parse().id_of(record(4)) == 5
    assert Fields.parse(id="meta.key").id_of(record(4, id="no", meta={"key": "yes"})) == "yes"


def result(answer, keep, given, **options) -> list:
    return list(Fields.parse(keep=keep, **options).result(given, answer).items())


def test_kept_fields_come_first_in_their_order_then_the_id_then_the_answer():
    given = record(text="x", stars=5, author="me")
    answer = {"label": "positive", "score": 0.5}
    tail = [("id", 1), ("label", "positive"), ("score", 0.5)]
    assert result(answer, None, given) == tail
    assert result(answer, "all", given) == [("text", "x"), ("stars", 5), ("author", "me"), *tail]
    assert result(answer, "stars, text,stars", given) == [("stars", 5), ("text", "x"), *tail]
    assert result(answer, ["author"], given) == [("author", "me"), *tail]


def test_kept_fields_have_the_names_and_values_of_the_input():
    fields = Fields.parse(["review"], keep="all")
    selected = fields.select(record(text="old", review="x"))
    assert fields.result(selected, {}) == {"text": "old", "review": "x", "id": 1}


def test_a_kept_field_that_is_missing_is_null_and_a_dotted_one_keeps_its_name():
    assert result({}, "a.b,c", record(a={"b": 1})) == [("a.b", 1), ("c", None), ("id", 1)]


def test_a_clash_with_a_key_of_the_answer_gets_a_prefix_and_loses_nothing():
    given = record(label="gold", input_label="other", windows=3)
    assert result({"label": "x"}, "all", given, taken=("windows",)) == [
        ("input_input_label", "gold"), ("input_label", "other"), ("input_windows", 3), ("id", 1), ("label", "x")
    ]  # fmt: skip


def test_the_id_is_not_kept_twice_but_another_field_of_that_name_is():
    assert result({"label": "x"}, "all", record(text="t", id="k")) == [("text", "t"), ("id", "k"), ("label", "x")]
    assert result({}, "all", record(id="k", key="y"), id="key") == [("input_id", "k"), ("key", "y"), ("id", "y")]
