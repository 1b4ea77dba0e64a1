"""A large job as shards: each file of the input has one file of the output, which is whole or absent.

A shard is answered as `roberta COMMAND -i SHARD -o SHARD` answers it, by itself: records are numbered from its
beginning, and no batch holds windows of two shards. So results depend neither on how many processes share the work nor
on which of them got which shard, and a shard that was lost with its process is simply answered again.
"""

from __future__ import annotations

import contextlib
import glob
import traceback
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from roberta.engine.job import Job, Tally
from roberta.engine.open_task import open_task
from roberta.engine.runner import Answer, Runner, open_runner
from roberta.errors import ResourceError, UsageError
from roberta.records import FORMATS, STDIN, Fields, Record, open_output, plain, read_records
from roberta.records.decompress import DECOMPRESSORS
from roberta.records.formats import find_format, format_by_name
from roberta.records.reading import input_files
from roberta.tasks.base import Result, Task

FORMS = ("jsonl", "parquet")
TRIES = 3  # of one shard


@dataclass(frozen=True)
class Shard:
    """One file of the input, and the file that its results go to."""

    source: str
    target: str


@dataclass(frozen=True)
class Outcome:
    """What became of a shard. skipped: a line for each record that was left out; error: why there is no output."""

    tally: Tally
    skipped: list[str] = field(default_factory=list)
    error: Exception | None = None


@dataclass(frozen=True)
class Work:
    """What is done with every shard, in plain values, so that it can be sent to another process.

    checkpoint: as `open_runner` takes it. options: as `open_task` does. checks: as `Job.check`.
    reading: as `read_records` takes it. digits: as `plain` does.
    """

    command: str
    checkpoint: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    fields: Fields = field(default_factory=Fields)
    on_error: str = "fail"
    max_errors: int | None = None
    checks: tuple[Callable[[Record, Result], None], ...] = ()
    reading: dict[str, Any] = field(default_factory=dict)
    digits: int | None = None

    def open(self) -> Opened:
        """Raises as `open_runner`, `open_task` and `Job` do, and CheckpointError: the checkpoint has another head."""
        runner = open_runner(command=self.command, **self.checkpoint)
        task = open_task(self.command, runner, **self.options)
        runner.check_head(task.head)
        opened = Opened(self, runner, task)
        opened.job()
        return opened


@dataclass(frozen=True)
class Opened:
    """Work with its checkpoint opened; the model is loaded by the first shard and stays."""

    work: Work
    runner: Runner
    task: Task

    def answer(self, shard: Shard) -> Outcome:
        """Answer one shard. Whatever stops it is told in the outcome, and there is no output then.

        >>> Work("tokenize").open().answer(Shard("in/a.jsonl", "out/a.jsonl")).tally.records
        17
        """
        skipped: list[str] = []
        job = self.job()
        if self.work.on_error == "skip":
            job.watch.append(lambda answered: answered.error and skipped.append(_place_and_error(answered)))
        try:
            self._write(job, shard)
        except Exception as error:
            error.add_note("".join(traceback.format_exception(error)))  # for --debug; it is lost on the way otherwise
            return Outcome(job.tally, skipped, error)
        return Outcome(job.tally, skipped)

    def job(self) -> Job:
        """For the records of one shard."""
        return Job(
            self.runner,
            self.task,
            fields=self.work.fields,
            on_error=self.work.on_error,
            max_errors=self.work.max_errors,
            check=list(self.work.checks),
            finish=lambda result: plain(result, self.work.digits),
            settled=lambda: None,  # full batches, so that they depend on the shard alone and not on the disk's speed
        )

    def _write(self, job: Job, shard: Shard) -> None:
        with open_output(shard.target, force=True) as stream:
            writer = format_by_name(Path(shard.target)).write(stream)
            for result in job.results(read_records([shard.source], **self.work.reading)):
                writer.write(result)
            writer.finish()


