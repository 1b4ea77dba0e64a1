"""FORMATS: how to recognise, read and write each kind of weight file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roberta.errors import CheckpointError
from roberta.weights import flax_file, foreign_names, safetensors_file, tensorflow_file, torch_file
from roberta.weights.naming import Naming

Tensors = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Format:
    """A kind of weight file.

    recognise: whether a file that starts with these 512 bytes is one. stem: what the one file of a folder is called,
    without its suffix; shards get a number behind it. naming: of the names that are written; None: the published ones.
    write_shard: where a shard is laid out otherwise than a whole.
    """

    name: str
    stem: str
    suffixes: tuple[str, ...]
    recognise: Callable[[bytes], bool]
    read: Callable[[Path], dict[str, np.ndarray]]
    write: Callable[[Path, Tensors], None]
    naming: Naming | None = None
    write_shard: Callable[[Path, Tensors], None] | None = None

    @property
    def file(self) -> str:
        """The name of the one file of a folder, such as "model.safetensors"."""
        return self.stem + self.suffixes[0]

    @property
    def index(self) -> str:
        """The name of the file that says which shard holds what, such as "model.safetensors.index.json"."""
        return f"{self.file}.index.json"


SAFETENSORS = Format(
    name="safetensors",
    stem="model",
    suffixes=(".safetensors",),
    recognise=safetensors_file.recognise,
    read=safetensors_file.read,
    write=safetensors_file.write,
)
PYTORCH = Format(
    name="PyTorch",
    stem="pytorch_model",
    suffixes=(".bin", ".pt", ".pth"),
    recognise=torch_file.recognise,
    read=torch_file.read,
    write=torch_file.write,
)
TENSORFLOW = Format(
    name="TensorFlow",
    stem="tf_model",
    suffixes=(".h5", ".hdf5"),
    recognise=tensorflow_file.recognise,
    read=tensorflow_file.read,
    write=tensorflow_file.write,
    naming=foreign_names.TENSORFLOW,
    write_shard=tensorflow_file.write_shard,
)
FLAX = Format(
    name="Flax",
    stem="flax_model",
    suffixes=(".msgpack",),
    recognise=flax_file.recognise,
    read=flax_file.read,
    write=flax_file.write,
    naming=foreign_names.FLAX,
)
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
