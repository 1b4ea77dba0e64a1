"""The pickles inside PyTorch files, read as data: nothing is imported, nothing is called, no code runs.

A pickle is a program for a small stack machine. Python's own reader imports whatever the program names and calls it,
and trusts its sizes. This one knows only the instructions that build plain data, a short list of names, and inert
records for the rest of what a file may hold; anything else stops it with the name of what was asked for.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from roberta.errors import CheckpointError
from roberta.weights.arrays import DTYPES, is_shape, is_size

PICKLE_LIMIT = 4 << 20  # bytes; a state dict takes about 100 for each tensor, and one byte can make an object of 100
INTEGER_LIMIT = 64  # bytes of one whole number; Python's decimal printing of longer ones takes quadratic time
COPY_LIMIT = 1 << 20  # entries that OrderedDict(pairs) may copy; a file can name the same pairs again and again
_DAMAGED = "the file is damaged, fetch it again"

STORAGES = {  # theirs, ours
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}
_CONTAINERS = ("dict", "list", "tuple", "set", "frozenset", "object")
_PLAIN = ("int", "long", "float", "bool", "complex", "str", "unicode", "bytes")

# Names that stand for nothing but themselves in files that fairseq wrote; a module stands for all below it.
FAIRSEQ_STAND_INS = (
    "omegaconf",
    "fairseq",
    "typing",
    "enum",
    "collections.defaultdict",
    *(f"{module}.{name}" for module in ("builtins", "__builtin__") for name in _CONTAINERS + _PLAIN),
)


@dataclass(frozen=True)
class Global:
    """A class or function by its full name, never imported."""

    name: str


@dataclass(eq=False, slots=True)
class Record:
    """An object of some class, kept as what the file says of it: inert.

    state: the attributes, as a rule a dict. arguments: what it was built from. items: of a mapping. entries: of a list.
    """

    kind: str
    arguments: tuple = ()
    state: Any = None
    items: dict = field(default_factory=dict)
    entries: list = field(default_factory=list)

    def __repr__(self) -> str:
        return f"Record({self.kind!r})"  # the contents may refer back to this


@dataclass(frozen=True)
class Storage:
    """A run of numbers elsewhere in the file: its key, and `count` numbers of `dtype`."""

    key: str
    dtype: np.dtype
    count: int


@dataclass(frozen=True)
class Tensor:
    """A view of a storage; offset and stride count numbers, not bytes. Every index lies within the storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


@dataclass(frozen=True)
class Unpickled:
    """What a pickle spells: the object at its root, the storages that it refers to, by key, and where it ends."""

    root: Any
    storages: dict[str, Storage]
    end: int


def unpickle(data: Sequence, start: int = 0, *, name: str, stand_ins: tuple[str, ...] = ()) -> Unpickled:
    """The object that the pickle beginning at `start` of `data` (bytes, or a mapping of them) spells.

    It is made of dict (for OrderedDict too), list, tuple, text, bytes, numbers, True, False, None, `Tensor`, and, for
    what `stand_ins` and argparse.Namespace cover, `Record` and `Global`.
    name: the file, for messages. stand_ins: names of classes to keep as inert records, such as FAIRSEQ_STAND_INS.

    >>> unpickle(pickle.dumps({"epoch": 3}, protocol=2), name="training_state.bin").root
    {'epoch': 3}

    Raises CheckpointError: any other name or instruction, or a damaged pickle.
    """
    machine = _Machine(data, start, name, stand_ins)
    try:
        return Unpickled(machine.run(), machine.storages, machine.place)
    except (IndexError, ValueError, TypeError, KeyError, AttributeError, struct.error, RecursionError, OverflowError):
        # Only from damaged programs: an empty stack, an unknown place of the memo, an append to a number.
        raise machine.damaged(f"near byte {machine.place:,}") from None


