"""Entities against the gold ones of the records: --gold FIELD with tags or with entities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from roberta.errors import InputError
from roberta.metrics.entities import OUTSIDE, EntityScores, entities_of, split_tag, strict_entities_of
from roberta.records.conll import TAGS_FIELD
from roberta.records.offsets import convert_spans
from roberta.tasks.base import Result
from roberta.tasks.ner import Ner

if TYPE_CHECKING:
    from roberta.records import Record


class EntityGold:
    """Compares the tags of results with the field that holds what is right.

    The field holds one tag for each word, by name or by the number of the model's label, or a list of entities with
    their label and either first and last (words) or start and end (in the unit of the results). In both, only the
    types that the task shows are compared.

    >>> gold = EntityGold("tags", Ner(tokenizer, {0: "O", 1: "B-PER"}, LongText(512), tags=True))
    >>> gold.add(Record(0, "a.conll:1", {"tokens": ["Zoë"], "tags": ["B-PER"]}), {"tags": ["B-PER"]})
    >>> gold.summary()["f1"]
    1.0
    """

    def __init__(self, field: str, task: Ner):
        self.field = field
        self.task = task
        self.scores = EntityScores(task.tagset.scheme)

    def add(self, record: Record, result: Result) -> None:
        """Count one answered record. Raises InputError: no such field, or what is neither tags nor entities."""
        given = record.as_given
        value = given[self.field] if self.field in given else record.value(self.field)
        if not isinstance(value, list):
            raise InputError(f"{self.field} must be a list of tags or of entities", code="bad_gold")
        predicted = [self._prefixed(tag) for tag in result[TAGS_FIELD]]
        if value and isinstance(value[0], dict):
            self._add_entities(record, value, predicted)
        elif value or not predicted or "tokens" in given:
            self._add_tags(value, predicted)
        else:
            self._add_entities(record, value, predicted)

    def _add_tags(self, value: list[Any], predicted: list[str]) -> None:
        if len(value) != len(predicted):
            raise InputError(
                f"{self.field} has {len(value)} tags for {len(predicted)} words; give one for each", code="bad_gold"
            )
        gold = [self._tag(item) for item in value]
        gold = [tag if self._wanted(split_tag(tag)[1]) else OUTSIDE for tag in gold]
        scheme = self.task.tagset.scheme
        self.scores.add(
            entities_of(gold),
            entities_of(predicted),
            strict_entities_of(gold, _scheme_of(gold, scheme)),
            strict_entities_of(predicted, scheme),
        )

    def _tag(self, item: Any) -> str:
        labels = self.task.tagset.labels
        if isinstance(item, int) and not isinstance(item, bool) and 0 <= item < len(labels):
            item = labels[item]
        elif not isinstance(item, str):
            raise InputError(
                f"the gold tag {item!r} is neither a tag nor the number of a label (0 to {len(labels) - 1})",
                code="bad_gold",
            )
        return self._prefixed(item) if item in labels else item

    def _prefixed(self, label: str) -> str:
        """A label of the model as a tag; where labels have no prefixes, "E-MAIL" is a type."""
        if label == OUTSIDE or label in self.task.tagset.outside:
            return OUTSIDE
        return label if self.task.tagset.has_prefixes else f"I-{label}"

    def _wanted(self, kind: str) -> bool:
        types = self.task.types
        return kind not in self.task.ignore and (types is None or kind in types)

    def _add_entities(self, record: Record, value: list[Any], predicted: list[str]) -> None:
        by_words = bool(value) and "first" in value[0]
        names = ("first", "last") if by_words else ("start", "end")
        gold = [self._entity(item, names) for item in value]
        gold = [entity for entity in gold if self._wanted(entity[0])]
        places = self.task.word_places(record)
        shown = convert_spans(self.task.source(record).text, places, self.task.offsets)

        def placed(entities):
            if by_words:
                return entities
            return [(kind, shown[first][0], shown[last][1]) for kind, first, last in entities]

        strict = strict_entities_of(predicted, self.task.tagset.scheme)
        self.scores.add(gold, placed(entities_of(predicted)), gold, placed(strict))

    def _entity(self, item: Any, names: tuple[str, str]) -> tuple[str, int, int]:
        try:
            label, start, end = item["label"], item[names[0]], item[names[1]]
        except (TypeError, KeyError, IndexError):
            raise InputError(
                f"an entity of {self.field} lacks label, {names[0]} or {names[1]}", code="bad_gold"
            ) from None
        if not (isinstance(label, str) and type(start) is int and type(end) is int):
            raise InputError(
                f"an entity of {self.field} needs a label (a string) and whole numbers {names[0]} and {names[1]}",
                code="bad_gold",
            )
        return label, start, end

    def summary(self) -> dict[str, Any]:
        """The scores, as roberta.metrics.entities names them."""
        return self.scores.summary()


def _scheme_of(gold: list[str], scheme: str) -> str:
    """The scheme to read gold tags by: the model's, unless they have prefixes that it does not know, or could only be
    meant otherwise."""
    prefixes = {tag[0] for tag in gold if tag[1:2] == "-"}
    if prefixes & set("ESLU"):
        return "BIOES"
    if scheme in ("BIOES", "BILUO"):
        return scheme if not prefixes else _read_whole(gold, (scheme, "IOB2"))
    return _read_whole(gold, ("IOB1", "IOB2")) if scheme == "IOB1" else scheme


def _read_whole(gold: list[str], schemes: tuple[str, str]) -> str:
    """The first of two schemes, unless only the second finds all that the lenient reading does."""
    found = entities_of(gold)
    first, second = (strict_entities_of(gold, scheme) == found for scheme in schemes)
    return schemes[1] if second and not first else schemes[0]
