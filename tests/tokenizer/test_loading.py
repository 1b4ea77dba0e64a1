import json
import shutil

import pytest

from roberta.errors import CheckpointError
from roberta.tokenizer import AutoTokenizer, RobertaTokenizer, RobertaTokenizerFast
from tests.tokenizer.conftest import TINY

CLASSES = [RobertaTokenizer, RobertaTokenizerFast]


@pytest.fixture
def folder(tmp_path):
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(TINY / name, tmp_path)
    return tmp_path


def write(folder, name, **content):
    (folder / name).write_text(json.dumps(content))


@pytest.mark.parametrize("kind", CLASSES)
def test_two_files_are_enough(folder, kind):
    tokenizer = kind.from_pretrained(folder)
    assert tokenizer.encode("The cat") == kind(folder / "vocab.json", folder / "merges.txt").encode("The cat")
    assert tokenizer.model_max_length == int(1e30)
    assert tokenizer.added_tokens_decoder.keys() == {0, 1, 2, 3, len(tokenizer) - 1}


def test_tokenizer_json_alone_is_enough(folder, tmp_path_factory):
    alone = tmp_path_factory.mktemp("alone")
    tokenizer = RobertaTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["catrat"])
    tokenizer.save_pretrained(tmp_path_factory.mktemp("all"))
    tokenizer.save_pretrained(alone, legacy_format=False)
    (alone / "tokenizer_config.json").unlink()
    (alone / "special_tokens_map.json").unlink()
    assert sorted(path.name for path in alone.iterdir()) == ["tokenizer.json"]
    for again in (
        *(kind.from_pretrained(alone) for kind in CLASSES),
        RobertaTokenizerFast(None, None, alone / "tokenizer.json"),
    ):
        assert again("a catrat <mask>").input_ids == tokenizer("a catrat <mask>").input_ids
        assert again.added_tokens_decoder == tokenizer.added_tokens_decoder


def test_settings_come_from_the_folder_and_keywords_override_them(folder):
    write(folder, "tokenizer_config.json", model_max_length=77, add_prefix_space=True, padding_side="left", mine=[1])
    tokenizer = RobertaTokenizer.from_pretrained(folder, padding_side="right")
    assert (tokenizer.model_max_length, tokenizer.add_prefix_space, tokenizer.padding_side) == (77, True, "right")
    assert tokenizer.init_kwargs["mine"] == [1]
    assert tokenizer.name_or_path == str(folder)


def test_named_tokens_come_from_the_folder(folder):
    mask = {"content": "<M>", "lstrip": False, "rstrip": True, "normalized": False, "single_word": False}
    write(folder, "special_tokens_map.json", mask_token=mask, cls_token="<c>", additional_special_tokens=["<e>"])
    tokenizer = RobertaTokenizer.from_pretrained(folder)
    assert (tokenizer.mask_token, tokenizer.cls_token) == ("<M>", "<c>")
    assert tokenizer.tokenize("a <M> b") == ["a", "Ġ", "<M> ", "b"]
    assert tokenizer.additional_special_tokens == ["<e>"]
    assert RobertaTokenizer.from_pretrained(folder, cls_token="<s>").cls_token_id == 0


def test_added_tokens_of_any_file_are_read(folder):
    size = len(RobertaTokenizer.from_pretrained(folder))
    write(folder, "added_tokens.json", catrat=size, ratcat=size + 1)
    assert RobertaTokenizer.from_pretrained(folder).encode("catrat") == [0, size, 2]
    entry = {"content": "newer", "lstrip": True}
    write(folder, "tokenizer_config.json", added_tokens_decoder={str(size): entry})
    tokenizer = RobertaTokenizer.from_pretrained(folder)
    assert tokenizer.encode("  newer") == [0, size, 2] and "catrat" not in tokenizer.get_vocab()


@pytest.mark.parametrize(
    "entries", [{"5": {"content": "x"}}, {"0": {"content": "<pad>"}}, {"x": "y"}, {"-1": "y"}, [1]]
)
def test_added_tokens_that_contradict_the_vocabulary_are_refused(folder, entries):
    write(folder, "tokenizer_config.json", added_tokens_decoder=entries)
    with pytest.raises(CheckpointError):
        RobertaTokenizer.from_pretrained(folder)


def test_code_that_comes_with_a_checkpoint_is_not_run(folder):
    (folder / "evil.py").write_text("raise SystemExit('run')")
    write(
        folder,
        "tokenizer_config.json",
        auto_map={"AutoTokenizer": ["evil.Evil", None]},
        tokenizer_class="RobertaTokenizer",
    )
    assert type(AutoTokenizer.from_pretrained(folder, trust_remote_code=True)) is RobertaTokenizerFast


@pytest.mark.parametrize("kind", ["CamembertTokenizer", "XLMRobertaTokenizerFast", "BertTokenizer"])
def test_tokenizers_of_other_kinds_are_refused(folder, kind):
    write(folder, "tokenizer_config.json", tokenizer_class=kind)
    with pytest.raises(CheckpointError, match=kind):
        AutoTokenizer.from_pretrained(folder)


@pytest.mark.parametrize("lacking", ["vocab.json", "merges.txt"])
def test_a_folder_without_a_vocabulary_says_what_was_looked_for(folder, lacking):
    (folder / lacking).unlink()
    with pytest.raises(CheckpointError) as caught:
        RobertaTokenizer.from_pretrained(folder)
    for name in (str(folder), "vocab.json", "merges.txt", "tokenizer.json", "dict.txt"):
        assert name in str(caught.value)


def test_no_such_folder_is_an_error(tmp_path):
    with pytest.raises(CheckpointError):
        RobertaTokenizer.from_pretrained(tmp_path / "nothing")


@pytest.mark.parametrize(
    "name", ["tokenizer_config.json", "special_tokens_map.json", "vocab.json", "added_tokens.json"]
)
@pytest.mark.parametrize(
    "content", ["", "[1]", "{", '{"a": {"b": ', '{"added_tokens_decoder": 3, "mask_token": 7, "x": "y"}']
)
def test_damaged_files_are_refused_as_such(folder, name, content):
    (folder / name).write_text(content)
    try:
        RobertaTokenizer.from_pretrained(folder)
    except CheckpointError:
        return
    assert (name, content[:3]) == ("special_tokens_map.json", '{"a')  # nothing but names that mean nothing here


def test_the_old_name_of_the_longest_length_is_read(folder):
    write(folder, "tokenizer_config.json", max_len=77)
    assert RobertaTokenizer.from_pretrained(folder).model_max_length == 77
