"""The weights of a checkpoint: which files hold them, in one piece or in shards, and how they are saved."""

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roberta.config import RobertaConfig
from roberta.errors import CheckpointError, UsageError
from roberta.files import read_json, write_json
from roberta.hub import Origin
from roberta.weights.adapter import merged
from roberta.weights.arrays import dtype_name, is_float
from roberta.weights.foreign_names import find_naming, to_published
from roberta.weights.formats import FORMATS, PYTORCH, SAFETENSORS, Format, read_file, recognise

SHARD_SIZE = "5GB"
_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
_INDEX = ".index.json"
_SUFFIXES = tuple(suffix for kind in FORMATS for suffix in kind.suffixes)
_CONVERT = {  # files of other frameworks, for the message when there are no others
    "model.pt": "fairseq",
    "model.onnx": "ONNX",
}


@dataclass(frozen=True)
class Weights:
    """The tensors of a checkpoint by their published names, and where they come from, for messages.

    Names of other frameworks are turned into the published ones; what PyTorch files call otherwise is left to `match`.

    The arrays are writable, contiguous and in native order; most are views of mapped files, so that a tensor made over
    one costs no memory beyond it. bfloat16 is marked by `arrays.BFLOAT16`.
    """

    tensors: dict[str, np.ndarray]
    source: str

    @property
    def dtype(self) -> str | None:
        """The type that most of the numbers are stored in, such as "float32"; None without any real numbers."""
        counts: dict[str, int] = {}
        for array in self.tensors.values():
            if is_float(array):
                counts[dtype_name(array)] = counts.get(dtype_name(array), 0) + array.size
        return max(counts, key=lambda name: counts[name], default=None)


def find_weights(origin: Origin, kinds: Sequence[Format] = FORMATS) -> Path:
    """The file that holds the weights, or the index of its shards: safetensors first, then PyTorch, as published.

    A weight file that the origin itself names is taken as it is. kinds: the formats that are looked for, in this order.

    Raises CheckpointError: there is none; says what is there instead.
    """
    if origin.chosen and origin.chosen.endswith((_INDEX, *_SUFFIXES)):
        return origin.need(origin.chosen)
    wanted = [name for kind in kinds for name in (kind.file, kind.index)]
    for name in wanted:
        path = origin.file(name)
        if path is not None:
            return path
    for name in origin.names() if kinds == FORMATS else ():
        if name in _CONVERT:
            raise CheckpointError(
                f"{origin}: holds weights only as {name}, of {_CONVERT[name]}; "
                f"turn them into safetensors with: roberta convert {origin} FOLDER"
            )
    return origin.need(*wanted, remedy="name a folder or repository with weights")  # there is none: it raises


def read_weights(origin: Origin, kinds: Sequence[Format] = FORMATS) -> Weights:
    """Find and read the weights of a checkpoint. Where they lie as PyTorch keeps them, nothing but headers is read
    from the disk before it is used; what other frameworks keep transposed is turned here, one tensor at a time.

    >>> read_weights(Origin("FacebookAI/roberta-base")).tensors["lm_head.bias"].shape
    (50265,)

    Raises CheckpointError: no weights, or files that are damaged, unsafe, or do not belong together.
    """
    path = find_weights(origin, kinds)
    tensors = _read_shards(origin, path) if path.name.endswith(_INDEX) else read_file(path)
    tensors = to_published(tensors, source=str(path))
    if origin.adapter is None:
        return Weights(tensors, str(path))
    return Weights(merged(tensors, origin.adapter), f"{path} with {origin.adapter}")


