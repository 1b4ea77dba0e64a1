"""Pickles of plain objects with tensors in them, as `torch.save` writes them: the same object gives the same bytes."""

import struct
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from roberta.weights.arrays import DTYPES
from roberta.weights.unpickle import STORAGES, Record, Storage, Tensor

NAMESPACE = "argparse.Namespace"
_KINDS = {DTYPES[ours]: theirs for theirs, ours in STORAGES.items()}
_ORDERED_DICT = b"ccollections\nOrderedDict\n)R"
_CONSTANTS = {None: b"N", True: b"\x88", False: b"\x89"}


def pickle_object(root: Any) -> bytes:
    """Protocol 2 of dict, OrderedDict, list, text, numbers, True, False, None, `Tensor`, and a `Record` of a Namespace.

    A tensor is torch._utils._rebuild_tensor_v2(storage, offset, shape, stride, ...).

    >>> pickle_object({"epoch": 3})
    b'\\x80\\x02}(X\\x05\\x00\\x00\\x00epochJ\\x03\\x00\\x00\\x00u.'

    Raises TypeError: anything else.
    """
    return b"".join([b"\x80\x02", *_parts(root), b"."])


def _parts(value: Any) -> Iterator[bytes]:
    match value:
        case None | True | False:
            yield _CONSTANTS[value]
        case int():
            yield _number(value)
        case float():
            yield b"G" + struct.pack(">d", value)
        case str():
            yield _text(value)
        case Tensor():
            yield from (b"ctorch._utils\n_rebuild_tensor_v2\n(", _storage(value.storage), _number(value.offset))
            yield from (_numbers(value.shape), _numbers(value.stride))
            yield b"\x89" + _ORDERED_DICT + b"tR"  # needs no gradient, has no hooks
        case dict():
            yield (_ORDERED_DICT if isinstance(value, OrderedDict) else b"}") + b"("
            for name, item in value.items():
                yield _text(name)
                yield from _parts(item)
            yield b"u"
        case list():
            yield b"]("
            for item in value:
                yield from _parts(item)
            yield b"e"
        case Record(kind=kind, state=dict() as state) if kind == NAMESPACE:
            yield b"cargparse\nNamespace\n)\x81"
            yield from _parts(state)
            yield b"b"
        case _:
            raise TypeError(f"{type(value).__name__} is not pickled here")


def _storage(storage: Storage) -> bytes:
    kind = f"ctorch\n{_KINDS[storage.dtype]}\n".encode()
    return b"(" + _text("storage") + kind + _text(storage.key) + _text("cpu") + _number(storage.count) + b"tQ"


def _text(text: str) -> bytes:
    raw = text.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def _number(number: int) -> bytes:
    if -1 << 31 <= number < 1 << 31:
        return b"J" + struct.pack("<i", number)
    return b"\x8a\x08" + struct.pack("<q", number)


def _numbers(numbers: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(map(_number, numbers)) + b"t"
