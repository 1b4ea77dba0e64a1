"""Records: what a task may ask of them, and what a user is told when the answer is no."""

import dataclasses

import pytest

from roberta.errors import InputError
from roberta.records import BrokenRecord, Record


def record(**fields) -> Record:
    return Record(0, "reviews.jsonl:7", fields)


def refusal(call) -> InputError:
    with pytest.raises(InputError) as caught:
        call()
    return caught.value


def test_the_text_is_the_field_of_that_name():
    assert record(text=" Good. ").text == " Good. "


def test_a_record_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        record(text="x").index = 3
    with pytest.raises((AttributeError, TypeError)):  # slots
        object.__setattr__(record(text="x"), "other", 3)


def test_a_missing_text_names_the_fields_there_are_and_the_one_with_the_longest_text():
    error = refusal(lambda: record(label="pos", review="Good.", stars=5).text)
    assert str(error) == 'no field "text" (found: "label", "review", "stars"); try --field review'
    assert error.code == "no_field"


def test_a_near_miss_is_suggested_before_the_longest_text():
    error = refusal(lambda: record(Texts="x", comment="a much longer one").text)
    assert str(error).endswith("try --field Texts")


def test_another_missing_field_is_suggested_with_its_target():
    error = refusal(lambda: record(text="x", text_pairs="y").string("text_pair"))
    assert str(error).endswith("try --field text_pair=text_pairs")


def test_many_fields_are_not_all_listed_and_an_empty_record_says_so():
    assert '"f7", ...)' in str(refusal(lambda: record(**{f"f{n}": n for n in range(9)}).text))
    assert str(refusal(lambda: record().text)) == 'no field "text" (the record is empty)'


@pytest.mark.parametrize(
    ("value", "said"),
    [(5, "a number"), (0.5, "a number"), (None, "null"), (True, "true or false"), ([], "a list"), ({}, "an object")],
)
def test_a_text_of_another_type_is_refused_by_its_json_name(value, said):
    error = refusal(lambda: record(text=value).text)
    assert (str(error), error.code) == (f"text must be a string, got {said}", "wrong_type")


def test_an_empty_text_is_refused_unless_it_is_allowed():
    assert refusal(lambda: record(text="").text).code == "empty_text"
    assert record(text="").string("text", allow_empty=True) == ""
    assert record(text=" ").text == " "


def test_a_list_of_strings_is_checked_to_the_last_entry():
    assert record(choices=["a", ""]).strings("choices") == ["a", ""]
    assert (
        str(refusal(lambda: record(choices=["a", 3]).strings("choices"))) == "choices[1] must be a string, got a number"
    )
    assert refusal(lambda: record(choices="ab").strings("choices")).code == "wrong_type"


def test_a_broken_record_shows_its_place_once():
    broken = BrokenRecord(16, "reviews.jsonl:17", InputError("not valid JSON", code="bad_json"))
    assert str(broken) == "reviews.jsonl:17: not valid JSON"
