"""Texts longer than a window: nothing is left out silently, whatever the lengths."""

from dataclasses import replace
from math import isqrt

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from roberta.errors import InputError, UsageError
from roberta.records import Record
from roberta.tasks.classify import Classify
from roberta.tasks.long_text import LongText
from roberta.tasks.text_windows import MOST_PAIRINGS, Reading, spans_beside, windows_of_pair, windows_of_text
from tests.tasks.letter_tokenizer import LetterTokenizer, letters

TOKENIZER = LetterTokenizer()


def ids(count, start=100):
    return list(range(start, start + count))


def pair_windows(long, first, second):
    """(windows, what each reads of the first text, what each reads of the second)."""
    windows = windows_of_pair(TOKENIZER, long, first, second)
    apart = [_parts(window.input_ids) for window in windows]
    return windows, [part[0] for part in apart], [part[1] for part in apart]


def _parts(framed):
    ends = [place for place, token in enumerate(framed) if token == 2]
    assert framed[0] == 0
    assert ends[1] == ends[0] + 1
    assert ends[2] == len(framed) - 1
    return framed[1 : ends[0]], framed[ends[1] + 1 : -1]


def classify(long):
    return Classify(LetterTokenizer(), {0: "no", 1: "yes"}, long, best=None)


def answer(task, record, logits):
    windows = task.prepare(record)
    return task.decode(record, windows, [np.array(row) for row in logits])


def text(value, **fields):
    return Record(0, "argument 1", {"text": value, **fields})


@given(
    count=st.integers(0, 80),
    room=st.integers(3, 30),
    overlap=st.integers(0, 12),
    policy=st.sampled_from(["window", "truncate"]),
)
def test_windows_of_a_text_read_all_of_it_or_say_what_they_left(count, room, overlap, policy):
    long = LongText(room, policy, min(overlap, room - 3))
    windows = windows_of_text(TOKENIZER, long, ids(count))
    assert all(len(window.input_ids) <= room for window in windows)
    assert all(window.note.tokens == len(window.input_ids) - 2 for window in windows)
    read = {token for window in windows for token in window.input_ids[1:-1]}
    assert len(read) + windows[0].note.left_out == count
    assert policy == "truncate" or windows[0].note.left_out == 0


@given(
    first=st.integers(0, 50),
    second=st.integers(0, 50),
    room=st.integers(6, 40),
    overlap=st.integers(0, 40),
    policy=st.sampled_from(["window", "truncate"]),
)
@example(first=50, second=50, room=6, overlap=40, policy="window")
def test_windows_of_a_pair_read_all_of_both_or_say_what_they_left(first, second, room, overlap, policy):
    one, other = ids(first), ids(second, 1000)
    windows, firsts, seconds = pair_windows(LongText(room, policy, overlap), one, other)
    assert all(len(window.input_ids) <= room for window in windows)
    assert all(window.note.tokens == len(window.input_ids) - 4 for window in windows)
    kept = {token for part in [*firsts, *seconds] for token in part}
    assert len(kept) + windows[0].note.left_out == first + second
    if policy == "truncate":
        assert len(windows) == 1
    else:
        assert windows[0].note.left_out == 0
        assert len({(tuple(a), tuple(b)) for a, b in zip(firsts, seconds)}) == len(windows)


def test_the_shorter_text_of_a_pair_stays_whole_beside_every_piece_of_the_longer():
    for swapped in (False, True):
        texts = [ids(10), ids(3, 1000)]
        _, *parts = pair_windows(LongText(11, overlap=1), *(reversed(texts) if swapped else texts))
        longer, shorter = reversed(parts) if swapped else parts
        assert shorter == [ids(3, 1000)] * 3
        assert longer == [ids(4), ids(4, 103), ids(4, 106)]


def test_two_long_texts_are_read_piece_beside_piece():
    windows, firsts, seconds = pair_windows(LongText(8, overlap=0), ids(4), ids(4, 1000))
    assert firsts == [ids(2), ids(2), ids(2, 102), ids(2, 102)]
    assert seconds == [ids(2, 1000), ids(2, 1002)] * 2
    assert len(windows) == 4


