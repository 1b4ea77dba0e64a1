"""An opened checkpoint: records in, answers out in their order, failures kept apart."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from roberta.builtin import MINI
from roberta.config import RobertaConfig
from roberta.engine.backend import Backend
from roberta.engine.batching import plan_batches
from roberta.engine.feed import Feed
from roberta.errors import CheckpointError, InputError, ResourceError, RobertaError
from roberta.hub import Origin
from roberta.records import BrokenRecord, Record
from roberta.tasks.base import Again, Result, Task, Window
from roberta.tokenizer import AutoTokenizer, RobertaTokenizer

BATCH_TOKENS = 1024
LOOK_AHEAD = 32  # batches' worth of tokens that are sorted together


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one record: a result, or the error that it met."""

    record: Record | BrokenRecord
    result: Result | None = None
    error: RobertaError | None = None


@dataclass
class _Job:
    """One record on its way: its windows, what is left of their outputs, how to decode them."""

    record: Record | BrokenRecord
    windows: list[Window] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)
    decode: Callable[[list[Any]], Result | Again] | None = None
    error: RobertaError | None = None
    result: Result | None = None

    @property
    def tokens(self) -> int:
        return sum(len(window.input_ids) for window in self.windows)

    @property
    def is_complete(self) -> bool:
        """Whether every window of this round has its output."""
        return self.error is None and bool(self.windows) and all(output is not None for output in self.outputs)


class Runner:
    """Answers records of one checkpoint; the model is loaded by the first task that needs one.

    batch_tokens: tokens of a batch, padding counted.
    """

    def __init__(
        self,
        origin: Origin,
        *,
        device: str = "auto",
        dtype: str = "auto",
        threads: int | None = None,
        batch_tokens: int | None = None,
    ):
        self.origin = origin
        self.device = device
        self.dtype = dtype
        self.threads = threads
        self.batch_tokens = batch_tokens or BATCH_TOKENS
        self._backends: dict[tuple, Backend] = {}

    @cached_property
    def tokenizer(self) -> RobertaTokenizer:
        return AutoTokenizer.from_pretrained(self.origin)

    @cached_property
    def config(self) -> RobertaConfig:
        return RobertaConfig.from_pretrained(self.origin)

    def answer(self, task: Task, records: Iterable[Record | BrokenRecord]) -> Iterator[Answer]:
        """One answer for each record, in order. Errors of a record are its answer; errors of the input are raised.

        >>> [answer.result["filled"] for answer in runner.answer(FillMask(runner.tokenizer, 512), records)]
        ['The capital of France is Paris.']

        Raises ReadError: the input broke, after everything before it was answered; CheckpointError: the model does not
        fit the task; ResourceError: not even one window fits the memory.
        """
        feed = Feed(
            records, lambda record: _prepared(task, record), lambda job: job.tokens, LOOK_AHEAD * self.batch_tokens
        )
        for jobs in feed:
            yield from self._answered(task, jobs)

    def _answered(self, task: Task, jobs: Sequence[_Job]) -> Iterator[Answer]:
        for job in jobs:
            if job.error is None and not job.windows:
                self._decode(job)
        unanswered = deque(jobs)
        waiting = _windows_of(jobs)
        while waiting:
            again: list[_Job] = []
            for batch in self._batches(waiting):
                ran = [waiting[number] for number in batch]
                self._run(task, ran)
                for job in {id(job): job for job, _ in ran}.values():
                    if job.is_complete:
                        self._decode(job)
                        if job.windows:
                            again.append(job)
                yield from _front(unanswered)
            waiting = _windows_of(again)
        yield from _front(unanswered)

    def _batches(self, waiting: Sequence[tuple[_Job, int]]) -> list[list[int]]:
        return plan_batches([len(job.windows[place].input_ids) for job, place in waiting], self.batch_tokens)

    def _run(self, task: Task, batch: Sequence[tuple[_Job, int]]) -> None:
        """Fill in the outputs of one batch; a window that fails takes only its own record with it."""
        batch = [(job, place) for job, place in batch if job.error is None]
        if not batch:
            return
        try:
            outputs = self._backend(task).run([job.windows[place] for job, place in batch])
        except (ResourceError, InputError) as error:
            if len(batch) > 1:  # half the memory; and the half without the culprit is answered
                middle = len(batch) // 2
                self._run(task, batch[:middle])
                self._run(task, batch[middle:])
            elif isinstance(error, ResourceError):
                raise
            else:
                batch[0][0].error = error
            return
        for (job, place), output in zip(batch, outputs):
            try:
                job.outputs[place] = task.condense(job.record, job.windows[place], output)
            except InputError as error:
                job.error = error

    def _decode(self, job: _Job) -> None:
        """Decode a record whose outputs are all there; its task may want the model again, with other windows."""
        outputs, job.windows, job.outputs = job.outputs, [], []
        try:
            found = job.decode(outputs)
        except InputError as error:
            job.error = error
            return
        if isinstance(found, Again):
            job.windows, job.outputs, job.decode = found.windows, [None] * len(found.windows), found.decode
        else:
            job.result = found

    def _backend(self, task: Task) -> Backend:
        key = (task.head, task.layers)
        if key not in self._backends:
            self._backends[key] = self._open(task)
        return self._backends[key]

    def _open(self, task: Task) -> Backend:
        import torch

        from roberta.engine.choose_backend import choose_device, choose_dtype
        from roberta.engine.torch_backend import TorchBackend

        if self.threads:
            torch.set_num_threads(self.threads)
        device = choose_device(self.device)
        dtype = choose_dtype(self.dtype, device)
        return TorchBackend(self.origin, task.head, layers=task.layers, device=device, dtype=dtype)


def _windows_of(jobs: Iterable[_Job]) -> list[tuple[_Job, int]]:
    return [(job, place) for job in jobs for place in range(len(job.windows))]


def _front(unanswered: deque[_Job]) -> Iterator[Answer]:
    """The answers that are ready and have no unanswered record before them."""
    while unanswered and (unanswered[0].result is not None or unanswered[0].error is not None):
        job = unanswered.popleft()
        yield Answer(job.record, job.result, job.error)


def _prepared(task: Task, record: Record | BrokenRecord) -> _Job:
    job = _Job(record)
    if isinstance(record, BrokenRecord):
        job.error = record.error
        return job
    try:
        windows = task.prepare(record)
    except InputError as error:
        job.error = error
        return job
    job.windows, job.outputs = windows, [None] * len(windows)
    job.decode = lambda outputs: task.decode(record, windows, outputs)
    return job


def open_runner(model: str | Path | None = None, *, revision: str | None = None, **options: Any) -> Runner:
    """Open a checkpoint folder or hub id; None is the built-in model. Options are those of Runner.

    >>> open_runner("checkpoints/mini").config.vocab_size
    16384

    Raises CheckpointError: no such checkpoint.
    """
    if model is None:
        if not MINI.is_dir():
            raise CheckpointError("the built-in model is missing from this installation; name a model with --model")
        model = MINI
    return Runner(Origin(model, revision=revision), **options)
