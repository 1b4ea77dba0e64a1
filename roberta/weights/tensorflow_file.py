"""TensorFlow's .h5 files, as Keras lays out the weights of a model. Read and written without TensorFlow.

A variable is called <scope>/<layer>/..., such as tf_roberta_model/roberta/pooler/dense/bias:0. In the one file of a
model it is the dataset <layer>/<variable>, and attributes list the layers and their variables; in a shard it is the
dataset <layer>/..., and the index alone tells the scope.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from roberta.errors import CheckpointError
from roberta.files import whole_or_absent
from roberta.weights import hdf5_file
from roberta.weights.arrays import BFLOAT16, dtype_name

if TYPE_CHECKING:
    import h5py

KERAS = "2.21.0"
_ATTRIBUTE = 64512  # bytes that Keras puts into one attribute
_BODY, _LM_HEAD, _EMBEDDINGS = "roberta", "lm_head", "roberta/embeddings/"
_LATER = "top_level_model_weights"  # an empty group in every file


def recognise(start: bytes) -> bool:
    """Whether a file that starts with these (8 or more) bytes is an HDF5 file."""
    return start.startswith(hdf5_file.START)


def read(path: Path) -> dict[str, np.ndarray]:
    """The variables of an .h5 file by the paths of their datasets, the top layer's name before them.

    Raises as `hdf5_file.read`.
    """
    return hdf5_file.read(path)


def write(path: Path, tensors: Mapping[str, np.ndarray]) -> None:
    """Write variables, by their names with the scope, as `save_weights` of a Keras model does, whole or absent.

    The layer of a language model head holds the embeddings too, so they are written twice, as there.

    >>> write(Path("tf_model.h5"), {"tf_roberta_model/roberta/pooler/dense/bias:0": np.zeros(32, np.float32)})

    Raises CheckpointError: bfloat16, which HDF5 does not have. MissingExtra: no h5py.
    """
    layers: dict[str, list[str]] = {_BODY: []}
    for name in tensors:
        layers.setdefault(_layer_path(name).partition("/")[0], []).append(name)
    if _LM_HEAD in layers:
        layers[_LM_HEAD] += [name for name in layers[_BODY] if _layer_path(name).startswith(_EMBEDDINGS)]
    with whole_or_absent(path) as beside, _create(beside, path, tensors) as file:
        _list(file, "layer_names", list(layers))
        file.attrs["backend"] = b"tensorflow"
        file.attrs["keras_version"] = KERAS.encode()
        for layer in sorted(layers):
            group = file.create_group(layer)
            _list(group, "weight_names", layers[layer])
            for name in layers[layer]:
                group.create_dataset(name, data=tensors[name])
        _list(file.create_group(_LATER), "weight_names", [])


def write_shard(path: Path, tensors: Mapping[str, np.ndarray]) -> None:
    """Write variables, by their names with the scope, as one of several files, whole or absent. Raises as `write`."""
    with whole_or_absent(path) as beside, _create(beside, path, tensors) as file:
        _list(file, "layer_names", sorted(map(_layer_path, tensors)))
        for name in sorted(tensors):
            file.create_dataset(_layer_path(name), data=tensors[name])


def _create(beside: Path, path: Path, tensors: Mapping[str, np.ndarray]) -> "h5py.File":
    hdf5_file.need_h5py("writing TensorFlow weights")
    import h5py

    for name, array in tensors.items():
        dtype_name(array)
        if array.dtype == BFLOAT16:
            raise CheckpointError(f"{path}: {name}: HDF5 has no bfloat16; save it as float32")
    return h5py.File(beside, "w")


def _layer_path(variable: str) -> str:
    """A variable's name without the scope."""
    return variable.partition("/")[2]


def _list(group: "h5py.Group", key: str, names: Sequence[str]) -> None:
    """An attribute that lists names; a long one is cut into several with numbers behind their keys."""
    raw = [name.encode() for name in names]
    pieces = 1
    while any(part.nbytes > _ATTRIBUTE for part in np.array_split(np.asarray(raw), pieces)):
        pieces += 1
    if pieces == 1:
        group.attrs[key] = raw
        return
    for number, part in enumerate(np.array_split(np.asarray(raw), pieces)):
        group.attrs[f"{key}{number}"] = part
