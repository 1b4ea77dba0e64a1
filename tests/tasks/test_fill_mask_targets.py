"""fill-mask among given words: the blank that a place needs, words of several pieces, how they are ordered."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roberta.errors import InputError, UsageError
from roberta.tasks.fill_mask import FillMask
from roberta.tasks.mask_targets import Targets, encode_targets
from tests.tasks.blank_letters import BlankLetters, answer, logits_by_rule

B = 128  # a letter with a blank before it


def fill_mask(*targets, room=64, best=99, **options):
    return FillMask(BlankLetters(), room, best=best, targets=targets or None, **options)


def words(mask):
    return [fill["text"] for fill in mask["fills"]]


def logprob(window, row, id):
    logits = logits_by_rule(window, row).astype(np.float64)
    return logits[id] - math.log(np.exp(logits).sum())


def near(value):
    return pytest.approx(value, rel=1e-6)  # scores are float32


def test_a_word_takes_the_blank_that_its_place_needs():
    result = answer(fill_mask("x", " y"), "<mask> b <mask>c<mask>(<mask>\n<mask>")
    assert [sorted(words(mask)) for mask in result["masks"]] == [
        ["x", "y"],
        [" x", " y"],
        ["x", "y"],
        ["x", "y"],
        [" x", " y"],  # the line break is swallowed by the mask and kept in the text
    ]


def test_exact_targets_are_taken_as_they_are_spelt():
    result = answer(fill_mask("x", " y", exact_targets=True), "<mask> b <mask>")
    assert [sorted(words(mask)) for mask in result["masks"]] == [[" y", "x"]] * 2


def test_scores_of_targets_are_not_shares_of_the_targets():
    every, among = answer(fill_mask()), answer(fill_mask("x", "y"))
    scores = {fill["text"]: fill for fill in answer(fill_mask(best=256))["masks"][0]["fills"]}
    assert len(every["masks"][0]["fills"]) == 99
    assert among["masks"][0]["fills"] == sorted([scores[" x"], scores[" y"]], key=lambda fill: -fill["score"])


def test_best_counts_targets_too():
    assert len(answer(fill_mask("x", "y", "z", best=2))["masks"][0]["fills"]) == 2


def test_a_word_given_twice_is_answered_once():
    assert sorted(words(answer(fill_mask("x", "y", " x", "x "))["masks"][0])) == [" x", " y"]


def test_targets_of_a_record_come_before_those_of_the_run():
    assert sorted(words(answer(fill_mask("x"), targets=["y", "z"])["masks"][0])) == [" y", " z"]
    assert words(answer(fill_mask("x"), targets=None)["masks"][0]) == [" x"]


def test_targets_of_the_run_are_encoded_once():
    class Counting(BlankLetters):
        encoded = ()

        def encode_ids(self, text):
            self.encoded += (text,)
            return super().encode_ids(text)

    task = FillMask(Counting(), 64, targets=["x", "yz"])
    for _ in range(3):
        answer(task, "a <mask>")
    assert sum(text.strip() in ("x", "yz") for text in task.tokenizer.encoded) == 4  # with a blank and without


def test_a_word_of_several_pieces_is_scored_left_to_right_in_the_place_of_as_many_masks():
    [mask] = answer(fill_mask("xyz"), "a <mask>.")["masks"]
    [fill] = mask["fills"]
    x, y, z, a, dot = ord("x") + B, ord("y"), ord("z"), ord("a"), ord(".")
    expected = (
        logprob([0, a, 3, 3, 3, dot, 2], 2, x)
        + logprob([0, a, x, 3, 3, dot, 2], 3, y)
        + logprob([0, a, x, y, 3, dot, 2], 4, z)
    )
    assert fill == {
        "text": " xyz",
        "id": None,
        "score": near(math.exp(expected)),
        "logprob": near(expected),
        "pieces": 3,
        "ids": [x, y, z],
    }
    assert list(fill) == ["text", "id", "score", "logprob", "pieces", "ids"]


def test_windows_are_shared_by_words_that_begin_alike():
    asked = []

    def logits(input_ids, row):
        asked.append((tuple(input_ids), row))
        return logits_by_rule(input_ids, row)

    answer(fill_mask("x", "y", "ab", "ac", "bc", "abc"), "<mask>", logits)
    # one piece; two: nothing known, a, b; three: nothing known, a, ab
    assert len(asked) == len(set(asked)) == 7


def test_mixed_lengths_are_ordered_by_logprob_or_by_its_mean():
    sums = answer(fill_mask("v", "wx", "yz", "xyz"))["masks"][0]["fills"]
    means = answer(fill_mask("v", "wx", "yz", "xyz", per_piece=True))["masks"][0]["fills"]
    assert sums == sorted(sums, key=lambda fill: -fill["logprob"])
    assert means == sorted(means, key=lambda fill: -fill["logprob"] / fill["pieces"])
    assert sums != means and sorted(map(str, sums)) == sorted(map(str, means))


def test_equal_targets_stand_in_the_order_of_their_ids():
    def flat(ids, row):
        return np.zeros(256, np.float32)

    assert words(answer(fill_mask("z", "x", "y"), "<mask>", flat)["masks"][0]) == ["x", "y", "z"]


def test_pieces_keep_the_place_of_their_mask_in_a_long_text():
    text = "a" * 20 + "<mask>" + "b" * 20
    asked = []

    def logits(input_ids, row):
        asked.append(("".join(map(chr, input_ids[1:-1])), row))
        return logits_by_rule(input_ids, row)

    answer(fill_mask("x", "xyz", room=9), text, logits)
    assert asked == [
        ("aaa\3bbb", 4),
        ("aa\3\3\3bb", 3),
        ("aax\3\3bb", 4),
        ("aaxy\3bb", 5),
    ]


def test_the_filled_text_has_the_whole_word():
    assert answer(fill_mask("xyz"), "a <mask>.")["filled"] == "a xyz."


@pytest.mark.parametrize("targets", [[], [""], ["x", " "]], ids=str)
def test_targets_without_a_word_are_refused(targets):
    with pytest.raises(InputError) as error:
        answer(fill_mask(), targets=targets)
    assert error.value.code == "empty_target"
    with pytest.raises(UsageError):  # not the fault of a record
        answer(FillMask(BlankLetters(), 64, targets=targets))


@pytest.mark.parametrize("targets", ["x", [1], {"x": 1}, 5], ids=str)
def test_targets_of_a_record_must_be_a_list_of_strings(targets):
    with pytest.raises(InputError) as error:
        answer(fill_mask(), targets=targets)
    assert error.value.code == "wrong_type"


def test_a_target_longer_than_a_window_is_refused():
    with pytest.raises(InputError, match="a target has 8 tokens; a window of the model holds 7") as error:
        answer(fill_mask("abcdefgh", room=9))
    assert error.value.code == "too_long"
    assert answer(fill_mask("abcdefg", room=9))["masks"][0]["fills"][0]["pieces"] == 7


def test_a_target_that_the_model_has_no_row_for_is_refused():
    with pytest.raises(InputError, match="the model does not know the token ' x' of a target") as error:
        answer(fill_mask("x"), logits=lambda ids, row: np.zeros(200, np.float32))
    assert error.value.code == "unknown_target"


def test_targets_are_encoded_for_both_places():
    assert encode_targets(BlankLetters(), ["x", "yz"]) == Targets(
        ((ord("x") + B,), (ord("y") + B, ord("z"))), ((ord("x"),), (ord("y"), ord("z")))
    )


@settings(max_examples=25)
@given(
    st.lists(st.text("xyz", min_size=1, max_size=3), min_size=1, max_size=5, unique=True),
    st.lists(st.sampled_from(["a", " ", "<mask>"]), max_size=8),
    st.sampled_from([5, 7, 40]),
)
def test_every_logprob_is_the_sum_over_the_pieces_one_at_a_time(targets, parts, room):
    text = "".join([*parts, "<mask>"])
    tokenizer = BlankLetters()
    ids = tokenizer.encode_ids(text)
    result = answer(fill_mask(*targets, room=room), text)
    places = [place for place, id in enumerate(ids) if id == 3]
    for place, mask in zip(places, result["masks"]):
        for fill in mask["fills"]:
            pieces = tokenizer.encode_ids(fill["text"])
            total = 0.0
            for known, piece in enumerate(pieces):
                line = [*ids[:place], *pieces[:known], *[3] * (len(pieces) - known), *ids[place + 1 :]]
                size = room - 2
                start = max(0, min(place + len(pieces) // 2 - size // 2, len(line) - size))
                total += logprob([0, *line[start : start + size], 2], place + known - start + 1, piece)
            assert fill["logprob"] == near(total)
    assert len(result["masks"]) == len(places)


def test_all_pairs_of_targets_and_masks_are_answered():
    targets, count = ["x", "yy", "zzz"], 4
    result = answer(fill_mask(*targets), "<mask> " * count)
    found = {(number, text.strip()) for number, mask in enumerate(result["masks"]) for text in words(mask)}
    assert found == set(product(range(count), targets))
