from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roberta.tokenizer import merges as module
from roberta.tokenizer.merges import BoundedCache, Merges
from roberta.tokenizer.vocabulary import read_merges
from tests.shared import SHARED, needs_shared


def by_hand(lines: list[str], word: str) -> list[str]:
    """Look at all pairs, merge the leftmost of the earliest learned, start again."""
    ranks = {tuple(line.split(" ")): rank for rank, line in enumerate(lines)}
    parts = list(word)
    while True:
        found = [(ranks[pair], place) for place, pair in enumerate(pairwise(parts)) if pair in ranks]
        if not found:
            return parts
        _, place = min(found)
        parts[place : place + 2] = [parts[place] + parts[place + 1]]


def random_merges(draw) -> list[str]:
    """Merges of what earlier ones made, in any order: a merge may make a pair that was learned before it."""
    tokens, lines = list("abc"), []
    for _ in range(draw(st.integers(0, 12))):
        left, right = draw(st.sampled_from(tokens)), draw(st.sampled_from(tokens))
        tokens.append(left + right)
        lines.append(f"{left} {right}")
    return draw(st.permutations(list(dict.fromkeys(lines))))


@given(st.data())
def test_short_words_merge_as_by_hand(data):
    lines = random_merges(data.draw)
    word = data.draw(st.text("abc", max_size=30))
    assert Merges(lines).split(word) == by_hand(lines, word)


@settings(deadline=None)
@given(st.data())
def test_long_words_merge_as_by_hand(data):
    lines = random_merges(data.draw)
    word = data.draw(st.text("abc", max_size=60))
    assert Merges(lines)._split_long(word) == by_hand(lines, word)


def test_overlapping_pairs_merge_from_the_left():
    assert Merges(["a a"]).split("aaaaa") == ["aa", "aa", "a"]
    assert Merges(["a a"]).split("a" * 301) == ["aa"] * 150 + ["a"]


def test_a_pair_that_was_learned_earlier_goes_first_as_soon_as_a_merge_makes_it():
    merges = Merges(["ab a", "a b"])
    assert merges.split("abab") == merges._split_long("abab") == ["aba", "b"]


def test_a_word_of_a_million_letters_takes_no_quadratic_time():
    tokens = Merges(["a b", "ab ab", "abab abab"]).split("ab" * 100_000)
    assert tokens == ["abababab"] * 25_000


@needs_shared
def test_what_the_recorded_merges_make_encodes_to_itself():
    merges = Merges(read_merges(SHARED / "oracle" / "roberta-base-vocab" / "merges.txt"))
    assert merges.known
    assert len(merges.self_encoding) == 50_000
    for token in merges.self_encoding:
        assert merges.split(token) == [token]


def test_of_other_merges_nothing_is_taken_for_granted():
    merges = Merges(["a b", "b c", "ab c"])
    assert not merges.known
    assert merges.self_encoding == frozenset()


def test_the_cache_is_bounded_and_long_keys_stay_out(monkeypatch):
    monkeypatch.setattr(module, "CACHE_ENTRIES", 10)
    cache = BoundedCache(str.upper)
    for number in range(95):
        assert cache[f"k{number}"] == f"K{number}"
        assert len(cache) <= 10
    long = "x" * (module.CACHED_LENGTH + 1)
    assert cache[long] == long.upper()
    assert long not in cache


def test_what_was_asked_for_of_late_outlives_a_full_cache(monkeypatch):
    monkeypatch.setattr(module, "CACHE_ENTRIES", 10)
    computed = []
    cache = BoundedCache(lambda key: computed.append(key) or key.upper())
    for number in range(40):
        assert cache["often"] == "OFTEN"
        assert cache[f"k{number}"] == f"K{number}"
    assert computed.count("often") == 1
    assert cache["k0"] == "K0"
    assert computed.count("k0") == 2  # of two generations ago


def test_what_fails_is_not_cached():
    cache = BoundedCache(str.encode)
    with pytest.raises(UnicodeEncodeError):
        cache["\ud800"]
    assert not cache
