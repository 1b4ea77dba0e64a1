import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from roberta.tokenizer.pretokenize import split_words
from roberta.training.word_starts import WordStarts

TEXT = "In 1969 she'd won (again!) the café  — 日本語 👍👍."


def words_of(tokenizer, ids):
    """The text of the words that the starts cut."""
    ids = np.asarray(ids)
    parts = np.split(ids, np.flatnonzero(WordStarts(tokenizer)(ids))[1:])
    return [tokenizer.decode(part.tolist(), clean_up_tokenization_spaces=False) for part in parts]


def test_words_are_those_of_the_split_pattern(words):
    assert words_of(words, words.encode_ids(TEXT)) == split_words(TEXT)


@given(text=st.text(min_size=1).filter(lambda text: not any(0xD800 <= ord(letter) < 0xE000 for letter in text)))
def test_words_of_any_text_are_those_of_the_split_pattern(words, text):
    ids = words.encode_ids(text)
    if not set(ids) & set(words.all_special_ids):
        assert words_of(words, ids) == split_words(text)


@given(cut=st.integers(0, 60), length=st.integers(1, 20))
def test_a_text_that_is_cut_anywhere_has_a_start_and_else_those_of_the_whole(words, cut, length):
    ids = np.array(words.encode_ids(TEXT))
    whole, part = WordStarts(words)(ids), WordStarts(words)(ids[cut : cut + length])
    assert len(part) == len(ids[cut : cut + length])
    if len(part):
        assert part[0]
        # Which words a cut-off character or blank stands in cannot be told; further on all is as in the whole.
        inner = slice(4, -4)
        assert (part[inner] == whole[cut : cut + length][inner]).all()


def test_no_word_goes_across_a_special_token(words):
    ids = [0, *words.encode_ids("walking"), 2, *words.encode_ids("walking"), 2]
    pieces = len(words.encode_ids("walking"))
    inner = [True, *[False] * (pieces - 1)]
    assert WordStarts(words)(np.array(ids))[[*range(1, 1 + pieces), *range(2 + pieces, 2 + 2 * pieces)]].tolist() == (
        inner + inner
    )
