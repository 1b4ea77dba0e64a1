"""tokenize --decode: ids in, text out, and an error that says which id is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roberta.errors import InputError
from roberta.records import Record
from roberta.tasks.detokenize import Detokenize
from roberta.tasks.tokenize import Tokenize
from tests.tasks.blank_letters import BlankLetters

A, B = ord("a"), ord("b") + 128


def decoded(**fields):
    return decoded_with(Detokenize(BlankLetters()), **fields)


def decoded_with(task, **fields):
    record = Record(0, "argument 1", fields)
    assert task.prepare(record) == []
    return task.decode(record, [], [])


def test_ids_come_as_a_list_or_with_blanks_between():
    for fields in ({"ids": [A, B]}, {"ids": f"{A} {B}"}, {"ids": f" {A}\t{B} \n"}, {"text": f"{A} {B}"}):
        assert decoded(**fields) == {"text": "a b", "count": 2}


def test_ids_come_before_the_text():
    assert decoded(ids=[A], text=f"{B}")["text"] == "a"


def test_specials_are_shown_unless_they_are_not_wanted():
    class Recording(BlankLetters):
        def decode(self, ids, skip_special_tokens, clean_up_tokenization_spaces):
            return f"{skip_special_tokens} {clean_up_tokenization_spaces}"

    assert decoded_with(Detokenize(Recording()), ids=[A])["text"] == "False False"
    assert decoded_with(Detokenize(Recording(), specials=False), ids=[A])["text"] == "True False"


@given(st.text("abc .", min_size=1))
def test_a_tokenized_text_comes_back(text):
    record = Record(0, "argument 1", {"text": text})
    ids = Tokenize(BlankLetters(), show="ids", specials=False).decode(record, [], [])["ids"]
    assert decoded(ids=ids)["text"] == text


@pytest.mark.parametrize("id", [256, 60000, -1])
def test_an_id_outside_the_vocabulary_says_its_range_and_what_to_do(id):
    message = rf"id {id} is not in the vocabulary \(0..255\); decode with the model that made it"
    for ids in ([A, id], f"{A} {id}"):
        with pytest.raises(InputError, match=message) as error:
            decoded(ids=ids)
        assert error.value.code == "unknown_id"


@pytest.mark.parametrize(
    ("fields", "message", "code"),
    [
        ({"ids": [A, "b"]}, r"ids\[1\] must be a whole number, got a string", "wrong_type"),
        ({"ids": [True]}, r"ids\[0\] must be a whole number, got true or false", "wrong_type"),
        ({"ids": [1.0]}, r"ids\[0\] must be a whole number, got a number", "wrong_type"),
        ({"ids": None}, "ids must be a list of whole numbers, .* got null", "wrong_type"),
        ({"text": [A]}, "text must be .*, got a list", "wrong_type"),
        ({"ids": "12 x"}, "'x' is not an id; give whole numbers with blanks between", "wrong_type"),
        ({"ids": []}, "ids is empty; give at least one id", "empty_text"),
        ({"ids": " "}, "ids is empty; give at least one id", "empty_text"),
        ({"id": 1}, 'no field "ids"', "no_field"),
    ],
    ids=str,
)
def test_what_are_no_ids_is_refused(fields, message, code):
    with pytest.raises(InputError, match=message) as error:
        decoded(**fields)
    assert error.value.code == code


def test_no_ids_are_no_text_when_that_is_allowed():
    assert decoded_with(Detokenize(BlankLetters(), allow_empty=True), ids=[]) == {"text": "", "count": 0}
