"""Records in blocks, results as lines ready to be written: tasks without a model over large files, on all cores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from roberta.engine.job import Job
from roberta.engine.processes import map_in_order
from roberta.engine.runner import Answer
from roberta.errors import InputError
from roberta.records import Block, BrokenRecord, Fields, Record, json_line
from roberta.tasks.base import Result
from roberta.tasks.tokenize import Tokenize

Some = Block | list[Record | BrokenRecord]


@dataclass(frozen=True, slots=True)
class Lines:
    """Results of records that follow each other, as `JsonlWriter` writes them."""

    data: bytes
    records: int


def results_in_bulk(job: Job, blocks: Iterable[Some], *, workers: int = 1) -> Iterator[bytes | Result]:
    """What `job.results` gives for the records of the blocks: whole lines of results, and a result where one failed.

    The task needs no model. workers: the processes that share the work; 1 is this one. The job watches failures alone.

    Raises as `job.results`.
    """
    answer = partial(answer_block, job)
    for parts in map(answer, blocks) if workers == 1 else map_in_order(answer, blocks, workers):
        for part in parts:
            if isinstance(part, Lines):
                job.tally.records += part.records
                yield part.data
            else:
                yield from job.take(part)
        job.before_waiting()


def answer_block(job: Job, block: Some) -> list[Lines | Answer]:
    """The answers of a block in their order; those without an error as lines."""
    parts: list[Lines | Answer] = []
    lines: list[str] = []

    def close() -> None:
        if lines:
            parts.append(Lines("".join(lines).encode(), len(lines)))
            lines.clear()

    is_plain = job.fields == Fields()
    for record in block.records() if isinstance(block, Block) else block:
        record = job.fields.select(record)
        try:
            if isinstance(record, BrokenRecord):
                raise record.error
            lines.append(_line(job, record, is_plain))
        except InputError as error:
            close()
            parts.append(Answer(record, error=error.with_traceback(None)))
    close()
    return parts


def _line(job: Job, record: Record, is_plain: bool) -> str:
    """is_plain: the job asks for no field in particular."""
    ids = job.task.ids_as_written(record) if isinstance(job.task, Tokenize) else None
    if ids is None:
        result = job.task.decode(record, job.task.prepare(record), [])
        return json_line(job.fields.result(record, job.finish(result))) + "\n"
    if is_plain and len(record.fields) == 1:
        return f'{{"id":{record.index + 1},"ids":{ids}}}\n'
    # The answer's keys come last, so the line ends in its value.
    return f"{json_line(job.fields.result(record, {'ids': 0}))[:-2]}{ids}}}\n"
