"""Which field is which: --field, --id and --keep, from the record to the result."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from roberta.errors import UsageError
from roberta.records.record import MAIN_FIELD, BrokenRecord, Record, field_flag, no_field

ID_FIELD = "id"
KEEP_ALL = "all"
_ABSENT = object()


@dataclass(frozen=True)
class Fields:
    """Names a task's fields in the input, and carries the id and kept fields over to the result.

    names: the task's field -> where the record has it. id: the field with the id; None is "id" where there is one,
    else the record's number from 1. keep: the fields to copy into the result, or None for all. taken: keys that
    results of the command may have; a kept field of that name gets the prefix `input_` in every result alike.

    >>> fields = Fields.parse(["review"], keep="stars")
    >>> record = fields.select(Record(0, "a.jsonl:1", {"review": "Good.", "stars": 5}))
    >>> record.text, fields.result(record, {"label": "positive"})
    ('Good.', {'stars': 5, 'id': 1, 'label': 'positive'})
    """

    names: dict[str, str] = field(default_factory=dict)
    id: str | None = None
    keep: tuple[str, ...] | None = ()
    taken: frozenset[str] = frozenset()

    @classmethod
    def parse(
        cls,
        fields: Iterable[str] = (),
        *,
        id: str | None = None,
        keep: str | Iterable[str] | None = None,
        taken: Collection[str] = (),
        main: str = MAIN_FIELD,
    ) -> Fields:
        """From what the flags say: "text_pair=b", or "review" alone for the field `main`; "all" or names to keep.

        A dot reaches inside: "meta.title", "answers.0.text"; a field whose own name holds the dot comes first.
        Raises UsageError: an empty name, or two fields for one.
        """
        names: dict[str, str] = {}
        for given in fields:
            target, equals, place = given.partition("=")
            if not equals:
                target, place = main, given
            if not target or not place:
                raise UsageError(f'--field "{given}" names nothing; write --field review or --field text=review')
            if target in names:
                raise UsageError(f'--field names two fields for "{target}": {names[target]} and {place}; give one')
            names[target] = place
        if isinstance(keep, str):
            keep = None if keep == KEEP_ALL else [name.strip() for name in keep.split(",") if name.strip()]
        else:
            keep = list(keep or ())
        return cls(names, id or None, None if keep is None else tuple(dict.fromkeys(keep)), frozenset(taken))

    def select(self, record: Record | BrokenRecord) -> Record | BrokenRecord:
        """The record under the task's field names; a BrokenRecord (no_field) if one that was named is not there."""
        if not isinstance(record, Record) or not (self.names or self.id):
            return record
        found = dict(record.fields)
        for target, place in self.names.items():
            value = find(record.fields, place)
            if value is _ABSENT:
                error = no_field(place, record.fields, field_flag(target))
                return BrokenRecord(record.index, record.source, error, record.fields)
            found[target] = value
        if self.id and find(record.fields, self.id) is _ABSENT:
            error = no_field(self.id, record.fields, "--id ")
            return BrokenRecord(record.index, record.source, error, record.fields)
        return Record(record.index, record.source, found, record.fields) if self.names else record

    def id_of(self, record: Record | BrokenRecord) -> Any:
        """The value of the id field; where there is none, or null, the record's number from 1."""
        value = find(record.as_given, self.id or ID_FIELD)
        return record.index + 1 if value is _ABSENT or value is None else value

    def result(self, record: Record | BrokenRecord, answer: dict[str, Any]) -> dict[str, Any]:
        """The kept fields in their order, then the id, then the answer.

        A kept field that a record lacks is null, so that every result has the same keys.
        """
        given = record.as_given
        kept = given if self.keep is None else {name: find(given, name) for name in self.keep}
        merged: dict[str, Any] = {}
        for name, value in kept.items():
            if name == ID_FIELD and self.id in (None, ID_FIELD):
                merged[ID_FIELD] = self.id_of(record)
                continue
            key = name
            while key in answer or key in self.taken or key == ID_FIELD or (key != name and key in kept):
                key = f"input_{key}"
            merged[key] = None if value is _ABSENT else value
        merged.setdefault(ID_FIELD, self.id_of(record))
        merged.update(answer)
        return merged


def find(fields: dict[str, Any], place: str) -> Any:
    """The value at a field's name or, failing that, at its dotted path through objects and lists; _ABSENT if none."""
    if place in fields:
        return fields[place]
    value: Any = fields
    for step in place.split("."):
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isascii() and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return _ABSENT
    return value
