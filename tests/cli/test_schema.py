"""docs/schema.md is true: every command in it writes a result of the shape that stands below it."""

import json
import re
import shlex
from pathlib import Path

import pytest

from roberta_cli import app
from tests.cli.closed_schema import agrees_with_its_schema

PAGE = (Path(__file__).parents[2] / "docs" / "schema.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```sh\n(.*?)\n```\n```json\n(.*?)\n```$", PAGE, flags=re.MULTILINE | re.DOTALL)
FILES = {
    "dev.conll": "Ada B-PER\nsang O\n\nHm O\n",
    "pairs.jsonl": '{"text":"A cat.","other":"A kitten."}\n',
    "gold.jsonl": '{"text":"Good.","gold":"positive"}\n{"text":"Bad.","gold":"negative"}\n',
}
WITH_SCHEMA = (*app.ANSWERING, "convert", "info")


def shape(value):
    """Names in their order and types; of lists of objects the shape of each, of other lists the types in them."""
    if isinstance(value, dict):
        return [(key, shape(inner)) for key, inner in value.items()]
    if isinstance(value, list):
        if value and all(isinstance(inner, dict) for inner in value):
            return [shape(inner) for inner in value]
        return ["list", sorted({str(shape(inner)) for inner in value})]
    return "number" if type(value) in (int, float) else type(value).__name__


def test_the_page_has_examples_of_every_command():
    shown = {shlex.split(command)[1] for command, _ in EXAMPLES}
    assert shown >= {*WITH_SCHEMA}


@pytest.mark.parametrize(("command", "printed"), EXAMPLES)
def test_the_result_has_the_shape_of_the_page(roberta, surroundings, tmp_path, command, printed):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    ended = roberta(*shlex.split(command)[1:])
    stream = ended.err if "--summary" in command else ended.out
    lines = [line for line in stream.splitlines() if line.startswith("{")]
    name = shlex.split(command)[1]
    if name in WITH_SCHEMA and "--summary" not in command and not ("--dry-run" in command and name in app.ANSWERING):
        agrees_with_its_schema(name, ended.out)
        agrees_with_its_schema(name, printed)
    assert [shape(json.loads(line)) for line in lines] == [shape(json.loads(line)) for line in printed.splitlines()]


@pytest.mark.parametrize("command", WITH_SCHEMA)
def test_the_schema_is_one_and_asks_for_no_input(roberta, command):
    jsonschema = pytest.importorskip("jsonschema")
    ended = roberta(command, "--schema")
    assert (ended.code, ended.err) == (0, "")
    jsonschema.Draft202012Validator.check_schema(json.loads(ended.out))


@pytest.mark.parametrize(
    "line",
    [
        '{"id":1,"entities":[],"windows":2,"more":1}',
        '{"id":1,"windows":2,"entities":[]}',
        '{"id":1,"entities":[{"label":"PER","text":"A","start":0,"end":1}]}',
        '{"id":1,"entities":[{"label":"PER","text":"A","start":0,"end":1,"score":1,"more":1}]}',
        '{"id":1,"entities":[{"label":"PER","text":"A","end":1,"start":0,"score":1}]}',
        '{"id":1,"entities":null}',
    ],
)
def test_a_line_with_a_key_too_many_too_few_or_out_of_order_does_not_agree(line):
    with pytest.raises(AssertionError):
        agrees_with_its_schema("ner", line)
