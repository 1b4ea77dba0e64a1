"""choose on hand-written numbers: head, entailment, likelihood; long contexts; the shape of the result."""

import math

import numpy as np
import pytest

from roberta.errors import InputError, UsageError
from roberta.records import Record
from roberta.tasks.choose import ChooseByEntailment, ChooseByHead
from roberta.tasks.choose_likelihood import ChooseByLikelihood
from tests.tasks.blank_letters import BlankLetters, answer
from tests.tasks.letter_tokenizer import LetterTokenizer, letters


def record(**fields):
    return Record(0, "argument 1", {"context": "abcdef", "choices": ["xy", "z"], **fields})


def chosen(logits, task=ChooseByHead, fields=None, **options):
    task = task(LetterTokenizer(), 20, **options)
    asked = record(**fields or {})
    windows = task.prepare(asked)
    assert len(windows) == len(logits)
    return task.decode(asked, windows, [np.array(row, np.float32) for row in logits])


def test_context_and_choice_are_a_pair_with_the_question_in_front_of_the_choice():
    task = ChooseByHead(LetterTokenizer(), 20)
    assert [letters(window) for window in task.prepare(record())] == ["abcdef||xy|", "abcdef||z|"]
    assert [letters(window) for window in task.prepare(record(question="q"))] == ["abcdef||q xy|", "abcdef||q z|"]


def test_the_head_shares_one_softmax_among_any_number_of_choices():
    assert chosen([[0.0], [0.0]]) == {
        "choice": 0,
        "text": "xy",
        "score": 0.5,
        "scores": [0.5, 0.5],
        "method": "head",
    }
    result = chosen([[math.log(1)], [math.log(2)], [math.log(5)]], fields={"choices": ["a", "b", "c"]})
    assert (result["choice"], result["text"]) == (2, "c")
    assert result["scores"] == pytest.approx([0.125, 0.25, 0.625], abs=1e-7)  # float32
    assert result["score"] == result["scores"][2]


def test_entailment_reads_the_class_that_means_it_and_leaves_the_choices_apart():
    logits = [[0.0, 0.0, math.log(2)], [0.0, 0.0, math.log(8)]]
    result = chosen(logits, ChooseByEntailment, entailment=2)
    assert result["scores"] == pytest.approx([0.5, 0.8], abs=1e-7)  # float32
    assert (result["choice"], result["method"]) == (1, "entailment")


@pytest.mark.parametrize(("best", "listed"), [(1, None), (2, [2, 0]), (9, [2, 0, 1]), (None, [2, 0, 1])])
def test_as_many_as_asked_for_are_ranked(best, listed):
    result = chosen([[1.0], [0.0], [2.0]], fields={"choices": ["a", "b", "c"]}, best=best)
    assert len(result["scores"]) == 3
    if listed is None:
        assert "ranked" not in result
    else:
        assert [row["choice"] for row in result["ranked"]] == listed
        assert result["ranked"][0] == {name: result[name] for name in ("choice", "text", "score")}


def test_the_end_of_a_long_context_is_dropped_alike_for_all_choices():
    task = ChooseByHead(LetterTokenizer(), 10)
    asked = record(choices=["xyz", "z"])
    windows = task.prepare(asked)
    assert [letters(window) for window in windows] == ["abc||xyz|", "abc||z|"]
    assert task.decode(asked, windows, [np.zeros(1), np.zeros(1)])["truncated"] == 3
    with pytest.raises(InputError, match="more than the window of 10") as caught:
        ChooseByHead(LetterTokenizer(), 10, long="error").prepare(asked)
    assert caught.value.code == "too_long"


