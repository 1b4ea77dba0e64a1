"""TensorFlow's files: laid out as Keras does, and read by a process of its own that a hostile file may crash."""

import os
import subprocess
import sys

import h5py
import numpy as np
import pytest

from roberta.errors import CheckpointError, MissingExtra
from roberta.weights import hdf5_file, tensorflow_file
from roberta.weights.arrays import BFLOAT16
from tests.weights.forked_child import ForkedChild
from tests.weights.weight_files import is_mapped

BIAS, KERNEL = np.float32([1.5, -2.0]), np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.fixture
def forked(monkeypatch):
    monkeypatch.setattr(hdf5_file, "start", ForkedChild)


@pytest.fixture
def file(tmp_path):
    """An HDF5 file to fill: `read` and `refused` close it first."""
    return h5py.File(tmp_path / "tf_model.h5", "w")


def read(file):
    path = file.filename
    file.close()
    return tensorflow_file.read(hdf5_file.Path(path))


def refused(file, message):
    path = file.filename
    with pytest.raises(CheckpointError, match=message) as error:
        read(file)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


VARIABLES = {
    f"tf_roberta_for_masked_lm/{name}:0": np.full(shape, number, np.float32)
    for number, (name, shape) in enumerate(
        {
            "roberta/embeddings/word_embeddings/weight": (5, 2),
            "roberta/embeddings/LayerNorm/gamma": (2,),
            "roberta/encoder/layer_._0/output/dense/kernel": (2, 3),
            "lm_head/bias": (5,),
            "lm_head/dense/kernel": (2, 2),
        }.items()
    )
}


def test_a_file_has_the_groups_and_attributes_of_keras(tmp_path):
    tensorflow_file.write(tmp_path / "x.h5", VARIABLES)
    names = list(VARIABLES)
    with h5py.File(tmp_path / "x.h5") as found:
        assert dict(found.attrs, layer_names=list(found.attrs["layer_names"])) == {
            "layer_names": ["roberta", "lm_head"],
            "backend": "tensorflow",
            "keras_version": "2.21.0",
        }
        assert list(found) == ["lm_head", "roberta", "top_level_model_weights"]
        assert list(found["roberta"].attrs["weight_names"]) == names[:3]
        assert list(found["lm_head"].attrs["weight_names"]) == names[3:] + names[:2]  # the embeddings once more
        assert found["top_level_model_weights"].attrs["weight_names"].shape == (0,)
        for layer in ("roberta", "lm_head"):
            for name in found[layer].attrs["weight_names"]:
                assert np.array_equal(found[layer][name], VARIABLES[name])
    found = tensorflow_file.read(tmp_path / "x.h5")  # by the process of its own, as it is
    assert found.keys() == {f"roberta/{name}" for name in names[:3]} | {
        f"lm_head/{name}" for name in names[3:] + names[:2]
    }
    for name, array in found.items():
        assert np.array_equal(array, VARIABLES[name.partition("/")[2]])
        assert is_mapped(array)
        array[...] = 7  # a private copy


def test_a_shard_names_its_variables_without_the_scope(tmp_path, forked):
    tensorflow_file.write_shard(tmp_path / "x.h5", VARIABLES)
    names = sorted(name.partition("/")[2] for name in VARIABLES)
    with h5py.File(tmp_path / "x.h5") as found:
        assert dict(found.attrs).keys() == {"layer_names"}
        assert list(found.attrs["layer_names"]) == names
    found = tensorflow_file.read(tmp_path / "x.h5")
    assert sorted(found) == names
    assert all(np.array_equal(found[name.partition("/")[2]], array) for name, array in VARIABLES.items())


def test_a_list_of_names_too_long_for_one_attribute_is_cut_as_keras_cuts_it(tmp_path):
    many = {f"scope/roberta/{'x' * 100}{number:04}:0": BIAS for number in range(1000)}
    tensorflow_file.write(tmp_path / "x.h5", many)
    with h5py.File(tmp_path / "x.h5") as found:
        parts = dict(found["roberta"].attrs)
        assert list(parts) == ["weight_names0", "weight_names1"]
        names = [name for part in parts.values() for name in part]
    assert [name.decode() if isinstance(name, bytes) else name for name in names] == list(many)


