"""Which fields hold a question of choice, and what is read after the context for each choice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roberta.errors import InputError
from roberta.records import Record
from roberta.tasks.choice_fields import read_alternatives
from roberta.tasks.choice_gold import ChoiceGold, gold_choice


def read(fields, **options):
    """Context, and the text of each continuation."""
    found = read_alternatives(Record(0, "argument 1", fields), **options)
    return found.context, [continuation.text for continuation in found.continuations]


@pytest.mark.parametrize(
    ("fields", "context", "texts"),
    [
        ({"context": "C", "choices": ["a", "b", "c"]}, "C", ["a", "b", "c"]),
        ({"context": "C", "question": "Q?", "choices": ["a", "b"]}, "C", ["Q? a", "Q? b"]),
        ({"question": "Q?", "choices": ["a", "b"]}, "Q?", ["a", "b"]),
        ({"text": "T", "choices": ["a", "b"]}, "T", ["a", "b"]),
        ({"context": "C", "question": None, "choices": ["a", "b"]}, "C", ["a", "b"]),
        (
            {"sent1": "C.", "sent2": "He", "ending0": "a", "ending1": "b", "ending2": "c"},
            "C.",
            ["He a", "He b", "He c"],
        ),
        ({"sent1": "C.", "sent2": "", "ending0": "a", "ending1": "b"}, "C.", ["a", "b"]),
        ({"article": "C", "question": "Who?", "options": ["a", "b"]}, "C", ["Who? a", "Who? b"]),
        ({"article": "C", "question": "He _ and _ .", "options": ["a", "b"]}, "C", ["He a and a .", "He b and b ."]),
        ({"article": "C", "question": "He is _", "options": ["a", "b"]}, "C", ["He is a", "He is b"]),
        ({"context": "C", "question": "my _ x", "choices": ["a", "b"]}, "C", ["my _ x a", "my _ x b"]),
        ({"premise": "P.", "question": "cause", "choice1": "a", "choice2": "b"}, "P.", ["because a", "because b"]),
        ({"premise": "P.", "asks_for": "effect", "choice1": "a", "choice2": "b"}, "P.", ["so a", "so b"]),
        ({"question": "P.", "asks_for": "cause", "choices": ["a", "b"]}, "P.", ["because a", "because b"]),
        ({"premise": "P.", "question": "Why?", "choice1": "a", "choice2": "b"}, "P.", ["Why? a", "Why? b"]),
    ],
)
def test_fields_are_found_by_their_names(fields, context, texts):
    assert read(fields) == (context, texts)


def test_a_record_without_its_own_takes_the_shared_question_and_choices():
    assert read({"text": "T"}, question="Q?", choices=("a", "b")) == ("T", ["Q? a", "Q? b"])
    own = {"text": "T", "question": "Own?", "choices": ["c", "d"]}
    assert read(own, question="Q?", choices=("a", "b")) == ("T", ["Own? c", "Own? d"])


@given(st.text("ab _"), st.text("xy _", min_size=1).filter(str.strip), st.booleans())
def test_the_choice_stands_between_what_leads_to_it_and_the_rest(question, choice, is_race):
    fields = {"context": "C", "question": question, "options" if is_race else "choices": [choice, "z"]}
    for continuation, expected in zip(read_alternatives(Record(0, "", fields)).continuations, [choice, "z"]):
        assert continuation.choice == expected
        assert continuation.text == continuation.lead + expected + continuation.rest
        if is_race and "_" in question:
            assert continuation.text == question.replace("_", expected)
        else:
            assert continuation.text == (f"{question} {expected}" if question else expected)


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        ({"context": "C", "choices": ["a"]}, "bad_choices", "choices has 1 entry; give at least two"),
        ({"context": "C", "choices": []}, "bad_choices", "choices has 0 entries; give at least two"),
        ({"sent1": "C", "ending0": "a"}, "bad_choices", "ending has 1 entry; give at least two"),
        ({"context": "C", "choices": "a"}, "wrong_type", "choices must be a list of strings, got a string"),
        ({"context": "C", "choices": ["a", 3]}, "wrong_type", "choices[1] must be a string, got a number"),
        ({"context": 3, "choices": ["a", "b"]}, "wrong_type", "context must be a string, got a number"),
        (
            {"context": "C", "question": [], "choices": ["a", "b"]},
            "wrong_type",
            "question must be a string, got a list",
        ),
        (
            {"premise": "C", "question": [], "choices": ["a", "b"]},
            "wrong_type",
            "question must be a string, got a list",
        ),
        ({"context": "C", "choices": ["a", " "]}, "empty_text", "choices[1] is blank; give it at least one word"),
        ({"premise": "C", "choice1": "a", "choice2": ""}, "empty_text", "choice2 is blank; give it at least one word"),
        ({"context": "", "choices": ["a", "b"]}, "empty_text", "context is empty; give it at least one character"),
        ({"context": "\n", "choices": ["a", "b"]}, "empty_text", "context is blank; give it some text"),
        (
            {"text": "C", "asks_for": "why", "choices": ["a", "b"]},
            "wrong_type",
            "asks_for is 'why'; give cause or effect",
        ),
        ({"text": "C", "asks_for": 1, "choices": ["a", "b"]}, "wrong_type", "asks_for must be a string, got a number"),
        ({"choices": ["a", "b"]}, "no_field", 'no field "context" (found: "choices")'),
        ({"context": "C"}, "no_field", 'no field "choices" (found: "context"); try --field choices=context'),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence(fields, code, message):
    with pytest.raises(InputError) as caught:
        read(fields)
    assert (caught.value.code, str(caught.value)) == (code, message)


@pytest.mark.parametrize(
    ("value", "choices", "expected"),
    [
        ("no", ["yes", "no"], 1),
        (1, ["yes", "no"], 1),
        (1.0, ["yes", "no"], 1),
        ("0", ["yes", "no"], 0),
        ("B", ["yes", "no"], 1),
        ("b", ["yes", "no"], 1),
        ("1", ["2", "3", "1"], 2),
        ("A", ["B", "A"], 1),
    ],
)
def test_gold_is_a_text_a_letter_or_a_number(value, choices, expected):
    assert gold_choice(value, choices) == expected


@pytest.mark.parametrize("value", [2, -1, "C", "2", "", True, None, 0.5, float("nan"), "²", ["yes"], "ß", 10**30])
def test_a_gold_value_that_is_no_choice_is_refused(value):
    with pytest.raises(InputError, match="is none of the 2 choices") as caught:
        gold_choice(value, ["yes", "no"])
    assert caught.value.code == "unknown_gold"


def test_accuracy_counts_a_choice_that_stands_there_twice_as_right():
    class Task:
        alternatives = staticmethod(read_alternatives)

    gold = ChoiceGold("label", Task)
    assert gold.summary() == {"records": 0, "accuracy": None}
    for label, chosen in ((0, 2), (1, 1), (1, 0), ("C", 0)):
        record = Record(0, "", {"context": "C", "choices": ["a", "b", "a"], "label": label})
        gold.add(record, {"choice": chosen})
    assert gold.summary() == {"records": 4, "accuracy": 0.75}
    with pytest.raises(InputError, match='no field "label"'):
        gold.add(Record(0, "", {"context": "C", "choices": ["a", "b"]}), {"choice": 0})
