"""What is wrong with training data, found before the first step: what the records show, and what comes of making them
into examples and one batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from roberta.errors import InputError, RobertaError, UsageError
from roberta.records import Record, read_records
from roberta.training.examples import split_off
from roberta.training.fine_tune import FineTuning, Fit
from roberta.training.open_fine_tuning import Request, open_fine_tuning
from roberta.training.record_check import DataCheck, fault_of, look_at, tell

_MANY = 0.05  # of the records that are cut
_TRUNCATED = ("classify", "regress", "multilabel", "choose", "embed")  # kinds that read one window of a text


def check_data(kind: str, request: Request, **options: Any) -> DataCheck:
    """Check the files of a request as `open_fine_tuning` would use them; nothing is written, nothing is learnt.

    >>> check_data("classify", Request(["train.jsonl"], dev="dev.jsonl")).problems  # doctest: +SKIP
    ["dev.jsonl:7: the label 'netural' is not among the training data's"]
    """
    found = DataCheck()
    train, dev = _read(kind, request, found)
    look_at(kind, train, dev, found)
    _try_one_batch(kind, request, train, dev, options, found)
    return found


def notes_on(objective: FineTuning) -> list[str]:
    """What should be looked at before an objective learns, though it can be learnt from."""
    kind = objective.name
    train, dev = ([one for one in side if fault_of(kind, one) is None] for side in (objective.train, objective.dev))
    found = look_at(kind, train, dev, DataCheck())
    if kind in _TRUNCATED:
        _count_cut(objective, found)
    return found.warnings


def _read(kind: str, request: Request, found: DataCheck) -> tuple[list[Record], list[Record]]:
    """The records that can be used, for training and for development."""
    has_file = request.dev is not None and not request.dev.endswith("%")
    files = {"train": list(request.train)} | ({"dev": [request.dev]} if has_file else {})
    sides: dict[str, list[Record]] = {"dev": []}
    for side, paths in files.items():
        sides[side], faults = _usable(kind, request, paths)
        tell(found.problems, f"{side}: rows that cannot be used", faults)
        found.facts[side] = {"records": len(sides[side]), "broken": len(faults)}
    if has_file:
        if not found.facts["dev"]["records"]:
            found.problems.append(f"no usable development records in {request.dev}")
        return sides["train"], sides["dev"]
    try:
        train, dev = split_off(sides["train"], request.dev, request.seed)
    except UsageError as error:
        found.problems.append(str(error))
        return sides["train"], []
    if dev:
        found.facts["train"]["records"] = len(train)
        found.facts["dev"] = {"records": len(dev)}
    return train, dev


def _usable(kind: str, request: Request, paths: Sequence[str]) -> tuple[list[Record], list[str]]:
    records, faults = [], []
    for record in read_records(paths, **request.reading):
        record = request.fields.select(record)
        fault = fault_of(kind, record)
        if fault is None:
            records.append(record)
        else:
            faults.append(f"{record.source}: {fault}")
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
        tell(found.problems, "records that cannot be made into examples", [str(fault) for fault in faults])
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
    records = {id(example.record): example.record for example in objective.examples}.values()
    fits = [objective.fit_of(record) for record in records]
    found.facts.setdefault("train", {})["over_length"] = len(fits) - fits.count(Fit.WHOLE)
    cut = fits.count(Fit.CUT) / len(fits)
    if cut > _MANY:
        found.warnings.append(f"{cut:.0%} of the training records are cut; raise --window if you can")