def save_weights(
    folder: Path,
    tensors: Mapping[str, np.ndarray],
    *,
    max_shard_size: int | str = SHARD_SIZE,
    safe_serialization: bool = True,
) -> list[Path]:
    """Save tensors in a folder, as model.safetensors or as pytorch_model.bin, in shards when larger than one may be.

    Of arrays over the very same memory safetensors keeps the first, as is usual for tied weights. Weight files of a
    former save are removed once the new ones are in place. A crash never leaves a part of a file, or shards of two
    saves under one index. Returns the new files, an index last.

    max_shard_size: bytes, or text such as "200MB" or "5GB"; a single tensor may be larger.

    >>> save_weights(Path("my-model"), {"lm_head.bias": np.zeros(50265, np.float32)})
    [PosixPath('my-model/model.safetensors')]

    Raises UsageError: a size that is not one.
    """
    limit = parse_size(max_shard_size)
    if safe_serialization:
        return _save(folder, SAFETENSORS, _untied(tensors), limit, instead_of=(SAFETENSORS, PYTORCH))
    return _save(folder, PYTORCH, dict(tensors), limit, instead_of=(SAFETENSORS, PYTORCH))


def save_foreign(
    folder: Path,
    kind: Format,
    tensors: Mapping[str, np.ndarray],
    config: RobertaConfig,
    *,
    max_shard_size: int | str = SHARD_SIZE,
) -> list[Path]:
    """Save tensors in a folder as another framework does, beside the weight files of other formats; else as
    `save_weights`.

    kind: TENSORFLOW or FLAX, a row of FORMATS with a naming. tensors, config: as `Naming.from_published` takes them.

    >>> save_foreign(Path("my-model"), FLAX, read_weights(origin).tensors, read_config(origin))  # doctest: +SKIP
    [PosixPath('my-model/flax_model.msgpack')]

    Raises CheckpointError: what the format has no place for. MissingExtra: TensorFlow's, without h5py.
    """
    assert kind.naming is not None
    theirs = kind.naming.from_published(tensors, config)
    return _save(folder, kind, theirs, parse_size(max_shard_size), instead_of=(kind,))


def _save(
    folder: Path, kind: Format, tensors: dict[str, np.ndarray], limit: int, *, instead_of: Sequence[Format]
) -> list[Path]:
    """Write a folder's weights in one format, and remove those of a former save in the formats `instead_of`."""
    shards = _shards(tensors, limit)
    folder.mkdir(parents=True, exist_ok=True)
    former = [path for path in folder.iterdir() if is_weight_file(path.name, instead_of)]
    if len(shards) == 1:
        kind.write(folder / kind.file, shards[0])
        written = [folder / kind.file]
    else:
        written = _write_shards(folder, kind, shards)
    # One file goes before an index when a folder is read, so until it is gone the former save is still whole.
    for path in sorted(former, key=lambda path: (not path.name.endswith(_INDEX), path.name)):
        if path not in written:
            path.unlink(missing_ok=True)
    return written


def parse_size(size: int | str) -> int:
    """Bytes from a number or text: "5GB" is 5,000,000,000, "1GiB" 1,073,741,824. Raises UsageError."""
    if isinstance(size, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]I?B)\s*", size.upper())
        size = int(float(match[1]) * _UNITS[match[2]]) if match else 0
    if size <= 0:
        raise UsageError('max_shard_size is not a size; give bytes, or text such as "200MB" or "5GB"')
    return size


def _read_shards(origin: Origin, path: Path) -> dict[str, np.ndarray]:
    places = _places(path)
    naming = find_naming(places)
    places = places if naming is None else naming.plain_keys(places, source=str(path))
    found: dict[str, np.ndarray] = {}
    for shard in sorted(set(places.values())):
        tensors = read_file(_shard_file(origin, path, shard))
        if naming is not None:  # an index may put before a name what the shard does not
            tensors = naming.plain_keys(tensors, source=f"{path}: {shard}")
        listed = {name for name, place in places.items() if place == shard}
        for name in tensors:
            if name not in listed:
                other = places.get(name)
                where = f"in {other}" if other else "nowhere"
                raise CheckpointError(
                    f"{path}: {shard} holds {name[:80]!r}, which the index has {where}; "
                    "the files are of different saves, fetch them again"
                )
        missing = sorted(listed - tensors.keys())
        if missing:
            raise CheckpointError(
                f"{path}: {shard} lacks {missing[0][:80]!r}, which the index has there; "
                "the files are of different saves, fetch them again"
            )
        found |= tensors
    return {name: found[name] for name in places}


