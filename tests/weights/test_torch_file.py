import io
import tarfile
import warnings
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
import torch

from roberta.errors import CheckpointError
from roberta.weights import torch_file
from roberta.weights.arrays import BFLOAT16
from roberta.weights.unpickle import FAIRSEQ_STAND_INS, Record
from tests.shared import SHARED, needs_shared
from tests.weights.weight_files import (
    as_torch,
    is_mapped,
    legacy_bytes,
    number,
    numbers,
    program,
    same_tensors,
    sample_torch_state,
    state_program,
    storage,
    tensor,
    text,
    torch_zip,
    zip_bytes,
)

ONE = state_program(("a", tensor()))


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before 1.6"])
@pytest.mark.parametrize("plain", [True, False], ids=["dict", "OrderedDict"])
@pytest.mark.parametrize("protocol", [2, 4])
def test_files_of_torch_are_read_bit_for_bit(tmp_path, zipped, plain, protocol):
    state = dict(sample_torch_state()) if plain else sample_torch_state()
    path = tmp_path / "pytorch_model.bin"
    torch.save(state, path, _use_new_zipfile_serialization=zipped, pickle_protocol=protocol)
    read = torch_file.read(path)
    assert list(read) == list(state)
    assert same_tensors(read, state)
    for name, array in read.items():
        assert array.flags.c_contiguous, name
        assert array.flags.writeable, name
        assert array.flags.aligned, name


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before 1.6"])
def test_tied_tensors_share_their_memory_again(tmp_path, zipped):
    path = tmp_path / "x.bin"
    torch.save(sample_torch_state(), path, _use_new_zipfile_serialization=zipped)
    read = torch_file.read(path)
    words, decoder = read["roberta.embeddings.word_embeddings.weight"], read["lm_head.decoder.weight"]
    assert np.shares_memory(words, decoder)
    assert np.shares_memory(words, read["row"])


def test_tensors_of_a_zip_file_are_views_of_the_file_and_leave_it_alone(tmp_path):
    path = tmp_path / "x.bin"
    torch.save({"a": torch.zeros(4)}, path)
    before = path.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        array = torch_file.read(path)["a"]
        assert is_mapped(array)
        as_torch(array).add_(1)
    assert array.tolist() == [1, 1, 1, 1]
    assert path.read_bytes() == before


def test_torch_reads_our_files_bit_for_bit_with_ties_kept(tmp_path):
    theirs, ours = tmp_path / "theirs.bin", tmp_path / "ours.bin"
    torch.save(sample_torch_state(), theirs)
    torch_file.write(ours, torch_file.read(theirs))
    read = torch.load(ours, weights_only=True)
    assert isinstance(read, OrderedDict)
    assert same_tensors(torch_file.read(theirs), read)
    assert same_tensors(torch_file.read(ours), read)
    assert read["lm_head.decoder.weight"].data_ptr() == read["roberta.embeddings.word_embeddings.weight"].data_ptr()
    assert torch.load(ours, weights_only=True, mmap=True).keys() == read.keys()


def test_one_memory_read_two_ways_is_not_taken_for_tied(tmp_path):
    square = np.arange(4, dtype=np.float32).reshape(2, 2)
    tensors = {"square": square, "turned": square.T, "bits": square.view(np.int32), "flat": square.reshape(-1)}
    torch_file.write(tmp_path / "x", tensors)
    for name, array in torch_file.read(tmp_path / "x").items():
        assert array.dtype == tensors[name].dtype
        assert array.tolist() == tensors[name].tolist()
    assert torch.load(tmp_path / "x", weights_only=True)["turned"].tolist() == [[0, 2], [1, 3]]


def test_what_we_write_can_be_mapped_and_is_the_same_every_time(tmp_path):
    tensors = {"odd": np.ones(3, np.uint8), "b": np.zeros((2, 3), BFLOAT16), "turned": np.ones((2, 3), np.float32).T}
    for name in ("one", "two"):
        torch_file.write(tmp_path / name, tensors)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    read = torch_file.read(tmp_path / "one")
    assert all(map(is_mapped, read.values()))
    assert all(array.ctypes.data % 64 == 0 for array in read.values())


def test_no_tensors_make_a_file_too(tmp_path):
    torch_file.write(tmp_path / "x", {})
    assert torch_file.read(tmp_path / "x") == {}
    assert torch.load(tmp_path / "x", weights_only=True) == {}


def test_objects_beside_tensors_are_inert_and_their_tensors_can_be_had(tmp_path):
    import argparse

    torch.save({"args": argparse.Namespace(layers=2), "model": {"w": torch.arange(3.0)}}, tmp_path / "model.pt")
    file = torch_file.read_objects(tmp_path / "model.pt")
    assert isinstance(file.root["args"], Record)
    assert file.array(file.root["model"]["w"]).tolist() == [0, 1, 2]
    with pytest.raises(CheckpointError, match="a checkpoint of fairseq; turn it into safetensors with: roberta conv"):
        torch_file.read(tmp_path / "model.pt")
    torch.save({"args": argparse.Namespace(layers=2), "w": torch.arange(3.0)}, tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match="'args' names a Record; save the state dict alone"):
        torch_file.read(tmp_path / "model.pt")


