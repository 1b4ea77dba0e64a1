"""The pickle of a state dict, as `torch.save` writes it and `torch.load(weights_only=True)` reads it."""

import struct
from collections.abc import Mapping

from roberta.weights.arrays import DTYPES
from roberta.weights.unpickle import STORAGES, Storage, Tensor

_KINDS = {DTYPES[ours]: theirs for theirs, ours in STORAGES.items()}
_ORDERED_DICT = b"ccollections\nOrderedDict\n)R"


def pickle_state_dict(tensors: Mapping[str, Tensor]) -> bytes:
    """Protocol 2: an OrderedDict of name -> torch._utils._rebuild_tensor_v2(storage, offset, shape, stride, ...)."""
    parts = [b"\x80\x02", _ORDERED_DICT, b"("]
    for name, tensor in tensors.items():
        parts += [_text(name), b"ctorch._utils\n_rebuild_tensor_v2\n(", _storage(tensor.storage)]
        parts += [_number(tensor.offset), _numbers(tensor.shape), _numbers(tensor.stride)]
        parts += [b"\x89", _ORDERED_DICT, b"tR"]  # needs no gradient, has no hooks
    return b"".join([*parts, b"u."])


def _storage(storage: Storage) -> bytes:
    kind = f"ctorch\n{_KINDS[storage.dtype]}\n".encode()
    return b"(" + _text("storage") + kind + _text(storage.key) + _text("cpu") + _number(storage.count) + b"tQ"


def _text(text: str) -> bytes:
    raw = text.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def _number(number: int) -> bytes:
    if number < 1 << 31:
        return b"J" + struct.pack("<i", number)
    return b"\x8a\x08" + struct.pack("<q", number)


def _numbers(numbers: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(map(_number, numbers)) + b"t"
