"""Writing a tokenizer: the files from which this library and the reference read it back with equal results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roberta.errors import InputError
from roberta.files import whole_or_absent, write_json
from roberta.tokenizer.added_tokens import AddedToken
from roberta.tokenizer.loading import (
    ADDED_TOKENS_FILE,
    MERGES_FILE,
    SETTINGS_FILE,
    SINGLE_FILE,
    SPECIAL_TOKENS_FILE,
    VOCAB_FILE,
)
from roberta.tokenizer.vocabulary import MERGES_HEADER, Vocabulary

if TYPE_CHECKING:
    from roberta.tokenizer.tokenizer import RobertaTokenizer

_KEPT = (
    "add_prefix_space",
    "clean_up_tokenization_spaces",
    "errors",
    "model_max_length",
    "padding_side",
    "split_special_tokens",
    "trim_offsets",
    "truncation_side",
)


def save(tokenizer: RobertaTokenizer, folder: Path, legacy_format: bool | None, prefix: str | None) -> tuple[str, ...]:
    """Write all files of `tokenizer` into `folder`; gives their paths. See RobertaTokenizer.save_pretrained."""
    if folder.is_file():
        raise InputError(f"{folder} is a file; name a folder to save into")
    written = [
        _write(folder, SETTINGS_FILE, prefix, _settings(tokenizer)),
        _write(folder, SPECIAL_TOKENS_FILE, prefix, _tokens_as_dicts(tokenizer.special_tokens_map_extended)),
    ]
    if legacy_format is not False:
        written += save_vocabulary(tokenizer._vocabulary, folder, prefix)
        beyond = {token: id for token, id in tokenizer.added_tokens_encoder.items() if id >= tokenizer.vocab_size}
        if beyond:
            written.append(_write(folder, ADDED_TOKENS_FILE, prefix, beyond))
    if legacy_format is not True:
        written.append(_write(folder, SINGLE_FILE, prefix, _single_file(tokenizer)))
    return tuple(written)


def save_vocabulary(vocabulary: Vocabulary, folder: Path, prefix: str | None) -> tuple[str, str]:
    """Write vocab.json, in the order of the ids, and merges.txt; gives their paths."""
    vocab, merges = _path(folder, VOCAB_FILE, prefix), _path(folder, MERGES_FILE, prefix)
    with whole_or_absent(vocab) as beside:
        beside.write_text(
            json.dumps(_in_order(vocabulary), ensure_ascii=False, separators=(",", ":")), encoding="utf-8"
        )
    with whole_or_absent(merges) as beside:
        beside.write_text("\n".join([MERGES_HEADER, *vocabulary.merges.lines, ""]), encoding="utf-8")
    return str(vocab), str(merges)


def _settings(tokenizer: RobertaTokenizer) -> dict[str, Any]:
    settings = {
        **tokenizer.init_kwargs,
        **{name: getattr(tokenizer, name) for name in _KEPT},
        **tokenizer.special_tokens_map,
        "added_tokens_decoder": {str(id): token.to_dict() for id, token in tokenizer.added_tokens_decoder.items()},
        "extra_special_tokens": tokenizer.init_kwargs.get("extra_special_tokens", {}),
        "tokenizer_class": "RobertaTokenizer",
    }
    return dict(sorted(_tokens_as_dicts(settings).items()))


def _single_file(tokenizer: RobertaTokenizer) -> dict[str, Any]:
    vocabulary = tokenizer._vocabulary
    level = {"add_prefix_space": tokenizer.add_prefix_space, "trim_offsets": tokenizer.trim_offsets}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": id, **token.to_dict()} for id, token in tokenizer.added_tokens_decoder.items()],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", **level, "use_regex": True},
        "post_processor": {
            "type": "RobertaProcessing",
            "sep": [tokenizer.sep_token, tokenizer.sep_token_id],
            "cls": [tokenizer.cls_token, tokenizer.cls_token_id],
            **level,
        },
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": vocabulary.unknown,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": vocabulary.whole_words,
            "vocab": _in_order(vocabulary),
            "merges": [line.split(" ") for line in vocabulary.merges.lines],
        },
    }


def _in_order(vocabulary: Vocabulary) -> dict[str, int]:
    return {name: id for id, name in enumerate(vocabulary.names)}


def _tokens_as_dicts(value: Any) -> Any:
    if isinstance(value, AddedToken):
        return value.to_dict()
    if isinstance(value, dict):
        return {name: _tokens_as_dicts(each) for name, each in value.items()}
    return [_tokens_as_dicts(each) for each in value] if isinstance(value, (list, tuple)) else value


def _path(folder: Path, name: str, prefix: str | None) -> Path:
    return folder / (f"{prefix}-{name}" if prefix else name)


def _write(folder: Path, name: str, prefix: str | None, value: dict) -> str:
    path = _path(folder, name, prefix)
    write_json(path, value)
    return str(path)
