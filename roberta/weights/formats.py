"""FORMATS: how to recognise, read and write each kind of weight file."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np

from roberta.errors import CheckpointError
from roberta.weights import foreign_names
from roberta.weights.naming import Naming

Tensors = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Format:
    """A kind of weight file.

    module: the file of this folder that knows it, loaded when it is asked: recognise(bytes), read(path), write(path,
    tensors), and write_shard where a shard is laid out otherwise than a whole. stem: what the one file of a folder is
    called, without its suffix; shards get a number behind it. naming: of the names that are written; None: the
    published ones.
    """

    name: str
    stem: str
    suffixes: tuple[str, ...]
    module: str
    naming: Naming | None = None

    @property
    def file(self) -> str:
        """The name of the one file of a folder, such as "model.safetensors"."""
        return self.stem + self.suffixes[0]

    @property
    def index(self) -> str:
        """The name of the file that says which shard holds what, such as "model.safetensors.index.json"."""
        return f"{self.file}.index.json"

    def recognise(self, start: bytes) -> bool:
        """Whether a file that starts with these 512 bytes is one."""
        return self._known().recognise(start)

    def read(self, path: Path) -> dict[str, np.ndarray]:
        """The tensors of a file by the names that it gives them. Raises CheckpointError."""
        return self._known().read(path)

    def write(self, path: Path, tensors: Tensors) -> None:
        """Write a file, whole or absent."""
        self._known().write(path, tensors)

    def write_shard(self, path: Path, tensors: Tensors) -> None:
        """Write one of several files, whole or absent."""
        known = self._known()
        getattr(known, "write_shard", known.write)(path, tensors)

    def _known(self) -> ModuleType:
        return import_module(f"roberta.weights.{self.module}")


SAFETENSORS = Format("safetensors", "model", (".safetensors",), "safetensors_file")
PYTORCH = Format("PyTorch", "pytorch_model", (".bin", ".pt", ".pth"), "torch_file")
TENSORFLOW = Format("TensorFlow", "tf_model", (".h5", ".hdf5"), "tensorflow_file", foreign_names.TENSORFLOW)
FLAX = Format("Flax", "flax_model", (".msgpack",), "flax_file", foreign_names.FLAX)
FORMATS = (SAFETENSORS, PYTORCH, TENSORFLOW, FLAX)  # in the order in which a folder is searched

_NOT_WEIGHTS = {  # how other files start that come under the name of a weight file
    b"version https://git-lfs": "only the pointer to a file in Git LFS; fetch the file itself with: git lfs pull",
    b"<!DOCTYPE": "a web page, not weights; the download went wrong, fetch it again",
    b"<html": "a web page, not weights; the download went wrong, fetch it again",
}


def recognise(path: Path) -> Format:
    """The format of a weight file, told by how it begins, and only then by its name.

    Raises CheckpointError: neither says, or the file is something else.
    """
    try:
        with path.open("rb") as file:
            start = file.read(512)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from None
    for kind in FORMATS:
        if kind.recognise(start):
            return kind
    for beginning, meaning in _NOT_WEIGHTS.items():
        if start.startswith(beginning):
            raise CheckpointError(f"{path}: {meaning}")
    for kind in FORMATS:
        if path.suffix in kind.suffixes:
            return kind  # its reader says what is wrong
    known = ", ".join(kind.name for kind in FORMATS)
    raise CheckpointError(f"{path}: not a weight file of a kind that is read ({known}); name another file")


def read_file(path: Path) -> dict[str, np.ndarray]:
    """The tensors of one weight file by the names that the file gives them. Raises CheckpointError."""
    return recognise(path).read(path)
