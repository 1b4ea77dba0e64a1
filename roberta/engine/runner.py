"""An opened checkpoint: records in, answers out in their order, failures kept apart."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roberta import builtin
from roberta.config import CONFIG_FILE
from roberta.engine.batching import plan_batches
from roberta.engine.feed import Feed
from roberta.errors import CheckpointError, InputError, ResourceError, RobertaError
from roberta.hub import Origin
from roberta.records import BrokenRecord, Record
from roberta.tasks.base import Again, Result, Task, Window
from roberta.tokenizer import RobertaTokenizer

if TYPE_CHECKING:
    from roberta.config import RobertaConfig
    from roberta.engine.backend import Backend
    from roberta.weights.sentence_folder import SentenceModules

# In two lanes at base size, fp32, embed of 1,000 sentences took 31 to 33 s with batches of 512 tokens, 28 to 31 s with
# 1,024, and as long with 2,048, for 80 MiB more.
BATCH_TOKENS = 1024
LOOK_AHEAD = 32  # batches' worth of tokens that are sorted together


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one record: a result, or the error that it met."""

    record: Record | BrokenRecord
    result: Result | None = None
    error: RobertaError | None = None
    tokens: int = 0  # of its windows, in all rounds


@dataclass
class _Work:
    """One record on its way: its windows, what is left of their outputs, how to decode them."""

    record: Record | BrokenRecord
    windows: list[Window] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)
    decode: Callable[[list[Any]], Result | Again] | None = None
    error: RobertaError | None = None
    result: Result | None = None
    tokens: int = 0

    def take(self, windows: list[Window], decode: Callable[[list[Any]], Result | Again]) -> None:
        """Begin a round."""
        self.windows, self.outputs, self.decode = windows, [None] * len(windows), decode
        self.tokens += sum(len(window.input_ids) for window in windows)

    @property
    def is_complete(self) -> bool:
        """Whether every window of this round has its output."""
        return self.error is None and bool(self.windows) and all(output is not None for output in self.outputs)


