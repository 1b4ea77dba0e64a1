import json

import pytest

from roberta.errors import InputError
from roberta.tokenizer import AddedToken, RobertaTokenizer, RobertaTokenizerFast
from tests.tokenizer.conftest import TINY
from tests.tokenizer.odd_texts import odd_texts

FILES = {"tokenizer_config.json", "special_tokens_map.json", "vocab.json", "merges.txt", "tokenizer.json"}


def changed(kind=RobertaTokenizer):
    """A tokenizer in which nothing is as it was."""
    tokenizer = kind.from_pretrained(
        TINY, add_prefix_space=True, trim_offsets=False, model_max_length=99, padding_side="left", mine={"a": 1}
    )
    tokenizer.add_tokens([AddedToken("catrat", single_word=True), AddedToken("oat", lstrip=True, rstrip=True), "the"])
    tokenizer.add_special_tokens(
        {"cls_token": "<c>", "additional_special_tokens": ["<e>", AddedToken("<f>", rstrip=True)]}
    )
    return tokenizer


@pytest.mark.parametrize("kind", [RobertaTokenizer, RobertaTokenizerFast])
@pytest.mark.parametrize("make", [changed, lambda kind: kind.from_pretrained(TINY)], ids=["changed", "plain"])
def test_what_was_saved_is_read_back_equal(tmp_path, kind, make):
    tokenizer = make(kind)
    written = {path.name for path in tmp_path.iterdir()} if tokenizer.save_pretrained(tmp_path) else set()
    assert written == FILES | ({"added_tokens.json"} if make is changed else set())
    for reader in (RobertaTokenizer, RobertaTokenizerFast):
        again = reader.from_pretrained(tmp_path)
        assert again.added_tokens_decoder == tokenizer.added_tokens_decoder
        assert again.special_tokens_map_extended == tokenizer.special_tokens_map_extended
        assert again.get_vocab() == tokenizer.get_vocab() and len(again) == len(tokenizer)
        for name in ("model_max_length", "padding_side", "add_prefix_space", "trim_offsets"):
            assert getattr(again, name) == getattr(tokenizer, name)
        assert again.init_kwargs.get("mine") == tokenizer.init_kwargs.get("mine")
        for text in odd_texts(300, seed=1):
            mixed = text + "catrat the<e> <f>  oat "
            one, two = (each(mixed, return_offsets_mapping=True) for each in (tokenizer, again))
            assert dict(one) == dict(two), mixed


def test_saving_twice_gives_the_same_bytes(tmp_path):
    for name in "ab":
        changed().save_pretrained(tmp_path / name)
    changed().from_pretrained(tmp_path / "a").save_pretrained(tmp_path / "c")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
        assert path.read_bytes() == (tmp_path / "c" / path.name).read_bytes()


def test_the_vocabulary_alone(tmp_path):
    vocab, merges = RobertaTokenizer.from_pretrained(TINY).save_vocabulary(tmp_path, "x")
    assert (vocab, merges) == (str(tmp_path / "x-vocab.json"), str(tmp_path / "x-merges.txt"))
    assert json.loads((tmp_path / "x-vocab.json").read_text()) == json.loads((TINY / "vocab.json").read_text())
    assert (tmp_path / "x-merges.txt").read_bytes() == (TINY / "merges.txt").read_bytes()


def test_formats_can_be_chosen(tmp_path):
    tokenizer = RobertaTokenizer.from_pretrained(TINY)
    names = {str(path.name) for path in map(type(tmp_path), tokenizer.save_pretrained(tmp_path / "old", True))}
    assert names == FILES - {"tokenizer.json"}
    names = {str(path.name) for path in map(type(tmp_path), tokenizer.save_pretrained(tmp_path / "new", False))}
    assert names == FILES - {"vocab.json", "merges.txt"}


def test_a_file_is_no_folder_to_save_into(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        RobertaTokenizer.from_pretrained(TINY).save_pretrained(tmp_path / "file")
