import json

import pytest

from roberta.errors import CheckpointError
from roberta.tokenizer import RobertaTokenizerFast, vocabulary
from roberta.tokenizer.byte_alphabet import CHARACTERS
from roberta.tokenizer.merges import fingerprint
from roberta.tokenizer.vocabulary import Vocabulary, read_tokenizer_json, read_vocab_and_merges
from tests.shared import SHARED, needs_shared
from tests.tokenizer.conftest import TINY

BYTES = {character: id for id, character in enumerate(CHARACTERS)}


def refused(match, ids, merges=()):
    with pytest.raises(CheckpointError, match=match):
        Vocabulary(ids, list(merges), source="vocab.json")


def test_ids_need_to_run_from_0_without_holes():
    refused("has the id 2, but 2 tokens", {"a": 0, "b": 2})
    refused("has the id -1", {"a": 0, "b": -1})
    refused("share the id 0", {"a": 0, "b": 0})


def test_the_order_of_the_file_does_not_matter():
    assert Vocabulary({"b": 1, "a": 0}, []).names == ["a", "b"]


@pytest.mark.parametrize("line", ["ab", "a b c", "a  b", " b", "a ", ""])
def test_a_merge_is_two_tokens(line):
    refused("merge 2 .* is not two tokens", {"a": 0, "b": 1, "ab": 2}, ["a b", line])


@pytest.mark.parametrize("line, lacking", [("a x", "x"), ("x a", "x"), ("b a", "ba")])
def test_merges_join_and_make_known_tokens(line, lacking):
    refused(f"needs the token {lacking!r}", {"a": 0, "b": 1, "ab": 2}, ["a b", line])


@needs_shared
def test_the_recorded_vocabulary_holds_all_that_the_recorded_merges_join_and_make(monkeypatch):
    folder = SHARED / "oracle" / "roberta-base-vocab"
    found = read_vocab_and_merges(folder / "vocab.json", folder / "merges.txt")
    assert found.merges.known and fingerprint(found.names) in vocabulary._HOLDS_KNOWN_MERGES
    monkeypatch.setattr(vocabulary, "_HOLDS_KNOWN_MERGES", set())
    assert read_vocab_and_merges(folder / "vocab.json", folder / "merges.txt").names == found.names, (
        "it passes the check"
    )
    del found.ids["Ġthe"]
    refused("needs the token 'Ġthe'", {name: id for id, name in enumerate(found.ids)}, found.merges.lines)


def test_bytes_that_the_vocabulary_lacks_are_left_out_or_unknown():
    ids = {"a": 0, "b": 1, "ab": 2, "<unk>": 3}
    assert Vocabulary(ids, ["a b"]).encode_word("axb") == (2,)
    assert Vocabulary(ids, ["a b"], unknown="<unk>").encode_word("axb") == (0, 3, 1)


def test_whole_words_come_first_when_the_file_says_so():
    ids = {"a": 0, "b": 1, "c": 2, "ab": 3, "abc": 4}
    assert Vocabulary(ids, ["a b"]).encode_word("abc") == (3, 2)
    assert Vocabulary(ids, ["a b"], whole_words=True).encode_word("abc") == (4,)


def test_a_merges_file_needs_no_version_line_and_may_have_windows_line_ends(tmp_path):
    for content in ("#version: 0.2\na b\n", "a b\n", "a b", "#version: 0.2\r\na b\r\n\r\n"):
        (tmp_path / "merges.txt").write_bytes(content.encode())
        assert vocabulary.read_merges(tmp_path / "merges.txt") == ["a b"]


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{", b"null", b"{}", b'{"a": 0.5}', b'{"a": "0"}', b'{"a": true}', b'{"a": 0, "a": 1}', b"\xff\xfe"],
)
def test_a_vocab_json_that_is_none_is_refused(tmp_path, content):
    (tmp_path / "vocab.json").write_bytes(content)
    (tmp_path / "merges.txt").write_text("")
    with pytest.raises(CheckpointError, match=r"vocab\.json"):
        read_vocab_and_merges(tmp_path / "vocab.json", tmp_path / "merges.txt")


def test_files_over_the_limit_are_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(vocabulary, "JSON_LIMIT", 10)
    (tmp_path / "merges.txt").write_text("a b\n" * 10)
    with pytest.raises(CheckpointError, match="more than the 10 bytes"):
        vocabulary.read_merges(tmp_path / "merges.txt")


@pytest.fixture
def single_file(tmp_path):
    RobertaTokenizerFast.from_pretrained(TINY).save_pretrained(tmp_path)
    path = tmp_path / "tokenizer.json"
    return path, json.loads(path.read_text())


def test_tokenizer_json_holds_what_the_two_files_hold(single_file):
    path, _ = single_file
    one, two = read_tokenizer_json(path), read_vocab_and_merges(TINY / "vocab.json", TINY / "merges.txt")
    assert (one.ids, one.merges.lines) == (two.ids, two.merges.lines)
    assert [token.content for token in one.added.values()] == ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


def test_merges_of_a_tokenizer_json_may_be_lines_or_pairs(single_file):
    path, content = single_file
    pairs = content["model"]["merges"]
    assert isinstance(pairs[0], list)
    content["model"]["merges"] = [" ".join(pair) for pair in pairs]
    path.write_text(json.dumps(content))
    assert read_tokenizer_json(path).merges.lines == content["model"]["merges"]


@pytest.mark.parametrize(
    "part, value",
    [
        ("normalizer", {"type": "NFC"}),
        ("pre_tokenizer", {"type": "Whitespace"}),
        ("pre_tokenizer", None),
        ("post_processor", None),
        ("post_processor", {"type": "BertProcessing"}),
        ("model.type", "WordPiece"),
        ("model.dropout", 0.1),
        ("model.byte_fallback", True),
        ("model.continuing_subword_prefix", "##"),
        ("model.vocab", []),
        ("model.merges", None),
        ("model.merges", [["a"]]),
        ("model", None),
        ("added_tokens", [{"content": "<x>"}]),
        ("added_tokens", [{"id": 99999999, "content": "<x>"}]),
        ("added_tokens", 7),
    ],
)
def test_a_tokenizer_json_of_another_kind_is_refused(single_file, part, value):
    path, content = single_file
    place = content
    *above, last = part.split(".")
    for name in above:
        place = place[name]
    place[last] = value
    path.write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match=r"tokenizer\.json"):
        read_tokenizer_json(path)
