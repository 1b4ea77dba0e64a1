"""Every score against its definition, stated again slowly, on random answers."""

from fractions import Fraction
from math import sqrt

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from roberta.errors import InputError
from roberta.metrics.classification import (
    LabelScores,
    LabelSetScores,
    ValueScores,
    gold_label,
    gold_labels,
    gold_value,
)

KNOWN = ["neg", "neutral", "pos"]
answers = st.lists(st.tuples(st.sampled_from(KNOWN), st.sampled_from([*KNOWN, None])), max_size=40)
sets = st.sets(st.sampled_from(KNOWN))
set_answers = st.lists(st.tuples(sets, sets), max_size=40)
numbers = st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: round(value, 3)) | st.integers(-3, 3).map(float)
value_answers = st.lists(st.tuples(numbers, numbers), max_size=25)


def summary(scores, rows):
    for row in rows:
        scores.add(*row)
    return scores.summary()


def slow_label_row(rows, label):
    """rows: pairs of sets. Precision, recall and F1 of one label from its decisions, exactly."""
    right = sum(label in gold and label in predicted for gold, predicted in rows)
    said = sum(label in predicted for _, predicted in rows)
    true = sum(label in gold for gold, _ in rows)
    precision = Fraction(right, said) if said else Fraction(0)
    recall = Fraction(right, true) if true else Fraction(0)
    f1 = 2 * precision * recall / (precision + recall) if right else Fraction(0)
    return {"label": label, "precision": precision, "recall": recall, "f1": f1, "support": true}


def slow_macro(rows):
    met = {label for gold, predicted in rows for label in gold | predicted}
    return sum(slow_label_row(rows, label)["f1"] for label in met) / len(met) if met else None


def near(value):
    return None if value is None else pytest.approx(float(value), rel=1e-12)


def same_rows(found, rows):
    expected = [slow_label_row(rows, label) for label in KNOWN]
    assert [row["label"] for row in found] == KNOWN
    assert [row["support"] for row in found] == [row["support"] for row in expected]
    for name in ("precision", "recall", "f1"):
        assert [row[name] for row in found] == [near(row[name]) for row in expected]


@given(answers)
def test_single_labels_are_scored_by_definition(rows):
    found = summary(LabelScores(KNOWN), rows)
    as_sets = [({gold}, set() if predicted is None else {predicted}) for gold, predicted in rows]
    assert found["records"] == len(rows)
    assert found["accuracy"] == (sum(g == p for g, p in rows) / len(rows) if rows else None)
    assert found["unanswered"] == sum(predicted is None for _, predicted in rows)
    assert found["macro_f1"] == near(slow_macro(as_sets))
    same_rows(found["per_label"], as_sets)
    cells = {(gold, said): count for gold, row in found["confusion"].items() for said, count in row.items()}
    assert cells == {row: rows.count(row) for row in rows if row[1] is not None}


@given(set_answers)
def test_label_sets_are_scored_by_definition(rows):
    found = summary(LabelSetScores(KNOWN), rows)
    right = sum(len(gold & predicted) for gold, predicted in rows)
    decisions = sum(len(gold) + len(predicted) for gold, predicted in rows)
    assert found["records"] == len(rows)
    assert found["exact_match"] == (sum(g == p for g, p in rows) / len(rows) if rows else None)
    assert found["micro_f1"] == (near(Fraction(2 * right, decisions)) if decisions else None)
    assert found["macro_f1"] == near(slow_macro(rows))
    same_rows(found["per_label"], rows)


def slow_correlation(rows):
    """Pearson's from exact sums; None where it is not defined."""
    count = len(rows)
    if count < 2:
        return None
    means = [sum(Fraction(row[side]) for row in rows) / count for side in (0, 1)]
    apart = [[Fraction(row[side]) - means[side] for side in (0, 1)] for row in rows]
    cross = sum(one * other for one, other in apart)
    spreads = [sum(row[side] ** 2 for row in apart) for side in (0, 1)]
    return float(cross) / sqrt(spreads[0]) / sqrt(spreads[1]) if all(spreads) else None


def slow_ranks(values):
    """The mean place among the sorted: those below, and half of those equal."""
    return [
        Fraction(sum(other < value for other in values)) + Fraction(sum(other == value for other in values) + 1, 2)
        for value in values
    ]


