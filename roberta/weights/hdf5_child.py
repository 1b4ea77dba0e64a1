"""A process of its own that looks into an HDF5 file, whose library a damaged file can crash or hang.

It is run as a script by `hdf5_file` and imports nothing of this package. Standard output is the answer: a length (8
bytes, little-endian), as many bytes of JSON, and then the numbers that the asker cannot read from the file itself.
    {"tensors": [{"name", "dtype", "shape", "start"}, ...]}  start: the byte where the numbers lie in the file in one
                                                             piece, little-endian; null: they follow, in this order
    {"refused": "..."}                                       a sentence without the file's name
"""

import json
import math
import os
import resource
import sys

import h5py
import numpy as np

DEPTH = 32  # groups within groups; weights lie some ten deep
OBJECTS = 1 << 16
_DAMAGED = "the file is damaged, fetch it again"
_HOSTILE = "do not load this checkpoint"
_FILTERS = {  # what h5py itself can undo, by number
    h5py.h5z.FILTER_DEFLATE,
    h5py.h5z.FILTER_SHUFFLE,
    h5py.h5z.FILTER_FLETCHER32,
    h5py.h5z.FILTER_LZF,
}
_TYPES = {
    "float64": h5py.h5t.IEEE_F64LE,
    "float32": h5py.h5t.IEEE_F32LE,
    "float16": h5py.h5t.IEEE_F16LE,
    "int64": h5py.h5t.STD_I64LE,
    "int32": h5py.h5t.STD_I32LE,
    "int16": h5py.h5t.STD_I16LE,
    "int8": h5py.h5t.STD_I8LE,
    "uint64": h5py.h5t.STD_U64LE,
    "uint32": h5py.h5t.STD_U32LE,
    "uint16": h5py.h5t.STD_U16LE,
    "uint8": h5py.h5t.STD_U8LE,
}


class Refused(Exception):
    """What is wrong with the file, as the end of a sentence that begins with its name."""


def datasets(group: h5py.Group, path: str, seen: set[bytes]) -> list[tuple[str, h5py.Dataset]]:
    """Every dataset below a group, by its path. A link is looked at before it is followed."""
    names: list[bytes] = []
    group.id.links.iterate(names.append)
    found = []
    for raw in names:
        name = path + raw.decode("utf-8", "replace")
        shown = repr(name[-80:])
        kind = group.id.links.get_info(raw).type
        if kind == h5py.h5l.TYPE_EXTERNAL:
            raise Refused(f"{shown} is a link to another file; {_HOSTILE}")
        if kind != h5py.h5l.TYPE_HARD:
            raise Refused(f"{shown} is a link and no object of its own; {_HOSTILE}")
        about = h5py.h5o.get_info(group.id, raw)
        key = (about.fileno, about.addr)
        if key in seen or len(seen) > OBJECTS or name.count("/") > DEPTH:
            raise Refused(f"{shown} is one object under two names, or too deep or the last of too many; {_DAMAGED}")
        seen.add(key)
        if about.type == h5py.h5o.TYPE_GROUP:
            found += datasets(h5py.Group(h5py.h5g.open(group.id, raw)), name + "/", seen)
        elif about.type == h5py.h5o.TYPE_DATASET:
            found.append((name, h5py.Dataset(h5py.h5d.open(group.id, raw))))
        else:
            raise Refused(f"{shown} is neither a group nor numbers; {_DAMAGED}")
    return found


def describe(name: str, dataset: h5py.Dataset) -> dict:
    """A dataset's entry of the answer. Raises Refused: it lies outside the file, or holds what no weight is."""
    shown = repr(name[-80:])
    properties = dataset.id.get_create_plist()
    if properties.get_external_count() or properties.get_layout() == h5py.h5d.VIRTUAL:
        raise Refused(f"{shown} keeps its numbers in other files; {_HOSTILE}")
    for number in range(properties.get_nfilters()):
        kind = properties.get_filter(number)[0]
        if kind not in _FILTERS:
            raise Refused(f"{shown} is packed by the unknown filter {kind}; save it unpacked, or by gzip")
    if dataset.id.get_space().get_simple_extent_type() not in (h5py.h5s.SIMPLE, h5py.h5s.SCALAR):
        raise Refused(f"{shown} has no shape; {_DAMAGED}")
    stored = dataset.id.get_type()
    if stored.get_class() not in (h5py.h5t.INTEGER, h5py.h5t.FLOAT) or dataset.dtype.name not in _TYPES:
        raise Refused(f"{shown} holds no numbers of a type that weights have; {_DAMAGED}")
    dtype = dataset.dtype.name
    plain = properties.get_layout() == h5py.h5d.CONTIGUOUS and stored.equal(_TYPES[dtype])
    start = dataset.id.get_offset() if plain else None  # None too where nothing was ever written
    if properties.get_layout() == h5py.h5d.CHUNKED:
        piece = math.prod(properties.get_chunk()) * dataset.dtype.itemsize
        if piece > max(2 * size_of(dataset), 1 << 20):
            raise Refused(f"{shown} comes in pieces of {piece:,} bytes, more than it has; {_DAMAGED}")
    return {"name": name, "dtype": dtype, "shape": list(dataset.shape), "start": start}


def size_of(dataset: h5py.Dataset) -> int:
    """Bytes that its shape asks for; Python's numbers do not overflow."""
    return math.prod(dataset.shape) * dataset.dtype.itemsize


def answer(about: dict) -> None:
    text = json.dumps(about).encode()
    sys.stdout.buffer.write(len(text).to_bytes(8, "little") + text)


def look_into(path: str, room: int, memory: int) -> list[h5py.Dataset]:
    """Answer for the file at `path`; returns the datasets whose numbers are to follow.

    room: bytes that may follow. memory: bytes of addresses that the work may take.
    """
    most = resource.getrlimit(resource.RLIMIT_AS)[1]
    memory = memory if most == resource.RLIM_INFINITY else min(memory, most)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    file = h5py.File(path, "r", locking=False)
    found = datasets(file, "", set())
    entries = [describe(name, dataset) for name, dataset in found]
    sent = [(dataset, entry) for (_, dataset), entry in zip(found, entries) if entry["start"] is None]
    size = sum(size_of(dataset) for dataset, _ in sent)
    if size > room:
        raise Refused(f"holds {size:,} bytes in packed form, more than its numbers can shrink; save it unpacked")
    answer({"tensors": entries})
    return [dataset for dataset, _ in sent]


def send(datasets: list[h5py.Dataset]) -> None:
    """The numbers of these, as `describe` told of them, one behind the other."""
    for dataset in datasets:
        numbers = np.empty(dataset.shape, dataset.dtype.newbyteorder("<"))
        if numbers.size:
            dataset.read_direct(numbers)
        sys.stdout.buffer.write(numbers.reshape(-1).view(np.uint8))


if __name__ == "__main__":
    code = 0
    try:
        packed = look_into(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    except Refused as refusal:
        answer({"refused": str(refusal)})
    except (Exception, MemoryError) as error:  # h5py's errors are of many kinds
        said = " ".join(str(error).split())[:160]
        answer({"refused": f"the HDF5 library cannot read it ({said}); {_DAMAGED}"})
    else:
        try:
            send(packed)
        except Exception:  # the answer has begun, so only the exit code can tell
            code = 1
    sys.stdout.flush()
    os._exit(code)  # nothing of a damaged file is put in order on the way out
