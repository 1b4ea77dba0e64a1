"""Parquet in and out: rows are records, results are rows."""

import datetime
import io
import json
import sys

import pytest

from roberta.errors import MissingExtra, ReadError, UsageError
from roberta.records import FORMATS, read_records
from roberta.records.input_file import InputFile


@pytest.fixture
def arrow():
    pytest.importorskip("pyarrow.parquet")
    import pyarrow

    return pyarrow


def saved(arrow, path, columns):
    arrow.parquet.write_table(arrow.table(columns), path)
    return path


def written(results):
    stream = io.BytesIO()
    writer = FORMATS["parquet"].write(stream)
    for result in results:
        writer.write(result)
    writer.finish()
    return stream.getvalue()


def read_back(data):
    return [found for _, found in FORMATS["parquet"].read(InputFile("a", io.BytesIO(data)))]


def test_rows_are_records_with_their_number_as_source(arrow, tmp_path):
    path = saved(arrow, tmp_path / "reviews.parquet", {"text": ["Good.", "Zoë"], "stars": [5, None]})
    records = list(read_records([path]))
    assert [(record.source, record.fields) for record in records] == [
        (f"{path}:1", {"text": "Good.", "stars": 5}),
        (f"{path}:2", {"text": "Zoë", "stars": None}),
    ]


def test_the_mark_is_enough_without_a_suffix_and_on_a_pipe(arrow, tmp_path):
    path = saved(arrow, tmp_path / "nameless", {"text": ["a\nb", "c"]})

    class Pipe(io.BytesIO):
        def seekable(self):
            return False

    for found in (read_records([path]), read_records(["-"], stdin=Pipe(path.read_bytes()))):
        assert [record.text for record in found] == ["a\nb", "c"]


def test_what_json_lacks_becomes_what_it_has(arrow, tmp_path):
    columns = {
        "bytes": [b"text", b"\xff\xfe"],
        "number": [float("nan"), 0.5],
        "day": [datetime.date(2024, 2, 29)] * 2,
        "many": [[{"a": b"x"}], []],
    }
    records = list(read_records([saved(arrow, tmp_path / "a.parquet", columns)]))
    assert [record.fields for record in records] == [
        {"bytes": "text", "number": None, "day": "2024-02-29", "many": [{"a": "x"}]},
        {"bytes": "//4=", "number": 0.5, "day": "2024-02-29", "many": []},
    ]
    json.dumps(records[0].fields)


def test_results_keep_their_order_nesting_and_exact_numbers(arrow):
    results = [
        {"id": number, "labels": [{"label": "positive", "score": 0.1 + number}], "value": None if number % 2 else 1e-30}
        for number in range(3000)  # several portions
    ]
    assert read_back(written(results)) == results
    assert read_back(written([])) == []


def test_a_key_that_some_results_lack_is_null_in_them(arrow):
    results = [{"id": 1, "label": "x"}] * 1500 + [{"id": 2, "error": {"code": "no_mask", "where": "a:2"}}]
    found = read_back(written(results))
    assert found[0] == {"id": 1, "label": "x", "error": None}
    assert found[-1] == {"id": 2, "label": None, "error": {"code": "no_mask", "where": "a:2"}}


def test_whole_numbers_and_fractions_make_one_column(arrow):
    found = read_back(written([{"value": 1}] * 1500 + [{"value": 0.5}, {"value": None}]))
    assert (found[0], found[-2:]) == ({"value": 1.0}, [{"value": 0.5}, {"value": None}])


@pytest.mark.parametrize("apart", [1, 1500])  # in one portion, in two
def test_a_text_here_and_a_number_there_is_refused(arrow, apart):
    results = [{"id": 1}] * apart + [{"id": "q"}]
    with pytest.raises(UsageError, match="one type in every row: use --output-format jsonl"):
        written(results)


@pytest.mark.parametrize("keep", [0, 3, 60, -3])
def test_a_damaged_file_is_a_read_error_that_names_it(arrow, tmp_path, keep):
    path = saved(arrow, tmp_path / "cut.parquet", {"text": ["a"] * 9})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ReadError, match=r"cut\.parquet: not a whole Parquet file \(.*\); write it anew$"):
        list(read_records([path]))


def test_two_columns_of_one_name_are_refused(arrow, tmp_path):
    table = arrow.table([arrow.array(["a"]), arrow.array(["b"])], names=["text", "text"])
    arrow.parquet.write_table(table, tmp_path / "twice.parquet")
    with pytest.raises(ReadError, match="two columns have the same name"):
        list(read_records([tmp_path / "twice.parquet"]))


def test_without_pyarrow_one_sentence_says_what_to_install(monkeypatch, tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"needs the package pyarrow; install it with: pip install 'roberta\[ray\]'"):
        list(read_records([tmp_path / "a.parquet"]))
    with pytest.raises(MissingExtra, match="writing Parquet needs"):
        written([])
