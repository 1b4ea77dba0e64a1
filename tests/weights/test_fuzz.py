"""Files changed at random: each is read or refused in one sentence; nothing else ever happens."""

import os
import random
import time

import numpy as np
import pytest
import safetensors.torch
import torch

from roberta.errors import CheckpointError
from roberta.weights import safetensors_file, torch_file
from roberta.weights.unpickle import FAIRSEQ_STAND_INS
from tests.weights.weight_files import sample_state, sample_torch_state

ROUNDS = int(os.environ.get("ROBERTA_FUZZ_ROUNDS", "200"))  # for each format; by hand with thousands
SECONDS = 5  # for one file of a few KB; it takes milliseconds, and a busy machine some more


def _safetensors(path):
    safetensors.torch.save_file(sample_state(), path)


def _zip(path):
    torch.save(sample_torch_state(), path)


def _legacy(path):
    torch.save(sample_torch_state(), path, _use_new_zipfile_serialization=False)


def _mutated(good: bytes, chance: random.Random) -> bytes:
    """A few bits flipped, bytes set, a piece cut, doubled or moved; where headers are, at the two ends, most often."""
    content = bytearray(good)

    def place() -> int:
        which = chance.random()
        edge = min(len(content), 1500)
        if which < 0.4:
            return chance.randrange(edge)
        if which < 0.7:
            return len(content) - 1 - chance.randrange(edge)
        return chance.randrange(len(content))

    for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
        if not content:
            break
        at, length = place(), chance.choice((1, 2, 4, 8, 100))
        match chance.randrange(7):
            case 0 | 1:
                content[at] ^= 1 << chance.randrange(8)
            case 2:
                content[at] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, *b".R(", chance.randrange(256)])
            case 3:
                del content[at : len(content) if chance.random() < 0.3 else at + length]
            case 4:
                content[at:at] = content[place() :][:length]
            case 5:
                content[at : at + length] = chance.randbytes(length)
            case 6:
                piece = chance.choice((1, 2, 4, 8))
                extreme = chance.choice((0, (1 << 8 * piece) - 1, 1 << (8 * piece - 1)))
                content[at : at + piece] = extreme.to_bytes(piece, "little")
    return bytes(content)


@pytest.mark.parametrize("make", [_safetensors, _zip, _legacy], ids=["safetensors", "zip", "before 1.6"])
def test_changed_files_are_read_or_refused_and_nothing_else_happens(tmp_path, make):
    path = tmp_path / "good"
    make(path)
    good = path.read_bytes()
    read = safetensors_file.read if make is _safetensors else torch_file.read
    outcomes = {"read": 0, "refused": 0}
    for number in range(ROUNDS):
        changed = tmp_path / "changed"
        changed.write_bytes(_mutated(good, random.Random(number)))
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
            if make is not _safetensors:
                torch_file.read_objects(changed, stand_ins=FAIRSEQ_STAND_INS)
        assert time.monotonic() - start < SECONDS, number
    assert min(outcomes.values()) > ROUNDS // 20, outcomes  # else the changes are too mild or too wild to show anything


@pytest.mark.parametrize("make", [_safetensors, _zip, _legacy], ids=["safetensors", "zip", "before 1.6"])
def test_a_file_cut_anywhere_is_refused(tmp_path, make):
    path = tmp_path / "good"
    make(path)
    good = path.read_bytes()
    read = safetensors_file.read if make is _safetensors else torch_file.read
    for length in sorted({*range(0, len(good), 13), *range(40), len(good) - 1}):
        path.write_bytes(good[:length])
        with pytest.raises(CheckpointError):
            read(path)
