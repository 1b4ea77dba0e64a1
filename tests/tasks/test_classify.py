"""classify on numbers written by hand: which labels, which scores, in which shape."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roberta.errors import InputError, UsageError
from roberta.records import Record
from roberta.tasks.classify import Classify, ranked
from roberta.tasks.long_text import LongText
from tests.tasks.letter_tokenizer import LetterTokenizer, letters

THREE = {0: "bad", 1: "fair", 2: "good"}


def classify(id2label=THREE, *, room=512, long="window", overlap=0, **options):
    return Classify(LetterTokenizer(), id2label, LongText(room, long, overlap), **options)


def record(text="fine", **fields):
    return Record(0, "argument 1", {"text": text, **fields})


def answer(task, *logits, text="fine", **fields):
    asked = record(text, **fields)
    windows = task.prepare(asked)
    assert len(windows) == len(logits)
    outputs = [
        task.condense(asked, window, np.array(row, np.float32)) for window, row in zip(windows, logits, strict=True)
    ]
    return task.decode(asked, windows, outputs)


def near(value):
    return pytest.approx(value, rel=1e-6)  # scores are float32


def test_the_surest_label_comes_with_its_softmax_score():
    result = answer(classify(), [0, np.log(2), np.log(7)])
    assert result == {"label": "good", "score": near(0.7), "labels": [{"label": "good", "score": near(0.7)}]}
    assert type(result["score"]) is float


def test_the_shape_is_the_same_for_one_label_and_for_all():
    one, every = (answer(classify(best=best), [0, 1, 2]) for best in (1, None))
    assert list(one) == list(every) == ["label", "score", "labels"]
    assert [row["label"] for row in every["labels"]] == ["good", "fair", "bad"]
    assert every["labels"][:1] == one["labels"]
    assert sum(row["score"] for row in every["labels"]) == near(1.0)


def test_best_prints_as_many_labels_and_never_more_than_there_are():
    assert [row["label"] for row in answer(classify(best=2), [5, 1, 2])["labels"]] == ["bad", "good"]
    assert len(answer(classify(best=9), [5, 1, 2])["labels"]) == 3


def test_equal_scores_keep_the_order_of_the_model():
    assert [row["label"] for row in answer(classify(best=None), [1, 1, 1])["labels"]] == ["bad", "fair", "good"]


def test_labels_are_ordered_by_their_numbers_not_by_the_order_of_the_file():
    assert answer(classify({2: "good", 0: "bad", 1: "fair"}), [0, 0, 9])["label"] == "good"


@pytest.mark.parametrize(
    ("id2label", "problem_type", "chosen"),
    [
        (THREE, None, "softmax"),
        (THREE, "single_label_classification", "softmax"),
        (THREE, "multi_label_classification", "sigmoid"),
        ({0: "spam"}, None, "sigmoid"),
        ({0: "spam"}, "single_label_classification", "sigmoid"),
        ({0: "stars"}, "regression", "none"),
        (THREE, "regression", "none"),
    ],
)
def test_auto_chooses_the_activation_from_the_config(id2label, problem_type, chosen):
    assert classify(id2label, problem_type=problem_type).chosen_activation == chosen


def test_each_activation_gives_its_own_scores():
    scores = {
        name: [row["score"] for row in answer(classify(best=None, activation=name), [0, 0, np.log(3)])["labels"]]
        for name in ("softmax", "sigmoid", "none")
    }
    assert scores["softmax"] == [near(0.6), near(0.2), near(0.2)]
    assert scores["sigmoid"] == [near(0.75), near(0.5), near(0.5)]
    assert scores["none"] == [near(np.log(3)), 0, 0]


def test_a_multi_label_model_scores_each_label_on_its_own():
    result = answer(classify(problem_type="multi_label_classification", best=None), [-np.log(3), 40, 0])
    assert [(row["label"], row["score"]) for row in result["labels"]] == [
        ("fair", near(1.0)),
        ("good", near(0.5)),
        ("bad", near(0.25)),
    ]


def test_the_threshold_keeps_labels_at_or_above_it():
    task = classify(problem_type="multi_label_classification", best=None, threshold=0.5)
    assert [row["label"] for row in answer(task, [-1, 1, 0])["labels"]] == ["fair", "good"]


def test_no_label_over_the_threshold_is_an_empty_answer_of_the_same_shape():
    assert answer(classify(threshold=0.9), [0, 0, 0]) == {"label": None, "score": None, "labels": []}


def test_logits_are_added_to_every_label():
    result = answer(classify(best=2, logits=True), [0.5, -1.5, 2.5])
    assert [row["logit"] for row in result["labels"]] == [2.5, 0.5]


def test_a_regression_model_gives_its_number():
    assert answer(classify({0: "stars"}, problem_type="regression"), [3.5]) == {"value": 3.5}


def test_a_regression_model_with_several_outputs_names_each():
    result = answer(classify({0: "joy", 1: "fear"}, problem_type="regression"), [3.5, -1])
    assert result == {"values": {"joy": 3.5, "fear": -1.0}}


def test_a_regression_model_gives_labels_when_an_activation_is_asked_for():
    assert answer(classify({0: "stars"}, problem_type="regression", activation="sigmoid"), [0.0])["score"] == 0.5


def test_a_pair_is_one_window_with_both_texts():
    task = classify()
    [window] = task.prepare(record("ab", text_pair="cd"))
    assert letters(window) == "ab||cd|"
    assert answer(task, [0, 0, 1], text_pair="cd")["label"] == "good"


def test_a_pair_that_is_null_is_a_single_text():
    [window] = classify().prepare(record("ab", text_pair=None))
    assert letters(window) == "ab|"


@pytest.mark.parametrize("fields", [{"text": ""}, {"text": "a", "text_pair": ""}])
def test_an_empty_text_is_an_error_unless_allowed(fields):
    with pytest.raises(InputError) as refusal:
        classify().prepare(record(**fields))
    assert refusal.value.code == "empty_text"
    [window] = classify(allow_empty=True).prepare(record(**fields))
    assert letters(window) in ("|", "a|||")
    assert answer(classify(allow_empty=True), [0, 0, 1], **fields)["label"] == "good"


@pytest.mark.parametrize("fields", [{"text": 7}, {"text": ["a"]}, {"text": "a", "text_pair": 7}])
def test_a_text_of_another_type_is_an_error(fields):
    with pytest.raises(InputError) as refusal:
        classify().prepare(record(**fields))
    assert refusal.value.code == "wrong_type"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"activation": "tanh"}, "choose from auto, softmax, sigmoid, none"),
        ({"best": 0}, "--top"),
        ({"problem_type": "regression", "threshold": 0.5}, "--threshold"),
    ],
)
def test_options_that_make_no_sense_are_refused_before_any_record(options, words):
    with pytest.raises(UsageError, match=words):
        classify(**options)


@given(
    scores=st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9]), min_size=1, max_size=12),
    best=st.none() | st.integers(1, 15),
    threshold=st.none() | st.sampled_from([0.0, 0.1, 0.3, 0.5, 1.0]),
)
def test_ranking_is_a_stable_sort_cut_off_by_number_and_threshold(scores, best, threshold):
    names = [f"label {place}" for place in range(len(scores))]
    expected = sorted(zip(names, scores), key=lambda row: -row[1])[:best]
    expected = [row for row in expected if threshold is None or row[1] >= threshold]
    result = ranked(names, np.array(scores), best, threshold, None)
    assert [row["label"] for row in result["labels"]] == [name for name, _ in expected]
    assert result["label"] == (expected[0][0] if expected else None)
