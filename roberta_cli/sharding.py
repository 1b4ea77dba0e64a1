"""--engine ray: a folder of shards in, a folder of shards out, and one job of them on stderr."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roberta.errors import InputError, UsageError
from roberta_cli.answer import Scorer, conclude, note_builtin
from roberta_cli.endings import Terminated
from roberta_cli.progress import Progress
from roberta_cli.report import word_warnings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roberta.engine.shards import Outcome, Shard
    from roberta_cli.groups import Computing, Reading, Writing

ENGINES = ("local", "ray")


def answer_shards(
    command: str,
    texts: list[str] | None,
    reading: Reading,
    chosen: Computing,
    writing: Writing,
    gold: str | None,
    scorer: Scorer | None,
    task_options: dict[str, Any],
) -> None:
    """Run a command over the shards of its input on a Ray cluster. Arguments are those of `answer`.

    Raises UsageError: flags that shards leave without a meaning. typer.Exit: records failed.
    """
    if chosen.engine not in ENGINES:
        raise UsageError(f"no engine {chosen.engine!r}; choose from {', '.join(ENGINES)}")
    if chosen.engine == "local":
        raise UsageError("--workers are those of --engine ray; this process has --threads")
    _refuse_without_meaning(texts, reading, writing, gold)
    word_warnings(writing.quiet)

    from roberta.engine.job import Tally
    from roberta.engine.ray_engine import answer_shards, need_ray
    from roberta.engine.shards import Work, plan_shards
    from roberta.records import Fields

    need_ray()
    format = "doc" if reading.doc else reading.input_format
    shards = plan_shards(reading.input, Path(writing.output), format=format, form=writing.output_format)
    _refuse_to_replace(shards, writing)
    work = Work(
        command,
        checkpoint=chosen.checkpoint(),
        options={"allow_empty": reading.allow_empty, **task_options},
        fields=Fields.parse(reading.field or (), id=reading.id, keep=reading.keep),
        on_error=writing.on_error,
        max_errors=writing.max_errors,
        checks=() if scorer is None else (scorer.add,),
        reading={"format": format, "encoding": reading.encoding, "header": not reading.no_header},
        digits=writing.digits,
    )
    note_builtin(chosen, writing)
    work.open()  # what it refuses is said before a cluster is waited for
    progress = Progress.of(writing, None, Tally())
    outcomes = answer_shards(work, shards, workers=chosen.workers, address=chosen.ray_address)
    done = 0
    try:
        # Ray writes notes of its own to stdout, where results belong.
        with contextlib.redirect_stdout(io.StringIO()), contextlib.closing(outcomes):
            for shard, outcome in outcomes:
                _take(shard, outcome, progress, writing)
                done += 1
    except BaseException as error:
        if not writing.quiet and (done or isinstance(error, KeyboardInterrupt | Terminated)):
            print(f"stopped after {done} of {len(shards)} shards", file=sys.stderr)
        raise
    finally:
        progress.end()
    conclude(progress, writing, {"shards": done}, summary=writing.summary)


def _refuse_without_meaning(texts: list[str] | None, reading: Reading, writing: Writing, gold: str | None) -> None:
    if texts or not reading.input:
        raise UsageError("--engine ray reads files; name them, or their folder, with --input")
    if writing.output is None:
        raise UsageError("--engine ray writes a shard for each file of its input; name their folder with --output")
    if Path(writing.output).exists() and not Path(writing.output).is_dir():
        raise UsageError(f"{writing.output}: a file; --engine ray writes a folder of shards, name one")
    for flag, value in (("--limit", reading.limit), ("--gold", gold)):
        if value is not None:
            raise UsageError(f"{flag} goes over all records in their order; leave it out, or leave out --engine ray")


def _refuse_to_replace(shards: Sequence[Shard], writing: Writing) -> None:
    there = [shard.target for shard in shards if Path(shard.target).exists()]
    if there and not writing.force:
        raise UsageError(f"{there[0]}: is there already; name another folder, or use --force to replace its shards")


def _take(shard: Shard, outcome: Outcome, progress: Progress, writing: Writing) -> None:
    """Count a shard. Raises the error that kept it from being written, and InputError: too many records failed."""
    tally = progress.tally
    for name, count in vars(outcome.tally).items():
        setattr(tally, name, getattr(tally, name) + count)
    if not writing.quiet:
        for line in outcome.skipped:
            print(f"skipped: {line}", file=sys.stderr)
    progress.tick()
    if outcome.error is not None:
        raise outcome.error
    if writing.max_errors is not None and tally.failed > writing.max_errors:
        raise InputError(f"{tally.failed} records failed, more than --max-errors allows; the last in {shard.source}")