def test_numbers_that_lie_turned_in_memory_are_written_as_they_read(tmp_path, forked):
    tensorflow_file.write(tmp_path / "x.h5", {"s/roberta/kernel:0": KERNEL.T})
    assert tensorflow_file.read(tmp_path / "x.h5")["roberta/s/roberta/kernel:0"].tolist() == KERNEL.T.tolist()


def test_what_hdf5_does_not_have_is_not_written(tmp_path):
    with pytest.raises(CheckpointError, match="s/roberta/a: HDF5 has no bfloat16; save it as float32"):
        tensorflow_file.write(tmp_path / "x.h5", {"s/roberta/a": np.zeros(2, BFLOAT16)})
    with pytest.raises(TypeError, match="complex64"):
        tensorflow_file.write_shard(tmp_path / "x.h5", {"s/roberta/a": np.zeros(2, np.complex64)})
    assert not list(tmp_path.iterdir())


def test_without_h5py_one_sentence_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(hdf5_file.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"reading TensorFlow weights needs .* pip install 'roberta\[convert\]'"):
        tensorflow_file.read(tmp_path / "x.h5")
    with pytest.raises(MissingExtra, match="writing TensorFlow weights needs"):
        tensorflow_file.write(tmp_path / "x.h5", VARIABLES)


@pytest.mark.parametrize(
    "options",
    [
        {"chunks": (1, 2)},
        {"compression": "gzip"},
        {"compression": "lzf", "shuffle": True, "fletcher32": True},
        {"maxshape": (None, 3)},
    ],
    ids=str,
)
def test_packed_numbers_are_unpacked(file, forked, options):
    file.create_dataset("a/kernel", data=KERNEL, **options)
    file.create_dataset("a/plain", data=BIAS)
    file.create_dataset("b/kernel", data=KERNEL * 2, **options)
    found = read(file)
    assert list(found) == ["a/kernel", "a/plain", "b/kernel"]
    assert np.array_equal(found["a/kernel"], KERNEL)
    assert np.array_equal(found["b/kernel"], KERNEL * 2)
    assert np.array_equal(found["a/plain"], BIAS)
    found["a/kernel"][...] = 0


