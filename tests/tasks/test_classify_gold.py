"""--gold: the answers of classify and zero-shot against what is right."""

import pytest

from roberta.errors import InputError, UsageError
from roberta.records import Record
from roberta.tasks.classify import Classify
from roberta.tasks.gold import Gold
from roberta.tasks.long_text import LongText
from roberta.tasks.zero_shot import ZeroShot
from tests.tasks.letter_tokenizer import LetterTokenizer

THREE = {0: "bad", 1: "fair", 2: "good"}
NLI = {0: "contradiction", 1: "entailment"}


def classify(id2label=THREE, **options):
    return Classify(LetterTokenizer(), id2label, LongText(512), **options)


def zero_shot(labels, **options):
    return ZeroShot(LetterTokenizer(), NLI, LongText(512), labels, **options)


def record(given=None, **fields):
    return Record(0, "argument 1", {"text": "fine", **fields}, given)


def rows(**scores):
    return {"labels": [{"label": label, "score": score} for label, score in scores.items()]}


def test_one_label_is_compared_by_name_and_by_number():
    gold = Gold("stars", classify())
    gold.add(record(stars="good"), {"label": "good"})
    gold.add(record(stars=0), {"label": "good"})
    assert gold.summary()["accuracy"] == 0.5
    assert gold.summary()["confusion"] == {"bad": {"good": 1}, "good": {"good": 1}}


def test_an_answer_below_the_threshold_is_wrong():
    gold = Gold("stars", classify())
    gold.add(record(stars="good"), {"label": None})
    assert (gold.summary()["accuracy"], gold.summary()["unanswered"]) == (0.0, 1)


@pytest.mark.parametrize(("threshold", "exact"), [(None, 1.0), (0.7, 0.0)])
def test_where_several_may_be_true_the_sure_ones_are_compared(threshold, exact):
    gold = Gold("moods", classify(problem_type="multi_label_classification", best=None, threshold=threshold))
    gold.add(record(moods=["good", 1]), rows(good=0.9, fair=0.5, bad=0.4))
    assert gold.summary()["exact_match"] == exact


def test_numbers_are_compared_where_the_model_gives_them():
    gold = Gold("score", classify({0: "stars"}, problem_type="regression"))
    gold.add(record(score="3"), {"value": 3.5})
    assert gold.summary()["mse"] == 0.25


def test_the_field_is_known_by_its_name_in_the_input():
    gold = Gold("stars", classify())
    gold.add(record(given={"review": "fine", "stars": "bad"}), {"label": "bad"})
    assert gold.summary()["accuracy"] == 1.0


def test_zero_shot_is_compared_over_the_labels_of_each_record():
    gold = Gold("topic", zero_shot(("sport", "war")))
    gold.add(record(topic=1), {"label": "war"})
    gold.add(record(topic=0, labels=["art", "sport"]), {"label": "art"})
    assert gold.summary()["accuracy"] == 1.0
    with pytest.raises(InputError, match="art, sport"):
        gold.add(record(topic="war", labels=["art", "sport"]), {"label": "art"})


def test_zero_shot_with_several_true_labels_compares_sets():
    gold = Gold("topics", zero_shot(("sport", "war"), multi_label=True, best=None))
    gold.add(record(topics=["war"]), rows(war=0.6, sport=0.4))
    assert gold.summary()["exact_match"] == 1.0


def test_a_missing_field_is_an_error_of_the_record():
    with pytest.raises(InputError) as refusal:
        Gold("stars", classify()).add(record(), {"label": "good"})
    assert refusal.value.code == "no_field"


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (classify({0: "joy", 1: "fear"}, problem_type="regression"), "joy, fear"),
        (classify(problem_type="multi_label_classification"), "--top all"),
        (zero_shot(("a", "b"), multi_label=True), "--top all"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_any_record(task, words):
    with pytest.raises(UsageError, match=words):
        Gold("stars", task)
