"""Each rule keeps what it promises, on random texts and scores."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from roberta.generation.sampling import (
    BadWords,
    Epsilon,
    Eta,
    ForcedAt,
    MinimumLength,
    MinP,
    NoRepeatNgrams,
    RepetitionPenalty,
    Suppress,
    Temperature,
    TopK,
    TopP,
    Typical,
    sampling_rules,
    score_rules,
)
from roberta.generation.settings import GenerationSettings

VOCABULARY = 9

texts = st.integers(1, 3).flatmap(
    lambda rows: st.integers(0, 12).flatmap(
        lambda length: st.lists(
            st.lists(st.integers(0, VOCABULARY - 1), min_size=length, max_size=length), min_size=rows, max_size=rows
        )
    )
)


def scored(text, seed=0):
    """The text as a tensor, and random scores for what may follow."""
    source = torch.Generator().manual_seed(seed)
    return torch.tensor(text).long(), torch.randn(len(text), VOCABULARY, generator=source) * 3


def forbidden(scores):
    return [{word for word, score in enumerate(row) if score == -math.inf} for row in scores.tolist()]


RULES = [
    RepetitionPenalty(1.7),
    NoRepeatNgrams(1),
    NoRepeatNgrams(3),
    BadWords(((3,), (1, 2), (4, 4, 4))),
    MinimumLength(6, (2, 5)),
    ForcedAt(3, (2, 5)),
    Suppress((1, 2)),
    Suppress((1, 2), only_at=4),
    Temperature(0.6),
    TopK(3),
    TopP(0.6),
    MinP(0.2),
    Typical(0.5),
    Epsilon(0.1),
    Eta(0.1),
]


@pytest.mark.parametrize("rule", RULES, ids=str)
@settings(max_examples=25, deadline=None)
@given(text=texts, seed=st.integers(0, 2**31))
def test_no_rule_writes_into_what_it_is_given_or_looks_at_other_rows(rule, text, seed):
    ids, scores = scored(text, seed)
    before = ids.clone(), scores.clone()
    found = rule(ids, scores)
    assert torch.equal(ids, before[0]) and torch.equal(scores, before[1])
    assert found.shape == scores.shape and not found.isnan().any()
    for row in range(len(text)):
        assert torch.equal(rule(ids[row : row + 1], scores[row : row + 1])[0], found[row])


@settings(max_examples=50, deadline=None)
@given(text=texts, seed=st.integers(0, 99), penalty=st.floats(0.3, 3.0))
def test_repetition_penalty_changes_each_id_of_the_row_once(text, seed, penalty):
    ids, scores = scored(text, seed)
    found = RepetitionPenalty(penalty)(ids, scores)
    for row, words in enumerate(text):
        for word in range(VOCABULARY):
            score = scores[row, word].item()
            expected = (score / penalty if score > 0 else score * penalty) if word in words else score
            assert found[row, word].item() == pytest.approx(expected, rel=1e-6)


@settings(max_examples=100, deadline=None)
@given(text=texts, size=st.integers(1, 4))
def test_no_ngram_is_completed_a_second_time(text, size):
    ids, scores = scored(text)
    for words, banned in zip(text, forbidden(NoRepeatNgrams(size)(ids, scores))):
        runs = [tuple(words[place : place + size]) for place in range(len(words) - size + 1)]
        expected = {word for word in range(VOCABULARY) if (*words[len(words) - size + 1 :], word) in runs}
        assert banned == (expected if len(words) >= size else set())


@settings(max_examples=100, deadline=None)
@given(
    text=texts,
    bad=st.lists(st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=3).map(tuple), min_size=1, max_size=4),
)
def test_bad_words_are_never_completed(text, bad):
    ids, scores = scored(text)
    for words, banned in zip(text, forbidden(BadWords(tuple(bad))(ids, scores))):
        expected = {
            word
            for word in range(VOCABULARY)
            if any(tuple([*words, word][-len(one) :]) == one for one in bad if len(one) <= len(words) + 1)
        }
        assert banned == expected


def test_the_ends_are_forbidden_until_the_least_length():
    ids, scores = scored([[0, 1, 3]])
    assert forbidden(MinimumLength(4, (2, 5))(ids, scores)) == [{2, 5}]
    assert forbidden(MinimumLength(3, (2, 5))(ids, scores)) == [set()]


def test_a_forced_word_is_the_only_one_left_at_its_place_and_nowhere_else():
    ids, scores = scored([[0, 1, 3]])
    assert ForcedAt(3, (2, 5))(ids, scores)[0].tolist() == [
        0.0 if word in (2, 5) else -math.inf for word in range(VOCABULARY)
    ]
    assert torch.equal(ForcedAt(4, (2,))(ids, scores), scores)


def test_suppressed_words_are_forbidden_everywhere_or_at_one_place():
    ids, scores = scored([[0, 1, 3]])
    assert forbidden(Suppress((1, 2))(ids, scores)) == [{1, 2}]
    assert forbidden(Suppress((1,), only_at=3)(ids, scores)) == [{1}]
    assert forbidden(Suppress((1,), only_at=2)(ids, scores)) == [set()]


@pytest.mark.parametrize("rule", [TopK(3), TopP(0.5), MinP(0.5), Epsilon(0.3), Eta(0.3)], ids=str)
@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_what_narrows_the_draw_keeps_the_best_and_leaves_their_scores_alone(rule, seed):
    ids, scores = scored([[0]] * 4, seed)
    found = rule(ids, scores)
    kept = found > -math.inf
    assert kept.any(1).all()
    assert torch.equal(found[kept], scores[kept])
    for row in range(4):
        assert (scores[row][~kept[row]] < scores[row][kept[row]].min()).all()


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**31), mass=st.floats(0.05, 0.95), keep=st.integers(1, 3))
def test_top_p_keeps_the_smallest_set_that_reaches_the_mass(seed, mass, keep):
    ids, scores = scored([[0]] * 4, seed)
    for row, banned in enumerate(forbidden(TopP(mass, keep)(ids, scores))):
        probabilities = sorted(scores[row].double().softmax(-1).tolist(), reverse=True)
        count = VOCABULARY - len(banned)
        assert count >= keep
        assert sum(probabilities[:count]) >= mass - 1e-6
        if count > keep:
            assert sum(probabilities[: count - 1]) < mass + 1e-6


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**31), bound=st.floats(0.01, 0.5), keep=st.integers(1, 3))
def test_probability_bounds_keep_what_reaches_them(seed, bound, keep):
    ids, scores = scored([[0]] * 4, seed)
    probabilities = scores.double().softmax(-1)
    entropy = -(probabilities * probabilities.log()).sum(-1)
    bounds = {
        MinP(bound, keep): bound * probabilities.amax(-1),
        Epsilon(bound, keep): torch.full((4,), bound),
        Eta(bound, keep): torch.minimum(torch.tensor(bound), math.sqrt(bound) * (-entropy).exp()),
    }
    for rule, least in bounds.items():
        for row, banned in enumerate(forbidden(rule(ids, scores))):
            order = probabilities[row].argsort(descending=True).tolist()
            expected = {word for word in order[keep:] if probabilities[row, word] < least[row]}
            assert banned == expected


def test_typical_keeps_the_words_of_expected_surprise_even_without_the_best():
    # Entropy 1.64: the word of probability 0.4 surprises by 0.92, those of 0.12 by 2.12, which is nearer.
    scores = torch.tensor([[0.4, 0.12, 0.12, 0.12, 0.12, 0.12]]).log()
    assert forbidden(Typical(0.3)(torch.zeros(1, 1).long(), scores)) == [{0}]


def test_rules_stand_in_the_documented_order():
    rules = score_rules(
        GenerationSettings(
            repetition_penalty=1.2,
            no_repeat_ngram_size=2,
            bad_words_ids=[[3], [2]],
            min_length=5,
            forced_bos_token_id=0,
            forced_eos_token_id=2,
            suppress_tokens=[4],
            begin_suppress_tokens=[5],
            eos_token_id=2,
        ),
        prompt_length=1,
        last_length=8,
    )
    assert rules == [
        RepetitionPenalty(1.2),
        NoRepeatNgrams(2),
        BadWords(((3,),)),  # an end of text is no word
        MinimumLength(5, (2,)),
        ForcedAt(1, (0,)),
        ForcedAt(7, (2,)),
        Suppress((4,)),
        Suppress((5,), only_at=2),  # the first word is forced, so the second is the first free one
    ]
    drawn = GenerationSettings(
        do_sample=True,
        temperature=0.5,
        top_k=4,
        top_p=0.9,
        min_p=0.1,
        typical_p=0.8,
        epsilon_cutoff=0.1,
        eta_cutoff=0.2,
    )
    assert sampling_rules(drawn) == [
        Temperature(0.5), TopK(4), TopP(0.9), MinP(0.1), Typical(0.8), Epsilon(0.1), Eta(0.2)
    ]  # fmt: skip


def test_rules_that_would_change_nothing_are_left_out():
    assert score_rules(GenerationSettings(eos_token_id=2), prompt_length=3, last_length=8) == []
    assert sampling_rules(GenerationSettings(do_sample=True, top_k=0)) == []


def test_the_least_number_of_new_tokens_wins_over_the_least_length():
    asked = GenerationSettings(min_length=50, min_new_tokens=2, eos_token_id=2)
    assert score_rules(asked, prompt_length=3, last_length=80) == [MinimumLength(5, (2,))]
