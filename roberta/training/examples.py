"""Labelled records as training examples, prepared by the very task that will answer later: the same tokens, the same
words, the same windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from roberta.errors import InputError, UsageError
from roberta.records import BrokenRecord, Fields, Record, read_records


@dataclass(frozen=True, slots=True)
class Example:
    """What one row of a batch is made of, or several rows that belong together.

    input_ids: one or more framed texts. target: what the objective makes of the labels. record: where it is from.
    """

    input_ids: tuple[Sequence[int], ...]
    target: Any
    record: Record

    @property
    def tokens(self) -> int:
        """As padded: all texts as long as the longest."""
        return len(self.input_ids) * max(map(len, self.input_ids))


def read_labelled(inputs: Sequence[str], fields: Fields, **reading) -> Iterator[Record]:
    """The records of training files. `reading` goes to `read_records`.

    Raises InputError: one that cannot be read, or lacks a field that --field names; its file and line are named.
    """
    for record in read_records(inputs, **reading):
        found = fields.select(record)
        if isinstance(found, BrokenRecord):
            raise InputError(f"{found.source}: {found.error}")
        yield found


def located(record: Record, error: Exception) -> InputError:
    """An error with the place of its record in front."""
    return InputError(f"{record.source}: {error}", code=getattr(error, "code", "bad_input"))


def split_off(records: list[Record], dev: str | None, seed: int) -> tuple[list[Record], list[Record]]:
    """With dev such as "10%", that share of the records, drawn by chance, apart from the others; else none."""
    if dev is None or not dev.endswith("%"):
        return records, []
    count = round(share_of(dev) * len(records))
    if not 0 < count < len(records):
        raise UsageError(f"--dev {dev} of {len(records)} records leaves nothing on one side; give another share")
    apart = set(np.random.default_rng([seed, len(records)]).permutation(len(records))[:count].tolist())
    kept = [record for place, record in enumerate(records) if place not in apart]
    return kept, [record for place, record in enumerate(records) if place in apart]


def share_of(text: str) -> float:
    """0.1 for "10%". Raises UsageError: no share between 0 and 1."""
    try:
        share = float(text.removesuffix("%")) / 100
    except ValueError:
        share = -1.0
    if not 0 < share < 1:
        raise UsageError(f"--dev {text} is no share; give one such as 10%, or a file")
    return share


def pad(rows: Sequence[Sequence[int]], padding: int) -> tuple[np.ndarray, np.ndarray]:
    """(rows, longest) ids, and the mask of ones and zeros that goes with them."""
    lengths = np.array([len(row) for row in rows])
    ids = np.full((len(rows), int(lengths.max())), padding, np.int64)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = row
    return ids, (np.arange(ids.shape[1]) < lengths[:, None]).astype(np.int64)
