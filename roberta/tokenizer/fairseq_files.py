"""fairseq's vocabulary, dict.txt with encoder.json and vocab.bpe: two numberings, the one looked up in the other.

A text becomes tokens by vocab.bpe, each token its number in encoder.json (GPT-2's: the bytes, the merges, the end of a
text), and that number, written out as a word, is looked up in dict.txt. The id is 4 for its first line, 5 for the next;
the framing tokens come before, and `<mask>` after the last line unless a line of its own holds it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from roberta.errors import CheckpointError
from roberta.files import read_json, whole_or_absent
from roberta.tokenizer.byte_alphabet import CHARACTERS
from roberta.tokenizer.vocabulary import MERGES_HEADER, Vocabulary, ids_of, names_by_id, read_merges, read_text

if TYPE_CHECKING:
    from roberta.tokenizer.tokenizer import RobertaTokenizer

DICTIONARY_FILE, ENCODER_FILE, FAIRSEQ_MERGES_FILE = "dict.txt", "encoder.json", "vocab.bpe"
FRAMING = ("<s>", "<pad>", "</s>", "<unk>")  # fairseq's own ids, 0 to 3, which no file can change
MASK = "<mask>"
FILLER = "madeupword"  # fairseq's word for rows that only round a table up
_END_OF_TEXT = "<|endoftext|>"
_OVERWRITE = " #fairseq:overwrite"


def read_fairseq(dictionary_file: Path, encoder_file: Path | None, merges_file: Path) -> Vocabulary:
    """Read fairseq's dict.txt, encoder.json and vocab.bpe; without encoder.json (None) the merges number the tokens.

    Raises CheckpointError: a line is not "WORD COUNT", a number unknown to encoder.json, a word or a number given
    twice, a merge whose token the dictionary lacks, or the checks of Vocabulary.
    """
    merges = read_merges(merges_file)
    made = numbering(merges)
    if encoder_file is None:
        tokens, numbered = made, merges_file
    else:
        tokens, numbered = (
            names_by_id(ids_of(read_json(encoder_file), str(encoder_file)), str(encoder_file)),
            encoder_file,
        )
    ids = {token: id for id, token in enumerate(FRAMING)}
    lines = read_text(dictionary_file).removesuffix("\n").split("\n")
    for number, line in enumerate(lines, start=1):
        word, blank, count = line.rstrip().removesuffix(_OVERWRITE).rpartition(" ")
        if not blank or not count.lstrip("-").isdecimal():
            raise CheckpointError(f"{dictionary_file}:{number}: {line[:40]!r} is not a word and its count")
        if _is_number(word):
            if int(word) >= len(tokens):
                raise CheckpointError(f"{dictionary_file}:{number}: {word} is no number of {numbered.name}")
            word = tokens[int(word)]
        if word in ids:
            raise CheckpointError(f"{dictionary_file}:{number}: {word[:40]!r} is given twice")
        ids[word] = len(ids)
    ids.setdefault(MASK, len(ids))
    lacking = [token for token in made if token not in ids and len(token) > 1 and token != _END_OF_TEXT]
    if lacking:
        raise CheckpointError(
            f"{dictionary_file}: lacks {len(lacking)} of the tokens that {merges_file.name} makes, {lacking[0][:40]!r}"
            " among them, which fairseq takes for <unk> and this tokenizer cannot; without this file the weights can"
            " be converted alone"
        )
    unknown = None if ids.keys() >= set(CHARACTERS) else FRAMING[3]  # a byte that never came in fairseq's training
    return Vocabulary(ids, merges, unknown=unknown, source=str(dictionary_file))


def numbering(merges: Sequence[str]) -> list[str]:
    """The tokens in the order of encoder.json: bytes that are printable first, then what each merge makes.

    >>> numbering(["h e"])[0], numbering(["h e"])[255:]
    ('!', ['Ń', 'he', '<|endoftext|>'])
    """
    printable = sorted(CHARACTERS)  # bytes that stand for themselves are below U+0100, the stand-ins follow in order
    return list(dict.fromkeys([*printable, *(merge.replace(" ", "") for merge in merges), _END_OF_TEXT]))


def save_fairseq(tokenizer: RobertaTokenizer, folder: Path, rows: int) -> None:
    """Write dict.txt, encoder.json and vocab.bpe, each whole or absent, for a table of `rows` words.

    Rows beyond the tokenizer's tokens become made-up words. The counts of dict.txt, which fairseq sorted it by and
    does not need again, only fall from line to line.

    Raises CheckpointError: framing tokens with other ids than fairseq gives them, no `<mask>`, more tokens than rows,
    or a token that dict.txt cannot spell.
    """
    tokens = _tokens(tokenizer, rows)
    merges = tokenizer._vocabulary.merges.lines
    numbers = {token: number for number, token in enumerate(numbering(merges))}
    words = [_word(token, numbers) for token in tokens[len(FRAMING) :]]
    if words[-1] == MASK:
        del words[-1]  # fairseq adds it there itself
    _write(folder / DICTIONARY_FILE, "".join(f"{word} {len(words) - line}\n" for line, word in enumerate(words)))
    _write(folder / ENCODER_FILE, json.dumps(numbers))
    _write(folder / FAIRSEQ_MERGES_FILE, "\n".join([MERGES_HEADER, *merges, ""]))


def _tokens(tokenizer: RobertaTokenizer, rows: int) -> list[str]:
    """The token of each row of the table of words."""
    ids = tokenizer.get_vocab()
    if len(ids) > rows or max(ids.values()) >= rows:
        raise CheckpointError(
            f"the tokenizer has {len(ids)} tokens and the model only {rows} rows for them; resize the model"
        )
    framing = [ids.get(token) for token in FRAMING]
    if framing != list(range(len(FRAMING))):
        raise CheckpointError(
            f"{', '.join(FRAMING)} have the ids {framing}, which in fairseq are 0 to 3; it cannot be one of fairseq"
        )
    if MASK not in ids:
        raise CheckpointError(
            f"fairseq needs the token {MASK}, which this tokenizer lacks; add it and resize the model"
        )
    tokens = {id: token for token, id in ids.items()}
    made_up = (word for number in range(2 * rows) if (word := f"{FILLER}{number:04}") not in ids)
    return [tokens[id] if id in tokens else next(made_up) for id in range(rows)]


def _word(token: str, numbers: dict[str, int]) -> str:
    """How dict.txt spells a token: the number of one that text can become, any other as it is."""
    if token in numbers:
        return str(numbers[token])
    line = token.encode("utf-8", "ignore").decode()  # without lone surrogates
    if _is_number(token) or line.strip().splitlines() != [token]:
        raise CheckpointError(f"the token {token!r} has no spelling in fairseq's dict.txt; it cannot be one of fairseq")
    return token


def _is_number(word: str) -> bool:
    """Whether a word of dict.txt is a number of encoder.json; fairseq writes them without leading zeros."""
    return word.isascii() and word.isdecimal() and len(word) < 10 and (word == "0" or word[0] != "0")


def _write(path: Path, text: str) -> None:
    with whole_or_absent(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")
