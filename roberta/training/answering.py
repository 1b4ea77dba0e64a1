"""Answers of a model that is being trained, by the tasks that will answer with it later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from roberta.errors import InputError
from roberta.model.parameters import HEADS
from roberta.model.pretrained import PretrainedModel
from roberta.records import Record
from roberta.tasks.base import Result, Task, Window
from roberta.training.examples import located, pad

BATCH_TOKENS = 8192


def answer_all(model: PretrainedModel, task: Task, records: Sequence[Record]) -> Iterator[tuple[Record, Result]]:
    """What `task` says of each record, with the weights as they are now. The model is in eval mode.

    Raises InputError: a record that cannot be answered, by its file and line.
    """
    prepared = [_prepared(task, record) for record in records]
    places = [(number, place) for number, windows in enumerate(prepared) for place in range(len(windows))]
    places.sort(key=lambda at: len(prepared[at[0]][at[1]].input_ids))
    outputs: list[list] = [[None] * len(windows) for windows in prepared]
    for batch in _batches(places, prepared):
        windows = [prepared[number][place] for number, place in batch]
        for (number, place), output in zip(batch, run(model, task.head, windows)):
            outputs[number][place] = task.condense(records[number], prepared[number][place], output)
    for record, windows, found in zip(records, prepared, outputs):
        yield record, task.decode(record, windows, found)


def _prepared(task: Task, record: Record) -> list[Window]:
    try:
        return task.prepare(record)
    except InputError as error:
        raise located(record, error) from None


def run(model: PretrainedModel, head: str, windows: Sequence[Window]) -> list[np.ndarray]:
    """The outputs of the rows that each window wants, or of the whole window for heads that read <s>."""
    ids, mask = pad([window.input_ids for window in windows], model.config.pad_token_id)
    ids, mask = torch.from_numpy(ids).to(model.device), torch.from_numpy(mask).to(model.device)
    hidden = model.body(ids, None if bool(mask.all()) else mask).last_hidden_state
    if head not in HEADS:  # the hidden states themselves
        return _wanted(hidden, windows)
    row, module = HEADS[head], getattr(model, HEADS[head].module)
    if row.pooler:
        return list(module(model.body.pooler(hidden)).float().cpu().numpy())
    outputs = module(hidden)
    return list(outputs.float().cpu().numpy()) if row.rows == "first" else _wanted(outputs, windows)


def _wanted(outputs: torch.Tensor, windows: Sequence[Window]) -> list[np.ndarray]:
    found = outputs.float().cpu().numpy()
    return [
        found[place, : len(window.input_ids)] if window.rows is None else found[place, list(window.rows)]
        for place, window in enumerate(windows)
    ]


def _batches(places: list[tuple[int, int]], prepared: list[list[Window]]) -> Iterator[list[tuple[int, int]]]:
    """Rising lengths, cut where the last one would make a batch too large."""
    batch: list[tuple[int, int]] = []
    for number, place in places:
        length = len(prepared[number][place].input_ids)
        if batch and (len(batch) + 1) * length > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append((number, place))
    if batch:
        yield batch
