"""A corpus as token ids on the disk: written once, mapped into memory, so that it may be larger than the memory.

Layout of the folder: `tokens.bin`, the ids one after the other, 2 bytes each for up to 65,536 words, else 4;
`sentences.bin`, 8 bytes each, where sentences begin, with the end of the last one at its end; `tokens.json`, the rest.
A document ends with </s>, as the separator that FULL-SENTENCES packing puts between documents (Liu et al. 2019,
https://arxiv.org/abs/1907.11692, section 4.2).
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
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
from roberta.records.decompress import open_bytes
from roberta.records.formats import FORMATS, find_format, format_by_content, format_by_name
from roberta.records.input_file import InputFile
from roberta.records.reading import STDIN, input_files

if TYPE_CHECKING:
    from roberta.tokenizer import RobertaTokenizer

_VERSION = 1  # of the layout
# A sentence ends at a stop, with quotes or brackets closed, before a blank and a capital, a digit or an opening quote.
# An abbreviation splits one in two now and then, which only moves a place where a block may begin.
_SENTENCE_END = re.compile(r"""(?<=[.!?])["')\]]*(?=\s["'(\[]?[A-Z0-9])""")
_CHUNK = 1 << 20  # tokens held before they are written
_READ = 1 << 24  # tokens at a time


@dataclass(frozen=True)
class TokenFile:
    """ids: (tokens,) unsigned; sentences: (sentences + 1,) uint64 places in ids; documents: how many there are.
    digest: SHA-256 of the ids as bytes."""

    ids: np.ndarray
    sentences: np.ndarray
    documents: int
    digest: str

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
        return cls(ids, sentences, said["documents"], said.get("sha256") or _digest(ids))

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
        """Tokenize documents, each an iterable of paragraphs, into `folder`, whole or absent. A document is used up
        before the next one is asked for.

        identity: what `cached` compares. report: told the tokens so far, now and then.
        """
        folder.parent.mkdir(parents=True, exist_ok=True)
        for leftover in folder.parent.glob(f".{folder.name}.*"):  # of a run that was killed while it wrote
            shutil.rmtree(leftover, ignore_errors=True)
        beside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        dtype = np.uint16 if len(tokenizer) <= 1 << 16 else np.uint32
        end, texts, digest = 0, 0, hashlib.sha256()
        try:
            with (beside / "tokens.bin").open("wb") as ids, (beside / "sentences.bin").open("wb") as starts:
                held: list[int] = []
                begun: list[int] = []

                def settle() -> None:
                    nonlocal end
                    found = np.asarray(held, dtype)
                    ids.write(found.tobytes())
                    digest.update(found)
                    starts.write(np.asarray(begun, np.uint64).tobytes())
                    end += len(held)
                    held.clear()
                    begun.clear()
                    if report:
                        report(end)

                for document in documents:
                    before = end + len(held)
                    for paragraph in document:
                        for sentence in sentences_of(paragraph):
                            begun.append(end + len(held))
                            held += tokenizer.encode_ids(sentence)
                        if len(held) >= _CHUNK:
                            settle()
                    if end + len(held) > before:
                        held.append(tokenizer.eos_token_id)
                        texts += 1
                begun.append(end + len(held))
                settle()
            said = {"version": _VERSION, "dtype": np.dtype(dtype).name, "tokens": end, "documents": texts}
            write_json(beside / "tokens.json", said | {"identity": identity, "sha256": digest.hexdigest()})
            beside.chmod(0o755)
            former = beside.with_name(f"{beside.name}.former")
            if folder.exists():
                folder.rename(former)  # a folder is not removed at one stroke
            beside.rename(folder)
            shutil.rmtree(former, ignore_errors=True)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
        return cls.open(folder)


def cached(
    folder: Path, inputs: Sequence[str], fields: Fields, tokenizer: RobertaTokenizer, report=None, **reading
) -> TokenFile:
    """The tokens of these files: those in `folder` if they were made of the same files and words, else made anew.

    Standard input and pipes are read each time, since nobody can tell whether they bring the same.
    """
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
) -> Iterator[Iterable[str]]:
    """The documents of files, paragraph by paragraph, each with the line end that parts it from the next. A document
    may be larger than the memory, so the paragraphs of one are gone when the next is asked for.

    In plain text a line is a paragraph, and a blank line or the end of the file ends a document; in the other formats
    a record is a document. `format` and the rest go to `read_records`. A file that is named twice is read twice.

    Raises InputError: a record that cannot be read, named by its file and line.
    """
    for path in input_files(inputs, any_suffix=format is not None):
        texts = (_text(record, fields) for record in read_records([path], format=format, **reading))
        if _is_plain(path, format, reading.get("encoding", "utf-8")):
            for has_text, lines in itertools.groupby(texts, key=_has_text):
                if has_text:
                    yield (line + "\n" for line in lines)
        else:
            yield from ([part + "\n" for part in text.split("\n") if _has_text(part)] for text in texts)


def _is_plain(path: str, format: str | None, encoding: str) -> bool:
    """Whether a file holds lines of text. A pipe, which can be read but once, does if nobody says otherwise."""
    row = find_format(format) if format else format_by_name(Path(path))
    if row is None and Path(path).is_file():
        with contextlib.closing(InputFile(path, open_bytes(Path(path)), encoding=encoding)) as file:
            row = format_by_content(file)
    return row in (None, FORMATS["txt"])


def _has_text(line: str) -> bool:
    return bool(line.strip())


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
    for path in input_files(inputs, any_suffix=reading.get("format") is not None):
        if path != STDIN and Path(path).is_file():
            found = Path(path).stat()
            files.append([path, [found.st_size, found.st_mtime_ns]])
        else:
            files.append([path, os.urandom(16).hex()])
    words = hashlib.sha256(json.dumps(tokenizer.get_vocab(), sort_keys=True).encode()).hexdigest()
    said = json.dumps([_VERSION, files, repr(fields), words, sorted(reading.items())], default=str)
    return hashlib.sha256(said.encode()).hexdigest()


def _digest(ids: np.ndarray) -> str:
    digest = hashlib.sha256()
    for start in range(0, len(ids), _READ):
        digest.update(np.ascontiguousarray(ids[start : start + _READ]))
    return digest.hexdigest()