def test_a_choice_that_fills_the_window_is_refused():
    task = ChooseByHead(LetterTokenizer(), 10)
    assert letters(task.prepare(record(choices=["x" * 5, "z"]))[0]) == "a||xxxxx|"
    with pytest.raises(InputError, match=r"^choices\[1\] has 6 tokens, .* leaves no room .* window of 10; shorten it$"):
        task.prepare(record(choices=["z", "x" * 6]))
    with pytest.raises(InputError, match=r"^choices\[0\] has 7 tokens"):
        task.prepare(record(question="qqqq", choices=["xy", "z"]))
    with pytest.raises(InputError, match=r"^choices\[1\] has 12 tokens"):
        ChooseByLikelihood(BlankLetters(), 10).prepare(record(choices=["z", "x" * 12]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"long": "window"}, "give --long truncate or error"),
        ({"best": 0}, "0 choices cannot be printed"),
        ({"choices": ("a",)}, "choices has 1 entry; give at least two"),
        ({"choices": ("a", "")}, "choice 2 is blank"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        ChooseByHead(LetterTokenizer(), 20, **options)


def test_scores_that_are_not_numbers_are_an_error():
    with pytest.raises(InputError, match="not numbers") as caught:
        chosen([[0.0], [math.nan]])
    assert caught.value.code == "not_finite"


def windows_of(room=40, **fields):
    windows = ChooseByLikelihood(BlankLetters(), room).prepare(record(**fields))
    text = BlankLetters().decode
    return [
        (text([3 if id == 3 else id for id in window.input_ids[1:-1]]).replace("\x03", "#"), window.rows, window.note)
        for window in windows
    ]


def test_likelihood_masks_each_token_of_the_choice_alone():
    blank = 128
    assert windows_of(context="ab.", choices=["xy", "z"]) == [
        ("ab.#y", [4], ord("x") + blank),
        ("ab. x#", [5], ord("y")),
        ("ab.#", [4], ord("z") + blank),
    ]


def test_likelihood_reads_the_question_and_does_not_score_it():
    found = windows_of(context="ab", question="q?", choices=["x", "yz"])
    assert [text for text, _, _ in found] == ["ab q?#", "ab q?#z", "ab q? y#"]


def test_likelihood_scores_the_choice_in_the_blank_of_a_question():
    found = windows_of(context="ab", choices=None, options=["x", "y"], question="q _ r")
    assert [text for text, _, _ in found] == ["ab q# r", "ab q# r"]


def test_likelihood_adds_no_second_space_and_none_at_the_start():
    assert [text for text, _, _ in windows_of(context="ab\n", choices=["x", "y"])] == ["ab\n#", "ab\n#"]


def test_likelihood_drops_the_end_of_the_context_alike_for_all_choices():
    assert [text for text, _, _ in windows_of(room=7, choices=["xy", "z"])] == ["abc#y", "abc x#", "abc#"]
    assert answer(ChooseByLikelihood(BlankLetters(), 7), "", context="abcdef", choices=["xy", "z"])["truncated"] == 3
    assert "truncated" not in answer(ChooseByLikelihood(BlankLetters(), 10), "", context="abcdef", choices=["xy", "z"])


@pytest.mark.parametrize("per_token", [False, True])
def test_likelihood_is_the_softmax_of_the_sums_or_means_of_log_probabilities(per_token):
    def logits(input_ids, row):
        found = np.zeros(256, np.float32)
        found[ord("y")] = math.log(256 * 4)  # every other token has less than 1/1000
        return found

    others = 255 + 1024
    totals = [[1 / others], [1 / others, 1024 / others], [1 / others, 1024 / others, 1024 / others]]
    values = [sum(map(math.log, row)) / (len(row) if per_token else 1) for row in totals]
    expected = np.exp(values) / np.exp(values).sum()
    result = answer(
        ChooseByLikelihood(BlankLetters(), 40, per_token=per_token),
        "",
        logits,
        context="ab",
        choices=["x", "xy", "xyy"],
    )
    assert result["scores"] == pytest.approx(expected, abs=1e-7)  # float32
    assert result["choice"] == (2 if per_token else 0)
    assert result["method"] == "likelihood"


def test_likelihood_in_many_rounds_gives_what_one_round_gives(monkeypatch):
    task = ChooseByLikelihood(BlankLetters(), 40)
    fields = {"context": "abc", "choices": ["uvwxyz", "q", "rstu"]}
    once = answer(task, "", **fields)
    monkeypatch.setattr("roberta.tasks.choose_likelihood.ROUND_TOKENS", 20)
    assert len(task.prepare(record(**fields))) == 2
    assert answer(task, "", **fields) == once


def test_a_choice_of_special_tokens_alone_cannot_be_scored():
    with pytest.raises(InputError, match=r"choices\[1\] has no token that can be masked"):
        ChooseByLikelihood(BlankLetters(), 40).prepare(record(choices=["x", "<mask>"]))
