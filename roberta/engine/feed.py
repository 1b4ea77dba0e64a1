"""Records prepared ahead on another thread, handed over in look-aheads: full when input flows, short when it idles."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Raw = TypeVar("Raw")
Ready = TypeVar("Ready")

_END = object()


@dataclass
class _Failure:
    error: BaseException


@dataclass
class Feed(Generic[Raw, Ready]):
    """Applies `prepare` to each item on a thread of its own and gives lists of what came out, in order.

    weigh: the size of one prepared item, in tokens; a look-ahead ends when its sizes reach `look_ahead`, or when
        nothing more came for `idle` seconds, so that a slow producer sees each answer before it sends the next line.
    never_short: wait for full look-aheads all the same, which then depend on the items alone.
    At most about twice `look_ahead` is held at any time, however fast the input.

    An error of the input itself is raised where the item would have stood, after everything before it.
    """

    items: Iterable[Raw]
    prepare: Callable[[Raw], Ready]
    weigh: Callable[[Ready], int]
    look_ahead: int
    idle: float = 0.05  # seconds
    never_short: bool = False
    _ready: queue.SimpleQueue = field(default_factory=queue.SimpleQueue)
    _room: threading.Condition = field(default_factory=threading.Condition)
    _held: int = 0
    _stopped: bool = False

    def __iter__(self) -> Iterator[list[Ready]]:
        thread = threading.Thread(target=self._fill, name="prepare", daemon=True)
        thread.start()
        try:
            yield from self._look_aheads()
        finally:
            with self._room:
                self._stopped = True
                self._room.notify_all()

    def _fill(self) -> None:
        try:
            for item in self.items:
                ready = self.prepare(item)
                size = max(1, self.weigh(ready))
                with self._room:
                    self._room.wait_for(lambda: self._held < self.look_ahead or self._stopped)
                    if self._stopped:
                        return
                    self._held += size
                self._ready.put((ready, size))
        except BaseException as error:  # it belongs to the consumer, wherever it comes from
            self._ready.put((_Failure(error), 0))
        else:
            self._ready.put((_END, 0))

    def _look_aheads(self) -> Iterator[list[Ready]]:
        patience = None if self.never_short else self.idle
        while True:
            batch: list[Ready] = []
            weight, ended = 0, None
            while weight < self.look_ahead:
                try:
                    item, size = self._ready.get(timeout=patience if batch else None)
                except queue.Empty:
                    break
                if item is _END or isinstance(item, _Failure):
                    ended = item
                    break
                batch.append(item)
                weight += size
                with self._room:
                    self._held -= size
                    self._room.notify()
            if batch:
                yield batch
            if isinstance(ended, _Failure):
                raise ended.error
            if ended is _END:
                return
