"""Tags, words and legal paths on hand-written arrays: no model, no tokenizer."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roberta.errors import CheckpointError, InputError
from roberta.metrics.entities import entities_of, strict_entities_of
from roberta.tasks.legal_path import legal_path
from roberta.tasks.tags import Tagset, joined
from roberta.tasks.words import blank_words, given_words, joined_places, places_in, unit_words

SETS = {
    "IOB2": ("O", "B-PER", "I-PER", "B-LOC", "I-LOC"),
    "IOB1": ("O", "B-PER", "I-PER", "I-LOC"),
    "BIOES": ("O", "B-PER", "I-PER", "E-PER", "S-PER", "S-LOC"),
    "BILUO": ("B-PER", "I-PER", "L-PER", "U-PER", "U-LOC", "O"),
    "IO": ("O", "PER", "LOC"),
}


@pytest.mark.parametrize("scheme", SETS)
def test_the_scheme_is_known_by_the_labels(scheme):
    tagset = Tagset.of(SETS[scheme])
    assert tagset.scheme == scheme
    assert tagset.types == ["PER", "LOC"]


def test_a_hyphen_alone_makes_no_prefix():
    tagset = Tagset.of(["O", "E-MAIL", "PHONE"])
    assert (tagset.scheme, tagset.types) == ("IO", ["E-MAIL", "PHONE"])


def test_a_bare_b_and_i_are_prefixes_without_a_type():
    assert Tagset.of(["O", "B", "I"]).scheme == "IOB2"


def test_labels_without_any_scheme_are_those_of_a_classifier():
    with pytest.raises(CheckpointError) as refusal:
        Tagset.of(["POSITIVE", "NEGATIVE"])
    assert str(refusal.value).startswith(
        "labels of this model have no B-/I- scheme (found: POSITIVE, NEGATIVE);"
        " it is a classifier: use roberta classify"
    )
    assert Tagset.of(["POSITIVE", "NEGATIVE"], ["NEGATIVE"]).types == ["POSITIVE"]


@pytest.mark.parametrize("scheme", SETS)
@given(data=st.data())
def test_words_join_as_the_lenient_reading_has_it(scheme, data):
    tagset = Tagset.of(SETS[scheme])
    tags = data.draw(st.lists(st.sampled_from(SETS[scheme]), max_size=9))
    split = [tagset.split[tagset.labels.index(tag)] for tag in tags]
    groups = joined(split)
    assert [place for group in groups for place in group] == list(range(len(tags)))
    found = [(split[group[0]][1], group[0], group[-1]) for group in groups if split[group[0]][0] != "O"]
    assert found == entities_of(tags)


def is_legal(tags, scheme):
    if scheme == "IO":
        return True
    if scheme == "IOB1":
        return all(
            tag[0] != "B" or (place > 0 and tags[place - 1][2:] == tag[2:] and tags[place - 1] != "O")
            for place, tag in enumerate(tags)
        )
    return strict_entities_of(tags, scheme) == entities_of(tags)


@pytest.mark.parametrize("scheme", SETS)
@given(seed=st.integers(0, 10**6), length=st.integers(1, 4))
def test_the_legal_path_is_the_best_of_all_legal_ones(scheme, seed, length):
    tagset = Tagset.of(SETS[scheme])
    first, steps, last = tagset.legal_steps
    scores = np.log(np.random.default_rng(seed).dirichlet(np.ones(len(tagset.labels)), length))
    path = legal_path(scores, steps, first, last)
    legal = [
        candidate
        for candidate in itertools.product(range(len(tagset.labels)), repeat=length)
        if is_legal([tagset.labels[label] for label in candidate], scheme)
    ]
    best = max(legal, key=lambda candidate: sum(scores[place, label] for place, label in enumerate(candidate)))
    assert tuple(path) == best


def test_a_legal_argmax_is_kept_and_an_impossible_path_is_the_argmax():
    steps = np.eye(2, dtype=bool)
    assert legal_path(np.log([[0.1, 0.9], [0.2, 0.8]]), steps) == [1, 1]
    assert legal_path(np.log([[0.1, 0.9], [0.8, 0.2]]), np.zeros((2, 2), bool)) == [1, 0]
    assert legal_path(np.zeros((0, 2)), steps) == []


def test_certainty_does_not_make_a_path_impossible():
    tagset = Tagset.of(SETS["IOB2"])
    first, steps, last = tagset.legal_steps
    with np.errstate(divide="ignore"):
        scores = np.log(np.array([[1.0, 0, 0, 0, 0], [0, 0, 1.0, 0, 0]]))
    path = [tagset.labels[label] for label in legal_path(scores, steps, first, last)]
    assert is_legal(path, "IOB2")


@pytest.mark.parametrize("scheme", SETS)
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_written_entity_is_read_again(scheme, count):
    tags = Tagset.of(SETS[scheme]).written("PER", count)
    assert strict_entities_of(tags, scheme) == [("PER", 0, count - 1)]


def test_units_are_the_runs_of_the_tokenizer_without_white_space():
    text = "It's  2"
    spans = [(0, 2), (2, 3), (3, 4), (5, 5), (6, 7)]
    assert unit_words(text, spans, [0, 1, 1, 2, 3]) == [range(1), range(1, 3), range(4, 5)]


def test_between_blanks_signs_belong_to_their_word_and_a_line_end_does_not_part():
    text = "(a b)\nc"
    spans = [(0, 1), (1, 2), (3, 4), (4, 5), (5, 6), (6, 7)]
    assert blank_words(text, spans) == [range(2), range(2, 6)]


def test_the_pieces_of_one_character_stay_together():
    text = "a 😀b"
    spans = [(0, 1), (2, 3), (2, 3), (2, 3), (3, 4)]
    assert blank_words(text, spans) == [range(1), range(1, 5)]
    assert blank_words("😀", [(0, 1), (0, 1)]) == [range(2)]
    assert blank_words("", []) == []


@given(st.lists(st.text("ab😀", max_size=3), max_size=6))
def test_given_words_get_all_their_tokens_and_no_others(words):
    places = joined_places(words)
    text = " ".join(words)
    spans = [(start, start + 1) for start, letter in enumerate(text) if letter != " "]
    found = given_words(places, spans)
    assert [[text[slice(*spans[token])] for token in tokens or ()] for tokens in found] == [
        list(word) for word in words
    ]
    assert [text[start:end] for start, end in places] == words


def test_words_are_found_in_their_text():
    assert places_in("It's  a\ntest.", ["It", "'s", "", "a", "test", "."]) == [
        (0, 2), (2, 4), (4, 4), (6, 7), (8, 12), (12, 13),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words", "message"),
    [
        ("New York", ["New", "Jersey"], "tokens[1] is 'Jersey', the text goes on with 'York' at character 3"),
        ("New York", ["New"], "after the last token the text goes on with 'York'"),
        ("New", ["New", "York"], "tokens[1] is 'York'"),
    ],
)
def test_words_that_are_not_those_of_the_text_are_named(text, words, message):
    with pytest.raises(InputError) as refusal:
        places_in(text, words)
    assert refusal.value.code == "words_differ"
    assert message in str(refusal.value)
