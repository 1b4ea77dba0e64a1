"""Every reader on any bytes: records, broken records or a ReadError, never another exception, never a lost line."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roberta.errors import InputError, ReadError
from roberta.records.decompress import DECOMPRESSORS, _Decompressed
from roberta.records.formats import FORMATS, format_by_content
from roberta.records.input_file import InputFile

PIECES = [
    b"\n", b"\r\n", b"\r", b",", b"\t", b'"', b'""', b"a", b"{", b"}", b"[", b"]", b":", b'{"a":1}', b"null", b"NaN",
    b"1e999", b"\\",
    b"\\ud800", b"\\u0000", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\xed\xa0\x80", b"\xff\xfe", b" ",
]  # fmt: skip
ANY_BYTES = st.lists(st.sampled_from(PIECES) | st.binary(max_size=3), max_size=40).map(b"".join)


def check(found) -> int:
    count = 0
    for source, each in found:
        assert isinstance(source, str)
        assert isinstance(each, dict | InputError)
        if isinstance(each, dict):
            assert all(isinstance(name, str) for name in each)
            str(each).encode()
        count += 1
    return count


@pytest.mark.parametrize("name", FORMATS)
@given(data=ANY_BYTES, encoding=st.sampled_from(["utf-8", "utf-16", "latin-1", "gb18030"]), header=st.booleans())
@settings(max_examples=120, deadline=None)
def test_any_bytes_are_records_broken_records_or_a_read_error(name, data, encoding, header):
    if name == "parquet":
        pytest.importorskip("pyarrow")
    try:
        count = check(FORMATS[name].read(InputFile("a", io.BytesIO(data), encoding=encoding, header=header)))
    except ReadError as error:
        assert name not in ("jsonl", "txt")  # where a bad line costs one record
        assert str(error).startswith(("a:", "a["))
        return
    if encoding == "utf-16":
        return
    lines = data.removeprefix(b"\xef\xbb\xbf" if encoding == "utf-8" else b"").split(b"\n")
    if not lines[-1]:
        lines.pop()
    if name == "txt":
        assert count == len(lines)
    if name == "jsonl" and encoding == "utf-8":
        assert count == sum(bool(line.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r")) for line in lines)


@given(data=ANY_BYTES)
@settings(max_examples=120, deadline=None)
def test_csv_rows_without_quotes_are_as_many_as_lines(data):
    data = data.replace(b'"', b"").replace(b"\r", b"")
    file = InputFile("a", io.BytesIO(data), header=False)
    lines = data.removeprefix(b"\xef\xbb\xbf")
    assert check(FORMATS["csv"].read(file)) == sum(line != b"" for line in lines.split(b"\n"))


@given(data=ANY_BYTES)
@settings(max_examples=120, deadline=None)
def test_tsv_rows_are_no_fewer_than_their_lines_when_no_cell_is_quoted_right(data):
    lines = data.replace(b"\r", b"").replace(b'"', b"").removeprefix(b"\xef\xbb\xbf").split(b"\n")
    quoted = b"\n".join(b'"' + line.strip() + b"x" for line in lines if line.strip())
    expected = sum(1 for line in lines if line.strip())
    file = InputFile("a", io.BytesIO(quoted), header=False)
    assert check(FORMATS["tsv"].read(file)) == expected


@given(data=ANY_BYTES)
@settings(max_examples=100, deadline=None)
def test_knowing_a_format_by_its_content_loses_nothing(data):
    file = InputFile("a", io.BytesIO(data))
    format_by_content(file)
    assert list(file) == list(InputFile("a", io.BytesIO(data)))


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz"])
@given(data=st.binary(max_size=300), start=st.booleans())
@settings(max_examples=100, deadline=None)
def test_any_bytes_decompress_to_bytes_or_a_read_error(suffix, data, start):
    magic = {".gz": b"\x1f\x8b\x08\x00" + b"\0" * 6, ".bz2": b"BZh91AY&SY", ".xz": b"\xfd7zXZ\x00"}[suffix]
    stream = io.BufferedReader(
        _Decompressed("a", io.BytesIO((magic if start else b"") + data), DECOMPRESSORS[suffix]), 512
    )
    try:
        assert isinstance(stream.read(), bytes)
    except ReadError as error:
        assert str(error).startswith("a: the compressed")
