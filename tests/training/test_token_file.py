import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roberta.errors import InputError, ReadError
from roberta.records import Fields
from roberta.tokenizer import RobertaTokenizer
from roberta.training import token_file
from roberta.training.token_file import TokenFile, cached, read_documents, sentences_of
from tests.training.children import in_child
from tests.training.conftest import sample_text

PLAIN = Fields()
TEXT = 'The cat sat. "Is it yours?" he said.\nIt wasn\'t.\n\n\nIn 1969 two people walked.\n'


def documents(*paths, fields=PLAIN, **reading):
    return [list(document) for document in read_documents([str(path) for path in paths], fields, **reading)]


@given(st.text(st.sampled_from("Ab1é .?!\"')([\n\t"), max_size=60))
def test_sentences_joined_are_the_paragraph(text):
    assert "".join(sentences_of(text)) == text
    assert all(sentences_of(text))


@given(text=st.text(st.sampled_from("Ab1é .?!\"')([\n\tsthe"), max_size=60))
def test_sentences_are_cut_where_the_tokenizer_cuts_too(words, text):
    assert [number for part in sentences_of(text) for number in words.encode_ids(part)] == words.encode_ids(text)


@pytest.mark.parametrize(
    ("paragraph", "sentences"),
    [
        ("It is. It was.", ["It is.", " It was."]),
        ('He said "No." Then he left.', ['He said "No."', " Then he left."]),
        ('It is (so!). "Why?" 3 reasons.', ["It is (so!).", ' "Why?"', " 3 reasons."]),
        ("It costs 3.5 euros in all, e.g. here.", ["It costs 3.5 euros in all, e.g. here."]),
        ("", []),
    ],
)
def test_sentences_end_at_stops_before_capitals_digits_and_quotes(paragraph, sentences):
    assert list(sentences_of(paragraph)) == sentences


def test_lines_are_paragraphs_and_blank_lines_part_documents(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("One.\nTwo.\n \n\nThree.", encoding="utf-8")
    assert documents(path) == [["One.\n", "Two.\n"], ["Three.\n"]]


def test_a_file_ends_its_last_document(tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(f"{name}\n", encoding="utf-8")
    apart = [["a.txt\n"], ["b.txt\n"]]
    assert documents(tmp_path / "a.txt", tmp_path / "b.txt") == apart
    assert documents(tmp_path / "*.txt") == apart
    assert documents(tmp_path) == apart
    assert documents(tmp_path / "a.txt", tmp_path / "a.txt") == [apart[0], apart[0]], "named twice, read twice"


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "no-suffix"])
def test_a_record_is_a_document_whatever_tells_the_format(tmp_path, name):
    lines = [{"body": "One.\n\nTwo."}, {"body": "Three."}, {"body": " "}]
    data = "".join(json.dumps(line) + "\n" for line in lines).encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    expected = [["One.\n", "Two.\n"], ["Three.\n"], []]
    assert documents(tmp_path / name, fields=Fields.parse(["body"])) == expected
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.jsonl").write_bytes(data)
    assert documents(tmp_path / "folder", fields=Fields.parse(["body"])) == expected


def test_a_record_without_the_field_is_named_by_its_line(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "x"}\n{"body": "y"}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"a\.jsonl:2: no field"):
        documents(tmp_path / "a.jsonl")


def test_a_document_may_be_larger_than_what_is_held(tmp_path, words, monkeypatch):
    """Nothing waits for the end of a document, so a file without a blank line costs no more memory than another."""
    monkeypatch.setattr(token_file, "_CHUNK", 50)
    alive = 0
    most = 0

    def endless():
        nonlocal alive, most
        for _ in range(200):
            alive += 1
            yield "The cat sat on the mat. It was quiet.\n"
            alive -= 1
            most = max(most, alive)

    reports = []
    file = TokenFile.write(tmp_path / "tokens", [endless()], words, report=reports.append)
    assert most <= 1
    assert file.documents == 1
    assert len(reports) > 20
    assert reports == sorted(reports)
    assert reports[-1] == len(file.ids)


def test_the_ids_of_a_corpus_are_its_documents_each_ended(tmp_path, words):
    file = TokenFile.write(tmp_path / "tokens", [["The cat sat.\n", "It sat.\n"], [], ["Quiet.\n"]], words)
    end = words.eos_token_id
    assert file.ids.tolist() == [
        *words.encode_ids("The cat sat.\nIt sat.\n"),
        end,
        *words.encode_ids("Quiet.\n"),
        end,
    ]
    assert file.documents == 2


@given(lines=st.lists(st.lists(st.text(st.sampled_from("Abé .?!\n"), max_size=20), max_size=4), max_size=4))
def test_a_written_file_is_read_back(words, tmp_path_factory, lines):
    folder = tmp_path_factory.mktemp("round") / "tokens"
    written = TokenFile.write(folder, lines, words)
    read = TokenFile.open(folder)
    expected = []
    for document in lines:
        ids = [number for paragraph in document for number in words.encode_ids(paragraph)]
        expected += [*ids, words.eos_token_id] if ids else []
    for file in (written, read):
        assert file.ids.tolist() == expected
        assert file.sentences[0] == 0
        assert file.sentences[-1] == len(expected)
        assert (np.diff(file.sentences.astype(np.int64)) > 0).all() or not expected
    assert read.digest == written.digest == token_file._digest(read.ids)
    assert read.documents == sum(map(any, [[words.encode_ids(p) for p in document] for document in lines]))


