"""Runs in a child process that dies, or finds the disk full, at a moment that the test names.

A child is forked, so torch need not be imported again; the moments are those at which Python touches files.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

_TOUCHES = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod"}
_CHANGE, _LOOK = b"w", b"r"
_FAILED = 99


@dataclass(frozen=True)
class Died:
    """code: the exit code, or minus the signal. events: how often files were touched, and changes, how often in order
    to change them. said: on stderr."""

    code: int
    events: int
    changes: int
    said: str


def in_child(action: Callable[[], int | None], **moment) -> Died:
    """Start a child and wait for its end."""
    return start_child(action, **moment)()


def start_child(
    action: Callable[[], int | None],
    *,
    watched: Path,
    kill_at: int | None = None,
    signal_at: tuple[int, int] | None = None,
    full_from: int | None = None,
) -> Callable[[], Died]:
    """Call `action` in a child, whose exit code is what it returns; gives what waits for its end.

    watched: the folder whose files count. kill_at: the child is killed at its so many-th touch, from 0, with no
    chance to clean up. signal_at: (touch, signal), which it may answer. full_from: from that touch on nothing can be
    written, as on a full disk.
    """
    reading, writing = os.pipe()
    listening, speaking = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # about threads, of which torch's are idle
        child = os.fork()
    if child == 0:
        code = _FAILED
        try:
            # Pipes and devices take what they are given on a full disk too.
            sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - as long as the child lives
            sys.stderr = os.fdopen(speaking, "w")
            signals = {} if kill_at is None else {kill_at: signal.SIGKILL}
            if signal_at is not None:
                signals[signal_at[0]] = signal_at[1]
            _watch(writing, str(watched), signals, full_from)
            code = action() or 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    os.close(writing)
    os.close(speaking)

    def wait() -> Died:
        with os.fdopen(reading, "rb") as pipe, os.fdopen(listening, "r") as heard:
            events, said = pipe.read(), heard.read()
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        assert code != _FAILED, said
        return Died(code, len(events), events.count(_CHANGE), said)

    return wait


def _watch(pipe: int, watched: str, signals: dict[int, int], full_from: int | None) -> None:
    torch.set_num_threads(1)  # a fork has none of the parent's threads
    touches = 0

    def note(event: str, arguments: tuple) -> None:
        nonlocal touches
        if event not in _TOUCHES or not isinstance(arguments[0], str | os.PathLike):
            return
        if not os.path.abspath(os.fspath(arguments[0])).startswith(watched):  # noqa: PTH100
            return
        touches += 1
        flags = arguments[2] if event == "open" else os.O_RDWR
        os.write(pipe, _CHANGE if flags & (os.O_WRONLY | os.O_RDWR) else _LOOK)
        if touches - 1 == full_from:
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        if touches - 1 in signals:  # last: what answers the signal may raise, and touch files itself
            os.kill(os.getpid(), signals[touches - 1])

    sys.addaudithook(note)
