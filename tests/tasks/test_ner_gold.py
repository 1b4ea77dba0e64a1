"""--gold of ner: tags, numbers of labels and entities, against the tags of a result."""

import pytest

from roberta.builtin import MINI
from roberta.errors import InputError
from roberta.records import Record
from roberta.tasks.long_text import LongText
from roberta.tasks.ner import Ner
from roberta.tasks.ner_gold import EntityGold
from roberta.tokenizer import AutoTokenizer

IOB2 = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
TOKENIZER = AutoTokenizer.from_pretrained(MINI)
WORDS = ["Ada", "of", "New", "York"]


def score(gold, predicted, labels=IOB2, **options):
    """The summary for one record, gold under the name "right"."""
    scorer = EntityGold("right", Ner(TOKENIZER, dict(enumerate(labels)), LongText(512), tags=True, **options))
    fields = {"right": gold} | ({"tokens": WORDS} if "text" not in options else {})
    scorer.add(Record(0, "a:1", fields), {"tags": predicted.split()})
    return scorer.summary()


def readings(summary):
    return summary["f1"], summary["f1_strict"]


def test_tags_by_name_and_by_number():
    right = "B-PER O B-LOC I-LOC"
    assert readings(score(right.split(), right)) == (1.0, 1.0)
    assert readings(score([1, 0, 3, 4], right)) == (1.0, 1.0)
    assert readings(score(right.split(), "I-PER O B-LOC I-LOC")) == (1.0, pytest.approx(2 / 3))


@pytest.mark.parametrize("gold", ["S-PER O B-LOC E-LOC", "U-PER O B-LOC L-LOC", "B-PER O B-LOC I-LOC", "PER O LOC LOC"])
@pytest.mark.parametrize(
    ("labels", "predicted"),
    [
        (IOB2, "B-PER O B-LOC I-LOC"),
        (("O", "B-LOC", "I-LOC", "E-LOC", "S-PER", "S-LOC"), "S-PER O B-LOC E-LOC"),
        (("O", "PER", "LOC"), "PER O LOC LOC"),
        (("O", "I-PER", "I-LOC", "B-LOC"), "I-PER O I-LOC I-LOC"),
    ],
)
def test_gold_tags_may_have_another_scheme(gold, labels, predicted):
    lenient, strict = readings(score(gold.split(), predicted, labels))
    assert lenient == 1.0
    if not (gold.startswith("PER") and labels != ("O", "PER", "LOC")):  # such tags begin nothing in a stricter scheme
        assert strict == 1.0


@pytest.mark.parametrize("ends", [("start", "end", 0, 3, 7, 15), ("first", "last", 0, 0, 2, 3)])
def test_entities_by_words_and_by_characters(ends):
    start, end, *places = ends
    gold = [{"label": "PER", start: places[0], end: places[1]}, {"label": "LOC", start: places[2], end: places[3]}]
    assert readings(score(gold, "B-PER O B-LOC I-LOC")) == (1.0, 1.0)
    assert score(gold, "B-PER O O B-LOC")["f1"] == 0.5


def test_entities_of_a_text_count_in_the_unit_of_the_results():
    task = Ner(TOKENIZER, dict(enumerate(IOB2)), LongText(512), tags=True, offsets="bytes")
    scorer = EntityGold("right", task)
    record = Record(0, "a:1", {"text": "Zoë sings", "right": [{"label": "PER", "start": 0, "end": 4}]})
    count = len(task.word_places(record))
    scorer.add(record, {"tags": ["B-PER", *["O"] * (count - 1)]})
    assert scorer.summary()["f1"] == 1.0


def test_types_that_are_not_shown_are_not_missed():
    assert score(["B-PER", "O", "B-LOC", "I-LOC"], "B-PER O O O", types=["PER"])["f1"] == 1.0
    assert score(["B-PER", "O", "B-LOC", "I-LOC"], "B-PER O O O", ignore=["O", "LOC"])["f1"] == 1.0


def test_no_entity_is_gold_too():
    assert score([], "")["records"] == 1
    assert score(["O"] * 4, "B-PER O O O")["precision"] == 0.0


@pytest.mark.parametrize(
    ("gold", "words"),
    [
        (["O"], "right has 1 tags for 4 words"),
        ("B-PER", "must be a list"),
        ([1, 2, 3, 99], "number of a label"),
        ([None] * 4, "neither a tag"),
        ([{"label": "PER", "start": 0}], "lacks label, start or end"),
        ([{"label": "PER", "first": 0, "last": "1"}], "whole numbers first and last"),
    ],
)
def test_what_is_neither_tags_nor_entities_is_an_error_of_the_record(gold, words):
    with pytest.raises(InputError, match=words):
        score(gold, "B-PER O B-LOC I-LOC")