def test_a_list_of_tensors_is_no_state_dict(tmp_path):
    torch.save([torch.zeros(1)], tmp_path / "x")
    with pytest.raises(CheckpointError, match="holds a list where a state dict was expected"):
        torch_file.read(tmp_path / "x")
    torch.save({3: torch.zeros(1)}, tmp_path / "x")
    with pytest.raises(CheckpointError, match="a int names a Tensor"):
        torch_file.read(tmp_path / "x")


def _duplicate(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(path, "w") as archive:
            for _ in range(2):
                archive.writestr("archive/data.pkl", ONE)


def _script(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), path)


def _patched(find: bytes, put: bytes, times: int = 1, last: bool = False):
    """A good file in which bytes are replaced by others."""

    def make(path):
        content = torch_zip(path, ONE).read_bytes()
        assert find in content
        if last:
            before, after = content.rsplit(find, 1)
            path.write_bytes(before + put + after)
        else:
            path.write_bytes(content.replace(find, put, times))

    return make


def _overlapping(path):
    """The directory says that one storage begins within the other's member."""
    content = torch_zip(path, ONE, {"0": bytes(16), "1": bytes(16)}).read_bytes()
    inner = content.index(b"PK\x03\x04", 10)
    second = content.index(b"PK\x03\x04", inner + 10)
    entry = content.rindex(b"PK\x01\x02")
    moved = bytearray(content)
    moved[second : second + 4] = b"PK\x03\x04"
    assert int.from_bytes(content[entry + 42 : entry + 46], "little") == second
    fake = content[second : second + 30 + len("archive/data/1")]
    storage_start = inner + 30 + len("archive/data/0")
    grown = content[:storage_start] + fake + content[storage_start:]  # a header inside the first storage
    shift = len(fake)
    directory = grown.index(b"PK\x01\x02")
    result = bytearray(grown)
    first_entry = result.index(b"PK\x01\x02", directory + 4)
    for field in (20, 24):
        result[first_entry + field : first_entry + field + 4] = (16 + shift).to_bytes(4, "little")
    last_entry = result.rindex(b"PK\x01\x02")
    result[last_entry + 42 : last_entry + 46] = storage_start.to_bytes(4, "little")
    end = result.rindex(b"PK\x05\x06")
    result[end + 16 : end + 20] = directory.to_bytes(4, "little")
    path.write_bytes(bytes(result))


def _directory_sizes(stored: int, full: int):
    """A good file whose directory gives the last member, a storage, these two sizes."""

    def make(path):
        content = bytearray(torch_zip(path, ONE).read_bytes())
        last = content.rindex(b"PK\x01\x02")
        content[last + 20 : last + 28] = stored.to_bytes(4, "little") + full.to_bytes(4, "little")
        path.write_bytes(content)

    return make


REFUSED_ZIPS = {
    "more than is stored": (_directory_sizes(16, 1 << 30), "is compressed"),
    "members reaching outside": (_directory_sizes(1 << 30, 1 << 30), "reaches outside the file"),
    "compressed": (
        lambda path: zip_bytes(path, {"archive/data.pkl": ONE}, compression=zipfile.ZIP_DEFLATED),
        "'archive/data.pkl' is compressed",
    ),
    "a member named twice": (_duplicate, "'archive/data.pkl' is there twice"),
    "encrypted": (_patched(b"PK\x01\x02\x14\x03\x14\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01\x00"), "encrypted"),
    "directory and member disagree on the name": (
        _patched(b"archive/data/0", b"archive/data/7"),
        "another name in its own header",
    ),
    "member elsewhere": (_patched(b"PK\x03\x04", b"PK\x03\x05", times=2), "not a PyTorch file"),
    "overlapping members": (_overlapping, "lies over the one before"),
    "no data.pkl": (lambda path: zip_bytes(path, {"archive/version": b"3"}), "0 members data.pkl"),
    "data.pkl at the top": (lambda path: zip_bytes(path, {"data.pkl": ONE}), "0 members data.pkl"),
    "two data.pkl": (
        lambda path: zip_bytes(path, {"a/data.pkl": ONE, "b/data.pkl": ONE}),
        "2 members data.pkl",
    ),
    "a TorchScript program": (_script, "compressed"),
    "a member of another folder": (
        lambda path: torch_zip(path, ONE, **{"../../evil": b"x"}),
        "not one of a state dict's",
    ),
    "a storage's name with a folder": (lambda path: torch_zip(path, ONE, **{"data/../x": b"x"}), "not one of"),
    "big-endian": (lambda path: torch_zip(path, ONE, byteorder=b"big"), "big-endian"),
    "a storage that is missing": (lambda path: torch_zip(path, ONE, {}), "storage '0' is not there"),
    "a storage too short": (lambda path: torch_zip(path, ONE, {"0": bytes(15)}), "'0' has 15 bytes"),
    "a storage too long": (lambda path: torch_zip(path, ONE, {"0": bytes(17)}), "'0' has 17 bytes"),
    "a view outside": (lambda path: torch_zip(path, state_program(("a", tensor(offset=number(1))))), "reaches outside"),
    "code in the pickle": (lambda path: torch_zip(path, program(b"cos\nsystem\n)R")), r"asks for 'os\.system'"),
    "a storage type that is not known": (
        lambda path: torch_zip(path, program(storage(kind="QInt8Storage"))),
        r"asks for 'torch\.QInt8Storage'",
    ),
    "a damaged pickle": (lambda path: torch_zip(path, ONE[:-5]), "pickle is damaged"),
    "no directory": (
        lambda path: path.write_bytes(torch_zip(path, ONE).read_bytes()[:200]),
        "directory cannot be read",
    ),
    "a tar file": (None, "tar file of a PyTorch before"),
    "an empty file": (lambda path: path.write_bytes(b""), "not a PyTorch file"),
    "something else": (lambda path: path.write_bytes(b"hello" * 200), "not a PyTorch file"),
}