class Runner:
    """Answers records of one checkpoint; the model is loaded by the first task that needs one.

    batch_tokens: tokens of a batch, padding counted; on a CPU some run side by side. backend, device, dtype: as
        `choose_backend` takes them.
    records: how many there will be, where that is known; a few are answered sooner without torch.
    """

    def __init__(
        self,
        origin: Origin,
        *,
        device: str = "auto",
        dtype: str = "auto",
        threads: int | None = None,
        batch_tokens: int | None = None,
        backend: str = "auto",
        records: int | None = None,
    ):
        self.origin = origin
        self.backend = backend
        self.records = records
        self.device = device
        self.dtype = dtype
        self.threads = threads
        self.batch_tokens = batch_tokens or BATCH_TOKENS
        self._backends: dict[tuple, Backend] = {}

    @cached_property
    def tokenizer(self) -> RobertaTokenizer:
        return RobertaTokenizer.from_pretrained(self.encoder_origin)

    @cached_property
    def config(self) -> RobertaConfig:
        from roberta.weights.adapter import read_config  # late: it needs NumPy

        return read_config(self.encoder_origin)

    @cached_property
    def sentence_modules(self) -> SentenceModules:
        """What a sentence-transformers folder says; for any other checkpoint the mean of the hidden states."""
        from roberta.weights.sentence_folder import SentenceModules, read_sentence_folder  # late: it needs NumPy

        return read_sentence_folder(self.origin) or SentenceModules(self.origin)

    @cached_property
    def encoder_origin(self) -> Origin:
        """Where the RoBERTa model lies: older sentence-transformers folders keep it in a folder of its own."""
        return self.origin if self.origin.file(CONFIG_FILE) else self.sentence_modules.encoder

    @property
    def is_builtin(self) -> bool:
        """Whether nobody chose a model, so that the one that ships answers."""
        return self.origin.folder == builtin.MINI

    def leave_builtin_adapter(self) -> None:
        """Answer with the model that ships as it is, if that is what was opened; before anything else is done."""
        if self.is_builtin and self.origin.adapter is not None:
            self.origin = Origin(builtin.MINI)
            for read_before in ("config", "sentence_modules", "encoder_origin"):
                self.__dict__.pop(read_before, None)

    def check_head(self, head: str | None) -> None:
        """head: what a task reads, None for nothing.

        Raises CheckpointError: this checkpoint has another head, or none.
        """
        if head is not None:
            from roberta.engine.fitting import check_head  # late: who reads nothing needs to know no heads

            check_head(self.config, head, str(self.origin), builtin=self.is_builtin)

    def answer(
        self,
        task: Task,
        records: Iterable[Record | BrokenRecord],
        before_waiting: Callable[[], None] = lambda: None,
        settled: Callable[[], None] | None = None,
    ) -> Iterator[Answer]:
        """One answer for each record, in order. Errors of a record are its answer; errors of the input are raised.

        before_waiting: called when no further answer is at hand, before the model or the input is waited for.
        settled: called where batches begin anew, so that who goes on there makes the same ones; answers then wait for
            full batches, however slow the input.

        >>> [answer.result["filled"] for answer in runner.answer(FillMask(runner.tokenizer, 512), records)]
        ['The capital of France is Paris.']

        Raises ReadError: the input broke, after everything before it was answered; CheckpointError: the model does not
        fit the task; ResourceError: not even one window fits the memory.
        """
        self.check_head(task.head)
        look_ahead = LOOK_AHEAD * self.batch_tokens
        feed = Feed(
            records, lambda record: _prepared(task, record), _weight, look_ahead, never_short=settled is not None
        )
        for works in feed:
            for answer in self._answered(task, works):
                if answer is None:
                    before_waiting()
                else:
                    yield answer
            if settled is not None:
                settled()

    def _answered(self, task: Task, works: Sequence[_Work]) -> Iterator[Answer | None]:
        """Answers, and None after each batch that gave some."""
        for work in works:
            if work.error is None and not work.windows:
                self._decode(work)
        unanswered = deque(works)
        waiting = _windows_of(works)
        while waiting:
            again: list[_Work] = []
            backend = self._backend(task)
            batches = self._batches(waiting, backend.lanes.count)
            windows = [[work.windows[place] for work, place in batch] for batch in batches]
            for batch, outputs in zip(batches, backend.lanes.map(partial(_outputs, backend), windows)):
                self._fill_in(task, batch, outputs)
                for work in {id(work): work for work, _ in batch}.values():
                    if work.is_complete:
                        self._decode(work)
                        if work.windows:
                            again.append(work)
                yield from _front(unanswered)
                yield None
            waiting = _windows_of(again)
        yield from _front(unanswered)
        yield None

    def _batches(self, waiting: Sequence[tuple[_Work, int]], lanes: int) -> list[list[tuple[_Work, int]]]:
        """Full ones; fewer windows are shared out, so that every lane gets some."""
        lengths = [len(work.windows[place].input_ids) for work, place in waiting]
        return [[waiting[number] for number in batch] for batch in plan_batches(lengths, self.batch_tokens, lanes)]

    def _fill_in(self, task: Task, batch: Sequence[tuple[_Work, int]], outputs: Sequence[Any]) -> None:
        """Hand the outputs of one batch to its records."""
        for (work, place), output in zip(batch, outputs):
            try:
                if isinstance(output, InputError):
                    raise output
                work.outputs[place] = task.condense(work.record, work.windows[place], output)
            except InputError as error:
                work.error = work.error or error

    def _decode(self, work: _Work) -> None:
        """Decode a record whose outputs are all there; its task may want the model again, with other windows."""
        outputs, work.windows, work.outputs = work.outputs, [], []
        try:
            found = work.decode(outputs)
        except InputError as error:
            work.error = error
            return
        if isinstance(found, Again):
            work.take(found.windows, found.decode)
        else:
            work.result = found

    def _backend(self, task: Task) -> Backend:
        key = (task.head, task.layers)
        if key not in self._backends:
            self._backends[key] = self._open(task)
        return self._backends[key]

    def _open(self, task: Task) -> Backend:
        from roberta.engine.choose_backend import choose_backend, choose_device, choose_dtype

        chosen = choose_backend(
            self.backend,
            task.head,
            self.config,
            self.encoder_origin,
            device=self.device,
            dtype=self.dtype,
            records=self.records,
        )
        if chosen == "numpy":
            from roberta.engine.numpy_backend import NumpyBackend

            return NumpyBackend(self.encoder_origin, task.head, layers=task.layers, threads=self.threads)
        device = choose_device(self.device)
        import torch

        from roberta.engine.torch_backend import TorchBackend
        from roberta.tasks.generate import GENERATION

        if self.threads:
            torch.set_num_threads(self.threads)
        dtype = choose_dtype(self.dtype, device)
        if task.head == GENERATION:
            from roberta.engine.generation_backend import GenerationBackend

            return GenerationBackend(self.encoder_origin, device=device, dtype=dtype)
        return TorchBackend(self.encoder_origin, task.head, layers=task.layers, device=device, dtype=dtype)


