"""--resume: a long job that was stopped, by whatever, goes on where it was, and its file is that of one run.

Beside the output FILE stand, until it is whole, FILE.part with the results so far, and FILE.resume, a note of how many
records they answer, how long they are, and what the job was started with. The note is renewed where batches begin
anew, so a resumed job makes the same batches, and the same numbers, as one that was never stopped.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import io
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from roberta.engine.job import Tally
from roberta.errors import CheckpointError, ResourceError, UsageError
from roberta.files import read_json, write_json
from roberta.records.data_files import data_files
from roberta_cli.beginning import Beginning
from roberta_cli.options import OutputFormat

if TYPE_CHECKING:
    from roberta.engine.job import Job
    from roberta.engine.runner import Runner
    from roberta.records import BrokenRecord, Record
    from roberta_cli.groups import Reading, Writing

_EVERY = 1.0  # seconds between two notes


@dataclass(frozen=True)
class _Note(Beginning):
    """How far a job is, and what it was begun with. records, size: what is answered, and the bytes of the answers.
    whole: nothing is left to do."""

    records: int = 0
    size: int = 0
    tally: dict[str, int] = field(default_factory=dict)
    whole: bool = False

    @classmethod
    def read(cls, path: Path) -> _Note | None:
        """None where there is none. Raises UsageError: a file that is no note."""
        if not path.exists():
            return None
        try:
            state = cls(**read_json(path))
            Tally(**state.tally)
            return state
        except (CheckpointError, TypeError):
            raise UsageError(
                f"{path}: should be the note of a job that was stopped and is something else; move it away, or begin"
                " anew with --force"
            ) from None


class Resuming:
    """One job under --resume; nobody else can go on with it while this object is there.

    tally: what former runs came to.
    """

    def __init__(self, output: Path, wanted: _Note, *, force: bool):
        """Raises UsageError: a file that is there already, a part of another job, or one that another run works on."""
        self.output = output
        self.part = output.with_name(f"{output.name}.part")
        self.note = output.with_name(f"{output.name}.resume")
        self._noted = 0.0
        self._stream: BinaryIO | None = None
        self._state = self._ended(wanted)
        if self._state is None:
            self._stream = _lock(self.part, output)
            try:
                self._state = self._begun(wanted, force)
            except BaseException:
                self._let_go()
                raise
        self.tally = Tally(**self._state.tally)

    @classmethod
    def of(
        cls, writing: Writing, form: OutputFormat, texts: list[str] | None, reading: Reading, runner: Runner
    ) -> Resuming:
        """What the flags ask for. Raises UsageError as above, and for what cannot be resumed."""
        if writing.output is None or form is not OutputFormat.jsonl:
            raise UsageError("--resume goes on with a file of JSON lines; name it: --output FILE.jsonl")
        if texts or not reading.input:
            raise UsageError("--resume reads its input again; give files with --input")
        files = data_files(reading.input, any_suffix=bool(reading.input_format or reading.doc))
        gone = next((file.path for file in files if file.sha256 is None), None)
        if gone is not None:
            raise UsageError(f"{gone}: cannot be read a second time, as --resume would; give a file with --input")
        begun = Beginning.of(runner, {file.path: file.sha256 for file in files})
        return cls(Path(writing.output), _Note(begun.values, begun.contents), force=writing.force)

    def rest_of(self, records: Iterable[Record | BrokenRecord]) -> Iterator[Record | BrokenRecord]:
        """The records that are not answered yet."""
        return iter(()) if self._state.whole else islice(records, self._state.records, None)

    def watch(self, job: Job) -> None:
        """Go on with the counts of former runs, and note from now on how far it is."""
        job.tally = replace(self.tally)
        job.settled = lambda: self._settled(job.tally)

    @contextlib.contextmanager
    def stream(self, job: Job) -> Iterator[BinaryIO]:
        """Where results go; when the block ends well, the file is whole and has its name."""
        if self._stream is None:
            yield io.BytesIO()
            self.note.unlink(missing_ok=True)
            return
        with _no_room():
            self._save(self._state)  # a part never has results in it without a note of what it was begun with
            self._stream.truncate(self._state.size)
            self._stream.seek(self._state.size)
        try:
            yield self._stream
            with _no_room():
                self._note(job.tally, whole=True)
                self.part.replace(self.output)
                self.note.unlink()
        finally:
            with contextlib.suppress(OSError):  # on the way of an error: what is in its buffer is made again
                self._stream.close()

    def _ended(self, wanted: _Note) -> _Note | None:
        """What a run noted that was killed at its very end, when the file had its name already."""
        state = _Note.read(self.note) if self.output.exists() and not self.part.exists() else None
        same = state is not None and (state.values, state.contents) == (wanted.values, wanted.contents)
        return state if same and state.whole else None

    def _begun(self, wanted: _Note, force: bool) -> _Note:
        """What a run noted that goes on now, or the beginning of one."""
        for leftover in self.note.parent.glob(f".{glob.escape(self.note.name)}.*"):  # of a kill in the midst of a note
            leftover.unlink()
        if self.output.exists() and not force:
            raise UsageError(f"{self.output}: is there already; name another file, or use --force to replace it")
        held = os.fstat(self._stream.fileno()).st_size
        try:
            state = _Note.read(self.note)
            if state is None and held:
                raise UsageError(f"{self.part}: is there without a note of what began it; move it away, or use --force")
            if state is not None and state.records and held >= state.size:
                state.check(wanted, self.part, failed=bool(state.tally.get("failed")))
                return replace(state, values=wanted.values, whole=False)  # the rule for errors may be another one
        except UsageError:
            if not force:
                raise
        return wanted

    def _let_go(self) -> None:
        """Leave nothing that was not there before."""
        if not os.fstat(self._stream.fileno()).st_size and not self.note.exists():
            self.part.unlink()
        self._stream.close()

    def _settled(self, tally: Tally) -> None:
        now = time.monotonic()
        if now - self._noted >= _EVERY:
            self._noted = now
            with _no_room():
                self._note(tally)

    def _note(self, tally: Tally, *, whole: bool = False) -> None:
        self._stream.flush()
        os.fsync(self._stream.fileno())
        size = self._stream.tell()
        self._save(replace(self._state, records=tally.records, size=size, tally=asdict(tally), whole=whole))

    def _save(self, state: _Note) -> None:
        write_json(self.note, asdict(state))


def _lock(part: Path, output: Path) -> BinaryIO:
    """The open part, ours alone until it is closed or the process ends."""
    if output.is_dir() or (output.exists() and not output.is_file()):
        raise UsageError(f"{output}: no file, so there is nothing to go on with; name a file for --resume")
    try:
        stream = os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
    except OSError as error:
        raise UsageError(f"{part}: cannot be written ({error.strerror})") from None
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.close()
        raise UsageError(f"{output}: another run is at work on it; let it end, or stop it") from None
    except OSError:
        pass  # a file system without locks
    return stream


@contextlib.contextmanager
def _no_room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ResourceError(
            f"the output cannot be written ({error.strerror}); make room, and run the same command again to go on"
        ) from None
