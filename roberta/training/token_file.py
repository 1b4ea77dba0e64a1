"""A corpus as token ids on the disk: written once, mapped into memory, so that it may be larger than the memory.

Layout of the folder: `tokens.bin`, the ids one after the other, 2 bytes each for up to 65,536 words, else 4;
`sentences.bin`, 8 bytes each, where sentences begin, with the end of the last one at its end; `tokens.json`, the rest.
A document ends with </s>, as the separator that FULL-SENTENCES packing puts between documents (Liu et al. 2019,
https://arxiv.org/abs/1907.11692, section 4.2).
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from roberta.errors import InputError, ReadError
from roberta.files import read_json, write_json
from roberta.records import BrokenRecord, Fields, Record, read_records
from roberta.records.formats import find_format, format_by_name

if TYPE_CHECKING:
    from roberta.tokenizer import RobertaTokenizer

_VERSION = 1  # of the layout
# A sentence ends at a stop, with quotes or brackets closed, before a blank and a capital, a digit or an opening quote.
# An abbreviation splits one in two now and then, which only moves a place where a block may begin.
_SENTENCE_END = re.compile(r"""(?<=[.!?])["')\]]*(?=\s["'(\[]?[A-Z0-9])""")
_CHUNK = 1 << 20  # tokens held before they are written


@dataclass(frozen=True)
class TokenFile:
    """ids: (tokens,) unsigned; sentences: (sentences + 1,) uint64 places in ids; documents: how many there are."""

    ids: np.ndarray
    sentences: np.ndarray
    documents: int

    @classmethod
    def open(cls, folder: Path) -> TokenFile:
        """Map a folder that `write` made. Raises ReadError: it is not one."""
        try:
            said = read_json(folder / "tokens.json")
            dtype = np.dtype(said["dtype"])
            ids = np.memmap(folder / "tokens.bin", dtype, "r") if said["tokens"] else np.zeros(0, dtype)
            sentences = np.memmap(folder / "sentences.bin", np.uint64, "r")
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ReadError(f"{folder}: not a folder of tokens ({error}); remove it, it is made again") from None
        if len(ids) != said["tokens"] or int(sentences[-1]) != len(ids):
            raise ReadError(f"{folder}: the files of tokens do not fit together; remove the folder, it is made again")
        return cls(ids, sentences, said["documents"])

    @classmethod
    def write(
        cls,
        folder: Path,
        documents: Iterable[Iterable[str]],
        tokenizer: RobertaTokenizer,
        *,
        identity: str = "",
        report: Callable[[int], None] | None = None,
    ) -> TokenFile:
        """Tokenize documents, each an iterable of paragraphs, into `folder`, whole or absent.

        identity: what `is_of` compares. report: told the tokens so far, now and then.
        """
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        dtype = np.uint16 if len(tokenizer) <= 1 << 16 else np.uint32
        end, texts = 0, 0
        try:
            with (beside / "tokens.bin").open("wb") as ids, (beside / "sentences.bin").open("wb") as starts:
                held: list[int] = []
                begun: list[int] = []
                for document in documents:
                    before = end + len(held)
                    for paragraph in document:
                        for sentence in sentences_of(paragraph):
                            begun.append(end + len(held))
                            held += tokenizer.encode_ids(sentence)
                    if end + len(held) == before:
                        continue
                    held.append(tokenizer.eos_token_id)
                    texts += 1
                    if len(held) >= _CHUNK:
                        np.asarray(held, dtype).tofile(ids)
                        np.asarray(begun, np.uint64).tofile(starts)
                        end += len(held)
                        held, begun = [], []
                        if report:
                            report(end)
                end += len(held)
                np.asarray(held, dtype).tofile(ids)
                np.asarray([*begun, end], np.uint64).tofile(starts)
            said = {"version": _VERSION, "dtype": np.dtype(dtype).name, "tokens": end, "documents": texts}
            write_json(beside / "tokens.json", said | {"identity": identity})
            shutil.rmtree(folder, ignore_errors=True)
            beside.rename(folder)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
        return cls.open(folder)


def cached(
    folder: Path, inputs: Sequence[str], fields: Fields, tokenizer: RobertaTokenizer, report=None, **reading
) -> TokenFile:
    """The tokens of these files: those in `folder` if they were made of the same files and words, else made anew."""
    identity = _identity(inputs, fields, tokenizer, reading)
    said = folder / "tokens.json"
    if said.exists() and read_json(said).get("identity") == identity:
        return TokenFile.open(folder)
    documents = read_documents(inputs, fields, **reading)
    return TokenFile.write(folder, documents, tokenizer, identity=identity, report=report)


def sentences_of(paragraph: str) -> Iterator[str]:
    """The sentences of a paragraph, nothing lost: joined they are the paragraph. A blank stays with what follows it,
    where the tokenizer splits too.

    >>> list(sentences_of('He said "No." Then he left.'))
    ['He said "No."', ' Then he left.']
    """
    start = 0
    for match in _SENTENCE_END.finditer(paragraph):
        if match.end() > start:
            yield paragraph[start : match.end()]
            start = match.end()
    if start < len(paragraph):
        yield paragraph[start:]


def read_documents(
    inputs: Sequence[str], fields: Fields, *, format: str | None = None, **reading
) -> Iterator[list[str]]:
    """The documents of files: lists of paragraphs, each with the line end that parts it from the next.

    In plain text a line is a paragraph and a blank line ends a document; in the other formats a record is a document.
    `format` and the rest go to `read_records`. A file that is named twice is read twice.

    Raises InputError: a record that cannot be read, named by its file and line.
    """
    for path in inputs:
        row = find_format(format) if format else format_by_name(Path(path))
        texts = (_text(record, fields) for record in read_records([path], format=format, **reading))
        if row not in (None, find_format("txt")):
            yield from ([part + "\n" for part in text.split("\n") if part.strip()] for text in texts)
            continue
        document: list[str] = []
        for text in texts:
            if text.strip():
                document.append(text + "\n")
            elif document:
                yield document
                document = []
        if document:
            yield document


def read_texts(inputs: Sequence[str], fields: Fields, **reading) -> Iterator[str]:
    """The texts of files, as they stand there: a line of plain text, or the text of a record. Raises as above."""
    for path in inputs:
        for record in read_records([path], **reading):
            yield _text(record, fields)


def _text(record: Record | BrokenRecord, fields: Fields) -> str:
    record = fields.select(record)
    try:
        if isinstance(record, BrokenRecord):
            raise record.error
        return record.string("text", allow_empty=True)
    except InputError as error:
        raise InputError(f"{record.source}: {error}") from None


def _identity(inputs: Sequence[str], fields: Fields, tokenizer: RobertaTokenizer, reading: dict) -> str:
    """Changes when a file, its reading or the vocabulary does; files count by path, size and time of change."""
    files = []
    for path in map(Path, inputs):
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            found = file.stat() if file.exists() else None
            files.append([str(file), found and [found.st_size, found.st_mtime_ns]])
    words = hashlib.sha256(json.dumps(tokenizer.get_vocab(), sort_keys=True).encode()).hexdigest()
    said = json.dumps([_VERSION, files, repr(fields), words, sorted(reading.items())], default=str)
    return hashlib.sha256(said.encode()).hexdigest()