@given(first=st.integers(0, 40), second=st.integers(0, 40), size=st.integers(2, 30))
@example(first=10, second=10, size=7)
@example(first=10, second=9, size=7)
def test_a_truncated_pair_loses_a_token_at_a_time_from_the_longer(first, second, size):
    [window], [one], [other] = pair_windows(LongText(size + 4, "truncate"), ids(first), ids(second, 1000))
    kept_one, kept_other = first, second
    while kept_one + kept_other > size:
        # Of two that have become equal, the one that was shorter goes on losing, or the first.
        if kept_one > kept_other or (kept_one == kept_other and first <= second):
            kept_one -= 1
        else:
            kept_other -= 1
    assert (len(one), len(other)) == (kept_one, kept_other)
    assert window.note.left_out == first + second - size if first + second > size else window.note.left_out == 0


def test_a_pair_is_refused_when_told_so_with_the_tokens_of_both():
    with pytest.raises(InputError, match="24 tokens, more than the window of 12") as refusal:
        windows_of_pair(TOKENIZER, LongText(12, "error"), ids(10), ids(10))
    assert refusal.value.code == "too_long"
    assert len(windows_of_pair(TOKENIZER, LongText(24, "error"), ids(10), ids(10))) == 1


def test_two_endless_texts_are_refused_before_their_windows_fill_the_memory():
    endless = range(8 * (isqrt(MOST_PAIRINGS) + 1))
    with pytest.raises(InputError, match="--long truncate") as refusal:
        windows_of_pair(TOKENIZER, LongText(20, overlap=0), endless, endless)
    assert refusal.value.code == "too_long"
    assert len(windows_of_pair(TOKENIZER, LongText(20, "truncate"), endless, endless)) == 1
    assert len(windows_of_pair(TOKENIZER, LongText(20, overlap=0), endless[8:], endless[8:])) == MOST_PAIRINGS


def test_a_window_without_room_for_two_texts_is_wrong_use():
    with pytest.raises(UsageError, match="no room for two texts"):
        windows_of_pair(TOKENIZER, LongText(5), ids(1), ids(1))


def test_an_overlap_that_a_record_leaves_no_room_for_is_halved_not_refused():
    assert spans_beside(LongText(12, overlap=64), 10, others=6) == [(0, 6), (3, 9), (4, 10)]
    assert spans_beside(LongText(7, overlap=64), 3, others=6) == [(0, 1), (1, 2), (2, 3)]


def test_classify_averages_the_scores_of_the_windows_and_counts_them():
    task = classify(LongText(6, overlap=0))
    result = answer(task, text("abcdefgh"), [[0, 0], [0, np.log(3)]])
    assert result["windows"] == 2
    assert {row["label"]: row["score"] for row in result["labels"]} == {
        "yes": pytest.approx((0.5 + 0.75) / 2),
        "no": pytest.approx((0.5 + 0.25) / 2),
    }


def test_a_window_counts_by_its_tokens():
    task = classify(LongText(12, overlap=0))
    asked = text("abcdefgh" * 2, text_pair="xyz")
    windows = task.prepare(asked)
    uneven = [windows[0], replace(windows[1], note=Reading(3 * windows[0].note.tokens, 0))]
    result = task.decode(asked, uneven, [np.array([0, 0]), np.array([0, np.log(3)])])
    assert result["score"] == pytest.approx((0.5 + 3 * 0.75) / 4)


def test_the_logit_of_a_long_text_is_the_mean_of_its_windows_logits():
    task = Classify(LetterTokenizer(), {0: "no", 1: "yes"}, LongText(6, overlap=0), logits=True)
    assert answer(task, text("abcdefgh"), [[0, 1], [0, 4]])["labels"][0]["logit"] == 2.5


def test_the_number_of_a_long_text_is_the_mean_of_its_windows_numbers():
    task = Classify(LetterTokenizer(), {0: "stars"}, LongText(6, overlap=0), problem_type="regression")
    assert answer(task, text("abcdefgh"), [[1], [4]]) == {"value": 2.5, "windows": 2}


def test_truncation_is_noted_and_nothing_is_noted_of_a_text_that_fits():
    task = classify(LongText(6, "truncate"))
    [window] = task.prepare(text("abcdefgh"))
    assert letters(window) == "abcd|"
    assert answer(task, text("abcdefgh"), [[0, 1]])["truncated"] == 4
    assert list(answer(task, text("abcd"), [[0, 1]])) == ["label", "score", "labels"]


def test_a_long_text_is_refused_when_told_so():
    with pytest.raises(InputError, match="10 tokens, more than the window of 6") as refusal:
        classify(LongText(6, "error")).prepare(text("abcdefgh"))
    assert refusal.value.code == "too_long"