class _Machine:
    def __init__(self, data: Sequence, start: int, name: str, stand_ins: tuple[str, ...]):
        self.data, self.place, self.name, self.stand_ins = data, start, name, stand_ins
        self.end = min(len(data), start + PICKLE_LIMIT)
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []  # the stacks below the open marks
        self.memo: dict[int, Any] = {}
        self.storages: dict[str, Storage] = {}
        self.copied = 0  # entries, by OrderedDict(pairs)

    def run(self) -> Any:
        instructions = _INSTRUCTIONS
        while True:
            code = self.take(1)[0]
            if code == _STOP:
                return self.stack.pop()
            step = instructions.get(code)
            if step is None:
                raise CheckpointError(
                    f"{self.name}: the instruction {chr(code)!r} at byte {self.place - 1:,} of its pickle "
                    "builds no weights; the file is damaged or unsafe"
                )
            step(self)

    def damaged(self, where: str) -> CheckpointError:
        return CheckpointError(f"{self.name}: its pickle is damaged {where}; fetch the file again")

    # What the instructions are made of.

    def take(self, count: int) -> bytes:
        start, self.place = self.place, self.place + count
        if self.place > self.end:
            self.place = start
            if self.end < len(self.data):
                raise CheckpointError(f"{self.name}: a pickle of more than {PICKLE_LIMIT:,} bytes holds no weights")
            raise self.damaged("at its end, which is missing")
        return self.data[start : self.place]

    def number(self, layout: str) -> Any:
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def line(self) -> str:
        end = self.data.find(b"\n", self.place, min(self.end, self.place + 1000))
        if end < 0:
            raise ValueError
        return self.take(end + 1 - self.place)[:-1].decode("utf-8")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def text(self, layout: str) -> None:
        # Tensor names, as PyTorch writes them, are UTF-8; lone surrogates would only make trouble later.
        self.push(self.take(self.number(layout)).decode("utf-8"))

    def raw(self, layout: str) -> None:
        self.push(self.take(self.number(layout)))

    def integer(self, layout: str) -> None:
        count = self.number(layout)
        if not 0 <= count <= INTEGER_LIMIT:
            raise ValueError
        self.push(int.from_bytes(self.take(count), "little", signed=True))

    def mark(self) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def since_mark(self) -> list[Any]:
        found, self.stack = self.stack, self.marks.pop()
        return found

    def tuple_of(self, count: int) -> None:
        if len(self.stack) < count:
            raise IndexError
        self.stack[-count:] = [tuple(self.stack[-count:])]

    def put(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    def set_items(self, flat: list[Any]) -> None:
        target = self.stack[-1]
        items = target.items if isinstance(target, Record) else target
        if not isinstance(items, dict) or len(flat) % 2:
            raise TypeError
        for key, value in zip(flat[::2], flat[1::2]):
            items[_key(key)] = value

    def append(self, values: list[Any]) -> None:
        target = self.stack[-1]
        entries = target.entries if isinstance(target, Record) else target
        if not isinstance(entries, list):
            raise TypeError
        entries.extend(values)

    def one_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.set_items([key, value])

    def one_value(self) -> None:
        value = self.stack.pop()
        self.append([value])

    def pop(self) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.since_mark()

    # Names, and what a call of them means here.

    def global_(self, module: str, name: str) -> None:
        full = f"{module}.{name}"
        if full not in _MEANINGS and not self.stands_in(full):
            shown = full if len(full) <= 120 else full[:120] + "..."
            raise CheckpointError(
                f"{self.name}: its pickle asks for {shown!r}, which no weights need and which could run code; "
                "do not load this file, get the model as safetensors"
            )
        self.push(Global(full))

    def named_by_stack(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise TypeError
        self.global_(module, name)

    def stands_in(self, full: str) -> bool:
        return any(full == allowed or full.startswith(allowed + ".") for allowed in self.stand_ins)

    def call(self, arguments: Any, named: Any = None) -> None:
        callee = self.stack.pop()
        if not isinstance(callee, Global) or not isinstance(arguments, tuple):
            raise TypeError
        meaning = _MEANINGS.get(callee.name)
        if meaning is not None:
            self.push(meaning(self, arguments))
        else:
            self.push(Record(callee.name, arguments, state=named))

    def reduce(self) -> None:
        self.call(self.stack.pop())

    def new_with_names(self) -> None:
        named, arguments = self.stack.pop(), self.stack.pop()
        self.call(arguments, named or None)

    def build(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if isinstance(target, Record):
            target.state = state
        elif not isinstance(target, dict):
            raise TypeError
        # An OrderedDict's attributes (PyTorch keeps versions of modules in `_metadata`) say nothing about weights.

    def ordered_dict(self, arguments: tuple) -> dict:
        if not arguments:
            return {}
        [pairs] = arguments
        self.copied += len(pairs)
        if self.copied > COPY_LIMIT:
            raise ValueError
        found = {}
        for key, value in pairs:
            found[_key(key)] = value
        return found

    def namespace(self, arguments: tuple) -> Record:
        return Record("argparse.Namespace", arguments)

    def tensor(self, arguments: tuple) -> Tensor:
        # requires_grad, backward hooks and metadata follow; they say nothing about the numbers.
        storage, offset, shape, stride = arguments[:4]
        if not isinstance(storage, Storage) or len(shape) != len(stride):
            raise TypeError
        if not is_shape(shape) or not all(map(is_size, (*stride, offset))):
            raise self.outside("its sizes are no whole numbers, negative or absurd")
        count, last = math.prod(shape), offset + sum((size - 1) * step for size, step in zip(shape, stride))
        # A stride of 0 would make any number of numbers out of few.
        if count > storage.count or (count and last >= storage.count):
            raise self.outside(f"{count:,} numbers from {offset:,} on, the last at {last:,} of {storage.count:,}")
        return Tensor(storage, offset, tuple(shape), tuple(stride))

    def parameter(self, arguments: tuple) -> Tensor:
        if not isinstance(arguments[0], Tensor):
            raise TypeError
        return arguments[0]

    def outside(self, what: str) -> CheckpointError:
        return CheckpointError(f"{self.name}: a tensor reaches outside its storage ({what}); {_DAMAGED}")

    def storage(self) -> None:
        persistent = self.stack.pop()
        if not isinstance(persistent, tuple) or len(persistent) not in (5, 6) or persistent[0] != "storage":
            raise TypeError
        _, kind, key, _location, count, *view = persistent
        if view not in ([], [None]):
            raise CheckpointError(f"{self.name}: storages that are views are of a PyTorch before 0.4, not read here")
        if not isinstance(kind, Global) or not kind.name.startswith("torch.") or not isinstance(key, str):
            raise TypeError
        if not is_size(count):
            raise self.outside("which has a negative or absurd size")
        storage = Storage(key, DTYPES[STORAGES[kind.name.removeprefix("torch.")]], count)
        if self.storages.setdefault(key, storage) != storage:
            raise CheckpointError(f"{self.name}: tells of the storage {key[:40]!r} in two ways; {_DAMAGED}")
        self.push(storage)


def _key(key: Any) -> Any:
    """A key for a dict or set, only of kinds whose hash is cheap: nested tuples and huge numbers are attacks."""
    if isinstance(key, Record | Global | str | bytes | bool | None):
        return key
    if type(key) is int and abs(key) < 1 << 63:
        return key
    if isinstance(key, tuple) and len(key) <= 8 and not any(isinstance(part, tuple) for part in key):
        return tuple(map(_key, key))
    raise TypeError


def _not_called(machine: _Machine, arguments: tuple) -> Any:
    raise TypeError  # the type of a storage is named, never called


_MEANINGS: dict[str, Callable[[_Machine, tuple], Any]] = {
    "collections.OrderedDict": _Machine.ordered_dict,
    "torch._utils._rebuild_tensor_v2": _Machine.tensor,
    "torch._utils._rebuild_parameter": _Machine.parameter,
    "argparse.Namespace": _Machine.namespace,
    **{f"torch.{name}": _not_called for name in STORAGES},
}

_STOP = ord(".")
# Left out on purpose: DUP, PERSID, INST, OBJ, EXT*, BYTEARRAY8, buffers, sets, and what is spelt in decimal.
_INSTRUCTIONS: dict[int, Callable[[_Machine], Any]] = {
    code[0]: step
    for code, step in {
        b"\x80": lambda m: m.take(1),  # the protocol; what it allows is not relied upon
        b"\x95": lambda m: m.take(8),  # a frame, only a hint for reading ahead
        b"(": _Machine.mark,
        b"0": _Machine.pop,
        b"1": _Machine.since_mark,
        b"N": lambda m: m.push(None),
        b"\x88": lambda m: m.push(True),
        b"\x89": lambda m: m.push(False),
        b"J": lambda m: m.push(m.number("<i")),
        b"K": lambda m: m.push(m.number("<B")),
        b"M": lambda m: m.push(m.number("<H")),
        b"\x8a": lambda m: m.integer("<B"),
        b"\x8b": lambda m: m.integer("<i"),
        b"G": lambda m: m.push(m.number(">d")),
        b"X": lambda m: m.text("<I"),
        b"\x8c": lambda m: m.text("<B"),
        b"\x8d": lambda m: m.text("<Q"),
        b"U": lambda m: m.text("<B"),  # the text of Python 2
        b"T": lambda m: m.text("<I"),
        b"C": lambda m: m.raw("<B"),
        b"B": lambda m: m.raw("<I"),
        b"\x8e": lambda m: m.raw("<Q"),
        b")": lambda m: m.push(()),
        b"t": lambda m: m.push(tuple(m.since_mark())),
        b"\x85": lambda m: m.tuple_of(1),
        b"\x86": lambda m: m.tuple_of(2),
        b"\x87": lambda m: m.tuple_of(3),
        b"]": lambda m: m.push([]),
        b"l": lambda m: m.push(m.since_mark()),
        b"a": _Machine.one_value,
        b"e": lambda m: m.append(m.since_mark()),
        b"}": lambda m: m.push({}),
        b"s": _Machine.one_item,
        b"u": lambda m: m.set_items(m.since_mark()),
        b"h": lambda m: m.push(m.memo[m.number("<B")]),
        b"j": lambda m: m.push(m.memo[m.number("<I")]),
        b"q": lambda m: m.put(m.number("<B")),
        b"r": lambda m: m.put(m.number("<I")),
        b"\x94": lambda m: m.put(len(m.memo)),
        b"c": lambda m: m.global_(m.line(), m.line()),
        b"\x93": _Machine.named_by_stack,
        b"R": _Machine.reduce,
        b"\x81": _Machine.reduce,  # NEWOBJ: cls.__new__(cls, *arguments)
        b"\x92": _Machine.new_with_names,
        b"b": _Machine.build,
        b"Q": _Machine.storage,
    }.items()
}
