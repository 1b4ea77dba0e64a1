"""Files changed at random: each is read or refused in one sentence; nothing else ever happens."""

import random
import time

import numpy as np
import pytest
import safetensors.torch
import torch

from roberta.errors import CheckpointError
from roberta.weights import flax_file, hdf5_file, safetensors_file, tensorflow_file, torch_file
from roberta.weights.unpickle import FAIRSEQ_STAND_INS
from tests.weights.forked_child import ForkedChild
from tests.weights.fuzzing import ROUNDS, SECONDS, mutated
from tests.weights.weight_files import sample_arrays, sample_state, sample_torch_state


def _safetensors(path):
    safetensors.torch.save_file(sample_state(), path)


def _zip(path):
    torch.save(sample_torch_state(), path)


def _legacy(path):
    torch.save(sample_torch_state(), path, _use_new_zipfile_serialization=False)


def _flax(path):
    flax_file.write(path, {f"roberta/{name}": array for name, array in sample_arrays().items()})


def _hdf5(path):
    arrays = {name: array for name, array in sample_arrays().items() if name not in ("bfloat16", "flags")}
    tensorflow_file.write(path, {f"scope/roberta/{name}": array for name, array in arrays.items()})


READERS = {
    _safetensors: safetensors_file,
    _zip: torch_file,
    _legacy: torch_file,
    _flax: flax_file,
    _hdf5: tensorflow_file,
}
FORMATS = pytest.mark.parametrize("make", READERS, ids=["safetensors", "zip", "before 1.6", "flax", "hdf5"])


@pytest.fixture(autouse=True)
def quick_children(monkeypatch):
    """HDF5 files are looked into by a fork of this process, and for less long."""
    monkeypatch.setattr(hdf5_file, "start", ForkedChild)
    monkeypatch.setattr(hdf5_file, "SECONDS", SECONDS - 2.0)


@FORMATS
def test_changed_files_are_read_or_refused_and_nothing_else_happens(tmp_path, make):
    path = tmp_path / "good"
    make(path)
    good = path.read_bytes()
    read = READERS[make].read
    outcomes = {"read": 0, "refused": 0}
    for number in range(ROUNDS):
        changed = tmp_path / "changed"
        changed.write_bytes(mutated(good, random.Random(number)))
        start = time.monotonic()
        try:
            tensors = read(changed)
        except CheckpointError as error:
            outcomes["refused"] += 1
            message = str(error)
            assert message.startswith(str(changed)), (number, message)
            assert "\n" not in message, (number, message)
            assert len(message) < len(str(changed)) + 700, (number, message)
        else:
            outcomes["read"] += 1
            # Every number that is told of is there, and no more of them than the file can hold.
            total = sum(np.array(array).nbytes for array in tensors.values())
            assert total <= 20 * changed.stat().st_size, number
            if READERS[make] is torch_file:
                torch_file.read_objects(changed, stand_ins=FAIRSEQ_STAND_INS)
        assert time.monotonic() - start < SECONDS, number
    assert min(outcomes.values()) > ROUNDS // 20, outcomes  # else the changes are too mild or too wild to show anything


@FORMATS
def test_a_file_cut_anywhere_is_refused(tmp_path, make):
    path = tmp_path / "good"
    make(path)
    good = path.read_bytes()
    read = READERS[make].read
    step = 13 if make is not _hdf5 else 997
    for length in sorted({*range(0, len(good), step), *range(40), len(good) - 1}):
        path.write_bytes(good[:length])
        with pytest.raises(CheckpointError):
            read(path)
