"""Whether printed lines are exactly what --schema says: no key more, none less, in its order."""

import functools
import json
from typing import Any

import jsonschema

from roberta_cli.result_schema import schema_of


def agrees_with_its_schema(command: str, printed: str) -> None:
    """Raises AssertionError: one of the lines does not. Lines that are no JSON object are not results."""
    for line in printed.splitlines():
        if line.startswith("{"):
            value = without_kept(json.loads(line))
            agreeing = [form for form in forms(command) if jsonschema.Draft202012Validator(form).is_valid(value)]
            assert agreeing, f"no form of roberta {command} is {line}"
            assert any(in_order(form, value) for form in agreeing), f"keys out of order: {line}"


@functools.cache
def forms(command: str) -> list[dict[str, Any]]:
    """The schema's forms, without room for further keys."""
    return [closed(form) for form in schema_of(command)["anyOf"]]


def closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    return inner | {"additionalProperties": False} if "required" in inner else inner


def without_kept(line: dict[str, Any]) -> dict[str, Any]:
    """The result from its id on: what stands before was copied from the record."""
    keys = list(line)
    return {key: line[key] for key in keys[keys.index("id") :]} if "id" in keys else line


def in_order(schema: dict[str, Any], value: Any) -> bool:
    if isinstance(value, list):
        return all(in_order(schema.get("items", {}), one) for one in value)
    if not isinstance(value, dict):
        return True
    known = schema.get("properties", {})
    order = [key for key in known if key in value]
    return (order == list(value) or not known) and all(in_order(known.get(key, {}), value[key]) for key in value)
