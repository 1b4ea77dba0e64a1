"""Plain text, by the line and by the file."""

import io

from hypothesis import given, settings
from hypothesis import strategies as st

from roberta.records.input_file import InputFile
from roberta.records.texts import read_doc, read_txt


def txt(data: bytes) -> list:
    return list(read_txt(InputFile("a.txt", io.BytesIO(data))))


def test_every_line_is_a_record_also_a_blank_one():
    assert txt(b"one\n\nthree") == [
        ("a.txt:1", {"text": "one"}), ("a.txt:2", {"text": ""}), ("a.txt:3", {"text": "three"})
    ]  # fmt: skip
    assert txt(b"") == []


def test_line_ends_of_windows_are_not_text_but_a_lone_return_is():
    assert [found["text"] for _, found in txt(b"a\r\nb\rc\nd\r")] == ["a", "b\rc", "d\r"]


@settings(deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n")).filter(lambda text: text[-1:] != "\r")))
def test_any_lines_come_back(lines):
    data = "".join(line + "\n" for line in lines).encode()
    if not data.startswith("\ufeff".encode()):
        assert [found["text"] for _, found in txt(data)] == lines


def test_wrong_bytes_cost_one_line():
    first, second, third = (found for _, found in txt(b"a\n\xe2\x82\nb\n"))
    assert (first, third) == ({"text": "a"}, {"text": "b"})
    assert second.code == "bad_encoding"
    assert "byte 0 of the line (0xe2)" in str(second)


def test_a_whole_file_is_one_text_with_its_path_as_id():
    assert list(read_doc(InputFile("d/a.txt", io.BytesIO("\ufeffone\r\n\ntwo\n".encode())))) == [
        ("d/a.txt", {"id": "d/a.txt", "text": "one\r\n\ntwo\n"})
    ]
    [(_, error)] = read_doc(InputFile("a", io.BytesIO(b"ab\xff")))
    assert "byte 2 of the file" in str(error)
