"""From what the user names to numbered records: files, folders, patterns, standard input, values at hand."""

import gzip
import io

import pytest

from roberta.errors import ReadError, UsageError
from roberta.records import BrokenRecord, Record, given_records, read_records
from tests.shared import SHARED, needs_shared


def seen(*inputs, **options) -> list[tuple[int, str]]:
    return [(record.index, record.source) for record in read_records(inputs, **options)]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b.txt").write_text("one\ntwo\n")
    (tmp_path / "a.jsonl").write_text('{"text":"x"}\nbad\n')
    (tmp_path / "notes.log").write_text("log\n")
    (tmp_path / ".hidden.txt").write_text("no\n")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "c.csv.gz").write_bytes(gzip.compress(b"text\nz\n"))
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "d.txt").write_text("no\n")
    return tmp_path


def test_indexes_run_through_all_files_and_sources_name_file_and_line(here):
    records = list(read_records(["b.txt", "a.jsonl"]))
    assert [(r.index, r.source) for r in records] == [
        (0, "b.txt:1"), (1, "b.txt:2"), (2, "a.jsonl:1"), (3, "a.jsonl:2")
    ]  # fmt: skip
    assert isinstance(records[3], BrokenRecord)
    assert records[2] == Record(2, "a.jsonl:1", {"text": "x"})


def test_a_folder_gives_its_known_files_in_order_and_with_a_format_all_of_them(here):
    assert [source for _, source in seen(".")] == ["a.jsonl:1", "a.jsonl:2", "b.txt:1", "b.txt:2", "deep/er/c.csv.gz:2"]
    assert [source for _, source in seen(".", format="txt", encoding="latin-1") if "log" in source] == ["notes.log:1"]


def test_a_pattern_gives_its_files_in_order(here):
    assert [source for _, source in seen("*.[jt]*")] == ["a.jsonl:1", "a.jsonl:2", "b.txt:1", "b.txt:2"]
    assert [source for _, source in seen("**/*.gz")] == ["deep/er/c.csv.gz:2"]
    (here / "[1].txt").write_text("brackets\n")
    assert [source for _, source in seen("[1].txt")] == ["[1].txt:1"]


def test_doc_makes_one_record_of_each_file(here):
    (here / "empty.txt").write_text("")
    assert [(r.source, r.fields) for r in read_records(["b.txt", "empty.txt"], format="doc")] == [
        ("b.txt", {"id": "b.txt", "text": "one\ntwo\n"}),
        ("empty.txt", {"id": "empty.txt", "text": ""}),
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("a.jsonnl", "a.jsonnl: no such file; did you mean a.jsonl?"),
        ("deep/er/d.csv.gz", "deep/er/d.csv.gz: no such file; did you mean deep/er/c.csv.gz?"),
        ("zzzz", "zzzz: no such file"),
        ("no/such.txt", "no/such.txt: no such file (there is no folder no)"),
        ("*.zip", "*.zip: no file matches this pattern"),
        ("x" * 300, "File name too long"),
        ("a\0b", "no such file"),
    ],
)
def test_what_is_not_there_is_said_before_anything_is_read(here, given, said):
    with pytest.raises(ReadError) as caught:
        read_records(["b.txt", given])
    assert said in str(caught.value)


def test_an_empty_folder_is_said(here):
    (here / "none").mkdir()
    (here / "none" / "a.log").write_text("x")
    with pytest.raises(ReadError, match="no file of a known suffix"):
        read_records(["none"])
    (here / "none" / "a.log").unlink()
    with pytest.raises(ReadError, match="none: no file in this folder"):
        read_records(["none"], format="txt")


def test_a_file_that_cannot_be_opened_is_said_after_the_ones_before(here):
    (here / "gone.txt").write_text("x")
    records = read_records(["b.txt", "gone.txt"])
    (here / "gone.txt").unlink()
    assert [next(records).text, next(records).text] == ["one", "two"]
    with pytest.raises(ReadError, match=r"gone\.txt: cannot be read \(No such file or directory\)"):
        next(records)


def test_unknown_formats_and_encodings_are_said_at_once(here):
    with pytest.raises(UsageError, match='no format is called "jsnl"; did you mean "jsonl"'):
        read_records(["b.txt"], format="jsnl")
    with pytest.raises(UsageError, match='no format is called "xml"; choose from jsonl, json, csv'):
        read_records(["b.txt"], format="xml")
    with pytest.raises(UsageError, match="no encoding"):
        read_records(["b.txt"], encoding="x")


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        (b'{"text":"a"}\n', [{"text": "a"}]),
        (b'\xef\xbb\xbf {"text":"a"}', [{"text": "a"}]),
        (b'\n\n{"text":"a"}\n', [{"text": "a"}]),
        (b"plain\n{}\n", [{"text": "plain"}, {"text": "{}"}]),
        (b"\n[1]\n", [{"text": ""}, {"text": "[1]"}]),
        (b"\n", [{"text": ""}]),
        (b"", []),
    ],
)
def test_standard_input_and_unknown_suffixes_are_known_by_their_first_line(here, data, fields):
    assert [record.fields for record in read_records(["-"], stdin=io.BytesIO(data))] == fields
    (here / "unknown.data").write_bytes(data)
    assert [record.fields for record in read_records(["unknown.data"])] == fields


def test_standard_input_is_named_and_left_open(here):
    stdin = io.BytesIO(b"a\n")
    assert seen("b.txt", "-", stdin=stdin) == [(0, "b.txt:1"), (1, "b.txt:2"), (2, "stdin:1")]
    assert not stdin.closed


def test_a_closed_standard_input_is_said(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(ReadError, match="standard input is closed"):
        list(read_records(["-"]))


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 9])
def test_the_limit_counts_records_of_all_files(here, limit):
    assert len(seen("b.txt", "a.jsonl", limit=limit)) == min(limit, 4)


def test_no_header_gives_numbers_for_names(here):
    (here / "t.csv").write_text("a,b\n")
    assert [record.fields for record in read_records(["t.csv"], header=False)] == [{"1": "a", "2": "b"}]


def test_values_at_hand_are_records():
    assert list(given_records(["a"], name="argument")) == [Record(0, "argument 1", {"text": "a"})]
    mapped = Record(9, "x:1", {"text": "c"}, {"review": "c"})
    text, fields, record, number, half, byte = given_records(["", {"text": "b"}, mapped, 3, {"t": "\ud800"}, "a\udcff"])
    assert (text, fields) == (Record(0, "record 1", {"text": ""}), Record(1, "record 2", {"text": "b"}))
    assert record == Record(2, "x:1", {"text": "c"}, {"review": "c"})
    assert (number.index, number.source, number.error.code) == (3, "record 4", "wrong_type")
    assert half.error.code == byte.error.code == "lone_surrogate"
    assert str(byte).startswith("record 6: character 1 of text")


@needs_shared
def test_every_line_of_the_real_text_is_a_record():
    for pattern in (
        "sentiment_*_dev.jsonl",
        "choice_*_dev.jsonl*",
        "capitals.jsonl",
        "long_documents.jsonl.gz",
        "*.txt",
    ):
        records = list(read_records([SHARED / "tasks" / pattern]))
        assert records
        assert all(isinstance(record, Record) for record in records)
    odd = SHARED / "tasks" / "odd_text.txt"
    lines = odd.read_bytes().decode().split("\n")[:-1]
    assert [record.fields["text"] for record in read_records([odd])] == [line.removesuffix("\r") for line in lines]
