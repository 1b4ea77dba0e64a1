"""One function over a stream of items in several processes, in order, with little held."""

from __future__ import annotations

import contextlib
import multiprocessing
import queue
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from roberta.errors import ResourceError

Item = TypeVar("Item")
Made = TypeVar("Made")

_END = object()


class _Failure:
    """An error on its way to where it belongs."""

    def __init__(self, error: Exception):
        self.error = error


def map_in_order(work: Callable[[Item], Made], items: Iterable[Item], workers: int) -> Iterator[Made]:
    """work(item) of every item, in order. Each process has at most one item, and a few wait here.

    The processes are forked, so `work` may hold whatever it likes, a vocabulary for example, and costs nothing to pass
    on; call it before any thread is started. Items and what is made of them are pickled. What is ready is given before
    the next item is waited for.

    Raises what `work` raises, in the item's place, and what `items` raises, after all before it; ResourceError: a
    process was killed.
    """
    context = multiprocessing.get_context("fork")
    pipes: list[Connection] = []
    processes: list[Any] = []
    waiting: queue.Queue = queue.Queue(maxsize=2)
    stopped = threading.Event()
    try:
        for _ in range(workers):
            ours, theirs = context.Pipe()
            pipes.append(ours)
            process = context.Process(target=_serve, args=(work, theirs, list(pipes)), daemon=True)
            process.start()
            processes.append(process)
            theirs.close()
        threading.Thread(target=_fill, args=(waiting, items, stopped), name="read", daemon=True).start()
        yield from _made(pipes, waiting)
    finally:
        stopped.set()
        with contextlib.suppress(queue.Empty):
            waiting.get_nowait()  # so that the reader, if it waits for room, sees that it is over
        for pipe in pipes:
            pipe.close()
        for process in processes:
            process.terminate()
            process.join()


def _fill(waiting: queue.Queue, items: Iterable, stopped: threading.Event) -> None:
    last: Any = _END
    try:
        for item in items:
            waiting.put(item)
            if stopped.is_set():
                return
    except Exception as error:
        last = _Failure(error)
    waiting.put(last)


def _made(pipes: list[Connection], waiting: queue.Queue) -> Iterator:
    idle, busy = deque(pipes), deque()  # the busy ones in the order of their items
    last = None
    while True:
        while idle and last is None:
            try:
                item = waiting.get(block=not busy)
            except queue.Empty:
                break
            if item is _END or isinstance(item, _Failure):
                last = item
                break
            with _alive():  # a process that is idle reads at once: neither side can block the other
                idle[0].send(item)
            busy.append(idle.popleft())
        if not busy:
            break
        with _alive():
            made = busy[0].recv()
        idle.append(busy.popleft())
        if isinstance(made, _Failure):
            raise made.error
        yield made
    if isinstance(last, _Failure):
        raise last.error


@contextlib.contextmanager
def _alive() -> Iterator[None]:
    """Raises ResourceError: the process at the other end has gone."""
    try:
        yield
    except (EOFError, ConnectionResetError, BrokenPipeError):
        raise ResourceError("a worker process was killed, perhaps for want of memory; lower --workers") from None


def _serve(work: Callable, pipe: Connection, of_the_parent: list[Connection]) -> None:
    """What a process does until its pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent ends its processes
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for other in of_the_parent:  # or they would stay open when the parent is gone
        other.close()
    with contextlib.suppress(EOFError, OSError):
        while True:
            item = pipe.recv()
            try:
                made = work(item)
            except Exception as error:
                made = _Failure(error)
            pipe.send(made)