def test_numbers_of_every_type_and_order_are_read(file, forked):
    arrays = {kind: np.array([[1, 0, 3]], kind) for kind in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u8")}
    arrays |= {"scalar": np.array(2.5, np.float32), "none": np.zeros((0, 3), np.float32)}
    big = {"big": np.array([1.5, -2], ">f4"), "big_whole": np.array([1, 300], ">i8")}
    for name, array in (arrays | big).items():
        file[name] = array
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_layout(h5py.h5d.COMPACT)  # the numbers in the header
    space = h5py.h5s.create_simple((2,))
    h5py.h5d.create(file.id, b"compact", h5py.h5t.IEEE_F32LE, space, properties).write(h5py.h5s.ALL, h5py.h5s.ALL, BIAS)
    found = read(file)
    for name, array in (arrays | big | {"compact": BIAS}).items():
        assert found[name].dtype == array.dtype.newbyteorder("<"), name
        assert found[name].shape == array.shape
        assert np.array_equal(found[name], array)
    assert len(found) == len(arrays | big) + 1


def test_what_stands_before_the_file_proper_does_not_move_the_numbers(tmp_path, forked):
    path = tmp_path / "tf_model.h5"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["a"] = KERNEL
    assert np.array_equal(tensorflow_file.read(path)["a"], KERNEL)


def _external_link(file):
    with h5py.File(hdf5_file.Path(file.filename).with_name("other.h5"), "w") as other:
        other["secret"] = BIAS
    file["a/x"] = h5py.ExternalLink("other.h5", "/secret")


def _soft_link(file):
    file["a/b"] = BIAS
    file["a/x"] = h5py.SoftLink("/a/b")


def _dangling_link(file):
    file["a/x"] = h5py.SoftLink("/nowhere")


def _link_out_by_group(file):
    file["x"] = h5py.ExternalLink("/etc/passwd", "/")


def _raw_storage(file):
    raw = hdf5_file.Path(file.filename).with_name("raw")
    raw.write_bytes(bytes(8))
    file.create_dataset("a/x", (2,), "f4", external=[(str(raw), 0, 8)])


def _virtual(file):
    path = hdf5_file.Path(file.filename).with_name("other.h5")
    with h5py.File(path, "w") as other:
        other["secret"] = BIAS
    layout = h5py.VirtualLayout((2,), "f4")
    layout[:] = h5py.VirtualSource(path, "secret", (2,))
    file.create_virtual_dataset("a/x", layout)


def _filter(kind):
    def make(file):
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((2,))
        properties.set_filter(kind, h5py.h5z.FLAG_OPTIONAL, (1, 2))
        h5py.h5d.create(file.id, b"x", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((2,)), properties)

    return make


def _bomb(file):
    file.create_dataset("x", (4_000_000,), "f4", compression="gzip", chunks=(4_000_000,))[:] = 0


def _huge(shape, **options):
    return lambda file: file.create_dataset("x", shape, "f4", **options)


def _twice(file):
    file["x"] = BIAS
    file["y"] = file["x"]


def _circle(file):
    inner = file.create_group("a/b")
    inner["c"] = file["a"]


def _committed(file):
    file["x"] = np.dtype("f4")


def _deep(file):
    file["/".join("a" * 40)] = BIAS


def _holding(value, **options):
    return lambda file: file.create_dataset("x", data=value, **options)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_external_link, "'a/x' is a link to another file; do not load"),
        (_link_out_by_group, "'x' is a link to another file; do not load"),
        (_soft_link, "'a/x' is a link and no object of its own"),
        (_dangling_link, "'a/x' is a link and no object of its own"),
        (_raw_storage, "'a/x' keeps its numbers in other files; do not load"),
        (_virtual, "'a/x' keeps its numbers in other files; do not load"),
        (_filter(32015), "'x' is packed by the unknown filter 32015"),
        (_filter(h5py.h5z.FILTER_NBIT), "unknown filter 5"),
        (_bomb, "holds 16,000,000 bytes in packed form"),
        (_huge((1 << 40,)), "holds 4,398,046,511,104 bytes in packed form"),
        (_huge((1 << 31, 1 << 31, 4)), "bytes in packed form|cannot read it"),
        (_huge((1 << 20, 1 << 20), chunks=(1, 1)), "bytes in packed form"),
        (_huge((10,), chunks=(1 << 28,), maxshape=(None,)), "comes in pieces of 1,073,741,824 bytes"),
        (_twice, "one object under two names"),
        (_circle, "one object under two names"),
        (_deep, "too deep"),
        (_committed, "neither a group nor numbers"),
        (_holding(h5py.Empty("f4")), "has no shape"),
        (_holding(["text"], dtype=h5py.string_dtype()), "holds no numbers"),
        (_holding(np.array([b"text"])), "holds no numbers"),
        (_holding(np.array([True])), "holds no numbers"),
        (_holding(np.complex64([1])), "holds no numbers"),
        (lambda file: file.create_dataset("x", (1,), h5py.enum_dtype({"one": 1})), "holds no numbers"),
        (_holding(np.zeros(1, [("a", "f4"), ("b", "i4")])), "holds no numbers"),
        (_holding(np.zeros(2, "V2")), "holds no numbers"),
        (lambda file: file.create_dataset("x", (1,), h5py.ref_dtype), "holds no numbers"),
        (lambda file: file.create_dataset("x", (1,), h5py.vlen_dtype("f4")), "holds no numbers"),
    ],
)
def test_a_file_with_a_fault_is_refused(file, forked, make, message):
    make(file)
    refused(file, message)