@pytest.mark.parametrize(("size", "kind"), [(65536, np.uint16), (65537, np.uint32)])
def test_ids_take_two_bytes_while_they_fit(tmp_path, size, kind):
    class Wide:
        """A tokenizer of so many words, for which every text is the last of them."""

        eos_token_id = 2

        def __len__(self):
            return size

        def encode_ids(self, text):
            return [size - 1]

    file = TokenFile.write(tmp_path / "tokens", [["x"]], Wide())
    assert file.ids.dtype == kind
    assert TokenFile.open(tmp_path / "tokens").ids.tolist() == [size - 1, 2]


def test_the_file_is_mapped_not_read(tmp_path, words):
    file = TokenFile.write(tmp_path / "tokens", [["The cat.\n"]], words)
    assert isinstance(file.ids, np.memmap)
    assert isinstance(file.sentences, np.memmap)


# When tokens are made anew


@pytest.fixture
def made(tmp_path, words, monkeypatch):
    """Calls `cached` on some files, and says whether the tokens were made."""
    writes = []
    write = TokenFile.write.__func__
    monkeypatch.setattr(
        TokenFile, "write", classmethod(lambda cls, *args, **more: writes.append(1) or write(cls, *args, **more))
    )

    def call(*paths, tokenizer=words, fields=PLAIN, **reading):
        before = len(writes)
        cached(tmp_path / "out" / "tokens", [str(path) for path in paths], fields, tokenizer, **reading)
        return len(writes) > before

    return call


def test_tokens_are_made_once(tmp_path, made):
    path = tmp_path / "a.txt"
    path.write_text("One.\n", encoding="utf-8")
    assert made(path)
    assert not made(path)


def test_tokens_are_made_again_when_a_file_its_reading_or_the_words_change(tmp_path, made, words):
    path, other = tmp_path / "a.txt", tmp_path / "b.txt"
    path.write_text("One.\n", encoding="utf-8")
    other.write_text("One.\n", encoding="utf-8")
    made(path)
    assert made(other)
    assert made(other, other)
    assert made(other, other, encoding="latin-1")
    larger = RobertaTokenizer.from_pretrained(Path(words.name_or_path))
    larger.add_tokens(["harbourmaster"])
    assert made(other, other, encoding="latin-1", tokenizer=larger)
    assert made(path)
    before = path.stat()
    path.write_text("Two.\n", encoding="utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert made(path), "as long as before, a nanosecond later"


@pytest.mark.parametrize("given", ["part-*.txt", "."])
def test_tokens_are_made_again_when_a_pattern_or_a_folder_finds_more(tmp_path, made, given):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "part-1.txt").write_text("One.\n", encoding="utf-8")
    assert made(tmp_path / "in" / given)
    assert not made(tmp_path / "in" / given)
    (tmp_path / "in" / "part-2.txt").write_text("Two.\n", encoding="utf-8")
    assert made(tmp_path / "in" / given)


def test_a_pipe_is_read_each_time(tmp_path, words, made, monkeypatch):
    for text in (b"One.\n", b"Two.\n"):
        piped = tmp_path / "piped"
        piped.write_bytes(text)
        with piped.open(encoding="utf-8") as stdin:
            monkeypatch.setattr("sys.stdin", stdin)
            assert made("-")
        assert words.decode(TokenFile.open(tmp_path / "out" / "tokens").ids[:-1].tolist()) == text.decode()


def test_what_cannot_be_read_leaves_no_folder(tmp_path, words):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "x"}\n{"text": 3}\n', encoding="utf-8")
    with pytest.raises(InputError):
        cached(tmp_path / "out" / "tokens", [str(path)], PLAIN, words)
    assert list((tmp_path / "out").iterdir()) == []


def test_killed_at_any_moment_the_folder_is_whole_or_absent(tmp_path, words):
    def write(documents):
        TokenFile.write(tmp_path / "out" / "tokens", documents, words)

    before, after = [["One.\n"]], [["Two. Three.\n"]]
    moment, died = 0, None
    while died is None or died.code:
        write(before)
        died = in_child(lambda: write(after), kill_at=moment, watched=tmp_path / "out")
        if (tmp_path / "out" / "tokens").exists():
            found = words.decode(TokenFile.open(tmp_path / "out" / "tokens").ids.tolist())
            assert found in ("One.\n</s>", "Two. Three.\n</s>")
        moment += 1
    assert moment > 5


def test_what_a_killed_run_left_half_written_is_cleared_away(tmp_path, words):
    left = tmp_path / ".tokens.abc"
    left.mkdir()
    (left / "tokens.bin").write_bytes(b"half")
    TokenFile.write(tmp_path / "tokens", [["One.\n"]], words)
    assert [path.name for path in tmp_path.iterdir()] == ["tokens"]


@pytest.mark.parametrize("broken", ["tokens.bin", "sentences.bin", "tokens.json"])
def test_files_that_do_not_fit_together_are_refused(tmp_path, words, broken):
    TokenFile.write(tmp_path / "tokens", [[sample_text()]], words)
    path = tmp_path / "tokens" / broken
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ReadError, match="it is made again"):
        TokenFile.open(tmp_path / "tokens")
