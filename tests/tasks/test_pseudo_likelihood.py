"""fill-mask --score: each token masked in turn, against a slow twin."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roberta.errors import InputError, UsageError
from roberta.records import Record
from roberta.tasks import pseudo_likelihood
from roberta.tasks.pseudo_likelihood import PseudoLikelihood
from tests.tasks.blank_letters import BlankLetters, answer, logits_by_rule


def score(text, room=64, logits=logits_by_rule, **options):
    return answer(PseudoLikelihood(BlankLetters(), room, **options), text, logits)


def logprob(window, row, id):
    logits = logits_by_rule(window, row).astype(np.float64)
    return logits[id] - math.log(np.exp(logits).sum())


def near(value):
    return pytest.approx(value, rel=1e-6)  # scores are float32


def test_each_token_is_masked_in_turn_and_the_sum_is_that_of_the_tokens():
    a, b, c = ord("a"), ord("b") + 128, ord("c")
    expected = [
        logprob([0, 3, b, c, 2], 1, a),
        logprob([0, a, 3, c, 2], 2, b),
        logprob([0, a, b, 3, 2], 3, c),
    ]
    result = score("a bc")
    assert result == {
        "logprob": near(sum(expected)),
        "count": 3,
        "perplexity": near(math.exp(-sum(expected) / 3)),
        "tokens": [
            {"text": "a", "id": a, "start": 0, "end": 1, "logprob": near(expected[0])},
            {"text": "b", "id": b, "start": 2, "end": 3, "logprob": near(expected[1])},
            {"text": "c", "id": c, "start": 3, "end": 4, "logprob": near(expected[2])},
        ],
    }
    assert list(result) == ["logprob", "count", "perplexity", "tokens"]


@settings(max_examples=30)
@given(st.text("ab ", min_size=1, max_size=30), st.integers(3, 12), st.sampled_from([1, 10, 10_000]))
def test_a_long_text_is_read_with_each_token_in_the_middle(text, room, round_tokens):
    ids = BlankLetters().encode_ids(text)
    size, expected = room - 2, []
    for place, id in enumerate(ids):
        start = max(0, min(place - size // 2, len(ids) - size))
        window = [0, *ids[start : start + size], 2]
        window[place - start + 1] = 3
        expected.append(logprob(window, place - start + 1, id))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pseudo_likelihood, "ROUND_TOKENS", round_tokens)
        result = score(text, room)
    assert [token["logprob"] for token in result["tokens"]] == near(expected)
    assert result.get("windows") == (len(ids) if len(ids) > size else None)


def test_the_windows_of_a_long_text_are_made_a_few_at_a_time():
    windows = PseudoLikelihood(BlankLetters(), 512).prepare(Record(0, "argument 1", {"text": "a" * 5000}))
    assert len(windows) == pseudo_likelihood.ROUND_TOKENS // 510


def test_special_tokens_in_the_text_are_read_and_not_scored():
    result = score("a<mask>b")
    assert [token["text"] for token in result["tokens"]] == ["a", "b"]
    assert result["tokens"][1]["logprob"] == near(logprob([0, ord("a"), 3, 3, 2], 3, ord("b")))


def test_nothing_to_score_is_a_sum_of_nothing():
    task = PseudoLikelihood(BlankLetters(), 64, allow_empty=True)
    for text in ("", "<mask>"):
        record = Record(0, "argument 1", {"text": text})
        assert task.prepare(record) == []
        nothing = {"logprob": 0.0, "count": 0, "perplexity": None, "tokens": []}
        assert task.decode(record, [], []) == nothing


def test_an_empty_text_is_an_error_unless_it_is_allowed():
    with pytest.raises(InputError) as error:
        score("")
    assert error.value.code == "empty_text"


def test_long_texts_are_cut_or_refused_when_asked():
    whole, cut = score("abcd"), score("abcdefgh", room=6, long="truncate")
    assert cut == {**whole, "truncated": 4}
    with pytest.raises(InputError) as error:
        score("abcdefgh", room=6, long="error")
    assert error.value.code == "too_long"


def test_a_perplexity_that_no_float32_holds_is_none():
    def hopeless(ids, row):
        logits = np.zeros(256, np.float32)
        logits[0] = 1000.0
        return logits

    assert score("ab", logits=hopeless)["perplexity"] is None
    assert score("ab", logits=hopeless)["logprob"] == -2000.0


def test_scores_that_are_not_numbers_and_tokens_that_the_model_lacks_are_errors_of_the_record():
    for logits, code in (
        (lambda ids, row: np.full(256, np.nan, np.float32), "not_finite"),
        (lambda ids, row: np.zeros(90, np.float32), "unknown_token"),
    ):
        with pytest.raises(InputError) as error:
            score("ab", logits=logits)
        assert error.value.code == code


def test_offsets_count_in_the_unit_asked_for():
    spans = [(token["start"], token["end"]) for token in score("éa", offsets="bytes")["tokens"]]
    assert spans == [(0, 2), (2, 3)]
    with pytest.raises(UsageError):
        PseudoLikelihood(BlankLetters(), 64, offsets="words")