@pytest.mark.parametrize("name", REFUSED_ZIPS)
def test_damaged_and_crafted_archives_are_refused_with_their_fault(tmp_path, name):
    make, fault = REFUSED_ZIPS[name]
    path = tmp_path / "pytorch_model.bin"
    if make:
        make(path)
    else:
        with tarfile.open(path, "w") as archive:
            archive.addfile(tarfile.TarInfo("storages"), io.BytesIO())
    with pytest.raises(CheckpointError, match=fault) as error:
        torch_file.read(path)
    assert str(path) in str(error.value)
    assert [entry.name for entry in tmp_path.iterdir()] == ["pytorch_model.bin"]


RAW = (4).to_bytes(8, "little") + bytes(16)
REFUSED_LEGACY = {
    "another version": (legacy_bytes(ONE, version=b"K\x01"), "kind that is known"),
    "big-endian": (legacy_bytes(ONE, little=b"\x89"), "big-endian"),
    "no keys": (legacy_bytes(ONE, keys=program(b"}")), "which storages it holds"),
    "keys that are numbers": (legacy_bytes(ONE, keys=program(b"](K\x00e")), "which storages it holds"),
    "a key too few": (legacy_bytes(ONE, keys=program(b"]")), "other storages"),
    "a key twice": (legacy_bytes(ONE, keys=program(b"](" + text("0") * 2 + b"e"), storages=RAW * 2), "other storages"),
    "a key unknown": (legacy_bytes(ONE, keys=program(b"](" + text("1") + b"e")), "other storages"),
    "a storage cut short": (legacy_bytes(ONE, storages=RAW[:-1]), "cut short"),
    "a storage of another size": (legacy_bytes(ONE, storages=(5).to_bytes(8, "little") + bytes(20)), "another size"),
    "no storages": (legacy_bytes(ONE, storages=b""), "cut short"),
    "code": (legacy_bytes(program(b"cbuiltins\neval\n)R")), r"asks for 'builtins\.eval'"),
    "code in the keys": (legacy_bytes(ONE, keys=program(b"cbuiltins\neval\n)R")), r"asks for 'builtins\.eval'"),
    "only the magic number": (legacy_bytes(ONE)[:14], "not a PyTorch file|damaged"),
    "only its start": (legacy_bytes(ONE)[:40], "damaged"),
    "a view outside": (legacy_bytes(state_program(("a", tensor(shape=numbers(5))))), "reaches outside"),
}


@pytest.mark.parametrize("name", REFUSED_LEGACY)
def test_damaged_and_crafted_files_from_before_1_6_are_refused_with_their_fault(tmp_path, name):
    content, fault = REFUSED_LEGACY[name]
    path = tmp_path / "pytorch_model.bin"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=fault):
        torch_file.read(path)


def test_the_crafted_files_would_be_good_without_their_fault(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(legacy_bytes(ONE))
    assert torch_file.read(path)["a"].tolist() == [0, 1, 2, 3]
    assert torch_file.read(torch_zip(path, ONE))["a"].tolist() == [0, 1, 2, 3]
    assert torch_file.read(torch_zip(path, ONE, byteorder=b"little", version=b"3"))["a"].tolist() == [0, 1, 2, 3]


@needs_shared
def test_every_published_layout_is_read_as_torch_reads_it():
    paths = sorted((SHARED / "oracle").rglob("*.bin"))
    assert len(paths) >= 9
    for path in paths:
        assert same_tensors(torch_file.read(path), torch.load(path, weights_only=True)), path


@needs_shared
def test_fairseq_files_are_read_as_inert_objects():
    paths = sorted((SHARED / "oracle" / "fairseq").rglob("model.pt"))
    for path in paths:
        file = torch_file.read_objects(path, stand_ins=FAIRSEQ_STAND_INS)
        tensors = {name: file.array(value) for name, value in file.root["model"].items()}
        assert any(name.endswith("embed_tokens.weight") for name in tensors)
    [whole] = [path for path in paths if path.parent.name == "modern_cfg_object"]
    with pytest.raises(CheckpointError, match=r"asks for 'omegaconf\.dictconfig\.DictConfig'"):
        torch_file.read_objects(whole)
