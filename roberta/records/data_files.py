"""The files that records were read from, known again by what is in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from roberta.files import sha256_of
from roberta.records.reading import STDIN, input_files


@dataclass(frozen=True)
class DataFile:
    """A file that was read `times` times over; size in bytes and sha256 are None for a pipe, which is gone."""

    path: str
    size: int | None
    sha256: str | None
    times: int = 1


def data_files(inputs: Sequence[str], *, any_suffix: bool = False) -> list[DataFile]:
    """The files that inputs of `read_records` name, in their order; any_suffix: a format was named, so that folders
    are taken whole.

    Raises ReadError: no such file, or one that cannot be read.
    """
    counts = Counter(input_files(inputs, any_suffix=any_suffix))
    return [_data_file(path, times) for path, times in counts.items()]


def _data_file(path: str, times: int) -> DataFile:
    if path == STDIN or not Path(path).is_file():
        return DataFile(path, None, None, times)
    return DataFile(path, Path(path).stat().st_size, sha256_of(Path(path)), times)