@given(value_answers)
@example([(0.1, 1.0), (0.1, 2.0), (0.1, 3.0)])
def test_numbers_are_scored_by_definition(rows):
    found = summary(ValueScores(), rows)
    ranked = list(zip(slow_ranks([gold for gold, _ in rows]), slow_ranks([said for _, said in rows])))
    assert found["records"] == len(rows)
    for name, expected in (("pearson", slow_correlation(rows)), ("spearman", slow_correlation(ranked))):
        assert (found[name] is None) == (expected is None)
        assert expected is None or found[name] == pytest.approx(expected, abs=1e-9)
    exact = sum((Fraction(gold) - Fraction(said)) ** 2 for gold, said in rows)
    assert found["mse"] == (pytest.approx(float(exact / len(rows))) if rows else None)


def test_huge_and_tiny_numbers_still_correlate():
    for scale in (1e-200, 1e200, 5e307):
        found = summary(ValueScores(), [(scale, 1.0), (2 * scale, 2.0), (3 * scale, 3.0)])
        assert found["pearson"] == pytest.approx(1.0)


def test_labels_that_nobody_announced_are_taken_in_as_they_come():
    found = summary(LabelScores(["b"]), [("c", "a"), ("b", "b")])
    assert [row["label"] for row in found["per_label"]] == ["b", "a", "c"]
    assert found["confusion"] == {"b": {"b": 1}, "c": {"a": 1}}


def test_a_label_that_never_occurs_is_listed_but_left_out_of_the_mean():
    found = summary(LabelScores(KNOWN), [("pos", "pos")])
    assert found["macro_f1"] == 1.0
    assert [(row["label"], row["f1"], row["support"]) for row in found["per_label"]] == [
        ("neg", 0.0, 0),
        ("neutral", 0.0, 0),
        ("pos", 1.0, 1),
    ]


def test_confusion_follows_the_order_of_the_labels():
    found = summary(LabelScores(["low", "high"]), [("high", "high"), ("high", "low"), ("low", "high")])
    assert list(found["confusion"]) == ["low", "high"]
    assert list(found["confusion"]["high"]) == ["low", "high"]


@pytest.mark.parametrize(("value", "label"), [("pos", "pos"), (2, "pos"), (2.0, "pos"), ("2", "pos"), (0, "neg")])
def test_gold_is_given_by_name_or_by_number(value, label):
    assert gold_label(value, KNOWN) == label


@pytest.mark.parametrize("value", ["1", 1, 1.0])
def test_a_name_goes_before_a_number(value):
    assert gold_label(value, ["1", "0"]) == "1"
    assert gold_label(value, ["3", "2"]) == "2"


def test_true_and_false_are_names():
    assert gold_label(True, ["false", "true"]) == "true"


@pytest.mark.parametrize(
    "value",
    ["positive", "", "-1", "3", 3, -1, 1.5, float("nan"), float("inf"), None, True, {}, ["pos"], "²", "9" * 5000],
)
def test_unknown_gold_is_an_error_that_names_the_labels(value):
    with pytest.raises(InputError, match="neg, neutral, pos") as refusal:
        gold_label(value, KNOWN)
    assert refusal.value.code == "unknown_gold"
    assert len(str(refusal.value)) < 200


def test_of_many_labels_an_error_names_the_first_twenty():
    with pytest.raises(InputError) as refusal:
        gold_label("x", [f"label{number}" for number in range(1000)])
    assert "label19, ..., or its number" in str(refusal.value)
    assert "label20" not in str(refusal.value)


def test_a_set_of_gold_labels_is_a_list_or_one_alone():
    assert gold_labels(["neg", 2, "2"], KNOWN) == {"neg", "pos"}
    assert gold_labels(1, KNOWN) == {"neutral"}
    assert gold_labels([], KNOWN) == set()
    with pytest.raises(InputError, match="'x'"):
        gold_labels(["neg", "x"], KNOWN)


@pytest.mark.parametrize(("value", "number"), [(3, 3.0), (3.5, 3.5), ("3.5", 3.5), ("-1e2", -100.0)])
def test_a_gold_value_may_come_as_text(value, number):
    assert gold_value(value) == number


@pytest.mark.parametrize("value", ["good", "", "nan", float("inf"), None, True, [1], 10**400])
def test_a_gold_value_that_is_no_number_is_an_error(value):
    with pytest.raises(InputError) as refusal:
        gold_value(value)
    assert refusal.value.code == "unknown_gold"
