"""fill-mask on numbers written by hand: where the masks are, which words they get, what the text becomes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roberta.errors import InputError, UsageError
from roberta.records import Record
from roberta.tasks.centred_span import centred_span, unread
from roberta.tasks.fill_mask import FillMask
from roberta.tasks.masked_text import read_masks
from tests.tasks.blank_letters import BlankLetters, answer, favouring, logits_by_rule

B = 128  # a letter with a blank before it


def fill_mask(room=64, **options):
    return FillMask(BlankLetters(), room, **options)


def prepare(text, **options):
    return fill_mask(**options).prepare(Record(0, "argument 1", {"text": text}))


def near(value):
    return pytest.approx(value, rel=1e-6)  # scores are float32


def test_each_mask_gets_its_own_words_in_reading_order():
    result = answer(fill_mask(best=1), "<mask> b <mask>.", favouring(ord("x"), ord("y") + B))
    assert [mask["fills"][0]["text"] for mask in result["masks"]] == ["x", " y"]
    assert [(mask["start"], mask["end"]) for mask in result["masks"]] == [(0, 6), (9, 15)]
    assert result["filled"] == "x b y."
    assert list(result) == ["masks", "filled"]


def test_scores_are_shares_of_the_whole_vocabulary():
    logits = np.zeros(256, np.float32)
    logits[ord("x")] = math.log(256)  # as much as all the others and one more
    [mask] = answer(fill_mask(best=2), "<mask>", lambda ids, row: logits)["masks"]
    first, second = mask["fills"]
    assert first == {
        "text": "x",
        "id": ord("x"),
        "score": near(256 / 511),
        "logprob": near(math.log(256 / 511)),
        "pieces": 1,
    }
    assert list(first) == ["text", "id", "score", "logprob", "pieces"]
    assert second["score"] == near(1 / 511)
    assert all(type(value) in (str, int, float) for value in first.values())


def test_equal_words_stand_in_the_order_of_their_ids():
    [mask] = answer(fill_mask(best=4), "<mask>", lambda ids, row: np.zeros(256, np.float32))["masks"]
    assert [fill["id"] for fill in mask["fills"]] == [0, 1, 2, 3]


def test_best_says_how_many_words_a_mask_gets():
    for best in (1, 3, 256, 999):
        [mask] = answer(fill_mask(best=best))["masks"]
        assert len(mask["fills"]) == min(best, 256)


def test_only_the_rows_of_the_masks_are_asked_for():
    [window] = prepare("ab <mask> c <mask>")
    assert list(window.rows) == [3, 5]
    assert window.input_ids == [0, ord("a"), ord("b"), 3, ord("c") + B, 3, 2]


def test_the_others_are_left_in_by_each():
    seen = []
    answer(fill_mask(), "<mask><mask><mask>", lambda ids, row: seen.append(list(ids)) or np.zeros(256, np.float32))
    assert seen == [[0, 3, 3, 3, 2]] * 3


@pytest.mark.parametrize(
    ("text", "word", "filled"),
    [
        ("a <mask>.", " x", "a x."),
        ("a <mask>.", "x", "ax."),  # the mask has swallowed the blank: this is what the model read
        ("a<mask>.", "x", "ax."),
        ("a<mask>.", " x", "a x."),
        ("<mask> a", "x", "x a"),
        ("<mask> a", " x", " x a"),
        ("a\n\n<mask>", " x", "a\n\nx"),  # white space of the text is kept
        ("a  <mask>", " x", "a  x"),
        (" <mask>", " x", " x"),
    ],
)
def test_a_word_brings_its_blank_or_continues_what_stands_before(text, word, filled):
    id = ord(word[-1]) + B * word.startswith(" ")
    assert answer(fill_mask(best=1), text, favouring(id))["filled"] == filled


def test_a_text_without_a_mask_says_what_to_write():
    with pytest.raises(InputError, match="the text has no <mask>; write <mask> where a word is missing") as error:
        prepare("none")
    assert error.value.code == "no_mask"
    with pytest.raises(InputError, match="the text has no _; write _ where a word is missing"):
        prepare("none", mask="_")


def test_an_empty_text_is_an_error_of_its_own():
    with pytest.raises(InputError) as error:
        prepare("")
    assert error.value.code == "empty_text"


def test_another_spelling_of_the_mask_leaves_the_places_of_the_text():
    for spelling in ("_", "[MASK]", "<mask>", "a very long spelling", "🙂"):
        text = f"é {spelling} b <mask> c {spelling}."
        result = answer(fill_mask(best=1, mask=spelling), text, favouring(ord("x") + B))
        found = [text[mask["start"] : mask["end"]] for mask in result["masks"]]
        assert found == [spelling, "<mask>", spelling]
        assert result["filled"] == "é x b x c x."


@given(st.lists(st.sampled_from(["a", " ", "é", "\n", "<mask>", "#", "<", "##"]), max_size=20))
def test_spans_are_slices_of_the_text_and_filled_keeps_the_rest(parts):
    text = "".join(parts)
    masked = read_masks(BlankLetters(), text, "##")
    assert len(masked.spans) == len(masked.places)
    assert {text[start:end] for start, end in masked.spans} <= {"<mask>", "##"}
    assert text.replace("##", "<mask>").count("<mask>") == len(masked.places)
    rest = text.replace("##", "<mask>").split("<mask>")
    words = [" W"] * len(masked.places)
    assert masked.filled(words).split("W") == [
        # a word keeps the white space before it, or brings a blank
        *(part if part[-1:].isspace() else part + " " for part in rest[:-1]),
        rest[-1],
    ]


def test_a_longer_token_around_the_mask_is_no_mask():
    class Longer(BlankLetters):
        pattern = r"<mask>s|" + BlankLetters.pattern

    assert read_masks(Longer(), "a<mask>s b <mask>").spans == [(11, 17)]


def test_a_mask_that_swallows_nothing_needs_no_blank():
    class Polite(BlankLetters):
        pattern = r"<mask>| (?=<mask>)| ?[^ ]| "

    masked = read_masks(Polite(), "a <mask>")
    assert not masked.follows_blank(0)
    assert masked.filled(["x"]) == "a x"


def test_offsets_count_in_the_unit_asked_for():
    spans = {
        unit: [(mask["start"], mask["end"]) for mask in answer(fill_mask(offsets=unit), "é𝄞 <mask>")["masks"]]
        for unit in ("chars", "bytes", "utf16")
    }
    assert spans == {"chars": [(3, 9)], "bytes": [(7, 13)], "utf16": [(4, 10)]}


def test_a_text_that_fits_is_one_window_and_a_longer_one_is_read_around_each_mask():
    text = "a" * 4 + "<mask>" + "b" * 4 + "<mask>" + "c" * 10
    [window] = prepare(text, room=22)
    assert list(window.rows) == [5, 10]
    first, second = prepare(text, room=9)
    assert first.input_ids == [0, *b"a" * 3, 3, *b"b" * 3, 2] and first.rows == [4]
    assert second.input_ids == [0, *b"b" * 3, 3, *b"c" * 3, 2] and second.rows == [4]


def test_the_result_of_a_long_text_says_its_windows_and_what_none_of_them_read():
    text = "a" * 10 + "<mask>" + "b" * 4 + "<mask>" + "c" * 10
    result = answer(fill_mask(room=9, best=1), text, favouring(ord("x")))
    assert list(result) == ["masks", "filled", "windows", "truncated"]
    assert (result["windows"], result["truncated"]) == (2, 26 - 12)  # two windows of 7, which share two tokens
    assert result["filled"] == "a" * 10 + "x" + "b" * 4 + "x" + "c" * 10


def test_long_texts_are_cut_or_refused_when_asked():
    text = "<mask>" + "b" * 20
    [window] = prepare(text, room=9, long="truncate")
    assert window.input_ids == [0, 3, *b"b" * 6, 2]
    assert answer(fill_mask(room=9, long="truncate"), text)["truncated"] == 14
    with pytest.raises(InputError, match="23 tokens, more than the window of 9") as error:
        prepare(text, room=9, long="error")
    assert error.value.code == "too_long"
    with pytest.raises(InputError, match="mask 2 stands after the 7 tokens that are read"):
        prepare(text + "<mask>", room=9, long="truncate")


def test_a_very_long_text_needs_no_more_than_the_window():
    windows = prepare("a" * 50_000 + "<mask>" + "b" * 50_000)
    assert [len(window.input_ids) for window in windows] == [64]


def test_what_is_kept_of_a_window_is_small():
    task = fill_mask(best=5)
    record = Record(0, "argument 1", {"text": "<mask>" * 30})
    [window] = task.prepare(record)
    kept = task.condense(record, window, np.array([logits_by_rule([1], row) for row in range(30)]))
    assert [len(answers) for answers in kept] == [5] * 30


def test_scores_that_are_not_numbers_are_an_error_of_the_record():
    with pytest.raises(InputError) as error:
        answer(fill_mask(), logits=lambda ids, row: np.full(256, np.nan, np.float32))
    assert error.value.code == "not_finite"


def test_rows_of_the_model_without_a_token_are_never_printed_but_counted():
    def logits(ids, row):
        found = np.zeros(300, np.float32)
        found[280] = 9.0
        return found

    [mask] = answer(fill_mask(best=300), logits=logits)["masks"]
    assert len(mask["fills"]) == 256
    assert sum(fill["score"] for fill in mask["fills"]) == pytest.approx(256 / (299 + math.exp(9)), rel=1e-5)


@pytest.mark.parametrize(
    "options",
    [{"fill": "all"}, {"best": 0}, {"beams": 0}, {"mask": ""}, {"targets": "word"}, {"offsets": "words"}],
    ids=str,
)
def test_options_that_mean_nothing_are_refused_at_once(options):
    with pytest.raises(UsageError):
        fill_mask(**options)


def test_a_window_without_room_is_refused():
    with pytest.raises(UsageError):
        prepare("<mask>", room=2)


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_a_centred_span_is_full_and_holds_its_place_with_even_context(count, size, data):
    place = data.draw(st.integers(0, count - 1))
    start, end = centred_span(count, place, size)
    assert 0 <= start <= place < end <= count
    assert end - start == min(count, size)
    if start > 0 and end < count:
        assert abs((place - start) - (end - 1 - place)) <= 1


@given(st.integers(1, 30), st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=5))
def test_unread_counts_the_tokens_outside_all_spans(count, ends):
    spans = [(min(a, b, count), min(max(a, b), count)) for a, b in ends]
    assert unread(count, spans) == sum(not any(a <= token < b for a, b in spans) for token in range(count))
