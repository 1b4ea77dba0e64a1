"""One command run: from its flags to a job, and what is said about the job on stderr."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

import typer

from roberta.errors import UsageError
from roberta_cli import stream
from roberta_cli.display import Display, Screen
from roberta_cli.endings import ExitCode, Terminated
from roberta_cli.groups import Computing, Reading, Vocabulary, Writing
from roberta_cli.options import OutputFormat
from roberta_cli.progress import Progress
from roberta_cli.report import word_warnings

if TYPE_CHECKING:
    from roberta.engine.job import Job
    from roberta.engine.runner import Answer
    from roberta.records import BrokenRecord, JsonlWriter, Record
    from roberta_cli.display import View

_SHORT = 500  # characters, of texts and options together


class Scorer(Protocol):
    """Compares results with what is right."""

    def add(self, record: Record, result: dict[str, Any]) -> None: ...

    def summary(self) -> dict[str, Any]: ...


def answer(
    command: str,
    texts: list[str] | None,
    reading: Reading,
    chosen: Vocabulary | Computing,
    writing: Writing,
    as_views: Callable[[dict, Record], list[View]],
    *,
    gold: str | None = None,
    scorer: Scorer | None = None,
    beside: Callable[[Job], AbstractContextManager] | None = None,
    last_line: Callable[[Job], Callable[[], dict]] | None = None,
    processes: int | None = None,
    **task_options: Any,
) -> None:
    """Run a command over its records, as the flags in the groups say.

    as_views: what a person sees of a result. gold: the field with the right answers; scores are added to the summary.
    scorer: what takes the scores, for commands with rules of their own. beside: entered while results are written, for
    further files. last_line: watches the job and makes one more line of results for its end. processes: how many share
    the work, for commands that need no model. task_options: as `roberta.engine.open_task` takes them.

    Raises UsageError: flags that do not fit together. typer.Exit: records failed, under a rule that went on all the
    same.
    """
    if (chosen.engine != "local" or chosen.workers) and not writing.dry_run:
        from roberta_cli.sharding import answer_shards

        answer_shards(command, texts, reading, chosen, writing, gold, scorer, task_options)
        return
    if writing.resume and (gold or last_line):
        raise UsageError("--resume knows nothing of what former runs counted; leave out --gold and --stats")
    form = stream.output_form(writing, texts)
    counts_each = last_line or writing.resume or reading.limit is not None
    in_bulk = processes and form is OutputFormat.jsonl and not (texts or counts_each)
    if processes and processes > 1 and not in_bulk:
        raise UsageError(
            "--workers share files and pipes whose results are JSON lines, without --stats, --limit and --resume"
        )
    records = stream.records_from(texts, reading)
    word_warnings(writing.quiet)
    _show_log(writing.debug)

    _limit_threads(chosen, [*texts, *task_options.values()] if texts else None)
    from roberta.engine.job import Job  # late: neither --help nor wrong use waits for these
    from roberta.engine.open_task import open_task
    from roberta.engine.runner import open_runner
    from roberta.records import Fields

    runner = open_runner(command=command, records=None if texts is None else len(texts), **chosen.checkpoint())
    task = open_task(command, runner, allow_empty=reading.allow_empty, **task_options)
    runner.check_head(task.head)
    note_builtin(chosen, writing)
    job = Job(
        runner,
        task,
        fields=Fields.parse(reading.field or (), id=reading.id, keep=reading.keep),
        on_error=writing.on_error,
        max_errors=writing.max_errors,
        finish=stream.numbers_in(writing, form),
    )
    if writing.dry_run:
        _dry_run(job, records, stream.size_of(texts, reading))
        return
    resuming = None
    if writing.resume:
        from roberta_cli.resuming import Resuming

        resuming = Resuming.of(writing, form, texts, reading, runner)
        resuming.watch(job)
        records = resuming.rest_of(records)
    progress = Progress.of(writing, stream.size_of(texts, reading), job.tally)
    scores = None if writing.resume else _scores(job, gold, scorer)
    extra = last_line(job) if last_line else None
    display = Display(as_views, Screen.of(writing.color, to_stdout=writing.output is None))
    job.watch.append(display.watch)
    job.watch.append(lambda answered: _complain(answered, writing, progress))
    job.watch.append(lambda answered: progress.tick())
    try:
        target = resuming.stream(job) if resuming else None
        with (
            stream.open_writer(writing, form, display.text, target) as writer,
            beside(job) if beside else nullcontext(),
        ):
            job.before_waiting = writer.flush
            if in_bulk:
                _in_bulk(job, stream.blocks_from(reading), writer, progress, processes)
            else:
                for result in job.results(records):
                    writer.write(result)
            if extra is not None:
                writer.write(extra())
    except BaseException as error:
        if not writing.quiet and (resuming or isinstance(error, KeyboardInterrupt | Terminated)):
            advice = "; the same command goes on from there" if resuming else ""
            progress.aside(f"stopped after {job.tally.records} records{advice}")
        raise
    finally:
        progress.end()
    conclude(progress, writing, scores() if scores else {}, summary=writing.summary or bool(gold))


def _in_bulk(job: Job, blocks: Iterator, writer: JsonlWriter, progress: Progress, processes: int) -> None:
    from roberta.engine.bulk import results_in_bulk

    for result in results_in_bulk(job, blocks, workers=processes):
        if isinstance(result, bytes):
            writer.write_lines(result)
        else:
            writer.write(result)
        progress.tick()


def conclude(progress: Progress, writing: Writing, scores: dict[str, Any], *, summary: bool) -> None:
    """What is said at the end of a job that went through. Raises typer.Exit: records failed all the same."""
    tally = progress.tally
    if summary:
        print(json.dumps(asdict(tally) | progress.speed() | scores), file=sys.stderr)
    if tally.failed:
        if not writing.quiet:
            print(f"{tally.failed} of {tally.records} records failed", file=sys.stderr)
        raise typer.Exit(ExitCode.RECORD_FAILED)


def _dry_run(job: Job, records: Iterator[Record | BrokenRecord], size: int | None) -> None:
    """Print what the job would do. Raises typer.Exit: records would fail."""
    from roberta.engine.dry_run import dry_run
    from roberta.records import FORMATS, STDOUT, open_output

    with open_output(STDOUT) as out:
        writer = FORMATS["jsonl"].write(out)
        for line in dry_run(job, records, size):
            writer.write(line)
    if job.tally.failed:
        raise typer.Exit(ExitCode.RECORD_FAILED)


def _limit_threads(chosen: Vocabulary | Computing, given: list[Any] | None) -> None:
    """--threads for NumPy, whose OpenBLAS looks only while it is loaded; torch is told when it is opened.

    given: what stands on the command line in place of files. A short text gets one thread: others would save little,
    and where cores are busy, or fewer than they seem, waiting for each other costs them many times that.
    """
    if isinstance(chosen, Computing) and chosen.threads:
        os.environ["OPENBLAS_NUM_THREADS"] = str(chosen.threads)
    elif given is not None and sum(len(str(value)) for value in given) < _SHORT:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def note_builtin(chosen: Vocabulary, writing: Writing) -> None:
    """Nobody shall take the built-in model's answers for those of a real one."""
    if chosen.model is None and not writing.quiet:
        print("note: the small built-in model answers; name a checkpoint with --model for real work", file=sys.stderr)


