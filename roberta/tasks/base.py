"""What a task is: records to windows, outputs to a result. No model, device or file inside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from roberta.records import Record

Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Window:
    """A piece that fits the model.

    input_ids: framed by <s> and </s>, at most the model's usable length.
    rows: the positions whose outputs the task wants; None: all of them. Heads that read only <s> ignore it.
    note: whatever the task wants to find again in `condense` and `decode`; nobody else looks at it.
    """

    input_ids: Sequence[int]
    rows: Sequence[int] | None = None
    note: Any = None

    @property
    def read(self) -> Sequence[int]:
        """The positions whose outputs are wanted, one by one."""
        return range(len(self.input_ids)) if self.rows is None else self.rows


@dataclass(frozen=True, slots=True)
class Again:
    """What `decode` gives in place of a result when it needs the model once more.

    decode: takes the outputs of `windows` and gives a result, or Again.
    """

    windows: list[Window]
    decode: Callable[[list[np.ndarray]], Result | Again]


class Task:
    """The base of every task; a subclass says its head and gives `prepare` and `decode`.

    head: a row of HEADS, or "hidden_states" for the encoder's own; None: the task needs no model.
    layers: for "hidden_states", which layers are averaged: -1 is the last, 0 the embeddings.
    """

    head: str | None = None
    layers: tuple[int, ...] = (-1,)

    def prepare(self, record: Record) -> list[Window]:
        """Windows of one record. Pure, and may run ahead on another thread.

        Raises InputError: the record cannot be answered.
        """
        raise NotImplementedError

    def condense(self, record: Record, window: Window, output: np.ndarray) -> Any:
        """Shrink the output of one window as soon as it is there, so that long records stay small in memory.

        output: (rows, outputs of the head) float32; (outputs,) for heads that read only <s>.
        """
        return output

    def decode(self, record: Record, windows: list[Window], outputs: list[Any]) -> Result | Again:
        """Plain Python values from what `condense` left of every window, in the order of `prepare`."""
        raise NotImplementedError
