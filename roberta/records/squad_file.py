"""SQuAD files, 1.1 and 2.0: questions on the paragraphs of articles in, predictions out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from roberta.errors import InputError, ReadError, UsageError
from roberta.records.input_file import InputFile
from roberta.records.json_lines import Found, read_json
from roberta.records.record import json_type
from roberta.records.writing import LineWriter

_KEYS = [re.compile(rf'"{key}"\s*:\s*\[') for key in ("data", "paragraphs", "qas")]


def looks_like_squad(text: str) -> bool:
    """Whether the beginning of a file, such as its first line, has the keys data, paragraphs and qas, each a list."""
    return all(key.search(text) for key in _KEYS)


def is_squad(value: dict[str, Any]) -> bool:
    """Whether a JSON object is a SQuAD file: articles under `data`, each with `paragraphs` that have `qas`."""
    articles = value.get("data")
    if not isinstance(articles, list) or not articles:
        return False
    paragraphs = articles[0].get("paragraphs") if isinstance(articles[0], dict) else None
    return isinstance(paragraphs, list) and all(isinstance(one, dict) and "qas" in one for one in paragraphs[:1])


def read_json_or_squad(file: InputFile) -> Iterator[Found]:
    """The objects of a JSON file, or the questions of the SQuAD file that it turns out to be."""
    for source, found in read_json(file):
        if type(found) is dict and is_squad(found):
            yield from _questions(file.name, found)
        else:
            yield source, found


def read_squad(file: InputFile) -> Iterator[Found]:
    """Every question of a SQuAD file: {"id", "question", "answers", ..., "context", "title"}, or its InputError.

    What else stands beside a question, such as is_impossible, is kept. The source is the question's place, such as
    "dev.json:data[0].paragraphs[2].qas[1]". Raises ReadError: not JSON, or JSON that is no SQuAD file.
    """
    for source, found in read_json(file):
        if isinstance(found, InputError):
            raise ReadError(f"{source}: {found}")
        if not is_squad(found):
            raise ReadError(f"{source}: no SQuAD file, which has a list data of articles with paragraphs and qas")
        yield from _questions(file.name, found)


def _questions(name: str, file: dict[str, Any]) -> Iterator[Found]:
    for article_source, article in _objects(f"{name}:data", file["data"]):
        if isinstance(article, InputError):
            yield article_source, article
            continue
        for source, paragraph in _objects(f"{article_source}.paragraphs", article.get("paragraphs")):
            if isinstance(paragraph, InputError):
                yield source, paragraph
                continue
            shared = {"context": paragraph["context"]} if "context" in paragraph else {}
            shared |= {"title": article["title"]} if "title" in article else {}
            for question_source, question in _objects(f"{source}.qas", paragraph.get("qas")):
                yield question_source, question if isinstance(question, InputError) else question | shared


def _objects(source: str, values: Any) -> Iterator[Found]:
    """The objects of a list, each with its place; in place of what is none, or of the whole list, an InputError."""
    if not isinstance(values, list):
        yield source, InputError(f"a list was expected, this is {json_type(values)}", code="wrong_type")
        return
    for number, value in enumerate(values):
        if not isinstance(value, dict):
            value = InputError(f"an object was expected, this is {json_type(value)}", code="wrong_type")
        yield f"{source}[{number}]", value


class JsonObjectWriter(LineWriter):
    """One JSON object, written entry by entry, each on a line; `finish` closes it."""

    def __init__(self, stream: BinaryIO):
        super().__init__(stream)
        self._seen: set[str] = set()

    def put(self, key: str, value: Any) -> None:
        """Add one entry. Raises UsageError: the key is there already; a reader would see one of the two."""
        if key in self._seen:
            raise UsageError(f'two questions have the id "{key}"; name the field that tells them apart with --id')
        before = ",\n " if self._seen else "{"
        self._seen.add(key)
        # ASCII, so that readers with any locale's encoding, such as the official script, read the same text.
        self._send(f"{before}{json.dumps(key)}: {json.dumps(value)}")

    def finish(self) -> None:
        self._send("}\n" if self._seen else "{}\n")


class SquadWriter(JsonObjectWriter):
    """Predictions as the official script reads them: {id: answer}; a record that failed is left out.

    Raises UsageError: a result without an answer, or two with the same id.
    """

    def write(self, result: dict[str, Any]) -> None:
        if "error" in result:
            return
        if "answer" not in result:
            raise UsageError("the format squad holds answers to questions; choose jsonl here")
        self.put(str(result["id"]), result["answer"])
