import argparse
import collections
import os
import pickle
import struct
import subprocess
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roberta.errors import CheckpointError
from roberta.weights.unpickle import (
    FAIRSEQ_STAND_INS,
    PICKLE_LIMIT,
    Global,
    Record,
    Storage,
    Tensor,
    unpickle,
)
from tests.weights.weight_files import number, numbers, program, state_program, storage, tensor, text


def read(data: bytes, stand_ins: tuple[str, ...] = ()):
    return unpickle(data, name="x.bin", stand_ins=stand_ins).root


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_data_is_what_pickle_itself_reads(protocol):
    shared = [1, 2]
    value = {
        "text": "ü \U0001f600",
        "long text": "x" * 70_000,
        "bytes": b"\x00\xff" * 200 if protocol > 2 else None,  # protocol 2 would call a codec
        "numbers": [0, 255, 256, 65_536, -1, 2**31, -(2**40), 2**200, 1.5, float("inf")],
        "rest": (None, True, False, (), [], {}, (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
        "again": [shared, shared],
        7: {("a", 1): "pair"},
        "many": list(range(3000)),
        "wide": {str(place): place for place in range(3000)},
    }
    found = read(pickle.dumps(value, protocol))
    assert found == value
    assert found["again"][0] is found["again"][1]


def test_ordered_dicts_are_dicts_in_their_order_with_attributes_left_out():
    value = collections.OrderedDict(b=1, a=2)
    value._metadata = {"": {"version": 1}}
    assert list(read(pickle.dumps(value, 2)).items()) == [("b", 1), ("a", 2)]


def test_ordered_dicts_of_python_2_are_read():
    body = b"ccollections\nOrderedDict\n(](](U\x01bK\x01e](U\x01aK\x02eetR"
    assert list(read(program(body)).items()) == [("b", 1), ("a", 2)]


def test_the_place_behind_a_pickle_is_told():
    first = pickle.dumps([1], 2)
    result = unpickle(first + b"rest", name="x")
    assert result.end == len(first)
    assert unpickle(b"before" + first, 6, name="x").root == [1]


def test_a_namespace_is_kept_as_an_inert_record():
    record = read(pickle.dumps(argparse.Namespace(layers=3), 2))
    assert isinstance(record, Record)
    assert (record.kind, record.state) == ("argparse.Namespace", {"layers": 3})


class Evil:
    """Pickles as a call."""

    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call[0], self.call[1:]


EVIL = {
    "posix.system": Evil(os.system, "touch pwned"),
    "Popen": Evil(subprocess.Popen, ["touch", "pwned"]),
    "builtins.eval": Evil(eval, "1"),
    "builtins.getattr": Evil(getattr, "x", "upper"),
    "io.open": Evil(open, "pwned", "w"),
}


@pytest.mark.parametrize("name", EVIL)
@pytest.mark.parametrize("protocol", [2, 4])
def test_calls_are_refused_by_name_and_never_made(tmp_path, monkeypatch, name, protocol):
    monkeypatch.chdir(tmp_path)
    data = pickle.dumps({"w": EVIL[name]}, protocol).replace(b"c__builtin__", b"cbuiltins")
    for stand_ins in ((), FAIRSEQ_STAND_INS):
        with pytest.raises(CheckpointError, match=name.replace(".", r"\.")) as error:
            read(data, stand_ins)
        assert "could run code" in str(error.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "name",
    [
        "torch._utils _rebuild_tensor",
        "torch load",
        "torch.storage _load_from_bytes",
        "torch._utils _rebuild_sparse_tensor",
        "torch FloatStorage.from_file",
        "collections OrderedDict.fromkeys",
        "numpy.core.multiarray _reconstruct",
        "fairseqx evil",
        "typing_extensions Any",
        "builtins exec",
        "builtins dict.fromkeys",
        "functools partial",
    ],
)
def test_names_that_resemble_the_allowed_ones_are_refused(name):
    module, attribute = name.split(" ")
    for stand_ins in ((), FAIRSEQ_STAND_INS):
        if stand_ins and name == "builtins dict.fromkeys":
            continue
        for data in (
            program(f"c{module}\n{attribute}\n)R".encode()),
            program(text(module) + text(attribute) + b"\x93)R"),
        ):
            with pytest.raises(CheckpointError, match="asks for"):
                read(data, stand_ins)


def test_stand_ins_keep_what_they_were_given_and_do_nothing():
    class_of = b"comegaconf.nodes\nAnyNode\n"
    body = class_of + b")\x81}" + text("_val") + b"K\x07sb"
    record = read(program(body), FAIRSEQ_STAND_INS)
    assert (record.kind, record.arguments, record.state) == ("omegaconf.nodes.AnyNode", (), {"_val": 7})
    called = read(
        program(b"ccollections\ndefaultdict\n(c__builtin__\nlist\ntR" + text("k") + b"K\x01s"), FAIRSEQ_STAND_INS
    )
    assert (called.kind, called.arguments, called.items) == (
        "collections.defaultdict",
        (Global("__builtin__.list"),),
        {"k": 1},
    )
    filled = read(program(b"cfairseq.x\nRows\n)RK\x01a"), FAIRSEQ_STAND_INS)
    assert filled.entries == [1]
    named = read(program(b"cfairseq.x\nY\n)}" + text("a") + b"K\x01s\x92"), FAIRSEQ_STAND_INS)
    assert named.state == {"a": 1}
    with pytest.raises(CheckpointError, match=r"omegaconf\.nodes\.AnyNode"):
        read(program(body))


def test_a_tensor_is_read_as_a_view_of_a_storage():
    found = read(program(tensor(shape=numbers(2, 2), stride=numbers(1, 2))))
    assert isinstance(found, Tensor)
    assert (found.offset, found.shape, found.stride) == (0, (2, 2), (1, 2))
    assert (found.storage.key, found.storage.dtype.name, found.storage.count) == ("0", "float32", 4)
    wrapped = read(program(b"ctorch._utils\n_rebuild_parameter\n(" + tensor() + b"\x88}tR"))
    assert wrapped.shape == (4,)


OUTSIDE = {
    "offset behind the end": tensor(offset=number(4), shape=numbers(), stride=numbers()),
    "offset and size": tensor(offset=number(1)),
    "stride": tensor(shape=numbers(2), stride=numbers(4)),
    "more numbers than there are": tensor(shape=numbers(5)),
    "negative offset": tensor(offset=number(-1)),
    "negative size": tensor(shape=numbers(-4)),
    "negative stride": tensor(offset=number(3), stride=numbers(-1)),
    "huge stride": tensor(shape=numbers(1), stride=numbers(1 << 62)),
    "huge size": tensor(shape=numbers(1 << 62)),
    "sizes whose product wraps": tensor(shape=numbers(1 << 32, 1 << 32), stride=numbers(0, 0)),
    "stride of 0": tensor(shape=numbers(1 << 40), stride=numbers(0)),
    "empty of absurd shape": tensor(shape=numbers(0, 1 << 60), stride=numbers(1, 1)),
    "too many dimensions": tensor(shape=numbers(*[1] * 60), stride=numbers(*[1] * 60)),
    "offset that is no number": tensor(offset=text("0")),
    "offset of true": tensor(offset=b"\x88", shape=numbers(1)),
    "size with a fraction": tensor(shape=b"(G" + struct.pack(">d", 2.0) + b"t"),
    "storage of negative size": tensor(count=-1),
    "storage of absurd size": tensor(count=1 << 62),
}


@pytest.mark.parametrize("fault", OUTSIDE)
def test_tensors_that_reach_outside_their_storage_are_refused(fault):
    with pytest.raises(CheckpointError, match="reaches outside its storage"):
        read(program(OUTSIDE[fault]))


DAMAGED = {
    "empty": b"",
    "cut": pickle.dumps({"a": list(range(50))}, 2)[:-20],
    "nothing on the stack": program(b""),
    "call of nothing": program(b"R"),
    "call of a dict": program(b"})R"),
    "call of a storage type": program(b"ctorch\nFloatStorage\n)R"),
    "arguments that are no tuple": program(b"ccollections\nOrderedDict\n]R"),
    "unknown place of the memo": program(b"h\x05"),
    "item of a list": program(b"]K\x01K\x02s"),
    "append to a dict": program(b"}K\x01a"),
    "odd number of items": program(b"}(K\x01u"),
    "close without a mark": program(b"t"),
    "tuple of too few": program(b"K\x01\x87"),
    "state of a list": program(b"]}b"),
    "key that is a list": program(b"}]K\x01s"),
    "key that is a huge number": program(b"}\x8a\x20" + b"\x7f" * 32 + b"K\x01s"),
    "key of nested tuples": program(b"}))\x86K\x01\x86K\x01s"),
    "key that is a real number": program(b"}G" + bytes(8) + b"K\x01s"),
    "number of too many bytes": program(b"\x8b" + struct.pack("<i", 1000) + bytes(1000)),
    "number of a negative count": program(b"\x8b" + struct.pack("<i", -1)),
    "text longer than the file": program(b"X" + struct.pack("<I", 1 << 31)),
    "text of 2 to the 63": program(b"\x8d" + struct.pack("<Q", 1 << 63)),
    "bytes longer than the file": program(b"\x8e" + struct.pack("<Q", 1 << 62)),
    "text that is not UTF-8": program(b"X\x01\x00\x00\x00\xff"),
    "name without an end": b"\x80\x02c" + b"a" * 5000,
    "name of numbers by the stack": program(b"K\x01K\x02\x93"),
    "tensor of too few arguments": program(b"ctorch._utils\n_rebuild_tensor_v2\n)R"),
    "tensor of no storage": program(b"ctorch._utils\n_rebuild_tensor_v2\n(K\x00K\x00))tR"),
    "shape and stride of two lengths": program(tensor(shape=numbers(2, 2))),
    "parameter of no tensor": program(b"ctorch._utils\n_rebuild_parameter\n(K\x01\x88}tR"),
    "reference that is no storage": program(b"(" + text("module") + b"K\x01K\x01K\x01K\x01tQ"),
    "reference of too few": program(b"(" + text("storage") + b"tQ"),
    "reference that is text": program(text("storage") + b"Q"),
    "storage of a class that is none": program(
        b"(" + text("storage") + b"ccollections\nOrderedDict\n" + text("0") * 2 + b"K\x04tQ"
    ),
    "storage key that is a number": program(
        b"(" + text("storage") + b"ctorch\nFloatStorage\nK\x00" + text("cpu") + b"K\x04tQ"
    ),
    "the same storage in two ways": program(b"(" + storage() + storage(kind="LongStorage") + b"t"),
    "the same storage in two sizes": program(b"(" + storage() + storage(count=5) + b"t"),
}


@pytest.mark.parametrize("fault", DAMAGED)
def test_damaged_pickles_are_refused(fault):
    with pytest.raises(CheckpointError, match="damaged"):
        read(DAMAGED[fault])


@pytest.mark.parametrize(
    "code",
    [
        b"2",
        b"P0\n",
        b"i",
        b"o",
        b"\x82\x01",
        b"\x96" + struct.pack("<Q", 1 << 40),
        b"\x97",
        b"I1\n",
        b"F1\n",
        b"S'a'\n",
    ],
)
def test_instructions_that_build_no_weights_are_refused(code):
    with pytest.raises(CheckpointError, match="builds no weights"):
        read(program(code))


def test_storages_that_are_views_of_an_old_pytorch_are_refused():
    body = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + b"K\x04" + b"(" + text("1")
    with pytest.raises(CheckpointError, match=r"before 0\.4"):
        read(program(body + b"K\x00K\x01ttQ"))


def _in_seconds(data: bytes) -> float:
    start = time.monotonic()
    with pytest.raises(CheckpointError):
        read(data)
    return time.monotonic() - start


def test_a_far_place_of_the_memo_costs_nothing():
    assert read(program(b"K\x01r" + struct.pack("<I", (1 << 32) - 1))) == 1  # Python's own reader takes 64 GB for it


def test_bombs_end_soon_in_an_error():
    assert _in_seconds(program(b"(" * 100_000)) < 5
    # The same pairs, copied again and again.
    pairs = b"](" + b"".join(b"(" + text(str(place)) + b"K\x01t" for place in range(1000)) + b"eq\x00"
    assert (
        _in_seconds(program(pairs + b"0" + b"ccollections\nOrderedDict\nq\x01(h\x00tR" + b"0h\x01(h\x00tR" * 5000)) < 5
    )
    # More than any state dict needs.
    piece = b"B" + struct.pack("<I", PICKLE_LIMIT // 4) + bytes(PICKLE_LIMIT // 4)
    with pytest.raises(CheckpointError, match="more than 4,194,304 bytes"):
        read(program(piece * 4))


def test_nesting_without_marks_and_shared_doubling_stay_small():
    deep = read(program(b")" + b"\x85" * 200_000))
    assert len(deep) == 1
    del deep
    laughs = program(b"K\x01\x85" + b"q\x00h\x00\x86" * 200)  # 2 to the 200 when written out
    assert len(read(laughs)) == 2
    with pytest.raises(CheckpointError, match="outside"):  # and never printed
        read(program(tensor(offset=b"K\x01\x85" + b"q\x00h\x00\x86" * 200)))


FRAGMENTS = [
    *(bytes([code]) for code in b"(0 1Nt)]l}aesuRbQ.\x81\x85\x86\x87\x88\x89\x92\x93\x94" if code != ord(" ")),
    *(bytes([code, place]) for code in b"hq" for place in range(4)),
    *(b"K\x01", b"K\x04", number(-1), number(1 << 62), text("a"), text("storage"), b"C\x01x", b"G" + bytes(8)),
    b"ccollections\nOrderedDict\n",
    b"ctorch\nFloatStorage\n",
    b"ctorch._utils\n_rebuild_tensor_v2\n",
    b"ctorch._utils\n_rebuild_parameter\n",
    b"cargparse\nNamespace\n",
    b"comegaconf.nodes\nAnyNode\n",
    *(storage(), tensor(), numbers(2, 2)),
]


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=60))
@settings(max_examples=500)
def test_any_program_builds_inert_data_or_is_refused(fragments):
    try:
        found = read(program(b"".join(fragments)), FAIRSEQ_STAND_INS)
    except CheckpointError:
        return
    assert isinstance(
        found, dict | list | tuple | str | bytes | int | float | None | Tensor | Storage | Record | Global
    )


def test_a_state_dict_of_pytorch_is_read():
    found = read(state_program(("a", tensor()), ("b", tensor(shape=numbers(), stride=numbers(), offset=number(3)))))
    assert found["b"].shape == ()
    assert found["b"].offset == 3
