"""--engine ray: a folder of shards in, a folder of shards out, and one job of them on stderr."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roberta.errors import InputError, UsageError
from roberta_cli.answer import Scorer, conclude, note_builtin
from roberta_cli.endings import Terminated
from roberta_cli.progress import Progress
from roberta_cli.report import word_warnings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from roberta.engine.job import Tally
    from roberta.engine.shards import Outcome, Shard
    from roberta_cli.groups import Computing, Reading, Writing
    from roberta_cli.shard_log import ShardLog

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

    from roberta.engine.ray_engine import answer_shards, need_ray
    from roberta.engine.shards import Work, plan_shards
    from roberta.records import Fields
    from roberta_cli.beginning import Beginning
    from roberta_cli.shard_log import ShardLog

    need_ray()
    format = "doc" if reading.doc else reading.input_format
    shards = plan_shards(reading.input, Path(writing.output), format=format, form=writing.output_format)
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
    runner = work.open().runner  # what it refuses is said before a cluster is waited for
    log = ShardLog(Path(writing.output), Beginning.of(runner, {}))
    whole = _whole(log, shards, writing)
    progress = Progress.of(writing, None, _sum(whole.values()))
    left = [shard for shard in shards if shard not in whole]
    outcomes = answer_shards(work, left, workers=chosen.workers, address=chosen.ray_address)
    try:
        # Ray writes notes of its own to stdout, where results belong.
        with contextlib.redirect_stdout(io.StringIO()), contextlib.closing(outcomes):
            for shard, outcome in outcomes:
                if outcome.error is None:
                    log.add(shard, outcome.tally)
                    whole[shard] = outcome.tally
                _take(shard, outcome, progress, writing)
    except BaseException as error:
        if not writing.quiet and (whole or isinstance(error, KeyboardInterrupt | Terminated)):
            progress.aside(f"stopped after {len(whole)} of {len(shards)} shards; --resume goes on from there")
        raise
    finally:
        progress.end()
    conclude(progress, writing, {"shards": len(shards)}, summary=writing.summary)


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


def _whole(log: ShardLog, shards: Sequence[Shard], writing: Writing) -> dict[Shard, Tally]:
    """The shards that are done already, under --resume. Raises UsageError: something is there that must not go."""
    if writing.resume and not writing.force and log.path.exists():
        return log.take_up(shards)
    there = next((shard.target for shard in shards if Path(shard.target).exists()), None)
    if there and not writing.force:
        way = "--resume goes on" if log.path.exists() else "name another folder"
        raise UsageError(f"{there}: is there already; {way}, or --force replaces the shards")
    log.begin()
    return {}


def _sum(tallies: Iterable[Tally]) -> Tally:
    from roberta.engine.job import Tally

    total = Tally()
    for tally in tallies:
        _count(total, tally)
    return total


def _count(total: Tally, tally: Tally) -> None:
    for name, count in vars(tally).items():
        setattr(total, name, getattr(total, name) + count)


def _take(shard: Shard, outcome: Outcome, progress: Progress, writing: Writing) -> None:
    """Count a shard. Raises the error that kept it from being written, and InputError: too many records failed."""
    tally = progress.tally
    _count(tally, outcome.tally)
    if not writing.quiet:
        for line in outcome.skipped:
            progress.aside(f"skipped: {line}")
    progress.tick()
    if outcome.error is not None:
        raise outcome.error
    if writing.max_errors is not None and tally.failed > writing.max_errors:
        raise InputError(f"{tally.failed} records failed, more than --max-errors allows; the last in {shard.source}")
