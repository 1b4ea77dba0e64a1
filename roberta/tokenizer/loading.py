"""Finding the files of a tokenizer in a checkpoint, and what they say of its settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from roberta.errors import CheckpointError
from roberta.files import read_json
from roberta.hub import Origin
from roberta.tokenizer.added_tokens import AddedToken
from roberta.tokenizer.fairseq_files import DICTIONARY_FILE, ENCODER_FILE, FAIRSEQ_MERGES_FILE, read_fairseq
from roberta.tokenizer.special_tokens import ADDITIONAL, NAMES
from roberta.tokenizer.vocabulary import Vocabulary, added_tokens_of, read_tokenizer_json, read_vocab_and_merges

SETTINGS_FILE = "tokenizer_config.json"
SPECIAL_TOKENS_FILE = "special_tokens_map.json"
ADDED_TOKENS_FILE = "added_tokens.json"
SINGLE_FILE = "tokenizer.json"
VOCAB_FILE, MERGES_FILE = "vocab.json", "merges.txt"

# Tokenizers of the same kind: classes of other names split text in other ways, and the ids would look right.
_SAME_KIND = ("Roberta", "PreTrainedTokenizerFast", "GPT2", "Bart", "Longformer")
# Entries of tokenizer_config.json about the program that wrote it, or code that is never run here.
_NOT_SETTINGS = ("tokenizer_class", "auto_map", "init_inputs", "processor_class", "vocab_file", "merges_file")
_HEAD = 1 << 16  # bytes of tokenizer.json that hold its added tokens, in files that the reference wrote


def read(name: Any, arguments: dict[str, Any], *, single_file_first: bool) -> tuple[Vocabulary, dict[str, Any]]:
    """The vocabulary of a checkpoint, and the keyword arguments of the tokenizer.

    arguments: keywords of from_pretrained; those that do not say where to look override the files.
    single_file_first: prefer tokenizer.json to vocab.json where both are there; it takes longer to read.

    Raises CheckpointError: no vocabulary, or files of another kind of tokenizer.
    """
    origin, overrides = Origin.split(name, arguments)
    for word in ("use_fast", "from_slow", "tokenizer_type", "config"):
        overrides.pop(word, None)
    settings = _settings(origin)
    added = settings.pop("added_tokens_decoder", None)
    vocabulary = _vocabulary(origin, single_file_first)
    if added is None:
        settings |= _named_tokens(origin)
        added = _added_tokens(origin, vocabulary)
    else:
        added = added_tokens_of(added, f"{origin}/{SETTINGS_FILE}")
    special = {str(token) for name in (*NAMES, ADDITIONAL) for token in _several(settings.get(name))}
    for token in added.values():
        token.special = token.special or token.content in special
    return vocabulary, {"name_or_path": str(origin), "added_tokens_decoder": added, **settings, **overrides}


def _vocabulary(origin: Origin, single_file_first: bool) -> Vocabulary:
    def from_single_file() -> Vocabulary | None:
        path = origin.file(SINGLE_FILE)
        return path and read_tokenizer_json(path)

    def from_two_files() -> Vocabulary | None:
        vocab = origin.file(VOCAB_FILE)
        merges = vocab and origin.file(MERGES_FILE)
        return merges and read_vocab_and_merges(vocab, merges)

    def from_fairseq() -> Vocabulary | None:
        dictionary = origin.file(DICTIONARY_FILE)
        merges = dictionary and origin.file(FAIRSEQ_MERGES_FILE)
        return merges and read_fairseq(dictionary, origin.file(ENCODER_FILE), merges)

    readers = [from_two_files, from_single_file]
    for reader in (*(reversed(readers) if single_file_first else readers), from_fairseq):
        vocabulary = reader()
        if vocabulary is not None:
            return vocabulary
    raise CheckpointError(
        f"{origin}: no vocabulary; looked for {VOCAB_FILE} with {MERGES_FILE}, for {SINGLE_FILE}, and for "
        f"{DICTIONARY_FILE} with {FAIRSEQ_MERGES_FILE}; copy them from the model that this one was trained from"
    )


def _settings(origin: Origin) -> dict[str, Any]:
    path = origin.file(SETTINGS_FILE)
    if path is None:
        return {}
    settings = read_json(path)
    kind = settings.get("tokenizer_class")
    if kind is not None and not str(kind).startswith(_SAME_KIND):
        raise CheckpointError(f"{origin}: tokenizer_class is {kind}, not RoBERTa's; name the folder of a RoBERTa model")
    if "max_len" in settings:  # the name until 2020
        settings.setdefault("model_max_length", settings.pop("max_len"))
    return {name: _token(value) for name, value in settings.items() if name not in _NOT_SETTINGS}


def _named_tokens(origin: Origin) -> dict[str, Any]:
    """special_tokens_map.json, which counts only where tokenizer_config.json lists no added tokens."""
    path = origin.file(SPECIAL_TOKENS_FILE)
    if path is None:
        return {}
    return {name: _token(value) for name, value in read_json(path).items() if name in (*NAMES, ADDITIONAL)}


def _added_tokens(origin: Origin, vocabulary: Vocabulary) -> dict[int, AddedToken]:
    """added_tokens.json and the list in tokenizer.json, which older files keep instead."""
    added: dict[int, AddedToken] = {}
    path = origin.file(ADDED_TOKENS_FILE)
    if path is not None:
        found = read_json(path)
        if set(map(type, found.values())) - {int}:
            raise CheckpointError(f"{path}: an id is not a whole number; this is not a list of added tokens")
        added |= added_tokens_of({id: content for content, id in found.items()}, str(path))
    path = None if vocabulary.added else origin.file(SINGLE_FILE)
    if path is not None:
        added |= added_tokens_of(_listed_in(path), str(path))
    return added


def _listed_in(path: Path) -> Any:
    """The added tokens of a tokenizer.json, without reading its vocabulary if they stand at its start."""
    with path.open("rb") as file:
        head = file.read(_HEAD).decode("utf-8", errors="ignore")
    before, key, after = head.partition('"added_tokens":')
    if key and before.count("{") == 1:
        try:
            return json.JSONDecoder().raw_decode(after.lstrip())[0]
        except ValueError:
            pass
    return read_json(path).get("added_tokens") or []


def _token(value: Any) -> Any:
    """Dicts with a content as tokens, in lists too."""
    if isinstance(value, dict) and isinstance(value.get("content"), str):
        return AddedToken.of(value)
    return [_token(each) for each in value] if isinstance(value, list) else value


def _several(value: Any) -> list:
    return value if isinstance(value, list) else [] if value is None else [value]