def _show_log(wanted: bool) -> None:
    """What the library notes for whoever looks for a fault: weights that are not used, kernels that are not there."""
    log, handler = logging.getLogger("roberta"), logging.StreamHandler()
    handler.setFormatter(logging.Formatter("debug: %(message)s"))
    log.handlers = [handler] if wanted else []
    log.setLevel(logging.DEBUG if wanted else logging.NOTSET)


def _complain(answered: Answer, writing: Writing, progress: Progress) -> None:
    """A record that is left out of the results is named here, or nobody would know which one it was."""
    if answered.error is not None and writing.on_error == "skip" and not writing.quiet:
        progress.aside(f"skipped: {answered.record.source}: {answered.error}")


def _scores(job: Job, field: str | None, scorer: Scorer | None) -> Callable[[], dict] | None:
    if scorer is None:
        if field is None:
            return None
        from roberta.tasks.choice_gold import ChoiceGold
        from roberta.tasks.choose import Choose
        from roberta.tasks.gold import Gold
        from roberta.tasks.ner import Ner
        from roberta.tasks.ner_gold import EntityGold

        kinds = {Ner: EntityGold, Choose: ChoiceGold}
        scorer = next((kind for task, kind in kinds.items() if isinstance(job.task, task)), Gold)(field, job.task)
    job.check.append(scorer.add)

    def scores() -> dict:
        found = scorer.summary()
        return {"gold": found} if found else {}

    return scores
