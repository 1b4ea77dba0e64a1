import pytest
from hypothesis import given
from hypothesis import strategies as st

from roberta.errors import InputError
from roberta.tokenizer.truncation import truncate


def kept(lengths, room, strategy="longest_first", **options):
    return tuple(end - start for (start, end), *_ in truncate(lengths, room, strategy, **options))


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 130))
def test_the_longer_text_of_a_pair_gives_first(first, second, room):
    shares = kept((first, second), room)
    assert sum(shares) == min(first + second, room)
    short, long = sorted((first, second))
    assert min(shares) == (short if short <= room // 2 else max(room // 2, room - long))


def test_of_an_odd_room_the_longer_text_keeps_the_one_more_and_of_equals_the_second():
    assert (kept((9, 5), 7), kept((5, 9), 7), kept((5, 5), 7)) == ((4, 3), (3, 4), (3, 4))


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 130), st.booleans())
def test_only_the_named_text_is_cut(first, second, room, from_start):
    for strategy, place in (("only_first", 0), ("only_second", 1)):
        lengths = (first, second)
        if lengths[place] > first + second - room or first + second <= room:
            shares = kept(lengths, room, strategy, from_start=from_start)
            assert shares[1 - place] == lengths[1 - place]
            assert sum(shares) == min(first + second, room)
        else:
            with pytest.raises(InputError, match="longest_first"):
                truncate(lengths, room, strategy)


def test_the_rest_becomes_windows_that_share_the_stride():
    assert truncate((7,), 3, "longest_first", 1) == [[(0, 3), (2, 5), (4, 7)]]
    assert truncate((7,), 3, "longest_first", 1, from_start=True) == [[(4, 7), (2, 5), (0, 3)]]


def test_a_room_that_not_even_the_framing_fits_cuts_nothing():
    assert truncate((7, 2), -1, "only_first") == [[(0, 7)], [(0, 2)]]


def test_only_second_needs_a_second_text():
    with pytest.raises(InputError, match="text_pair"):
        truncate((7,), 3, "only_second")