def _place_and_error(answered: Answer) -> str:
    return f"{answered.record.source}: {answered.error}"


@contextlib.contextmanager
def attempt(shard: Shard) -> Iterator[None]:
    """One try of a shard; it is known afterwards if its process was killed in it, and what that left is cleared.

    Raises ResourceError: that has happened TRIES times.
    """
    target = Path(shard.target)
    target.parent.mkdir(parents=True, exist_ok=True)
    before = list(target.parent.glob(f".{glob.escape(target.name)}.*.try"))
    mark = target.with_name(f".{target.name}.{uuid.uuid4().hex}.try")
    try:
        if len(before) >= TRIES:
            raise ResourceError(
                f"{shard.source}: its process was killed {TRIES} times, perhaps for want of memory; make smaller shards"
            )
        mark.touch()
        yield
        for left in (*before, *target.parent.glob(f".{glob.escape(target.name)}.*.part")):
            left.unlink(missing_ok=True)
    finally:
        mark.unlink(missing_ok=True)


def clear(shards: Iterable[Shard]) -> None:
    """Take away what is left of a job that was killed as a whole: it says nothing about its shards."""
    names: dict[Path, set[str]] = {}
    for shard in shards:
        names.setdefault(Path(shard.target).parent, set()).add(Path(shard.target).name)
    for folder, ours in names.items():
        for left in (*folder.glob(".*.part"), *folder.glob(".*.try")):
            if left.name[1:].rsplit(".", 2)[0] in ours:
                left.unlink(missing_ok=True)


def plan_shards(inputs: Iterable[str], output: Path, *, format: str | None = None, form: str | None = None):
    """The shards of files, folders and patterns, in their order; each output has its input's place below `output`.

    format: as `read_records` takes it. form: of FORMS; by default Parquet for Parquet, and jsonl for all else.

    >>> plan_shards(["reviews"], Path("out"))
    [Shard(source='reviews/2024/part-0.jsonl.gz', target='out/2024/part-0.jsonl')]

    Raises ReadError: no such file. UsageError: standard input, another form, two outputs of one name, an output in the
    place of an input.
    """
    if format is not None:
        find_format(format)
    if form not in (None, *FORMS):
        raise UsageError(f"shards are written as {' or '.join(FORMS)}, not as {form}; choose one of them")
    shards: dict[str, Shard] = {}
    for given in inputs:
        if given == STDIN:
            raise UsageError("standard input has no shards; name files or a folder with --input")
        for source in input_files([given], any_suffix=format is not None):
            target = str(output / _renamed(_place(given, Path(source)), format, form))
            if target in shards:
                raise UsageError(f"{shards[target].source} and {source} would both be written to {target}; rename one")
            shards[target] = Shard(source, target)
    _refuse_own_inputs(shards.values())
    return list(shards.values())


def _place(given: str, source: Path) -> Path:
    """Where a file lies below the folder that was given, or below the part of a pattern that is no pattern."""
    root = Path(given)
    if not root.is_dir():
        while glob.has_magic(str(root)) or root == source:
            root = root.parent
    return source.relative_to(root)


def _renamed(place: Path, format: str | None, form: str | None) -> Path:
    read_as = find_format(format) if format else format_by_name(place)
    form = form or ("parquet" if read_as is FORMATS["parquet"] else "jsonl")
    while place.suffix.lower() in DECOMPRESSORS:
        place = place.with_suffix("")
    row = FORMATS[form]
    if place.suffix.lower() in row.suffixes:
        return place
    return place.with_suffix(row.suffixes[0]) if format_by_name(place) else Path(f"{place}{row.suffixes[0]}")


def _refuse_own_inputs(shards: Iterable[Shard]) -> None:
    # A shard that is answered twice, because its process was lost, must find its input as it was.
    sources = {Path(shard.source).resolve() for shard in shards}
    for shard in shards:
        if Path(shard.target).resolve() in sources:
            raise UsageError(f"{shard.target}: would replace an input; name another folder with --output")
