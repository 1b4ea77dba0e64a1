"""Where a model comes from: what was asked for, and the files it learnt from, for its card and for an exact resume."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from roberta.records.data_files import DataFile, data_files


@dataclass(frozen=True)
class Provenance:
    """train, dev: as given; dev may be a share such as "1%". base: the checkpoint that was started from. asked: all
    else that was asked for, by name. license: of the model, an SPDX name. note: what is to be said about the data."""

    train: Sequence[str] = ()
    dev: str | None = None
    base: str | None = None
    asked: Mapping[str, Any] = field(default_factory=dict)
    license: str | None = None
    note: str | None = None

    @cached_property
    def training_files(self) -> list[DataFile]:
        return data_files(self.train)

    @cached_property
    def development_files(self) -> list[DataFile]:
        return [] if self.dev is None or self.dev.endswith("%") else data_files([self.dev])

    @property
    def identity(self) -> dict[str, Any]:
        """What a resumed run must share with the one it goes on with: the same values and the same bytes, wherever the
        files lie."""
        named = dict(self.asked) | {"model": self.base}
        if self.dev is None or self.dev.endswith("%"):
            named["dev"] = self.dev
        for name, files in (("training_data", self.training_files), ("development_data", self.development_files)):
            held = [(file.sha256, file.times) for file in files]
            if held and all(digest for digest, _ in held):
                named[name] = hashlib.sha256(repr(held).encode()).hexdigest()[:12]
        return named
