from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roberta.training.blocks import full_sentences
from roberta.training.language import Blocks
from roberta.training.token_file import TokenFile


def blocks_of(lengths, room):
    """Sentences of these lengths, packed: (blocks, 2), and where each sentence begins."""
    starts = np.cumsum([0, *lengths]).astype(np.uint64)
    return full_sentences(TokenFile(np.zeros(sum(lengths), np.uint16), starts, 1, ""), room), starts


LENGTHS = st.lists(st.integers(1, 20), min_size=1, max_size=40)


@given(LENGTHS, st.integers(1, 15))
def test_every_token_is_in_one_block_and_no_block_is_over_its_room(lengths, room):
    blocks, _ = blocks_of(lengths, room)
    assert blocks[0, 0] == 0
    assert blocks[-1, 1] == sum(lengths)
    assert (blocks[1:, 0] == blocks[:-1, 1]).all()
    sizes = blocks[:, 1] - blocks[:, 0]
    assert ((sizes > 0) & (sizes <= room)).all()


@given(LENGTHS, st.integers(1, 15))
def test_only_sentences_that_are_longer_than_a_block_are_cut(lengths, room):
    blocks, starts = blocks_of(lengths, room)
    for border in blocks[1:, 0]:
        sentence = int(np.searchsorted(starts, border, "right")) - 1
        if starts[sentence] != border:
            assert lengths[sentence] > room
            assert (border - starts[sentence]) % room == 0, "cut where a block was full"


@given(LENGTHS, st.integers(1, 15))
def test_blocks_are_as_full_as_whole_sentences_make_them(lengths, room):
    blocks, starts = blocks_of(lengths, room)
    for begin, end in blocks[:-1]:
        following = int(np.searchsorted(starts, end, "right"))  # the sentence after the block, or after its cut one
        next_piece = min(room, int(starts[following]) - int(end))
        assert end - begin + next_piece > room


def test_sentences_go_on_across_documents():
    blocks, _ = blocks_of([4, 3, 2, 5, 1], 9)
    assert blocks.tolist() == [[0, 9], [9, 15]]


def test_no_text_gives_no_block():
    assert full_sentences(TokenFile(np.zeros(0, np.uint16), np.zeros(1, np.uint64), 0, ""), 8).shape == (0, 2)


def test_a_corpus_of_many_sentences_is_planned_as_a_slow_loop_plans_it():
    lengths = np.random.default_rng(0).integers(1, 90, 20_000)
    blocks, _ = blocks_of(lengths.tolist(), 62)
    expected, used, place = [], 0, 0
    for length in lengths.tolist():
        pieces = [62] * (length // 62) + ([length % 62] if length % 62 else [])
        for piece in pieces:
            if used + piece > 62:
                expected.append((place - used, place))
                used = 0
            used, place = used + piece, place + piece
    expected.append((place - used, place))
    assert blocks.tolist() == [list(pair) for pair in expected]


@dataclass
class Framing:
    """The ids that stand around a block."""

    bos_token_id: int = 0
    eos_token_id: int = 2


@pytest.mark.parametrize(
    ("inner", "framed"),
    [
        ([5, 6], [0, 5, 6, 2]),
        ([5, 6, 2], [0, 5, 6, 2]),  # the end of a document is the end of the block
        ([5, 2, 6], [0, 5, 2, 6, 2]),
        ([2], [0, 2]),
    ],
)
def test_a_block_is_framed_once_and_documents_are_parted(inner, framed):
    file = TokenFile(np.array(inner, np.uint16), np.array([0, len(inner)], np.uint64), 1, "")
    blocks = Blocks(file, np.array([[0, len(inner)]]))
    assert blocks.ids(0, Framing()).tolist() == framed
    assert blocks.lengths[0] >= len(framed)
