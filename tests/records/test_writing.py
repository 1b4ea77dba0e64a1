"""Results as lines, and output files that are whole or absent."""

import errno
import io
import json
import math
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roberta.errors import InputError, ResourceError, UsageError
from roberta.records import FORMATS, CsvWriter, JsonlWriter, TsvWriter, find_format, json_line, open_output
from roberta.records.input_file import InputFile

TEXTS = st.text(st.characters(codec="utf-8") | st.sampled_from(' ,"\t\n\r\u2028\u0085\ufeff'))
NAMES = st.text(st.characters(codec="utf-8", exclude_characters=".\ufeff") | st.sampled_from(',"\t\n\r'), min_size=1)


def written(writer, results, **options) -> bytes:
    stream = io.BytesIO()
    sink = writer(stream, **options)
    for result in results:
        sink.write(result)
    sink.flush()
    return stream.getvalue()


def read_back(name: str, data: bytes) -> list[dict]:
    return [found for _, found in FORMATS[name].read(InputFile("a", io.BytesIO(data)))]


@pytest.mark.parametrize("name", ["jsonl", "csv", "tsv"])
@settings(deadline=None)
@given(st.lists(NAMES, unique=True, min_size=1, max_size=4).flatmap(
    lambda names: st.lists(st.fixed_dictionaries(dict.fromkeys(names, TEXTS)), min_size=1, max_size=4)
))  # fmt: skip
def test_any_result_of_strings_reads_back_from_every_plain_format(name, results):
    assert read_back(name, written(find_format(name).write, results)) == results


@settings(deadline=None)
@given(
    st.dictionaries(
        TEXTS, st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS | st.lists(TEXTS)
    )
)
def test_a_json_line_is_one_line_to_every_reader_and_keeps_its_order(result):
    line = json_line(result)
    assert len(line.splitlines()) == 1
    if all(not isinstance(value, float) or math.isfinite(value) for value in result.values()):
        assert list(json.loads(line).items()) == list(result.items())


def test_unicode_is_written_as_it_is_and_without_blanks():
    assert written(JsonlWriter, [{"text": "Zoë 🙂", "n": [1, 0.5]}]) == '{"text":"Zoë 🙂","n":[1,0.5]}\n'.encode()
    assert json_line({"t": "a\u2028b\u0085c\x00"}) == '{"t":"a\\u2028b\\u0085c\\u0000"}'


def test_kept_doubles_are_written_as_they_were_read():
    assert json_line({"kept": 0.10000000149011612}) == '{"kept":0.10000000149011612}'


def test_nan_and_infinities_are_null():
    nested = {"a": [math.nan, {"b": math.inf}], "c": -math.inf, "d": np.float32("nan"), "e": np.array([np.inf, 1])}
    assert json_line(nested) == '{"a":[null,{"b":null}],"c":null,"d":null,"e":[null,1.0]}'
    assert written(CsvWriter, [{"a": math.nan, "b": 0.1, "c": None, "d": True}]) == b"a,b,c,d\nnull,0.1,,true\n"


def test_what_cannot_be_written_is_named():
    with pytest.raises(TypeError, match="a result holds a set"):
        json_line({"a": set()})
    with pytest.raises(InputError, match=r"U\+D800"):
        written(JsonlWriter, [{"a": "\ud800"}])


def test_tables_flatten_and_the_first_result_names_the_columns():
    results = [{"id": 1, "labels": [{"label": "a", "score": 0.5}, {"label": "b", "score": 0.25}]}, {"id": "x,y"}]
    assert written(CsvWriter, results) == (
        b'id,labels.0.label,labels.0.score,labels.1.label,labels.1.score\n1,a,0.5,b,0.25\n"x,y",,,,\n'
    )
    assert written(TsvWriter, [{"a": "x,y", "b": "x\ty"}]) == b'a\tb\nx,y\t"x\ty"\n'


def test_a_column_that_the_header_lacks_is_an_error_unless_it_was_announced():
    results = [{"id": 1}, {"id": 2, "windows": 3}]
    with pytest.raises(UsageError, match='the column "windows"'):
        written(CsvWriter, results)
    assert written(CsvWriter, results, columns=["id", "windows"]) == b"id,windows\n1,\n2,3\n"


class Sink(io.RawIOBase):
    def __init__(self, error):
        self.error = error

    def write(self, data=b""):
        raise self.error

    def flush(self):
        if not self.closed:
            raise self.error

    def close(self):
        pass


@pytest.mark.parametrize("call", [lambda writer: writer.write({"a": 1}), lambda writer: writer.flush()])
def test_a_full_disk_is_said_and_a_closed_pipe_passes_through(call):
    with pytest.raises(ResourceError, match=r"No space left"):
        call(JsonlWriter(Sink(OSError(errno.ENOSPC, "No space left on device"))))
    with pytest.raises(BrokenPipeError):
        call(JsonlWriter(Sink(BrokenPipeError())))


def test_a_device_that_is_full_is_said():
    with pytest.raises(ResourceError, match="No space left"), open_output("/dev/full") as stream:
        stream.write(b"x")


def test_an_output_is_not_replaced_without_force(tmp_path):
    path = tmp_path / "out.jsonl"
    path.write_text("old")
    with pytest.raises(UsageError, match=r"out\.jsonl: is there already; .* --force"), open_output(path):
        pass
    assert path.read_text() == "old"
    with open_output(path, force=True) as stream:
        stream.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_output_may_be_its_own_input(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("x\n" * 100_000)
    with path.open() as source, open_output(path, force=True) as stream:
        for line in source:
            stream.write(line.encode())
    assert path.read_text() == "x\n" * 100_000


def test_an_error_leaves_no_output(tmp_path):
    with pytest.raises(ValueError), open_output(tmp_path / "out.jsonl") as stream:
        stream.write(b"half")
        raise ValueError
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_to_is_said_with_its_name(tmp_path):
    with pytest.raises(UsageError, match="a folder; name a file in it"), open_output(tmp_path):
        pass
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"cannot be written \("), open_output(tmp_path / "file" / "out"):
        pass


def test_a_pipe_is_written_as_it_is(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as reader:
        with open_output(path) as stream:
            stream.write(b"through")
        assert reader.stdout.read() == b"through"
    assert not path.is_file()


def test_a_killed_writer_leaves_the_old_file(tmp_path):
    path = tmp_path / "out.jsonl"
    path.write_text("old")
    program = (
        "import sys; from roberta.records import open_output\n"
        "with open_output(sys.argv[1], force=True) as stream:\n"
        "    while True: stream.write(b'new' * 1000); print(flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE) as writer:
        writer.stdout.readline()
        time.sleep(0.05)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    assert path.read_text() == "old"


def test_standard_output_is_flushed_at_the_end(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BufferedWriter(raw)))
    with open_output() as stream:
        stream.write(b"x")
        assert raw.getvalue() == b""
    assert raw.getvalue() == b"x"


def test_reading_and_writing_load_neither_torch_nor_numpy():
    program = "import sys, roberta.records; print([m for m in ('torch', 'numpy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "[]\n"
