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
_FAILED = 99


@dataclass(frozen=True)
class Died:
    """code: the exit code, or minus the signal. events: how often files were touched."""

    code: int
    events: int


def in_child(
    action: Callable[[], int | None],
    *,
    watched: Path,
    kill_at: int | None = None,
    full_from: int | None = None,
) -> Died:
    """Call `action` in a child, whose exit code is what it returns.

    watched: the folder whose files count. kill_at: the child is killed at its so many-th touch, from 0, with no
    chance to clean up. full_from: from that touch on nothing can be written, as on a full disk.
    """
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # about threads, of which torch's are idle
        child = os.fork()
    if child == 0:
        code = _FAILED
        try:
            os.close(reading)
            _watch(writing, str(watched), kill_at, full_from)
            code = action() or 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        events = len(pipe.read())
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code != _FAILED, "the child raised an error; it stands above"
    return Died(code, events)


def _watch(pipe: int, watched: str, kill_at: int | None, full_from: int | None) -> None:
    torch.set_num_threads(1)  # a fork has none of the parent's threads
    touches = 0

    def note(event: str, arguments: tuple) -> None:
        nonlocal touches
        if event not in _TOUCHES or not isinstance(arguments[0], str | os.PathLike):
            return
        if not os.path.abspath(os.fspath(arguments[0])).startswith(watched):  # noqa: PTH100
            return
        if touches == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if touches == full_from:
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        touches += 1
        os.write(pipe, b".")

    sys.addaudithook(note)
