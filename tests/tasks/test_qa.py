"""qa without a model: windows, answers, no answers, and what cannot be answered."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from roberta.errors import InputError, UsageError
from roberta.records import Record
from roberta.tasks.answer_gold import AnswerGold
from roberta.tasks.long_text import LongText
from roberta.tasks.qa import QuestionAnswering, null_rule
from tests.tasks.letter_tokenizer import LetterTokenizer, letters


class WordTokenizer(LetterTokenizer):
    """The letters of LetterTokenizer, and words: runs of letters, of signs, of blanks."""

    def pieces(self, text):
        words = [number for number, word in enumerate(re.findall(r"\w+|[^\w\s]+|\s+", text)) for _ in word]
        offsets = [(place, place + 1) for place in range(len(text))]
        return SimpleNamespace(ids=self.encode_ids(text), word_ids=words, offsets=offsets)


def task(room=40, overlap=8, **options):
    return QuestionAnswering(WordTokenizer(), LongText(room, overlap=overlap), limit=64, **options)


def ask(question, context, **more):
    return Record(0, "argument 1", {"question": question, "context": context, **more})


def answered(asked, record, first=None, last=None, null=(0.0, 0.0)):
    """The result if the letters of the context at `first` and `last` have the highest logits, 5 and 6."""
    windows = asked.prepare(record)
    outputs = []
    for window in windows:
        start, end = window.note.span
        output = np.zeros((1 + end - start, 2), dtype=np.float32)
        output[0] = null
        if first is not None and start <= first < end:
            output[1 + first - start, 0] = 5
        if last is not None and start <= last < end:
            output[1 + last - start, 1] = 6
        outputs.append(output)
    return asked.decode(record, windows, outputs)


def test_the_question_comes_first_and_whole_in_every_window():
    windows = task(room=20, overlap=4).prepare(ask("who?", "abcdefghijklmnopqrstuvwxyz"))
    assert [letters(window) for window in windows] == [
        "who?||abcdefghijkl|",
        "who?||ijklmnopqrst|",
        "who?||opqrstuvwxyz|",
    ]
    # <s> is read for null, then the context, and nothing else
    assert all(list(window.rows) == [0, *range(7, 19)] for window in windows)


def test_the_result_has_the_documented_keys_in_order():
    result = answered(task(), ask("who?", "It was Ada."), 7, 9)
    assert list(result) == ["answer", "start", "end", "score", "null_score", "null_odds", "windows", "answers"]
    assert (result["answer"], result["start"], result["end"], result["windows"]) == ("Ada", 7, 10, 1)
    assert result["answers"] == [{"answer": "Ada", "start": 7, "end": 10, "score": result["score"], "logit": 11.0}]
    assert result["null_odds"] == -11.0


def test_an_answer_is_snapped_to_words_and_has_no_blanks_around_it():
    assert answered(task(), ask("who?", "It was  Ada."), 9, 9)["answer"] == "Ada"
    assert answered(task(max_answer=2), ask("q", "Zoë’s 🙂🙂 x"), 6, 7)["answer"] == "🙂🙂"
    for row in answered(task(best=99), ask("q", " a \n b "))["answers"]:
        assert row["answer"] == row["answer"].strip() != ""


def test_answers_differ_and_their_scores_do_not_depend_on_their_number():
    record = ask("who?", "Ada, Bob and Cyd met Dora and Eve; later on, Fay.")
    few, many = (answered(task(best=best), record, 5, 11)["answers"] for best in (2, 999))
    assert many[:2] == few
    assert len({(row["start"], row["end"]) for row in many}) == len(many) > 40
    total = sum(row["score"] for row in many) + answered(task(), record, 5, 11)["null_score"]
    assert total == pytest.approx(1)


def test_all_windows_are_searched():
    context = "x" + " word" * 60 + " gold" + " word" * 60
    at = context.index("gold")
    result = answered(task(), ask("who?", context), at, at + 3)
    assert (result["answer"], result["start"]) == ("gold", at)
    assert result["windows"] == len(task().prepare(ask("who?", context))) > 10


def test_null_is_the_smallest_over_the_windows():
    record = ask("who?", "a" * 40)
    asked = task()
    windows = asked.prepare(record)
    outputs = [np.zeros((len(window.rows), 2), dtype=np.float32) for window in windows]
    for place, output in enumerate(outputs):
        output[0] = 7 - place, 1
    assert asked.decode(record, windows, outputs)["null_odds"] == 8 - (len(windows) - 1)


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ({}, "Ada"),
        ({"allow_null": True}, ""),
        ({"allow_null": True, "null_threshold": 8.9}, ""),
        ({"allow_null": True, "null_threshold": 9.0}, "Ada"),  # above the threshold, not at it
    ],
)
def test_no_answer_is_said_where_it_is_allowed_and_above_the_threshold(options, answer):
    result = answered(task(**options), ask("who?", "Ada"), 0, 2, null=(10, 10))
    assert (result["answer"], result["null_odds"]) == (answer, 9.0)
    assert result["answers"][0]["answer"] == "Ada"
    if not answer:
        assert (result["start"], result["end"], result["score"]) == (None, None, result["null_score"])


@pytest.mark.parametrize(
    ("config", "null", "threshold", "expected"),
    [
        ({}, "auto", None, (False, 0.0)),
        ({}, "allow", None, (True, 0.0)),
        ({}, "auto", -2.0, (True, -2.0)),
        ({"null_answers": True}, "auto", None, (True, 0.0)),
        ({"null_threshold": 1.5}, "auto", None, (True, 1.5)),
        ({"null_answers": False, "null_threshold": 1.5}, "auto", None, (False, 1.5)),
        ({"null_threshold": 1.5}, "allow", 0.5, (True, 0.5)),
        ({"null_threshold": 1.5}, "never", None, (False, 1.5)),
    ],
)
def test_whether_there_may_be_no_answer(config, null, threshold, expected):
    assert null_rule(config, null, threshold) == expected


@pytest.mark.parametrize(("null", "threshold"), [("maybe", None), ("never", 1.0), ("allow", float("nan"))])
def test_a_null_rule_that_makes_no_sense_is_refused(null, threshold):
    with pytest.raises(UsageError):
        null_rule({}, null, threshold)


def test_a_long_question_is_refused_with_advice():
    with pytest.raises(InputError) as caught:
        task().prepare(ask("q" * 21, "Ada"))
    assert str(caught.value) == (
        "the question has 21 tokens, more than the window of 40 can hold; shorten it or raise --window (this model: 64)"
    )
    assert caught.value.code == "too_long"
    with pytest.raises(InputError, match=r"hold; shorten it$"):
        task(room=64).prepare(ask("q" * 33, "Ada"))
    task().prepare(ask("q" * 20, "Ada" * 99))


@pytest.mark.parametrize(("question", "context"), [("", "Ada"), (" ", "Ada"), ("who?", ""), ("who?", " \n")])
def test_what_is_empty_is_refused_or_has_no_answer(question, context):
    with pytest.raises(InputError) as caught:
        task().prepare(ask(question, context))
    assert caught.value.code == "empty_text"
    result = answered(task(allow_empty=True), ask(question, context))
    if not context.strip():
        assert (result["answer"], result["null_score"], result["null_odds"], result["answers"]) == ("", 1.0, None, [])


def test_one_context_serves_all_questions_and_is_read_once():
    asked = task(context="It was Ada.")
    for number in range(5):
        record = Record(number, f"argument {number + 1}", {("text", "question")[number % 2]: f"who? {number}"})
        assert answered(asked, record, 7, 9)["answer"] == "Ada"
    assert asked.tokenizer.encoded.count("It was Ada.") == 1


@pytest.mark.parametrize(("unit", "span"), [("chars", (5, 8)), ("bytes", (9, 12)), ("utf16", (6, 9))])
def test_places_are_counted_in_the_unit_that_was_asked_for(unit, span):
    result = answered(task(offsets=unit), ask("who?", "Zé 🙂 Ada"), 5, 7)
    assert (result["answer"], result["start"], result["end"]) == ("Ada", *span)
    assert (result["answers"][0]["start"], result["answers"][0]["end"]) == span


def test_what_truncation_leaves_out_is_counted():
    asked = QuestionAnswering(WordTokenizer(), LongText(20, "truncate"), limit=64)
    result = answered(asked, ask("who?", "abcdefghijklmnopqrstuvwxyz"))
    assert (result["windows"], result["truncated"]) == (1, 14)


def test_golds_are_scored_where_they_stand_and_demanded_where_they_are_named():
    result = {"answer": "Ada", "null_odds": -3.0, "answers": [{"answer": "Ada"}]}
    gold = AnswerGold()
    gold.add(ask("who?", "Ada"), result)
    assert gold.summary() == {}
    gold.add(ask("who?", "Ada", answers=[{"text": "Bob"}]), result)
    assert gold.summary() == {"exact_match": 0.0, "f1": 0.0, "total": 1}
    gold.add(ask("who?", "Ada", answers=[], is_impossible=True), result)
    assert gold.summary()["NoAns_total"] == 1
    with pytest.raises(InputError, match="right"):
        AnswerGold("right").add(ask("who?", "Ada"), result)


@pytest.mark.parametrize("options", [{"best": 0}, {"max_answer": 0}, {"offsets": "words"}])
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(UsageError):
        task(**options)
