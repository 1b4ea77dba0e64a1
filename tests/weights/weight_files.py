"""Small weight files of every kind, good and crafted, made at test time."""

import json
import mmap
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch

from roberta.weights.arrays import BFLOAT16
from roberta.weights.torch_file import LEGACY_MAGIC


def as_torch(array: np.ndarray) -> torch.Tensor:
    """The same memory as a torch tensor."""
    if array.dtype == BFLOAT16:
        return torch.from_numpy(array.view(np.uint16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def is_mapped(array: np.ndarray) -> bool:
    """Whether the numbers lie in a mapped file, not in memory of their own."""
    below = array
    while below is not None and not isinstance(below, mmap.mmap):
        below = below.obj if isinstance(below, memoryview) else getattr(below, "base", None)
    return below is not None


def same_tensors(arrays: dict[str, np.ndarray], tensors: dict[str, torch.Tensor]) -> bool:
    """The same names, types, shapes and bits."""
    return arrays.keys() == tensors.keys() and all(
        as_torch(array).dtype == tensors[name].dtype and torch.equal(as_torch(array), tensors[name].detach())
        for name, array in arrays.items()
    )


def sample_state(seed: int = 0) -> OrderedDict:
    """A state dict with every kind of tensor that a file may hold, each type, views and shared storages included."""
    random = torch.Generator().manual_seed(seed)
    state = OrderedDict()
    state["roberta.embeddings.word_embeddings.weight"] = torch.randn(7, 4, generator=random)
    state["half"] = torch.randn(3, 2, generator=random).half()
    state["bfloat16"] = torch.randn(5, generator=random).bfloat16()
    state["double"] = torch.randn(2, generator=random).double()
    state["scalar"] = torch.tensor(2.5)
    state["empty"] = torch.zeros(0, 3)
    state["bytes"] = torch.arange(3, dtype=torch.uint8)
    state["flags"] = torch.tensor([True, False])
    state["position_ids"] = torch.arange(6).view(1, 6)
    state["int8"] = torch.tensor([-3], dtype=torch.int8)
    state["int16"] = torch.tensor([-300, 7], dtype=torch.int16)
    state["int32"] = torch.tensor([[70000]], dtype=torch.int32)
    return state


def sample_torch_state(seed: int = 0) -> OrderedDict:
    """`sample_state` with what only PyTorch files hold: tied tensors, views, Parameters and the modules' versions."""
    state = sample_state(seed)
    words = state["roberta.embeddings.word_embeddings.weight"]
    state["lm_head.decoder.weight"] = words
    state["turned"] = words.t()
    state["part"] = words[2:4, 1:3]
    state["row"] = words[3]
    state["parameter"] = torch.nn.Parameter(torch.ones(2))
    state["ϕ name"] = torch.zeros(1)
    state._metadata = OrderedDict({"": {"version": 1}})
    return state


def sample_arrays(seed: int = 0) -> dict[str, np.ndarray]:
    """`sample_state` as arrays."""
    found = {}
    for name, value in sample_state(seed).items():
        is_bfloat16 = value.dtype == torch.bfloat16
        found[name] = value.view(torch.int16).numpy().view(BFLOAT16) if is_bfloat16 else value.numpy()
    return found


def safetensors_bytes(header: object, numbers: bytes = b"") -> bytes:
    """A safetensors file with this header, an object or its text, and these bytes behind it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + numbers


def entry(kind: str = "F32", shape: object = (2,), offsets: object = (0, 8)) -> dict:
    return {"dtype": kind, "shape": shape, "data_offsets": offsets}


def zip_bytes(path: Path, members: dict[str, bytes], **options) -> Path:
    """A zip file with just these members."""
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def number(value: int) -> bytes:
    return b"\x8a\x09" + value.to_bytes(9, "little", signed=True)


def numbers(*values: int) -> bytes:
    return b"(" + b"".join(map(number, values)) + b"t"


def storage(key: str = "0", kind: str = "FloatStorage", count: int = 4) -> bytes:
    """The instructions that refer to a storage."""
    return b"(" + text("storage") + f"ctorch\n{kind}\n".encode() + text(key) + text("cpu") + number(count) + b"tQ"


def tensor(
    key: str = "0",
    kind: str = "FloatStorage",
    count: int = 4,
    offset: bytes | None = None,
    shape: bytes | None = None,
    stride: bytes | None = None,
) -> bytes:
    """The instructions that rebuild a tensor; by default four float32 in a row."""
    place = (offset or number(0)) + (shape or numbers(4)) + (stride or numbers(1))
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage(key, kind, count) + place + b"\x89}tR"


def program(body: bytes) -> bytes:
    return b"\x80\x02" + body + b"."


def state_program(*items: tuple[str, bytes]) -> bytes:
    """The pickle of a dict of name -> what the instructions build."""
    return program(b"}(" + b"".join(text(name) + value for name, value in items) + b"u")


def torch_zip(path: Path, pickled: bytes, storages: dict[str, bytes] | None = None, **others: bytes) -> Path:
    """A PyTorch zip file around a pickle; `others` are further members by name."""
    held = {"0": np.arange(4, dtype="<f4").tobytes()} if storages is None else storages
    members = {"archive/data.pkl": pickled, **{f"archive/data/{key}": raw for key, raw in held.items()}}
    return zip_bytes(path, members | {f"archive/{name}": raw for name, raw in others.items()})


def legacy_bytes(
    pickled: bytes,
    keys: bytes | None = None,
    storages: bytes | None = None,
    version: bytes = b"M\xe9\x03",
    little: bytes = b"\x88",
) -> bytes:
    """A PyTorch file from before 1.6 around a pickle; by default with one storage of four float32."""
    machine = program(b"}" + text("little_endian") + little + b"s")
    keys = program(b"](" + text("0") + b"e") if keys is None else keys
    raw = (4).to_bytes(8, "little") + np.arange(4, dtype="<f4").tobytes() if storages is None else storages
    return b"\x80\x02" + LEGACY_MAGIC + program(version) + machine + pickled + keys + raw
