"""What a job would do, from its first records, the config and the tokenizer: no weights are read."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from itertools import islice
from typing import Any

from roberta.engine.batching import plan_batches
from roberta.engine.job import Job, described
from roberta.engine.runner import Answer, Runner
from roberta.errors import InputError
from roberta.records import BrokenRecord, Record
from roberta.tasks.base import Window

RECORDS = 10


def dry_run(job: Job, records: Iterable[Record | BrokenRecord], size: int | None = None) -> Iterator[dict[str, Any]]:
    """A line for each of the first records with the ids of its windows, or its error; then a line about all of them.

    size: how many records there are, where that is known. The time is that of reading the windows once, judged by one
    layer of random weights: heads, and tasks that ask the model again, such as generating, take more.

    >>> list(dry_run(job, records))
    [{'id': 1, 'windows': [[0, 36, 4, 2]]}, {'dry_run': {'records': 1, 'failed': 0, 'windows': 1, 'tokens': 4, ...}}]

    Raises CheckpointError: the model has not the head that the task reads.
    """
    job.runner.check_head(job.task.head)
    found: list[Window] = []
    for record in map(job.fields.select, islice(records, RECORDS)):
        answer, windows = _prepared(job, record)
        job.tally.add(answer)
        found += windows
        ids = [list(window.input_ids) for window in windows]
        yield job.fields.result(record, {"error": described(answer)} if answer.error else {"windows": ids})
    if job.tally.records < RECORDS:
        size = job.tally.records
    lengths = [len(window.input_ids) for window in found]
    sample = _Sample(job.runner) if lengths else None
    plan = plan_batches(lengths, job.runner.batch_tokens, sample.lanes.count) if sample else []
    batches = [(len(batch), lengths[batch[-1]]) for batch in plan]
    seconds = sample.seconds(batches) if sample else None
    all_seconds = None if None in (seconds, size) else seconds / job.tally.records * size
    yield {
        "dry_run": {
            "records": job.tally.records,
            "failed": job.tally.failed,
            "windows": len(lengths),
            "tokens": sum(lengths),
            "batches": [{"windows": count, "longest": longest} for count, longest in batches],
            "seconds": _rounded(seconds),
            "seconds_for_all": _rounded(all_seconds),
        }
    }


def _prepared(job: Job, record: Record | BrokenRecord) -> tuple[Answer, Sequence[Window]]:
    if isinstance(record, BrokenRecord):
        return Answer(record, error=record.error), ()
    try:
        windows = job.task.prepare(record)
    except InputError as error:
        return Answer(record, error=error), ()
    return Answer(record, tokens=sum(len(window.input_ids) for window in windows)), windows


class _Sample:
    """One layer of random weights, of the model's sizes, as the job would compute it.

    lanes: how many batches the job computes side by side.
    """

    def __init__(self, runner: Runner):
        import torch

        from roberta.engine.choose_backend import choose_device, choose_dtype
        from roberta.engine.torch_backend import encoder_of, lanes_of
        from roberta.model.kernels import FLOATS
        from roberta.model.models import RobertaModel

        if runner.threads:
            torch.set_num_threads(runner.threads)
        device = choose_device(runner.device)
        dtype = choose_dtype(runner.dtype, device)
        one = copy(runner.config)
        one.num_hidden_layers, one.add_cross_attention, one.vocab_size = 1, False, one.pad_token_id + 2
        self.layers, self.word = runner.config.num_hidden_layers, one.pad_token_id + 1
        body = RobertaModel(one, add_pooling_layer=False).eval().to(device, FLOATS[dtype])
        self.encode = encoder_of(body, dtype)
        self.lanes = lanes_of(self.encode)

    def seconds(self, batches: Sequence[tuple[int, int]]) -> float:
        """What all layers would take for the batches, (windows, longest) each: one layer times one batch in each lane,
        extrapolated."""
        windows, longest = max(batches, key=lambda batch: batch[0] * batch[1])
        ids, rows = [[self.word] * longest] * windows, [range(longest)] * windows
        at_once = min(len(batches), self.lanes.count)
        took = []
        for _ in range(3):  # the first one also loads kernels
            began = time.perf_counter()
            list(self.lanes.map(lambda batch: self._encode(*batch), [(ids, rows)] * at_once))
            took.append(time.perf_counter() - began)
        tokens = sum(count * length for count, length in batches)
        return min(took) / at_once * self.layers * tokens / (windows * longest)

    def _encode(self, ids: Sequence[Sequence[int]], rows: Sequence[Sequence[int]]) -> None:
        import torch

        with torch.inference_mode():  # of the lane's own thread
            self.encode(ids, rows).sum().item()  # waits for a GPU


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)
