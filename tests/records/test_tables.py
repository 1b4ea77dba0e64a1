"""csv and tsv: quoting, ragged rows, and files that were written without any quoting."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roberta.errors import ReadError
from roberta.records.input_file import InputFile
from roberta.records.tables import read_csv, read_tsv


def rows(data: bytes | str, reader=read_csv, **options) -> list:
    """What was read: (line, fields or code)."""
    data = data.encode() if isinstance(data, str) else data
    return [
        (int(source.removeprefix("a:")), found if isinstance(found, dict) else found.code)
        for source, found in reader(InputFile("a", io.BytesIO(data), **options))
    ]


CELLS = st.text(st.characters(codec="utf-8") | st.sampled_from(',"\t\n\r '))


@settings(deadline=None)
@given(st.integers(1, 3).flatmap(lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1)))
def test_whatever_the_csv_module_writes_is_read_back(table):
    for delimiter, reader in ((",", read_csv), ("\t", read_tsv)):
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(table)
        found = [fields for _, fields in rows(text.getvalue(), reader, header=False)]
        assert [list(fields.values()) for fields in found] == table
        assert list(found[0]) == [str(column) for column in range(1, len(table[0]) + 1)]


def test_the_first_row_names_the_columns_and_a_quoted_cell_may_hold_lines():
    assert rows('\ufefftext,label\r\n"two\r\nlines",1\r\n\r\nplain,2') == [
        (2, {"text": "two\r\nlines", "label": "1"}), (5, {"text": "plain", "label": "2"})
    ]  # fmt: skip


def test_a_column_without_a_name_has_its_number():
    assert rows(",text\n0,a\n") == [(2, {"1": "0", "text": "a"})]


def test_a_header_that_cannot_name_columns_is_a_read_error():
    with pytest.raises(ReadError, match='a:1: 2 columns are called "b"'):
        rows("b,a,b\n1,2,3\n")
    with pytest.raises(ReadError, match="a:1: the header cannot be read"):
        rows('"a"b,c\n1,2\n')
    with pytest.raises(ReadError, match="byte 2 of the line"):
        rows(b"a,\xff\n1,2\n")


def test_a_row_with_too_few_or_too_many_cells_costs_only_itself():
    assert rows("a,b\n1\n2,3,4\n5,6\n") == [(2, "bad_csv"), (3, "bad_csv"), (4, {"a": "5", "b": "6"})]
    assert rows('a,b\n"1\n2"\n5,6\n') == [(2, "bad_csv"), (4, {"a": "5", "b": "6"})]


def test_a_quote_that_is_never_closed_costs_only_its_line():
    assert rows('a,b\n"1,2\n3,4\n5,6\n') == [(2, "bad_csv"), (3, {"a": "3", "b": "4"}), (4, {"a": "5", "b": "6"})]


def test_a_cell_that_goes_on_too_long_counts_as_never_closed(monkeypatch):
    monkeypatch.setattr("roberta.records.tables.QUOTED_LIMIT", 20)
    data = 'a,b\n"1,2\n' + "3,4\n" * 100
    assert rows(data) == [(2, "bad_csv")] + [(line, {"a": "3", "b": "4"}) for line in range(3, 103)]
    stream = io.BytesIO(data.encode())
    next(read_csv(InputFile("a", stream)))
    assert stream.tell() < 50  # no more was held than the limit asks for
    assert rows('a\n"' + "x" * 1000 + '"\n') == [(2, {"a": "x" * 1000})]


def test_text_after_a_closing_quote_costs_only_its_line():
    assert rows('a,b\n"1"x,2\n3,4\n') == [(2, "bad_csv"), (3, {"a": "3", "b": "4"})]


def test_wrong_bytes_cost_one_row_and_their_line_is_told():
    [(source, error)] = read_csv(InputFile("a", io.BytesIO(b'a,b\n"x\n\xff",1\n')))
    assert (source, error.code) == ("a:2", "bad_encoding")
    assert rows(b"a\n\xff\n\xef\xbf\xbd\n") == [(2, "bad_encoding"), (3, {"a": "\ufffd"})]


def test_a_cell_of_a_megabyte_is_a_cell():
    assert rows("a\n" + "x" * 1_000_000 + "\n") == [(2, {"a": "x" * 1_000_000})]


def test_tsv_without_quoting_is_read_as_it_stands():
    text = 'text\tlabel\n"Hello" he said\t1\n"open\t0\nplain\t1\n"Well," she said, "well."\t0\n"fine"\t1\n'
    assert rows(text, read_tsv) == [
        (2, {"text": '"Hello" he said', "label": "1"}),
        (3, {"text": '"open', "label": "0"}),
        (4, {"text": "plain", "label": "1"}),
        (5, {"text": '"Well," she said, "well."', "label": "0"}),
        (6, {"text": "fine", "label": "1"}),
    ]


def test_tsv_cells_that_are_quoted_may_hold_tabs_and_lines():
    assert rows('a\tb\n"x\ty\nz"\t1\nx\n', read_tsv) == [(2, {"a": "x\ty\nz", "b": "1"}), (4, "bad_csv")]


def test_utf_16_tables_of_spreadsheets_are_read():
    assert rows("text\tlabel\r\nZoë\t1\r\n".encode("utf-16"), read_tsv, encoding="utf-16") == [
        (2, {"text": "Zoë", "label": "1"})
    ]
