"""embed --nearest: the rows of a file of vectors that are nearest to a text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from roberta.errors import UsageError
from roberta.tasks.base import Result, Task, Window
from roberta.tasks.embed import Embed
from roberta.tasks.precision import stored
from roberta.vectors.nearest import Nearest

if TYPE_CHECKING:
    from roberta.records import Record


@dataclass(frozen=True)
class Neighbours(Task):
    """The `best` nearest rows of `path`, by the cosine with the text's vector, which is made as `embed` says.

    Raises UsageError: vectors of words or tokens, or of pairs.
    """

    embed: Embed
    path: Path
    best: int = 5

    head = "hidden_states"

    def __post_init__(self):
        if self.embed.level != "text" or self.embed.pair_field is not None:
            raise UsageError("--nearest searches with the vector of a whole text; leave --level and --pair-score out")
        self._file  # noqa: B018 - a file that is not there is told before the model is loaded

    @cached_property
    def _file(self) -> Nearest:
        return Nearest(self.path)

    @property
    def layers(self) -> tuple[int, ...]:
        return self.embed.layers

    def prepare(self, record: Record) -> list[Window]:
        return self.embed.prepare(record)

    def condense(self, record: Record, window: Window, output: np.ndarray) -> np.ndarray:
        return self.embed.condense(record, window, output)

    def decode(self, record: Record, windows: list[Window], outputs: list[np.ndarray]) -> Result:
        vector = stored(self.embed.vector(list(zip(windows, outputs))), self.embed.precision)
        return {"neighbours": self._file.search(vector, self.best)} | self.embed.notes(record, windows)