def test_a_file_that_is_cut_short_is_refused(tmp_path, forked):
    tensorflow_file.write(tmp_path / "x.h5", VARIABLES)
    content = (tmp_path / "x.h5").read_bytes()
    for length in (8, 100, len(content) // 2, len(content) - 1):
        (tmp_path / "x.h5").write_bytes(content[:length])
        with pytest.raises(CheckpointError, match=r"cannot read it|outside the file"):
            tensorflow_file.read(tmp_path / "x.h5")


def _child(monkeypatch, tmp_path, code):
    """A process in the child's place that does as told."""
    script = tmp_path / "child.py"
    script.write_text("import os, sys, time\n" + code)
    monkeypatch.setattr(hdf5_file, "CHILD", script)


SAY = """
def say(text, more=b""):
    sys.stdout.buffer.write(len(text).to_bytes(8, "little") + text.encode() + more)
    sys.stdout.flush()
"""
ENTRY = '{"name": "x", "dtype": "float32", "shape": [2], "start": null}'


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("os.kill(os.getpid(), 11)", r"crashed \(SIGSEGV\) while reading it"),
        ("os.abort()", r"crashed \(SIGABRT\)"),
        ("sys.exit(0)", "stopped while reading it"),
        ("sys.exit(1)", "stopped while reading it"),
        ("time.sleep(60)", "does not get done with it"),
        ("print('hello, this is a line of text')", "told of too much"),
        ("say('[]')", "a JSON object was expected"),
        ("say('{}')", "said nothing that makes sense"),
        ("say('{')", "not valid JSON"),
        ("say('{\"tensors\": [1]}')", "without a name, a type or a shape"),
        (f"say('''{{\"tensors\": [{ENTRY}]}}''', bytes(7))", "stopped while reading it"),
        (f"say('''{{\"tensors\": [{ENTRY}]}}''', bytes(9))", "did not end as it should"),
        (f"say('''{{\"tensors\": [{ENTRY}]}}''', bytes(8)); sys.exit(3)", "did not end as it should"),
        (f"say('''{{\"tensors\": [{ENTRY}]}}'''); os.kill(os.getpid(), 11)", r"crashed \(SIGSEGV\)"),
        (f"say('''{{\"tensors\": [{ENTRY}]}}'''); time.sleep(60)", "does not get done with it"),
        (f"say('''{{\"tensors\": [{ENTRY}, {ENTRY}]}}''', bytes(16))", "a tensor is given twice"),
        (f"say('''{{\"tensors\": [{ENTRY.replace('null', '1001')}]}}''')", "lies outside the file"),
        (f"say('''{{\"tensors\": [{ENTRY.replace('null', '-1')}]}}''')", "a type or sizes that cannot be"),
        (f"say('''{{\"tensors\": [{ENTRY.replace('[2]', '[-2]')}]}}''')", "a type or sizes that cannot be"),
        (f"say('''{{\"tensors\": [{ENTRY.replace('[2]', '[999999999]')}]}}''')", "unpack to too many bytes"),
        (
            f"say('''{{\"tensors\": [{ENTRY.replace('null', '0').replace('[2]', '[999]')}]}}''')",
            "take more bytes than the file has",
        ),
        (f"say('''{{\"tensors\": [{ENTRY.replace('float32', 'object')}]}}''')", "a type or sizes that cannot be"),
        ('say(\'{"refused": "two\\\\nlines"}\')', "two lines"),
    ],
)
def test_whatever_the_process_does_or_says_ends_in_one_sentence(tmp_path, monkeypatch, code, message):
    (tmp_path / "x.h5").write_bytes(hdf5_file.START + bytes(1000))
    monkeypatch.setattr(hdf5_file, "SECONDS", 2.0)
    _child(monkeypatch, tmp_path, SAY + code)
    with pytest.raises(CheckpointError, match=message) as error:
        tensorflow_file.read(tmp_path / "x.h5")
    assert "\n" not in str(error.value)


def test_no_process_is_left_behind(tmp_path, monkeypatch):
    (tmp_path / "x.h5").write_bytes(hdf5_file.START)
    monkeypatch.setattr(hdf5_file, "SECONDS", 0.5)
    _child(monkeypatch, tmp_path, f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)")
    with pytest.raises(CheckpointError):
        tensorflow_file.read(tmp_path / "x.h5")
    if (tmp_path / "pid").exists():
        with pytest.raises(ProcessLookupError):
            os.kill(int((tmp_path / "pid").read_text()), 0)


def test_the_reader_itself_never_loads_the_library(tmp_path):
    tensorflow_file.write(tmp_path / "x.h5", VARIABLES)
    code = (
        "import sys; from pathlib import Path; from roberta.weights import tensorflow_file\n"
        "assert len(tensorflow_file.read(Path(sys.argv[1]))) == 7\n"
        "assert not {'h5py', 'torch', 'tensorflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "x.h5")], check=True)
