"""tokenize --stats: exact numbers from little memory."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roberta.records import Record
from roberta.tasks.long_text import LongText
from roberta.tasks.token_counts import TokenCounts
from roberta.tasks.tokenize import SHOW, Tokenize
from tests.tasks.blank_letters import BlankLetters


@given(st.lists(st.integers(0, 30), min_size=1), st.integers(0, 30))
def test_the_numbers_are_those_of_the_sorted_list(lengths, limit):
    counts = TokenCounts(limit)
    for length in lengths:
        counts.add(length)
    ordered = sorted(lengths)
    assert counts.result() == {
        "records": len(lengths),
        "tokens": sum(lengths),
        "p50": ordered[math.ceil(0.5 * len(lengths)) - 1],
        "p95": ordered[-(-95 * len(lengths) // 100) - 1],
        "max": max(lengths),
        "limit": limit,
        "over_limit": sum(length > limit for length in lengths),
    }


def test_no_records_have_no_percentiles():
    assert TokenCounts(512).result() == {
        "records": 0, "tokens": 0, "p50": None, "p95": None, "max": None, "limit": 512, "over_limit": 0
    }  # fmt: skip


def test_memory_grows_with_the_different_lengths_only():
    counts = TokenCounts(512)
    for number in range(100_000):
        counts.add(number % 7)
    assert len(counts._records_of_length) == 7
    assert counts.result()["records"] == 100_000


@pytest.mark.parametrize("show", SHOW)
@pytest.mark.parametrize("long", [None, LongText(6, overlap=1)])
def test_every_result_of_tokenize_can_be_counted(show, long):
    counts = TokenCounts(limit=6)
    task = Tokenize(BlankLetters(), show=show, long=long)
    for text in ("abcdefgh", "ab"):
        counts.add_result(task.decode(Record(0, "argument 1", {"text": text}), [], []))
    result = counts.result()
    assert (result["records"], result["tokens"], result["max"], result["over_limit"]) == (2, 14, 10, 1)
