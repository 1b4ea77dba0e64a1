"""A byte-level vocabulary: tokens, ids and merges, read from any of the three forms in which they are published."""

from __future__ import annotations

from itertools import repeat
from pathlib import Path
from typing import Any

from roberta.errors import CheckpointError
from roberta.files import JSON_LIMIT, read_json
from roberta.tokenizer.added_tokens import AddedToken
from roberta.tokenizer.byte_alphabet import CHARACTERS
from roberta.tokenizer.merges import Merges, fingerprint

MERGES_HEADER = "#version: 0.2"
_FEW_WORDS = 1000
# SHA-256 of the names in the order of their ids, one a line, of vocabularies that hold all that the known merges join
# and make; a test repeats the check. RoBERTa's own.
_HOLDS_KNOWN_MERGES = {"6e8b8d26dcc24d72cd5094c4b3d6d5e50cfb48e0cfc9bd1db1588620a41e3a91"}


class Vocabulary:
    """Tokens, ids and merges, checked: ids run from 0 without holes, and every merge joins and makes known tokens.

    ids: token, spelled in the byte alphabet -> id.
    merges: the merges, the most important first.
    added: what the file says of its added tokens; empty when it says nothing.
    unknown: the token for bytes that the vocabulary lacks; None: such bytes are left out, as the reference does.
    whole_words: a word that is a token is not merged from its parts (`ignore_merges`).
    source: where it was read, for errors.

    Raises CheckpointError: any of the checks fails.
    """

    def __init__(
        self,
        ids: dict[str, int],
        merges: list[str],
        *,
        added: dict[int, AddedToken] | None = None,
        unknown: str | None = None,
        whole_words: bool = False,
        source: str = "the vocabulary",
    ):
        self.names = names_by_id(ids, source)
        self.ids = ids
        self.merges = Merges(merges)
        _check_merges(ids, self.names, self.merges, source)
        self._words = 0  # encoded so far
        self.added = added or {}
        self.unknown = unknown
        self.whole_words = whole_words
        self.source = source
        self.is_complete = all(character in ids for character in CHARACTERS)
        if not self.is_complete and unknown is not None and unknown not in ids:
            raise CheckpointError(f"{source}: unk_token {unknown!r} is not among the tokens")

    def encode_word(self, word: str) -> tuple[int, ...]:
        """Ids of one word of the pre-tokenizer, spelled in the byte alphabet."""
        ids = self.ids
        self._words += 1
        # The table of self-encoding tokens takes longer to make than a few words to merge.
        if (self._words > _FEW_WORDS and word in self.merges.self_encoding) or (self.whole_words and word in ids):
            return (ids[word],)
        if self.is_complete:
            return tuple([ids[part] for part in self.merges.split(word)])
        if self.unknown is None:
            known = "".join(character for character in word if character in ids)
            return tuple([ids[part] for part in self.merges.split(known)])
        unknown = ids[self.unknown]
        return tuple([ids.get(part, unknown) for part in self.merges.split(word)])

    def length(self, id: int, name: str) -> int:
        """How many bytes of a word the token stands for."""
        return 1 if name == self.unknown else len(name)


def read_vocab_and_merges(vocab_file: Path, merges_file: Path) -> Vocabulary:
    """Read vocab.json and merges.txt.

    Raises CheckpointError: a file cannot be read, is too long, or does not pass the checks of Vocabulary.
    """
    ids = ids_of(read_json(vocab_file, flat=True), str(vocab_file))
    return Vocabulary(ids, read_merges(merges_file), source=str(vocab_file))


def read_merges(path: Path) -> list[str]:
    """The lines of a merges.txt or vocab.bpe, its `#version` line and empty lines left out."""
    lines = read_text(path).split("\n")
    if lines[0].startswith("#version"):
        del lines[0]
    while lines and not lines[-1]:
        del lines[-1]
    return lines


def read_tokenizer_json(path: Path) -> Vocabulary:
    """Read tokenizer.json, if all it asks for is what RoBERTa does.

    Raises CheckpointError: unreadable, or a part of it is of another kind of tokenizer.
    """
    content = read_json(path)
    model = content.get("model")
    if not isinstance(model, dict) or not isinstance(model.get("vocab"), dict):
        raise CheckpointError(f"{path}: no model with a vocabulary in this file; it is not a tokenizer.json")
    _refuse_other_kinds(path, content, model)
    merges = model.get("merges")
    if not isinstance(merges, list):
        raise CheckpointError(f"{path}: no list of merges in this file; it is damaged, fetch it again")
    added = added_tokens_of(content.get("added_tokens") or [], str(path))
    ids = ids_of(model["vocab"], str(path))
    known = range(len(ids) + len(added))
    if any(id not in known for id in added):
        raise CheckpointError(f"{path}: an added token has an id beyond the {len(known)} tokens; the file is damaged")
    return Vocabulary(
        ids,
        [_merge_line(merge, path) for merge in merges],
        added=added,
        unknown=model.get("unk_token"),
        whole_words=model.get("ignore_merges") is True,
        source=str(path),
    )


