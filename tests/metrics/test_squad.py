"""Exact match and F1 by the rules of SQuAD, against a restatement that shares no code with them."""

import json
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roberta.errors import InputError
from roberta.metrics.squad import SquadScores, best_threshold, exact_match, f1, gold_answers, normalized_answer
from tests import reference
from tests.shared import SHARED, needs_shared

WORDS = st.sampled_from(
    ["the", "The", "a", "an", "cat", "Cat's", "hat,", "-", "the-end", "½", "naïve", "_a_", "é a", "’a"]
)
ANSWERS = st.lists(WORDS, max_size=6).flatmap(
    lambda words: st.sampled_from([" ", "  ", "\t", "\u00a0"]).map(lambda blank: blank.join(words))
)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("The  Cat's hat, a hat!", "cats hat hat"),
        ("theatre an atom", "theatre atom"),
        ("the-end", "theend"),
        ("«the» end", "« » end"),  # only ASCII punctuation goes, and an article may touch what stays
        ("A.", ""),
        ("İ", "i̇"),
    ],
)
def test_what_is_left_of_an_answer(text, left):
    assert normalized_answer(text) == left


@given(ANSWERS, ANSWERS)
def test_one_pair_scores_as_restated(answer, gold):
    assert normalized_answer(answer).split() == reference.squad_words(answer)
    assert exact_match(answer, gold) == reference.squad_exact(answer, gold)
    assert f1(answer, gold) == pytest.approx(reference.squad_f1(answer, gold), abs=1e-12)
    assert f1(answer, gold, empty_may_match=False) == pytest.approx(reference.squad_f1(answer, gold, 1), abs=1e-12)


def scored(golds, answers, **more):
    scores = SquadScores(**more)
    for id, texts in golds.items():
        scores.add(texts, answers[id])
    return scores.summary()


@given(st.lists(st.tuples(st.lists(ANSWERS, min_size=1, max_size=3), ANSWERS), min_size=1, max_size=8))
def test_version_1_scores_as_restated(rows):
    golds, answers = ({number: row[place] for number, row in enumerate(rows)} for place in (0, 1))
    assert scored(golds, answers) == pytest.approx(reference.squad_scores_1(golds, answers))


@given(st.lists(st.tuples(st.lists(ANSWERS, max_size=3), ANSWERS), min_size=1, max_size=8))
def test_version_2_scores_as_restated(rows):
    golds, answers = ({number: row[place] for number, row in enumerate(rows)} for place in (0, 1))
    assert scored(golds, answers, second_version=True) == pytest.approx(reference.squad_scores_2(golds, answers))


@needs_shared
@pytest.mark.parametrize("name", ["qa_squad1_dev.json", "qa_squad2_dev.json"])
def test_real_golds_score_as_restated(name):
    draw = random.Random(5)
    golds, answers = {}, {}
    for article in json.loads((SHARED / "tasks" / name).read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            words = paragraph["context"].split()
            for question in paragraph["qas"]:
                golds[question["id"]] = texts = [answer["text"] for answer in question["answers"]]
                start = draw.randrange(len(words))
                guesses = [
                    "",
                    " ".join(words[start : start + 4]),
                    *texts,
                    *(f"the {text} {words[0]}" for text in texts),
                ]
                answers[question["id"]] = draw.choice(guesses)
    restated = reference.squad_scores_2 if name == "qa_squad2_dev.json" else reference.squad_scores_1
    found = scored(golds, answers)
    assert found == pytest.approx(restated(golds, answers))
    assert 5 < found["f1"] < 95


@given(
    st.lists(
        st.tuples(st.floats(-9, 9), st.floats(0, 1), st.booleans()),
        min_size=1,
        max_size=9,
        unique_by=lambda row: row[0],
    )
)
def test_no_threshold_is_better_than_the_best(rows):
    rows = [(odds, score if has_answer else 0.0, has_answer, True) for odds, score, has_answer in rows]

    def mean(threshold):
        kept = [score if odds <= threshold else float(not has_answer) for odds, score, has_answer, _ in rows]
        return 100 * sum(kept) / len(kept)

    best, threshold = best_threshold(rows)
    assert mean(threshold) == pytest.approx(best)
    assert best == pytest.approx(max(mean(odds) for odds in [-math.inf, *(row[0] for row in rows)]))


def test_best_thresholds_come_from_the_best_spans_and_not_from_what_was_said():
    scores = SquadScores()
    scores.add(["Ada"], "", best_span="Ada", null_odds=1.0)
    scores.add([], "", best_span="Bob", null_odds=2.0)
    found = scores.summary()
    assert found["exact"] == 50.0
    assert (found["best_exact"], found["best_exact_thresh"]) == (100.0, 1.0)
    assert (found["best_f1"], found["best_f1_thresh"]) == (100.0, 1.0)


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ([{"text": "Ada", "answer_start": 0}, {"text": "Ada L."}], ["Ada", "Ada L."]),
        ({"text": ["Ada"], "answer_start": [0]}, ["Ada"]),
        (["Ada"], ["Ada"]),
        ("Ada", ["Ada"]),
        ("", []),
        (None, []),
        ([], []),
    ],
)
def test_golds_are_understood_in_every_form(value, texts):
    assert gold_answers(value) == texts


@pytest.mark.parametrize("value", [5, [5], [{"answer": "Ada"}], {"text": 5}])
def test_what_is_no_gold_is_refused(value):
    with pytest.raises(InputError, match="the right answers must be texts"):
        gold_answers(value)
