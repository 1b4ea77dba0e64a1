"""Lines of bytes and their text, in every encoding."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roberta.errors import InputError, ReadError, UsageError
from roberta.records.input_file import InputFile, text_codec


class Dribble(io.RawIOBase):
    """Gives so many bytes at a time, as a slow pipe does."""

    def __init__(self, data: bytes, size: int):
        self.data, self.size = data, size

    def readable(self):
        return True

    def readinto(self, buffer):
        part, self.data = self.data[: self.size], self.data[self.size :]
        buffer[: len(part)] = part
        return len(part)


def lines_of(data: bytes, size: int = 1000, **options) -> list[str]:
    file = InputFile("a.txt", io.BufferedReader(Dribble(data, size)), **options)
    return [file.text(line) for line in file]


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"]


@settings(deadline=None)
@given(
    st.text(st.characters(codec="utf-8") | st.sampled_from("\n\r\u0a0a\u0d0a\u0a00")),
    st.sampled_from(ENCODINGS),
    st.integers(1, 9),
)
def test_any_text_comes_back_in_lines_that_end_in_newlines_only(text, encoding, size):
    text = text.removeprefix("\ufeff")
    expected = [line + "\n" for line in text.split("\n")]
    expected[-1] = expected[-1][:-1]
    assert lines_of(text.encode(encoding), size, encoding=encoding) == [line for line in expected if line]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_byte_order_mark_beats_the_default_order(encoding):
    wide = encoding[:6]
    assert lines_of("\ufeffa\nb".encode(encoding), encoding=wide) == ["a\n", "b"]
    assert lines_of("\ufeffa\nb".encode(encoding), encoding=encoding) == ["a\n", "b"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_the_bytes_of_a_newline_across_two_characters_are_none(encoding, size):
    text = "\u0a0a\u0a00\u0a00\u000b\u0a0d\n\u0100\u0a00\u0a41"
    assert lines_of(text.encode(encoding), size, encoding=encoding) == [text[:6], text[6:]]


def test_one_byte_encodings_are_read():
    assert lines_of("Zoë\n".encode("latin-1"), encoding="latin-1") == ["Zoë\n"]


def test_an_unknown_encoding_or_one_without_newlines_is_refused():
    with pytest.raises(UsageError, match='no encoding is called "utf-9"'):
        text_codec("utf-9")
    with pytest.raises(UsageError, match="no encoding"):
        text_codec("base64")
    with pytest.raises(UsageError, match="iconv"):
        text_codec("cp037")


def test_utf_16_taken_for_utf_8_is_recognised():
    with pytest.raises(InputError, match="--encoding utf-16"):
        lines_of("\ufeffa".encode("utf-16-le"))


def test_half_a_character_in_utf_7_is_refused():
    with pytest.raises(InputError) as caught:
        lines_of(b"+2AA-", encoding="utf-7")
    assert caught.value.code == "bad_encoding"


def test_looking_at_the_first_line_loses_nothing_and_reads_no_further():
    stream = Dribble(b"\n \nfirst\nsecond\n", 1)
    file = InputFile("a", io.BufferedReader(stream))
    assert file.first_text() == "first\n"
    assert stream.data == b"second\n"
    assert list(file) == [b"\n", b" \n", b"first\n", b"second\n"]


def test_a_stream_that_breaks_is_a_read_error_after_its_lines():
    class Broken(Dribble):
        def readinto(self, buffer):
            if not self.data:
                raise OSError(5, "Input/output error")
            return super().readinto(buffer)

    lines = iter(InputFile("a.txt", io.BufferedReader(Broken(b"one\ntw", 100))))
    assert next(lines) == b"one\n"
    with pytest.raises(ReadError, match=r"a\.txt: cannot be read any further \(Input/output error\)"):
        next(lines)
