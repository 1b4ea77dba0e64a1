"""What records show by themselves: rows that cannot be used, texts that come twice, labels that are missing, tags that
do not fit, examples that stand on both sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from roberta.errors import InputError
from roberta.metrics.classification import gold_value
from roberta.metrics.entities import OUTSIDE, split_tag
from roberta.records import BrokenRecord, Record
from roberta.records.conll import TAGS_FIELD
from roberta.tasks.choice_fields import read_alternatives
from roberta.tasks.choice_gold import gold_choice
from roberta.training import classify, embed, ner, qa

SHOWN = 5  # faults of one kind that are spelt out
GRAM = 5  # words in a row that two texts must share
_MOSTLY = 0.8  # of the runs of words of a development text that also stand in the training data


@dataclass
class DataCheck:
    """problems: what keeps the data from being trained on. warnings: what should be looked at. facts: counts."""

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {**self.facts, "problems": self.problems, "warnings": self.warnings}


def look_at(kind: str, train: Sequence[Record], dev: Sequence[Record], found: DataCheck) -> DataCheck:
    """What the records themselves show: texts that come twice, labels, tags, what stands on both sides."""
    for side, records in (("train", train), ("dev", dev)):
        if records:
            _look_at_texts(kind, side, records, found)
    if kind in _LABELS and dev:
        learnt, asked = (found.facts.get(side, {}).get("labels", {}).keys() for side in ("train", "dev"))
        if lacking := sorted(learnt - asked):
            found.warnings.append(f"the development data have no example of {', '.join(lacking)}")
    if dev:
        _look_for_overlap(kind, train, dev, found)
    return found


def fault_of(kind: str, record: Record | BrokenRecord) -> InputError | None:
    """Why a row cannot be used."""
    try:
        if isinstance(record, BrokenRecord):
            raise record.error
        if not _key(_texts_of(kind, record)):
            raise InputError("the text is empty; take the row out")
        _VALIDATORS[kind](record)
    except InputError as error:
        return error
    return None


def _look_at_texts(kind: str, side: str, records: Sequence[Record], found: DataCheck) -> None:
    by_text: dict[str, list[Record]] = {}
    for record in records:
        by_text.setdefault(_key(_texts_of(kind, record)), []).append(record)
    twice = [group for group in by_text.values() if len(group) > 1]
    facts = found.facts.setdefault(side, {})
    facts["duplicates"] = sum(len(group) - 1 for group in twice)
    if kind in _LABELS:
        facts["labels"] = dict(Counter(label for one in records for label in _LABELS[kind](one)))
        torn = [group for group in twice if len({tuple(_LABELS[kind](one)) for one in group}) > 1]
        places = [" and ".join(one.source for one in group[:2]) for group in torn]
        tell(found.warnings, f"{side}: the same text with different labels", places)
    if kind == "ner":
        tell(found.warnings, f"{side}: tags that go on with what did not begin", list(_broken_tags(records)))


def _broken_tags(records: Sequence[Record]) -> Iterator[str]:
    """I-X after neither B-X nor I-X, where the data use B-."""
    if not any(tag.startswith("B-") for record in records for tag in record.fields.get(TAGS_FIELD) or ()):
        return
    for record in records:
        before = ("", "")
        for number, tag in enumerate(record.fields.get(TAGS_FIELD) or ()):
            now = split_tag(tag) if tag != OUTSIDE else ("", "")
            if now[0] == "I" and (before[0] not in ("B", "I") or before[1] != now[1]):
                yield f"{record.source}, word {number + 1}: {tag}"
            before = now


def _look_for_overlap(kind: str, train: Sequence[Record], dev: Sequence[Record], found: DataCheck) -> None:
    keys = [_key(_texts_of(kind, record)) for record in dev]
    wanted, wanted_runs = set(keys), {gram for key in keys for gram in grams(key)}
    known, known_runs = set(), set()  # of what is wanted alone: the training data may be large
    for record in train:
        key = _key(_texts_of(kind, record))
        known |= {key} & wanted
        known_runs |= wanted_runs.intersection(grams(key))
    same = [record.source for record, key in zip(dev, keys) if key in known]
    alike = [record.source for record, key in zip(dev, keys) if key not in known and _is_known(key, known_runs)]
    found.facts["overlap"] = {"same": len(same), f"{GRAM}_grams": len(same) + len(alike)}
    tell(found.warnings, "development records that stand in the training data too", same)
    tell(
        found.warnings,
        f"development records that share most runs of {GRAM} words with the training data",
        alike,
    )


def _is_known(text: str, runs: set[tuple[str, ...]]) -> bool:
    own = list(grams(text))
    return bool(own) and sum(gram in runs for gram in own) >= _MOSTLY * len(own)


def grams(text: str, size: int = GRAM) -> Iterator[tuple[str, ...]]:
    """Every run of `size` words."""
    words = text.split()
    return (tuple(words[start : start + size]) for start in range(len(words) - size + 1))


def _key(texts: Iterable[str]) -> str:
    return " ".join(" ".join(texts).casefold().split())


def tell(where: list[str], what: str, places: Sequence[str]) -> None:
    """Add a sentence that counts the places and spells out the first of them, if there are any."""
    if places:
        more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
        where.append(f"{what} ({len(places)}): {'; '.join(places[:SHOWN])}{more}")


def _texts_of(kind: str, record: Record) -> list[str]:
    """What a record asks about, without the answer. Raises InputError: it is not there."""
    if kind == "ner":
        return record.strings("tokens") if record.fields.get("tokens") is not None else [record.text]
    if kind == "qa":
        return [record.string("question"), record.string("context")]
    if kind == "choose":
        asked = read_alternatives(record)
        return [asked.context, *(one.text for one in asked.continuations)]
    pair = record.fields.get("text_pair")
    return [record.string("text", allow_empty=True), *([record.string("text_pair")] if pair is not None else [])]


def _multi(record: Record) -> list[str]:
    value = record.value(classify.LABEL)
    return [classify.label_name(one) for one in (value if isinstance(value, list) else [value])]


def _score(record: Record) -> None:
    if record.fields.get(embed.SCORE) is not None:
        gold_value(record.value(embed.SCORE))


def _choice(record: Record) -> None:
    gold_choice(record.value(classify.LABEL), read_alternatives(record).choices)


_LABELS: dict[str, Callable[[Record], list[str]]] = {
    "classify": lambda record: [classify.label_name(record.value(classify.LABEL))],
    "multilabel": _multi,
}
_VALIDATORS: dict[str, Callable[[Record], Any]] = {
    **_LABELS,
    "regress": lambda record: gold_value(record.value(classify.LABEL)),
    "ner": lambda record: ner.ENTITIES in record.fields or record.strings(TAGS_FIELD),
    "qa": qa.answer_place,
    "choose": _choice,
    "embed": _score,
}
