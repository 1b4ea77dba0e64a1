"""fill-mask with several masks at once: greedy and joint, against searches that are slow and plain."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roberta.tasks.fill_mask import FillMask
from tests.tasks.blank_letters import BlankLetters, answer, logits_by_rule

WORDS = ("x", "yz", "zyx")


def near(value):
    return pytest.approx(value, rel=1e-5, abs=1e-6)  # sums of float32


def scored(text, number, word, logits=logits_by_rule):
    """Logprob of `word` in mask `number` of a text in which some masks may be filled, one mask judged on its own."""
    judged = FillMask(BlankLetters(), 64, targets=[word], best=1)
    return answer(judged, text, logits)["masks"][number]["fills"][0]["logprob"]


def put(text, number, word):
    """The text with `word` in mask `number`, as BlankLetters reads it."""
    parts = text.split("<mask>")
    return "<mask>".join(parts[: number + 1]) + word + "<mask>".join(["", *parts[number + 1 :]])[len("<mask>") :]


def slow_joint(text, words=WORDS):
    """Every sequence of words and its logprob, from left to right."""
    found = {}
    for sequence in product(words, repeat=text.count("<mask>")):
        left, total = text, 0.0
        for word in sequence:
            total += scored(left, 0, word)
            left = put(left, 0, word)
        found[left] = total
    return found


def slow_greedy(text, words=WORDS):
    """The text that filling the surest mask again and again leaves, and the logprob of the words."""
    total = 0.0
    while count := text.count("<mask>"):
        best, number, word = max(
            ((scored(text, number, word), -number, word) for number in range(count) for word in words),
        )
        text, total = put(text, -number, word), total + best
    return text, total


TEXTS = st.lists(st.sampled_from(["a ", "b", "<mask> ", "<mask>"]), min_size=1, max_size=4).map(
    lambda parts: "a <mask> " + "".join(parts)
)


@settings(max_examples=15, deadline=None)
@given(TEXTS.filter(lambda text: text.count("<mask>") < 4))
def test_joint_with_enough_beams_finds_the_likeliest_of_all_sequences(text):
    every = slow_joint(text)
    result = answer(FillMask(BlankLetters(), 64, best=99, targets=WORDS, fill="joint", beams=27), text)
    assert {sequence["filled"]: sequence["logprob"] for sequence in result["sequences"]} == near(every)
    assert result["filled"] == max(every, key=every.__getitem__)
    assert result["logprob"] == near(max(every.values()))


@settings(max_examples=15, deadline=None)
@given(TEXTS)
def test_greedy_fills_the_surest_mask_and_judges_the_others_again(text):
    result = answer(FillMask(BlankLetters(), 64, targets=WORDS, fill="greedy"), text)
    filled, logprob = slow_greedy(text)
    assert result["filled"] == filled
    assert result["logprob"] == near(logprob)


def test_one_beam_takes_the_best_word_at_each_mask_from_the_left():
    text = "a <mask> <mask> <mask>"
    result = answer(FillMask(BlankLetters(), 64, best=1, fill="joint", beams=1), text)
    expected = text
    for _ in range(3):
        first = answer(FillMask(BlankLetters(), 64, best=1), expected)["masks"][0]["fills"][0]["text"]
        expected = expected.replace(" <mask>", first, 1)
    assert result["filled"] == expected


def test_more_beams_never_find_less():
    def joint(beams):
        return answer(FillMask(BlankLetters(), 64, fill="joint", beams=beams), "<mask> <mask>")["logprob"]

    assert joint(1) <= joint(4) <= joint(64)


def test_the_best_sequence_does_not_depend_on_how_many_are_shown():
    results = [answer(FillMask(BlankLetters(), 64, best=best, fill="joint"), "<mask> <mask>") for best in (1, 3, 50)]
    assert [len(result["sequences"]) for result in results] == [1, 3, 5]
    for result in results[1:]:
        assert result["masks"] == results[0]["masks"]
        assert result["filled"] == results[0]["filled"]
        assert result["sequences"][:1] == results[0]["sequences"]


def test_a_joint_result_agrees_with_its_best_sequence():
    result = answer(FillMask(BlankLetters(), 64, fill="joint"), "<mask> a <mask>")
    best = result["sequences"][0]
    assert list(result) == ["masks", "filled", "logprob", "sequences"]
    assert list(best) == ["filled", "score", "logprob", "fills"]
    assert [mask["fills"] for mask in result["masks"]] == [[fill] for fill in best["fills"]]
    assert (result["filled"], result["logprob"]) == (best["filled"], best["logprob"])
    assert best["logprob"] == near(sum(fill["logprob"] for fill in best["fills"]))
    assert best["score"] == near(math.exp(best["logprob"]))
    assert [row["logprob"] for row in result["sequences"]] == sorted(
        (row["logprob"] for row in result["sequences"]), reverse=True
    )


def test_a_greedy_result_has_the_words_as_they_were_judged_in_turn():
    text = "<mask> a <mask>"
    each = answer(FillMask(BlankLetters(), 64), text)["masks"]
    result = answer(FillMask(BlankLetters(), 64, fill="greedy"), text)
    assert list(result) == ["masks", "filled", "logprob"]
    surest = max((0, 1), key=lambda number: each[number]["fills"][0]["score"])
    assert result["masks"][surest] == each[surest]
    assert result["masks"][1 - surest] != each[1 - surest]
    assert result["logprob"] == near(sum(mask["fills"][0]["logprob"] for mask in result["masks"]))
    assert [len(mask["fills"]) for mask in result["masks"]] == [5, 5]


def test_ties_go_to_the_left_and_to_the_smaller_ids():
    seen = []

    def flat(ids, row):
        seen.append([place for place, id in enumerate(ids) if id == 3])
        return np.zeros(256, np.float32)

    greedy = answer(FillMask(BlankLetters(), 64, targets=["y", "x"], fill="greedy"), "<mask><mask><mask>", flat)
    assert greedy["filled"] == "xxx"
    assert seen == [[1, 2, 3]] * 3 + [[2, 3]] * 2 + [[3]]
    joint = answer(FillMask(BlankLetters(), 64, targets=["y", "x"], fill="joint", beams=3), "<mask><mask>", flat)
    assert [row["filled"] for row in joint["sequences"]] == ["xx", "xy", "yx"]


def test_per_piece_orders_whole_sequences_by_their_mean():
    options = {"targets": WORDS, "fill": "joint", "beams": 9, "best": 9}
    sums, means = (
        answer(FillMask(BlankLetters(), 64, per_piece=per_piece, **options), "<mask> <mask>")["sequences"]
        for per_piece in (False, True)
    )

    def mean(sequence):
        return sequence["logprob"] / sum(fill["pieces"] for fill in sequence["fills"])

    assert sorted(map(str, sums)) == sorted(map(str, means))
    assert means == sorted(means, key=mean, reverse=True) != sums


@pytest.mark.parametrize("fill", ["greedy", "joint"])
def test_one_mask_is_filled_as_by_each(fill):
    each = answer(FillMask(BlankLetters(), 64), "a <mask>.")
    found = answer(FillMask(BlankLetters(), 64, fill=fill), "a <mask>.")
    assert found["filled"] == each["filled"]
    assert found["logprob"] == each["masks"][0]["fills"][0]["logprob"]
    rows = [row["fills"][0] for row in found["sequences"]] if fill == "joint" else found["masks"][0]["fills"]
    assert rows == each["masks"][0]["fills"]


@pytest.mark.parametrize("fill", ["greedy", "joint"])
def test_in_a_long_text_every_round_reads_around_the_masks_that_are_left(fill):
    text = "a" * 10 + "<mask>" + "b" * 6 + "<mask>" + "c" * 10
    widths = []

    def logits(ids, row):
        widths.append((len(ids), row))
        return logits_by_rule(ids, row)

    result = answer(FillMask(BlankLetters(), 9, fill=fill, beams=2), text, logits)
    assert set(widths) == {(9, 4)}
    assert (result["windows"], result["truncated"]) == (2, 28 - 14)
