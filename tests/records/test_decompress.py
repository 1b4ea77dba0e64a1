"""Compressed input: every method, several members, damage, and bytes that come late."""

import bz2
import gzip
import lzma
import random
import stat
import sys
import tracemalloc
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roberta.errors import ReadError
from roberta.records import read_records
from roberta.records.decompress import open_bytes

# bzip2 works in blocks, of which an unfinished one cannot be read; level 1 makes them small.
METHODS = {".gz": gzip.compress, ".bz2": partial(bz2.compress, compresslevel=1), ".xz": lzma.compress}
RANDOM = random.Random(1)
LINES = [f"line {number} {RANDOM.randbytes(20).hex()}" for number in range(5000)]
DATA = "".join(line + "\n" for line in LINES).encode()

each_method = pytest.mark.parametrize("suffix", METHODS)


def whole(path) -> bytes:
    with open_bytes(path) as stream:
        return stream.read()


def texts_until_error(path) -> tuple[list[str], str]:
    found = []
    with pytest.raises(ReadError) as caught:
        for record in read_records([path]):
            found.append(record.as_given.get("text"))  # damage may pass for text for a while
    return found, str(caught.value)


@each_method
@settings(deadline=None)
@given(parts=st.lists(st.binary(max_size=200), min_size=1, max_size=3), padding=st.integers(0, 2))
def test_any_bytes_in_any_number_of_members_come_back(tmp_path_factory, suffix, parts, padding):
    path = tmp_path_factory.mktemp("any") / f"a{suffix}"
    path.write_bytes((b"\0" * 4 * padding).join(METHODS[suffix](part) for part in parts) + b"\0" * 4 * padding)
    assert whole(path) == b"".join(parts)


@each_method
def test_data_much_larger_than_its_file_is_given_in_small_parts(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(METHODS[suffix](b"\0" * 30_000_000))
    tracemalloc.start()
    with open_bytes(path) as stream:
        assert sum(map(len, iter(lambda: stream.read1(1 << 16), b""))) == 30_000_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12_000_000  # the dictionary of xz alone has 8 MiB


@each_method
def test_a_file_that_ends_too_early_gives_what_came_before_and_its_name(tmp_path, suffix):
    path = tmp_path / f"a.txt{suffix}"
    data = METHODS[suffix](DATA)
    path.write_bytes(data[: len(data) * 3 // 4])
    found, error = texts_until_error(path)
    assert found == LINES[: len(found)]
    assert len(found) > 1000
    assert error == f"{path}: the compressed file ends too early; fetch it again"
    path.write_bytes(b"")
    assert texts_until_error(path) == ([], error)


@each_method
def test_damage_is_reported_with_the_name_of_the_file(tmp_path, suffix):
    path = tmp_path / f"a.txt{suffix}"
    data = bytearray(METHODS[suffix](DATA))
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(METHODS[suffix](b"first\n") + data)
    found, error = texts_until_error(path)
    assert found[0] == "first"
    assert error.startswith(f"{path}: the compressed data is damaged (")


@each_method
def test_what_is_not_compressed_at_all_is_damage(tmp_path, suffix):
    path = tmp_path / f"a.txt{suffix}"
    path.write_bytes(b"plain text, and not so little of it\n")
    assert "damaged" in texts_until_error(path)[1]
    path.write_bytes(METHODS[suffix](b"good\n") + b"garbage after it")
    found, error = texts_until_error(path)
    assert found == ["good"]
    assert "damaged" in error


@pytest.fixture
def zstd_program(tmp_path, monkeypatch):
    """A stand-in that takes the flags of zstd and speaks gzip."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "zstd"
    program.write_text(
        f"#!{sys.executable}\n"
        "import sys, gzip\n"
        "assert sys.argv[1:] == ['-dcq']\n"
        "try:\n"
        "    for line in gzip.open(sys.stdin.buffer): sys.stdout.buffer.write(line)\n"
        "except (OSError, EOFError): sys.stdout.flush(); sys.exit('zstd: not good')\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr("roberta.records.decompress._has_module", lambda name: False)


def test_zst_is_read_through_the_program(tmp_path, zstd_program):
    path = tmp_path / "a.txt.zst"
    path.write_bytes(gzip.compress(DATA))
    assert [record.text for record in read_records([path])] == LINES
    assert [record.text for record in read_records([path], limit=1)] == LINES[:1]


def test_the_programs_complaint_is_reported_after_what_came_before(tmp_path, zstd_program):
    path = tmp_path / "a.txt.zst"
    path.write_bytes(gzip.compress(b"one\n") + b"garbage")
    found, error = texts_until_error(path)
    assert found == ["one"]
    assert error == f"{path}: the compressed data is damaged (not good); fetch it again"


def test_without_module_and_program_one_sentence_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("roberta.records.decompress._has_module", lambda name: False)
    path = tmp_path / "a.txt.zst"
    path.write_bytes(b"")
    assert texts_until_error(path)[1].endswith("install zstd, or compress with gzip")


def test_zst_is_read_by_the_module_where_python_has_it(tmp_path, monkeypatch):
    path = tmp_path / "a.txt.zst"
    monkeypatch.setattr("roberta.records.decompress._has_module", lambda name: True)
    # bz2 has the interface that compression.zstd has.
    monkeypatch.setitem(sys.modules, "compression.zstd", type("module", (), {"ZstdDecompressor": bz2.BZ2Decompressor}))
    path.write_bytes(bz2.compress(DATA))
    assert [record.text for record in read_records([path])] == LINES
