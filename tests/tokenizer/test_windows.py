from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roberta.errors import InputError
from roberta.tokenizer.windows import spans


@given(st.integers(0, 300), st.integers(1, 50), st.data(), st.booleans())
def test_spans_cover_every_token_share_the_overlap_and_are_as_few_as_can_be(length, room, data, from_end):
    overlap = data.draw(st.integers(0, room - 1))
    found = spans(length, room, overlap, from_end=from_end)
    in_order = found[::-1] if from_end else found
    assert (in_order[0][0], in_order[-1][1]) == (0, length)
    for (start, end), (next_start, next_end) in pairwise(in_order):
        assert start < next_start and end < next_end
        assert end - next_start == overlap
    assert all(end - start == room for start, end in found[:-1])
    assert 0 <= found[-1][1] - found[-1][0] <= room
    assert length <= room or len(found) == 1 + -(-(length - room) // (room - overlap))


def test_no_tokens_are_one_empty_span():
    assert spans(0, room=5, overlap=2) == [(0, 0)]


@pytest.mark.parametrize("room, overlap", [(0, 0), (-1, 0), (3, 3), (3, 7), (3, -1)])
def test_windows_that_cannot_move_on_are_refused(room, overlap):
    with pytest.raises(InputError):
        spans(10, room, overlap)