def added_tokens_of(entries: Any, source: str) -> dict[int, AddedToken]:
    """Added tokens by id, from the list in tokenizer.json or the table in tokenizer_config.json.

    Raises CheckpointError: not such a list or table, or one text with two ids.
    """
    try:
        pairs = entries.items() if isinstance(entries, dict) else [(entry["id"], entry) for entry in entries]
        added = {int(id): AddedToken.of(entry) for id, entry in pairs}
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{source}: the added tokens cannot be read ({error}); the file is damaged") from None
    if len({token.content for token in added.values()}) < len(added) or any(id < 0 for id in added):
        raise CheckpointError(f"{source}: an added token is given twice or has a negative id; the file is damaged")
    return {id: token for id, token in sorted(added.items()) if token.content}


def read_text(path: Path) -> str:
    try:
        size, content = path.stat().st_size, b""
        if size <= JSON_LIMIT:
            content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from None
    if size > JSON_LIMIT:
        raise CheckpointError(f"{path}: {size:,} bytes, more than the {JSON_LIMIT:,} bytes that such a file may have")
    try:
        return content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{path}: not UTF-8 at byte {error.start}; the file is damaged, fetch it again") from None


def ids_of(found: dict[str, Any], source: str) -> dict[str, int]:
    if not found:
        raise CheckpointError(f"{source}: the vocabulary is empty")
    if set(map(type, found.values())) != {int}:
        raise CheckpointError(f"{source}: an id is not a whole number; this is not a vocabulary")
    return found


def names_by_id(ids: dict[str, int], source: str) -> list[str]:
    if list(ids.values()) == list(range(len(ids))):
        return list(ids)
    names: list[str | None] = [None] * len(ids)
    for name, id in ids.items():
        if not 0 <= id < len(names):
            raise CheckpointError(f"{source}: {name!r} has the id {id}, but {len(ids)} tokens need the ids from 0 on")
        if names[id] is not None:
            raise CheckpointError(f"{source}: {name!r} and {names[id]!r} share the id {id}")
        names[id] = name
    return names  # as many names as places, each given once: no hole is left


def _check_merges(ids: dict[str, int], names: list[str], merges: Merges, source: str) -> None:
    # In bulk, not line by line: this runs at every start.
    if merges.known and fingerprint(names) in _HOLDS_KNOWN_MERGES:
        return
    if all(map(ids.__contains__, merges.made())):
        if merges.known and all(map(ids.__contains__, CHARACTERS)):
            return
        well_formed = set(map(str.count, merges.lines, repeat(" "))) <= {1}
        if well_formed and all(map(ids.__contains__, merges.sides())):
            return
    for number, line in enumerate(merges.lines, start=1):
        left, _, right = line.partition(" ")
        if not left or not right or " " in right:
            raise CheckpointError(f"{source}: merge {number} ({line[:40]!r}) is not two tokens with a blank between")
        for token in (left, right, left + right):
            if token not in ids:
                raise CheckpointError(
                    f"{source}: merge {number} ({line[:40]!r}) needs the token {token[:40]!r}, which the vocabulary "
                    "lacks; vocabulary and merges belong to different models"
                )


def _merge_line(merge: Any, path: Path) -> str:
    if isinstance(merge, list) and len(merge) == 2 and all(isinstance(side, str) for side in merge):
        return f"{merge[0]} {merge[1]}"
    if isinstance(merge, str):
        return merge
    raise CheckpointError(f"{path}: the merge {merge!r} is not two tokens; the file is damaged")


def _refuse_other_kinds(path: Path, content: dict, model: dict) -> None:
    def refuse(part: str, found: Any) -> None:
        raise CheckpointError(f"{path}: {part} is {found!r}, which RoBERTa's byte-level tokenizer has not")

    if model.get("type", "BPE") != "BPE":
        refuse("model.type", model.get("type"))
    for name in ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", "fuse_unk"):
        if model.get(name):
            refuse(f"model.{name}", model[name])
    if content.get("normalizer"):
        refuse("normalizer", _kind(content["normalizer"]))
    splitter = content.get("pre_tokenizer")
    if _kind(splitter) != "ByteLevel" or splitter.get("use_regex") is False:
        refuse("pre_tokenizer", _kind(splitter))
    if _kind(content.get("post_processor")) != "RobertaProcessing":
        refuse("post_processor", _kind(content.get("post_processor")))


def _kind(part: Any) -> Any:
    return part.get("type") if isinstance(part, dict) else part
