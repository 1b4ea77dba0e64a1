"""The engine as one Python call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from roberta.engine.job import Job
from roberta.engine.open_task import open_task
from roberta.engine.runner import open_runner
from roberta.records import Fields, Record, given_records


def run(
    task: str,
    records: Iterable[str | Mapping[str, Any] | Record],
    *,
    model: str | Path | None = None,
    revision: str | None = None,
    adapter: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    backend: str = "auto",
    threads: int | None = None,
    batch_tokens: int | None = None,
    field: str | Iterable[str] = (),
    id: str | None = None,
    keep: str | Iterable[str] | None = None,
    on_error: str = "fail",
    max_errors: int | None = None,
    **options: Any,
) -> Iterator[dict[str, Any]]:
    """Answer records with a command's task: the same results, in the same order, as `roberta TASK` prints.

    records: texts, or dicts with the fields that the task reads; any iterable, read as results are taken.
    model: a folder or hub id; None is the built-in model. adapter: what is merged into it. backend: "auto" is torch
    here, where it is loaded only once, unless NumPy takes no longer on this CPU; the command takes NumPy for a few
    texts in any case. Options: those of the command, with _ for -.

    >>> for result in run("fill-mask", ["The capital of France is <mask>."], top=1):
    ...     print(result["filled"])
    The capital of France is Paris.

    Raises InputError: a record that cannot be answered, unless on_error is "skip" or "record"; UsageError: no such
    task or option; CheckpointError: the model cannot be read or does not fit.
    """
    runner = open_runner(
        model,
        revision=revision,
        adapter=adapter,
        command=task,
        device=device,
        dtype=dtype,
        backend=backend,
        threads=threads,
        batch_tokens=batch_tokens,
    )
    if task == "generate" and id is not None:
        options.setdefault("id_field", id)  # what it draws depends on the record's id
    names = [field] if isinstance(field, str) else field
    job = Job(
        runner,
        open_task(task, runner, **options),
        fields=Fields.parse(names, id=id, keep=keep),
        on_error=on_error,
        max_errors=max_errors,
    )
    return job.results(given_records(records))
