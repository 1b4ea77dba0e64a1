"""Vectors into .npy and .npz files, row by row: the memory of a job does not grow with its rows."""

from __future__ import annotations

import contextlib
import io
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from roberta.errors import UsageError
from roberta.files import whole_or_absent
from roberta.records import json_line

IDS = ".ids.jsonl"
_HEADER = 128  # bytes; room for any number of rows, so that the header can be completed at the end


def ids_path(path: Path) -> Path:
    """Where the ids of a file's rows stand: NAME.ids.jsonl beside NAME.npy or NAME.npz."""
    return path.with_suffix(IDS)


class NpyWriter:
    """Takes results that hold an "embedding", in order; the rest of each goes to the file of ids, a line a row."""

    def __init__(self, rows: BinaryIO, ids: BinaryIO):
        self._rows, self._ids = rows, ids
        self._count = 0
        self._like: np.ndarray | None = None
        rows.write(b"\0" * _HEADER)

    def write(self, result: dict[str, Any]) -> None:
        """Raises UsageError: a result without one vector, or a vector unlike the others."""
        if "embedding" not in result:
            raise UsageError("npy and npz hold one vector for each text; use --output-format jsonl for anything else")
        vector = np.asarray(result["embedding"])
        if self._like is None:
            self._like = vector
        if vector.shape != self._like.shape or vector.dtype != self._like.dtype:
            raise UsageError(f"a vector of {vector.shape} {vector.dtype} among {self._like.shape} {self._like.dtype}")
        self._rows.write(vector.astype(vector.dtype.newbyteorder("<"), copy=False).tobytes())
        rest = {key: value for key, value in result.items() if key != "embedding"}
        self._ids.write((json_line(rest) + "\n").encode())
        self._count += 1

    def flush(self) -> None:
        self._rows.flush()
        self._ids.flush()

    def complete(self) -> None:
        """Write the header, now that the number of rows is known."""
        like = np.zeros(0, np.float32) if self._like is None else self._like  # no rows: (0, 0)
        header = io.BytesIO()
        shape = (self._count, *like.shape)
        description = {"descr": np.lib.format.dtype_to_descr(like.dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(header, description)
        text = header.getvalue()
        assert len(text) <= _HEADER
        # A longer header is padded with blanks before its line end; the length stands in bytes 8 and 9.
        padded = text[:8] + (_HEADER - 10).to_bytes(2, "little") + text[10:-1].ljust(_HEADER - 11) + b"\n"
        self._rows.seek(0)
        self._rows.write(padded)
        self._rows.seek(0, io.SEEK_END)


@contextlib.contextmanager
def open_npy(path: Path, *, force: bool = False) -> Iterator[NpyWriter]:
    """Write NAME.npy or NAME.npz and NAME.ids.jsonl, both whole or absent.

    >>> with open_npy(Path("vectors.npy")) as writer:
    ...     writer.write({"id": 1, "embedding": np.zeros(768, np.float32), "dims": 768})

    Raises UsageError: a file is there already and not `force`.
    """
    for target in (path, ids_path(path)):
        if target.exists() and not force:
            raise UsageError(f"{target} exists; give --force to replace it")
    with whole_or_absent(ids_path(path)) as beside_ids, whole_or_absent(path) as beside:
        with beside.open("w+b") as rows, beside_ids.open("wb") as ids:
            writer = NpyWriter(rows, ids)
            yield writer
            writer.complete()
        if path.suffix == ".npz":
            _zip(beside)


def _zip(path: Path) -> None:
    """Make the .npy file at `path` the one member of an .npz in its place."""
    member = path.with_name(path.name + ".npz")
    try:
        with (
            zipfile.ZipFile(member, "w", zipfile.ZIP_STORED, allowZip64=True) as archive,
            archive.open("embeddings.npy", "w", force_zip64=True) as target,
            path.open("rb") as source,
        ):
            shutil.copyfileobj(source, target, 1 << 20)
        member.replace(path)
    except BaseException:
        member.unlink(missing_ok=True)
        raise
