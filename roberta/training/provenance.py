"""Where a model comes from: what was asked for, and the files it learnt from, for its card and for an exact resume."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from roberta.records.reading import STDIN, input_files

_AT_ONCE = 1 << 20  # bytes


@dataclass(frozen=True)
class DataFile:
    """A file that was read `times` times over; size in bytes and sha256 are None for a pipe, which is gone."""

    path: str
    size: int | None
    sha256: str | None
    times: int = 1


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


def data_files(inputs: Sequence[str]) -> list[DataFile]:
    """The files that inputs of `read_records` name, in their order. Raises ReadError: no such file."""
    counts = Counter(input_files(inputs))
    return [_data_file(path, times) for path, times in counts.items()]


def _data_file(path: str, times: int) -> DataFile:
    if path == STDIN or not Path(path).is_file():
        return DataFile(path, None, None, times)
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while part := file.read(_AT_ONCE):
            digest.update(part)
    return DataFile(path, Path(path).stat().st_size, digest.hexdigest(), times)
