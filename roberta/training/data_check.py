"""What is wrong with training data, found before the first step: rows that cannot be used, labels that cannot be
learned, examples that stand on both sides."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from roberta.errors import InputError, RobertaError
from roberta.metrics.classification import gold_value
from roberta.metrics.entities import OUTSIDE, split_tag
from roberta.records import BrokenRecord, Record, read_records
from roberta.records.conll import TAGS_FIELD
from roberta.tasks.choice_fields import read_alternatives
from roberta.tasks.choice_gold import gold_choice
from roberta.training import classify, embed, ner, qa
from roberta.training.fine_tune import FineTuning
from roberta.training.open_fine_tuning import Request, open_fine_tuning

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


def check_data(kind: str, request: Request, **options: Any) -> DataCheck:
    """Check the files of a request as `open_fine_tuning` would use them; nothing is written, nothing is learnt.

    >>> check_data("classify", Request(["train.jsonl"], dev="dev.jsonl")).problems  # doctest: +SKIP
    ["dev.jsonl:7: the label 'netural' is not among the training data's"]
    """
    found = DataCheck()
    sides: dict[str, list[Record]] = {}
    files = {"train": list(request.train)}
    if request.dev is not None and not request.dev.endswith("%"):
        files["dev"] = [request.dev]
    for side, paths in files.items():
        records, faults = _usable(kind, request, paths)
        _tell(found.problems, f"{side}: rows that cannot be used", faults)
        found.facts[side] = {"records": len(records), "broken": len(faults)}
        sides[side] = records
    train, dev = sides["train"], sides.get("dev", [])
    for side, records in sides.items():
        _look_at_texts(kind, side, records, found)
        if kind in _LABELS:
            found.facts[side]["labels"] = dict(Counter(label for one in records for label in _LABELS[kind](one)))
    if kind in _LABELS and dev:
        lacking = sorted(found.facts["train"]["labels"].keys() - found.facts["dev"]["labels"].keys())
        if lacking:
            found.warnings.append(f"the development data have no example of {', '.join(lacking)}")
    if dev:
        _look_for_overlap(kind, train, dev, found)
    _try_one_batch(kind, request, train, dev, options, found)
    return found


def _usable(kind: str, request: Request, paths: Sequence[str]) -> tuple[list[Record], list[str]]:
    records, faults = [], []
    for record in read_records(paths, **request.reading):
        record = request.fields.select(record)
        try:
            if isinstance(record, BrokenRecord):
                raise record.error
            _texts_of(kind, record)
            _VALIDATORS[kind](record)
        except InputError as error:
            faults.append(f"{record.source}: {error}")
        else:
            records.append(record)
    return records, faults


def _try_one_batch(kind, request: Request, train, dev, options: dict[str, Any], found: DataCheck) -> None:
    """Make every example, and compute the loss of a few."""
    if not train:
        found.problems.append("no usable training records")
        return
    faults: list[InputError] = []
    try:
        objective, _ = open_fine_tuning(kind, request, records=(train, dev), faults=faults, **options)
        for record in objective.dev:
            try:
                objective.examples_of(record)
            except InputError as error:
                faults.append(InputError(f"{record.source}: {error}"))
        _tell(found.problems, "records that cannot be made into examples", [str(fault) for fault in faults])
        if not objective.examples:
            return
        _count_cut(objective, found)
        few = np.arange(min(4, len(objective.examples)))
        batch = objective.batch(few, 0)
        with torch.no_grad():
            loss = float(objective.loss(batch)) / batch.weight
        if not math.isfinite(loss):
            found.problems.append(f"the loss of the first examples is {loss}")
        found.facts["examples"] = len(objective.examples)
    except RobertaError as error:
        found.problems.append(str(error))


def _count_cut(objective: FineTuning, found: DataCheck) -> None:
    """How many records are longer than a window, and whether that loses anything."""
    windows = [objective.task.prepare(record) for record in objective.train]
    cut = sum(1 for one in windows if len(one) == 1 and getattr(one[0].note, "left_out", 0))
    found.facts["train"]["over_length"] = cut + sum(1 for one in windows if len(one) > 1 and objective.name != "choose")
    if cut > 0.05 * len(windows):
        found.warnings.append(f"{cut / len(windows):.0%} of the training records are cut; raise --window if you can")


def _look_at_texts(kind: str, side: str, records: Sequence[Record], found: DataCheck) -> None:
    by_text: dict[str, list[Record]] = {}
    blank = []
    for record in records:
        key = _key(_texts_of(kind, record))
        if not key:
            blank.append(record.source)
        by_text.setdefault(key, []).append(record)
    _tell(found.problems, f"{side}: empty texts", blank)
    twice = [group for group in by_text.values() if len(group) > 1]
    found.facts[side]["duplicates"] = sum(len(group) - 1 for group in twice)
    if kind in _LABELS:
        torn = [group for group in twice if len({tuple(_LABELS[kind](one)) for one in group}) > 1]
        places = [" and ".join(one.source for one in group[:2]) for group in torn]
        _tell(found.warnings, f"{side}: the same text with different labels", places)
    if kind == "ner":
        _tell(found.warnings, f"{side}: tags that go on with what did not begin", list(_broken_tags(records)))


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
    known = {_key(_texts_of(kind, record)) for record in train}
    same = [record.source for record in dev if _key(_texts_of(kind, record)) in known]
    seen = {gram for record in train for gram in grams(_key(_texts_of(kind, record)))}
    alike = []
    for record in dev:
        own = list(grams(_key(_texts_of(kind, record))))
        if own and sum(gram in seen for gram in own) >= _MOSTLY * len(own):
            alike.append(record.source)
    found.facts["overlap"] = {"same": len(same), f"{GRAM}_grams": len(alike)}
    _tell(found.warnings, "development records that stand in the training data too", same)
    if len(alike) > len(same):
        found.warnings.append(
            f"{len(alike)} development records share most runs of {GRAM} words with the training data"
        )


def grams(text: str, size: int = GRAM) -> Iterator[tuple[str, ...]]:
    """Every run of `size` words."""
    words = text.split()
    return (tuple(words[start : start + size]) for start in range(len(words) - size + 1))


def _key(texts: Iterable[str]) -> str:
    return " ".join(" ".join(texts).casefold().split())


def _tell(where: list[str], what: str, places: Sequence[str]) -> None:
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
