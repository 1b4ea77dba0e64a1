"""The rows of a file of vectors that are nearest to a query: exact, in chunks over a memory-mapped file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from roberta.errors import ReadError, UsageError
from roberta.spelling import near_path
from roberta.vectors.npy_file import ids_path

CHUNK = 1 << 14  # rows; some 50 MB of 768 float32


class Nearest:
    """A file of vectors to search by cosine.

    The file is what `roberta embed -o NAME.npy` wrote, or any .npy of (rows, dims) numbers; vectors of bits (uint8, of
    --precision binary) are compared by the share of bits that agree, from -1 to 1. Ids come from NAME.ids.jsonl where
    that is there; else a row's id is its number from 0.

    >>> Nearest(Path("vectors.npy")).search(np.ones(768, np.float32), 2)
    [{'id': 7, 'row': 6, 'score': 0.83}, {'id': 3, 'row': 2, 'score': 0.71}]

    Raises ReadError: no such file, or one that holds no table of numbers.
    """

    def __init__(self, path: Path):
        self.path = path
        if not path.exists():
            close = near_path(path)
            advice = f"did you mean {close}?" if close else "make one with roberta embed -o"
            raise ReadError(f"{path}: no such file of vectors; {advice}")
        try:
            self.rows = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError):  # NumPy would advise to load it as a pickle
            made_of = "" if path.suffix == ".npy" else f"-i {path} "
            advice = f"make one with roberta embed {made_of}-o {path.stem}.npy"
            raise ReadError(f"{path}: not a .npy file of vectors; {advice}") from None
        if not isinstance(self.rows, np.ndarray) or self.rows.ndim != 2 or self.rows.dtype.kind not in "fiu":
            raise ReadError(f"{path}: a .npy file with one vector a row was expected; npz files must be unpacked first")
        self._lines: np.ndarray | None = None

    def search(self, query: np.ndarray, top: int) -> list[dict[str, Any]]:
        """The `top` nearest rows, the nearest first; equal ones in the order of the file.

        query: (dims,) in the precision of the file. Raises UsageError: another number of dims.
        """
        if query.shape != self.rows.shape[1:]:
            raise UsageError(
                f"the query has {len(query)} numbers, the rows of {self.path} have {self.rows.shape[1]};"
                " use the model, --dims and --precision that made the file"
            )
        scores = np.empty(0, np.float32)
        places = np.empty(0, np.int64)
        for start in range(0, len(self.rows), CHUNK):
            chunk = self._scores(np.asarray(self.rows[start : start + CHUNK]), query)
            scores = np.concatenate([scores, chunk])
            places = np.concatenate([places, np.arange(start, start + len(chunk))])
            best = np.argsort(-scores, kind="stable")[:top]  # what is kept comes first, so ties keep the file's order
            scores, places = scores[best], places[best]
        return [
            {"id": self._id(int(place)), "row": int(place), "score": float(score)}
            for place, score in zip(places, scores)
        ]

    def _scores(self, rows: np.ndarray, query: np.ndarray) -> np.ndarray:
        if self.rows.dtype == np.uint8:
            differing = np.bitwise_count(rows ^ query).sum(1)
            return (1 - 2 * differing / (8 * rows.shape[1])).astype(np.float32)
        rows, query = rows.astype(np.float32), query.astype(np.float32)
        lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(query)
        return rows @ query / np.maximum(lengths, 1e-12)

    def _id(self, place: int) -> Any:
        path = ids_path(self.path)
        if not path.is_file():
            return place
        if self._lines is None:
            self._lines = _line_starts(path)
        if place >= len(self._lines):
            raise ReadError(
                f"{path}: {len(self._lines)} ids for {len(self.rows)} vectors; the two are of different jobs"
            )
        with path.open("rb") as lines:
            lines.seek(int(self._lines[place]))
            return json.loads(lines.readline()).get("id", place)


def _line_starts(path: Path) -> np.ndarray:
    starts, at = [], 0
    with path.open("rb") as lines:
        for line in lines:
            starts.append(at)
            at += len(line)
    return np.array(starts, dtype=np.int64)