def _places(index: Path) -> dict[str, str]:
    """Tensor -> shard."""
    places = read_json(index).get("weight_map")
    if not isinstance(places, dict) or not places or not all(isinstance(shard, str) for shard in places.values()):
        raise CheckpointError(f"{index}: no weight_map of tensor names to files; the file is damaged, fetch it again")
    return places


def _shard_file(origin: Origin, index: Path, shard: str) -> Path:
    """The path of a shard, which lies beside its index and nowhere else."""
    if not re.fullmatch(r"\w[\w.-]*", shard, re.ASCII) or not shard.endswith(_SUFFIXES):
        raise CheckpointError(f"{index}: {shard[:80]!r} is not the plain name of a shard; do not load this checkpoint")
    path = origin.file(shard)
    if path is None:
        raise CheckpointError(f"{index}: the shard {shard} is not beside it; fetch the missing file")
    if origin.is_local and not _stays(path):
        raise CheckpointError(f"{path}: a link that leaves the folder; put the file itself there")
    return path


def _stays(path: Path) -> bool:
    """Whether a file is in its folder, or is a link of the hub's own cache: snapshots/<commit>/x -> blobs/<hash>."""
    real, folder = path.resolve(), path.parent.resolve()
    return real.parent == folder or (
        folder.parent.name == "snapshots" and real.parent == folder.parent.parent / "blobs"
    )


def _untied(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    first: dict[object, str] = {}
    for name, array in tensors.items():
        first.setdefault(_memory(name, array), name)
    return {name: tensors[name] for name in first.values()}


def _memory(name: str, array: np.ndarray) -> object:
    """The same for arrays over the very same memory, else different."""
    if not array.nbytes:
        return name
    return array.__array_interface__["data"][0], array.shape, array.strides, array.dtype


def _shards(tensors: dict[str, np.ndarray], limit: int) -> list[dict[str, np.ndarray]]:
    """The tensors in their order, cut where the next would make a shard larger than `limit` bytes."""
    shards: list[dict[str, np.ndarray]] = [{}]
    used = 0
    for name, array in tensors.items():
        if shards[-1] and used + array.nbytes > limit:
            shards.append({})
            used = 0
        shards[-1][name] = array
        used += array.nbytes
    return shards


def _write_shards(folder: Path, kind: Format, shards: list[dict[str, np.ndarray]]) -> list[Path]:
    suffix = kind.suffixes[0]
    names = [f"{kind.stem}-{number:05}-of-{len(shards):05}{suffix}" for number in range(1, len(shards) + 1)]
    total = sum(array.nbytes for shard in shards for array in shard.values())
    places = {tensor: name for name, shard in zip(names, shards) for tensor in shard}
    with tempfile.TemporaryDirectory(dir=folder, prefix=".saving-") as beside:
        for name, shard in zip(names, shards):
            kind.write_shard(Path(beside) / name, shard)
        if any((folder / name).exists() for name in names):
            (folder / kind.index).unlink(missing_ok=True)  # or it would, for a moment, join shards of two saves
        for name in names:
            (Path(beside) / name).replace(folder / name)
    write_json(folder / kind.index, {"metadata": {"total_size": total}, "weight_map": places})
    return [*(folder / name for name in names), folder / kind.index]


def files_of(origin: Origin, path: Path) -> list[Path]:
    """The files that `find_weights` means: the one, or the shards and then their index."""
    if not path.name.endswith(_INDEX):
        return [path]
    return [*(_shard_file(origin, path, shard) for shard in sorted(set(_places(path).values()))), path]


def format_of(path: Path) -> Format:
    """The format of a weight file, or of the shards that an index lists."""
    for kind in FORMATS:
        if path.name == kind.index:
            return kind
    return recognise(path)


def is_weight_file(name: str, kinds: Sequence[Format] = FORMATS) -> bool:
    """Whether weights of a folder lie in a file of this name, or the index of their shards."""
    return any(
        name in (kind.file, kind.index) or re.fullmatch(rf"{kind.stem}-\d{{5}}-of-\d{{5}}{kind.suffixes[0]}", name)
        for kind in kinds
    )
