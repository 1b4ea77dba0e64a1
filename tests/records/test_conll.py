"""CoNLL columns in and out."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roberta.errors import InputError, UsageError
from roberta.records import FORMATS
from roberta.records.conll import ConllWriter, read_conll, tagged_lines
from roberta.records.input_file import InputFile

FOUR = b"""-DOCSTART- -X- -X- O

EU NNP I-NP I-ORG
rejects VBZ I-VP O


Peter NNP I-NP I-PER
"""


def read(data):
    return list(read_conll(InputFile("a.conll", io.BytesIO(data))))


def test_words_tags_and_all_lines_are_kept():
    (first, one), (second, other) = read(FOUR)
    assert (first, second) == ("a.conll:3", "a.conll:7")
    assert one["tokens"] == ["EU", "rejects"]
    assert one["tags"] == ["I-ORG", "O"]
    assert one["lines"] == ["-DOCSTART- -X- -X- O", "", "EU NNP I-NP I-ORG", "rejects VBZ I-VP O", ""]
    assert other == {"tokens": ["Peter"], "tags": ["I-PER"], "lines": ["", "Peter NNP I-NP I-PER"]}


def test_the_written_lines_are_the_read_ones_with_a_column_more():
    out = io.BytesIO()
    writer = ConllWriter(out)
    for _, found in read(FOUR):
        writer.write({"id": 1, "lines": tagged_lines(found["lines"], ["X"] * len(found["tokens"]))})
    lines = out.getvalue().decode().splitlines()
    assert [line.removesuffix(" X") for line in lines] == FOUR.decode().splitlines()
    assert sum(line.endswith(" X") for line in lines) == 3


def test_one_column_has_no_tags():
    [(_, found)] = read(b"Paris\nsings\n")
    assert found["tokens"] == ["Paris", "sings"] and "tags" not in found
    assert tagged_lines(found["lines"], ["B-LOC", "O"]) == ["Paris\tB-LOC", "sings\tO"]


def test_tabs_allow_blanks_in_words_and_comments():
    [(_, found)] = read(b"# id = 7\nNew York\tB-LOC\n#\tO\n")
    assert found["tokens"] == ["New York", "#"]
    assert tagged_lines(found["lines"], ["B-LOC", "O"]) == ["# id = 7", "New York\tB-LOC\tB-LOC", "#\tO\tO"]
    [(_, found)] = read(b"# O\nParis B-LOC\n")
    assert found["tokens"] == ["#", "Paris"]


def test_carriage_returns_are_line_ends_and_other_white_space_is_text():
    [(_, found)] = read("a\u3000b O\r\n\u2028 O\r\n\r\n".encode())
    assert found["tokens"] == ["a\u3000b", "\u2028"]
    assert found["lines"] == ["a\u3000b O", "\u2028 O", ""]


def test_ragged_columns_are_the_error_of_their_sentence_only():
    (_, one), (where, wrong), (_, three) = read(b"a O\n\nb O\nc\n\nd O\n")
    assert (one["tokens"], three["tokens"]) == (["a"], ["d"])
    assert isinstance(wrong, InputError) and wrong.code == "bad_conll"
    assert where == "a.conll:3"
    assert str(wrong).startswith("line 4 has 1 column where the first of its sentence has 2;")


def test_wrong_bytes_are_the_error_of_their_sentence_only():
    (_, one), (_, wrong), (_, three) = read(b"a O\n\nb\xff O\n\nd O\n")
    assert (one["tokens"], three["tokens"]) == (["a"], ["d"])
    assert wrong.code == "bad_encoding"


def test_what_stands_after_the_last_sentence_is_a_record_without_words():
    _, (where, found) = read(b"a O\n\n-DOCSTART- O\n\n")
    assert where == "a.conll:4"
    assert found == {"tokens": [], "lines": ["-DOCSTART- O", ""]}


def test_a_sentence_is_given_when_its_blank_line_has_arrived():
    class Pipe(io.BytesIO):
        def __next__(self):
            line = super().__next__()
            assert line != b"late O\n", "read on before the first sentence was given"
            return line

    found = read_conll(InputFile("a", Pipe(b"a O\n\nlate O\n")))
    assert next(found)[1]["tokens"] == ["a"]


def test_a_failed_record_is_a_comment_of_one_line():
    out = io.BytesIO()
    ConllWriter(out).write({"id": 1, "error": {"code": "x", "message": "no\ngood", "where": "a:1"}})
    assert out.getvalue() == b"# error: a:1: no good\n\n"


def test_results_without_tags_cannot_be_conll():
    with pytest.raises(UsageError, match="only ner gives tags"):
        ConllWriter(io.BytesIO()).write({"id": 1, "label": "x"})


def test_the_form_is_known_by_its_name_and_suffix():
    assert FORMATS["conll"].read is read_conll
    assert ".conll" in FORMATS["conll"].suffixes


@given(st.text(alphabet="ab#\t -\n\r\u3000", max_size=60))
def test_no_line_is_lost_whatever_stands_in_it(text):
    found = [record for _, record in read(text.encode())]
    if any(isinstance(record, InputError) for record in found):
        return
    lines = [line for record in found for line in record["lines"]]
    assert lines == [line.rstrip("\r") for line in text.removesuffix("\n").split("\n")] or not text
    for record in found:
        tagged = tagged_lines(record["lines"], ["X"] * len(record["tokens"]))
        assert sum(a != b for a, b in zip(tagged, record["lines"])) == len(record["tokens"])
