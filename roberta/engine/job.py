"""One job: records through a task into results, with the user's rule for records that fail, and what it came to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from roberta.engine.runner import Answer, Runner
from roberta.errors import InputError, RobertaError, UsageError
from roberta.records import BrokenRecord, Fields, Record
from roberta.tasks.base import Result, Task

ON_ERROR = ("fail", "skip", "record")


@dataclass
class Tally:
    """What a job came to so far. tokens: those of all windows; truncated: those left out of texts too long for one."""

    records: int = 0
    failed: int = 0
    tokens: int = 0
    truncated: int = 0

    def add(self, answer: Answer) -> None:
        self.records += 1
        self.failed += answer.error is not None
        self.tokens += answer.tokens
        self.truncated += (answer.result or {}).get("truncated", 0)


@dataclass
class Job:
    """How records become results.

    fields: which field is which, and what is copied into the result.
    on_error: "fail" raises the first failure, after every result before it; "skip" leaves failed records out; "record"
        gives {"id": 7, "error": {"code": "no_mask", "message": "...", "where": "in.jsonl:7"}} in their place.
    max_errors: more failures than this end the job under every rule.
    check: called with each record that was answered and its result; an InputError makes it a record that failed.
    watch: called with each answer, in order, before its result is given.
    finish: makes of an answer what is put into the result; the fields copied from the record stay as they were.
    before_waiting: called when no further result is at hand, so that what was written can go out.
    settled: called where a job that is stopped can be gone on with: the tally's records are done, and batches begin
        anew.

    Raises UsageError: no such rule.
    """

    runner: Runner
    task: Task
    fields: Fields = field(default_factory=Fields)
    on_error: str = "fail"
    max_errors: int | None = None
    check: list[Callable[[Record, Result], None]] = field(default_factory=list)
    watch: list[Callable[[Answer], None]] = field(default_factory=list)
    finish: Callable[[Result], Result] = lambda result: result
    before_waiting: Callable[[], None] = lambda: None
    settled: Callable[[], None] | None = None
    tally: Tally = field(default_factory=Tally)

    def __post_init__(self):
        if self.on_error not in ON_ERROR:
            raise UsageError(f"no rule {self.on_error!r} for records that fail; choose from {', '.join(ON_ERROR)}")

    def results(self, records: Iterable[Record | BrokenRecord]) -> Iterator[Result]:
        """One result for each record, in order; fewer under "skip". Raises as `Runner.answer` does, and failures."""
        selected = map(self.fields.select, records)
        for answer in self.runner.answer(self.task, selected, lambda: self.before_waiting(), self.settled):
            yield from self.take(self._checked(answer))

    def take(self, answer: Answer) -> Iterator[Result]:
        """Count an answer, and give its result if it has one under the rule for failures. Raises failures."""
        self.tally.add(answer)
        for watch in self.watch:
            watch(answer)
        if answer.error is None:
            yield self.fields.result(answer.record, self.finish(answer.result))
            return
        if self.on_error == "fail":
            raise located(answer)
        if self.on_error == "record":
            yield self.fields.result(answer.record, {"error": described(answer)})
        if self.max_errors is not None and self.tally.failed > self.max_errors:
            last = located(answer)
            raise type(last)(f"{self.tally.failed} records failed, more than --max-errors allows; the last: {last}")

    def _checked(self, answer: Answer) -> Answer:
        try:
            for check in self.check:
                if answer.error is None:
                    check(answer.record, answer.result)
        except InputError as error:
            return replace(answer, result=None, error=error)
        return answer


def located(answer: Answer) -> RobertaError:
    """The error of a record with the place where the record stood in front of its sentence."""
    error = answer.error
    error.args = (f"{answer.record.source}: {error}", *error.args[1:])
    return error


def described(answer: Answer) -> dict[str, Any]:
    """The same as data."""
    code = getattr(answer.error, "code", "bad_input")
    return {"code": code, "message": str(answer.error), "where": answer.record.source}
