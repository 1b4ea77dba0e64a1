"""tokenize on a tokenizer of letters: what is shown, in which shape, whole or in windows."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roberta.errors import InputError, UsageError
from roberta.records import Record
from roberta.tasks.long_text import LongText
from roberta.tasks.text_windows import windows_of_pair, windows_of_text
from roberta.tasks.tokenize import SHOW, Tokenize
from tests.tasks.blank_letters import BlankLetters

B = 128  # a letter with a blank before it


def tokenize(text, *, pair=None, **options):
    fields = {"text": text} if pair is None else {"text": text, "text_pair": pair}
    task, record = Tokenize(BlankLetters(), **options), Record(0, "argument 1", fields)
    assert task.prepare(record) == []
    return task.decode(record, [], [])


def test_a_text_becomes_tokens_ids_spans_and_their_number():
    result = tokenize("a b<mask>")
    assert result == {
        "tokens": ["<s>", "a", "Ġb", "<mask>", "</s>"],
        "ids": [0, ord("a"), ord("b") + B, 3, 2],
        "spans": [None, [0, 1], [2, 3], [3, 9], None],
        "count": 5,
    }
    assert list(result) == ["tokens", "ids", "spans", "count"]


def test_show_picks_the_keys_of_the_result():
    every = tokenize("a b", show="all")
    assert list(every) == ["tokens", "ids", "spans", "words", "count"]
    assert every["words"] == [None, 0, 1, None]
    for show, keys in SHOW.items():
        assert tokenize("a b", show=show) == {key: every[key] for key in keys}


def test_without_specials_the_framing_is_neither_shown_nor_counted():
    assert tokenize("a<mask>", specials=False, show="all") == {
        "tokens": ["a", "<mask>"],
        "ids": [ord("a"), 3],
        "spans": [[0, 1], [1, 7]],
        "words": [0, 1],
        "count": 2,
    }


def test_the_tokens_of_a_pair_say_which_text_they_stand_in():
    result = tokenize("a b", pair="b c", show="all")
    assert result == {
        "tokens": ["<s>", "a", "Ġb", "</s>", "</s>", "b", "Ġc", "</s>"],
        "ids": [0, ord("a"), ord("b") + B, 2, 2, ord("b"), ord("c") + B, 2],
        "spans": [None, [0, 1], [2, 3], None, None, [0, 1], [2, 3], None],
        "words": [None, 0, 1, None, None, 0, 1, None],
        "count": 8,
        "texts": [None, 0, 0, None, None, 1, 1, None],
    }
    assert list(result) == ["tokens", "ids", "spans", "words", "count", "texts"]
    assert tokenize("a", pair="b", show="ids") == {"ids": [0, ord("a"), 2, 2, ord("b"), 2]}
    assert "texts" in tokenize("a", pair="b", show="spans") and "texts" not in tokenize("a", show="all")
    assert tokenize("a", pair=None) == tokenize("a")


def test_spans_count_in_the_unit_asked_for():
    spans = {unit: tokenize("é𝄞a", show="spans", offsets=unit, specials=False)["spans"] for unit in ("bytes", "utf16")}
    assert spans == {"bytes": [[0, 2], [2, 6], [6, 7]], "utf16": [[0, 1], [1, 3], [3, 4]]}


def test_windows_are_one_entry_each_and_spans_stay_those_of_the_text():
    result = tokenize("abcdef", long=LongText(6, overlap=2), show="tokens")
    assert list(result) == ["windows", "count"]
    assert result["count"] == 8
    assert result["windows"] == [
        {
            "tokens": ["<s>", "a", "b", "c", "d", "</s>"],
            "ids": [0, *b"abcd", 2],
            "spans": [None, [0, 1], [1, 2], [2, 3], [3, 4], None],
            "count": 6,
        },
        {
            "tokens": ["<s>", "c", "d", "e", "f", "</s>"],
            "ids": [0, *b"cdef", 2],
            "spans": [None, [2, 3], [3, 4], [4, 5], [5, 6], None],
            "count": 6,
        },
    ]


def test_a_text_that_fits_is_a_list_of_one_window():
    [window] = tokenize("a b", long=LongText(6))["windows"]
    assert window == tokenize("a b")


def test_what_truncating_leaves_out_is_said():
    result = tokenize("abcdef", long=LongText(6, "truncate"), show="ids")
    assert result == {"windows": [{"ids": [0, *b"abcd", 2]}], "count": 8, "truncated": 2}
    assert list(result) == ["windows", "count", "truncated"]
    with pytest.raises(InputError) as error:
        tokenize("abcdef", long=LongText(6, "error"))
    assert error.value.code == "too_long"


@given(st.text("ab ", min_size=1, max_size=30), st.text("cd ", max_size=30), st.sampled_from(["window", "truncate"]))
def test_windows_are_those_that_the_model_reads(text, pair, rule):
    tokenizer, long = BlankLetters(), LongText(9, rule, overlap=1)
    first, second = tokenizer.encode_ids(text), tokenizer.encode_ids(pair)
    shown = tokenize(text, long=long, show="ids")["windows"]
    assert [window["ids"] for window in shown] == [
        window.input_ids for window in windows_of_text(tokenizer, long, first)
    ]
    shown = tokenize(text, pair=pair, long=long, show="ids", allow_empty=True)["windows"]
    assert [window["ids"] for window in shown] == [
        window.input_ids for window in windows_of_pair(tokenizer, long, first, second)
    ]


def test_an_empty_text_is_an_error_unless_it_is_allowed():
    for fields in ({"text": ""}, {"text": "a", "pair": ""}):
        with pytest.raises(InputError) as error:
            tokenize(**fields)
        assert error.value.code == "empty_text"
    assert tokenize("", allow_empty=True) == {"tokens": ["<s>", "</s>"], "ids": [0, 2], "spans": [None] * 2, "count": 2}


@pytest.mark.parametrize("options", [{"show": "letters"}, {"offsets": "words"}], ids=str)
def test_options_that_mean_nothing_are_refused_at_once(options):
    with pytest.raises(UsageError):
        Tokenize(BlankLetters(), **options)


def test_neither_torch_nor_numpy_is_needed():
    modules = "roberta.tasks.tokenize, roberta.tasks.detokenize, roberta.tasks.token_counts"
    code = f"import sys, {modules}; sys.exit(bool({{'torch', 'numpy'}} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
