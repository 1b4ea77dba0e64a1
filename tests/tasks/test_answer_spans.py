"""The search for answers on arrays written by hand, against one that tries every span in every window."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roberta.tasks.answer_spans import Context, best_answers
from roberta.tasks.long_text import LongText


def context_of(words, blank=()):
    """A context whose tokens have these words; word n stands at (10 n, 10 n + 5), blank ones have an empty span."""
    spans = [(10 * word, 10 * word + 5 * (word not in blank)) for word in range(max(words, default=-1) + 1)]
    return Context("", words, np.array(words, dtype=int), spans)


def found_in(context, spans, logits, most, best=10**6):
    """The best spans; of all of them it must not matter how many are wanted."""
    found, every = best_answers(context, spans, logits, most, best)
    assert len(found.first) == min(best, len(every))
    assert np.array_equal(found.logits, -np.sort(-every)[:best])
    return found


def tried_one_by_one(context, spans, logits, most):
    """{(first word, last word): the logits that may count}, by loops: of every token span the one or two windows
    where the nearer end of the window is farthest away; then the best token span of each pair of words."""
    found = {}
    for i in range(len(context.ids)):
        for j in range(i, min(i + most, len(context.ids))):
            ends = [context.word_spans[context.words[token]] for token in (i, j)]
            if any(start == end for start, end in ends):
                continue
            rows = [
                (min(i - start, end - 1 - j), one[i - start, 0] + one[j - start, 1])
                for (start, end), one in zip(spans, logits)
                if start <= i and j < end
            ]
            if rows:
                most_context = max(room for room, _ in rows)
                sums = [value for room, value in rows if room == most_context]
                key = (int(context.words[i]), int(context.words[j]))
                low, high = found.get(key, (-np.inf, -np.inf))
                found[key] = max(low, min(sums)), max(high, max(sums))
    return found


@settings(deadline=None)
@given(st.data())
def test_every_span_is_judged_once_in_the_window_where_it_has_most_context(data):
    steps = data.draw(st.lists(st.booleans(), min_size=1, max_size=40))
    words = np.cumsum([0, *steps]).tolist()
    room = data.draw(st.integers(1, len(words) + 3))
    overlap = data.draw(st.integers(0, room - 1))
    most = data.draw(st.integers(1, 12))
    blank = data.draw(st.sets(st.integers(0, words[-1]), max_size=3))
    context = context_of(words, blank)
    spans = LongText(room, overlap=overlap).spans(len(words), 0)
    draw = np.random.default_rng(data.draw(st.integers(0, 99)))
    logits = [draw.integers(-9, 9, (end - start, 2)).astype(np.float32) for start, end in spans]

    found = found_in(context, spans, logits, most)
    expected = tried_one_by_one(context, spans, logits, most)
    keys = list(zip(found.first.tolist(), found.last.tolist()))
    assert len(set(keys)) == len(keys)
    assert set(keys) == set(expected)
    for key, logit in zip(keys, found.logits):
        assert expected[key][0] <= logit <= expected[key][1]
    assert (np.diff(found.logits) <= 0).all()


def with_gold(spans, first, last):
    logits = [np.zeros((end - start, 2), dtype=np.float32) for start, end in spans]
    for (start, end), one in zip(spans, logits):
        if start <= first < end:
            one[first - start, 0] = 5
        if start <= last < end:
            one[last - start, 1] = 5
    return logits


def test_an_answer_anywhere_is_found():
    most, count = 8, 90
    context = context_of(range(count))
    spans = LongText(30, overlap=most - 1).spans(count, 0)
    for first in range(count):
        for last in range(first, min(first + most, count)):
            found = found_in(context, spans, with_gold(spans, first, last), most, 1)
            assert (found.first[0], found.last[0], found.logits[0]) == (first, last, 10), (first, last)


def test_an_answer_anywhere_in_twenty_thousand_words_is_found():
    draw = random.Random(1)
    words = [word for word in range(20_000) for _ in range(1 + word % 2)]
    context = context_of(words)
    spans = LongText(384, overlap=128).spans(len(words), 16)
    for first in [0, len(words) - 30, *(draw.randrange(len(words) - 30) for _ in range(4))]:
        last = first + draw.randrange(30)
        found = found_in(context, spans, with_gold(spans, first, last), 30, 1)
        assert (found.first[0], found.last[0]) == (words[first], words[last])


def test_only_equal_spans_are_merged_and_the_best_one_counts():
    context = context_of([0, 0, 1])
    logits = np.array([[1.0, 0.0], [4.0, 2.0], [0.0, 1.0]])
    found = found_in(context, [(0, 3)], [logits], 3)
    # (token 1, token 1) beats (0, 0) and (0, 1): all three are word 0
    assert list(zip(found.first, found.last, found.logits)) == [(0, 0, 6.0), (0, 1, 5.0), (1, 1, 1.0)]


def test_a_context_of_blanks_has_no_spans():
    assert found_in(context_of([0, 1], {0, 1}), [(0, 2)], [np.zeros((2, 2))], 5).logits.tolist() == []
    assert found_in(context_of([]), [(0, 0)], [np.zeros((0, 2))], 5).logits.tolist() == []


@pytest.mark.parametrize("most", [1, 2, 3])
def test_no_span_is_longer_than_the_most(most):
    found = found_in(context_of(range(9)), [(0, 9)], [np.zeros((9, 2))], most)
    assert (found.last - found.first).max() == most - 1
    assert len(found.first) == sum(9 - further for further in range(most))