def _weight(work: _Work) -> int:
    """Tokens; for a record that has more text than windows, or none, about as many as its text has."""
    fields = work.record.as_given.values()
    return max(work.tokens, sum(len(value) for value in fields if isinstance(value, str)) // 4)


def _outputs(backend: Backend, windows: Sequence[Window]) -> list[Any]:
    """What the model made of each; for one that fails, its InputError.

    Raises ResourceError: not even one window fits the memory.
    """
    try:
        return backend.run(windows)
    except (ResourceError, InputError) as error:
        if len(windows) > 1:  # half the memory; and the half without the culprit is answered
            middle = len(windows) // 2
            return _outputs(backend, windows[:middle]) + _outputs(backend, windows[middle:])
        if isinstance(error, ResourceError):
            raise
        return [error]


def _windows_of(works: Iterable[_Work]) -> list[tuple[_Work, int]]:
    return [(work, place) for work in works for place in range(len(work.windows))]


def _front(unanswered: deque[_Work]) -> Iterator[Answer]:
    """The answers that are ready and have no unanswered record before them."""
    while unanswered and (unanswered[0].result is not None or unanswered[0].error is not None):
        work = unanswered.popleft()
        yield Answer(work.record, work.result, work.error, work.tokens)


def _prepared(task: Task, record: Record | BrokenRecord) -> _Work:
    work = _Work(record)
    if isinstance(record, BrokenRecord):
        work.error = record.error
        return work
    try:
        windows = task.prepare(record)
    except InputError as error:
        work.error = error
        return work
    work.take(windows, lambda outputs: task.decode(record, windows, outputs))
    return work


def open_runner(
    model: str | Path | None = None,
    *,
    revision: str | None = None,
    local_files_only: bool = False,
    adapter: str | Path | None = None,
    command: str | None = None,
    **options: Any,
) -> Runner:
    """Open a checkpoint folder or hub id, and an adapter to merge into it; None is the built-in model.

    command: what it shall answer; the built-in model has adapters for some. Options are those of Runner.

    >>> open_runner("checkpoints/mini").config.vocab_size
    16384

    Raises CheckpointError: no such checkpoint.
    """
    if model is None:
        if not builtin.MINI.is_dir():
            raise CheckpointError("the built-in model is missing from this installation; name a model with --model")
        model = builtin.MINI
        adapter = adapter or builtin.adapter_for(command)
    origin = Origin(model, revision=revision, local_files_only=local_files_only, adapter=adapter)
    return Runner(origin, **options)
