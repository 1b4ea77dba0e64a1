import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roberta.errors import UsageError
from roberta.training.masking import IGNORED, Masking

WORDS = 1000
MASK = 4
SPECIAL = np.arange(WORDS) < 5  # <s> <pad> </s> <unk> <mask>
TEXT = np.arange(10_000) % (WORDS - 5) + 5


def masked(ids, seed=0, **options):
    return Masking(MASK, SPECIAL, **options)(np.asarray(ids), np.random.default_rng(seed))


def test_fifteen_percent_are_asked_for_of_which_eight_tenths_are_masked_one_swapped_and_one_left():
    seen, labels = masked(TEXT)
    asked = labels != IGNORED
    assert asked.mean() == pytest.approx(0.15, abs=1e-3), "the share is kept, not drawn place by place"
    masks, same = (seen == MASK)[asked].mean(), (seen == TEXT)[asked].mean()
    # Four standard deviations of 1,500 draws: 0.041 and 0.031.
    assert masks == pytest.approx(0.8, abs=0.041)
    assert same == pytest.approx(0.1, abs=0.031)
    assert 1 - masks - same == pytest.approx(0.1, abs=0.031)


def test_what_is_not_asked_for_is_seen_as_it_is_and_what_is_asked_for_is_the_label():
    seen, labels = masked(TEXT)
    asked = labels != IGNORED
    assert (seen[~asked] == TEXT[~asked]).all()
    assert (labels[asked] == TEXT[asked]).all()
    assert IGNORED == -100, "what torch's cross-entropy leaves out"


def test_swapped_words_come_from_the_whole_vocabulary_and_are_never_special():
    draw = np.random.default_rng(0)
    masking = Masking(MASK, SPECIAL, 0.9)
    swapped = set()
    for _ in range(20):
        seen, _ = masking(np.full(10_000, 7), draw)
        swapped |= set(seen.tolist())
    assert swapped - {MASK, 7} == set(range(5, WORDS)) - {7}


@given(st.lists(st.integers(0, 30), min_size=1, max_size=40), st.integers(0, 99))
def test_special_ids_are_never_asked_for_and_some_word_always_is(ids, seed):
    seen, labels = masked(ids, seed)
    special = SPECIAL[np.array(ids)]
    assert (labels[special] == IGNORED).all()
    assert (seen[special] == np.array(ids)[special]).all()
    assert (labels != IGNORED).any() == (~special).any()


def test_short_texts_have_their_share_on_average():
    counts = [(masked(np.arange(5, 15), seed)[1] != IGNORED).sum() for seed in range(2000)]
    assert set(counts) == {1, 2}
    assert np.mean(counts) == pytest.approx(1.5, abs=0.05)  # four standard deviations: 0.045


def test_each_place_is_as_likely_as_any_other():
    counts = sum((masked(np.arange(5, 25), seed)[1] != IGNORED).astype(int) for seed in range(4000))
    assert counts == pytest.approx(600, abs=4 * 23)  # a binomial's standard deviation, four of them


def test_the_same_draw_gives_the_same_masks_and_another_draw_others():
    one, again, other = masked(TEXT, 1), masked(TEXT, 1), masked(TEXT, 2)
    assert (one[0] == again[0]).all()
    assert (one[1] == again[1]).all()
    assert (one[1] != other[1]).any()


def test_the_given_text_is_not_changed():
    text = TEXT.copy()
    masked(text)
    assert (text == TEXT).all()


@given(st.data())
def test_whole_words_are_asked_for_as_a_whole(data):
    lengths = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=12))
    # Ids below 100 begin a word, the others go on with it; each word ends where the next begins or a special stands.
    ids, word_of = [0], [None]
    for number, length in enumerate(lengths):
        if data.draw(st.booleans()):
            ids, word_of = [*ids, 3], [*word_of, None]
        ids += [10 + number, *[500] * (length - 1)]
        word_of += [number] * length
    masking = Masking(MASK, SPECIAL, 0.3, word_starts=lambda ids: ids < 100)
    _, labels = masking(np.array(ids), np.random.default_rng(data.draw(st.integers(0, 99))))
    asked = {number for number, label in zip(word_of, labels) if label != IGNORED}
    assert asked
    for number, label in zip(word_of, labels):
        assert (label != IGNORED) == (number in asked)


def test_a_piece_after_a_special_id_is_a_word_of_its_own():
    masking = Masking(MASK, SPECIAL, 0.01, word_starts=lambda ids: ids < 100)
    for seed in range(20):
        _, labels = masking(np.array([10, 500, 3, 500, 500]), np.random.default_rng(seed))
        assert (labels != IGNORED).tolist() in ([True, True, False, False, False], [False, False, False, True, True])


def test_whole_words_keep_the_share():
    masking = Masking(MASK, SPECIAL, 0.15, lambda ids: ids % 3 == 0)
    counts = [(masking(TEXT[:1000], np.random.default_rng(seed))[1] != IGNORED).sum() for seed in range(200)]
    assert np.mean(counts) == pytest.approx(151, abs=1.5), "the last word may go over by its own length"


@pytest.mark.parametrize("share", [0, 1, -0.5, float("nan")])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(UsageError, match="between 0 and 1"):
        Masking(MASK, SPECIAL, share)
