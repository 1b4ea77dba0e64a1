"""What a crash leaves behind: the old file or the new one, never a part, never shards of two saves."""

import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from roberta.errors import CheckpointError
from roberta.hub import Origin
from roberta.weights.folder import read_weights
from roberta.weights.formats import FORMATS

WRITE = """
import sys
from pathlib import Path
import numpy as np
from roberta.config import RobertaConfig
from roberta.weights.folder import save_foreign, save_weights
from roberta.weights.formats import FORMATS

folder, size = Path(sys.argv[1]), int(sys.argv[2])
[kind] = [kind for kind in FORMATS if kind.name == sys.argv[3]]
print("ready", flush=True)
number = 0
while True:
    number += 1
    names = [f"roberta.encoder.layer.{layer}.output.dense.bias" for layer in range(4)]
    tensors = {name: np.full(100_000, number, np.float32) for name in names}
    if kind.naming:
        save_foreign(folder, kind, tensors, RobertaConfig(), max_shard_size=size)
    else:
        save_weights(folder, tensors, max_shard_size=size, safe_serialization=kind.name == "safetensors")
"""


@pytest.mark.parametrize("kind", [kind.name for kind in FORMATS])
@pytest.mark.parametrize("shards", [1, 4])
def test_a_killed_save_leaves_one_whole_save_or_none(tmp_path, kind, shards):
    chance = random.Random(shards)
    size = 1 << 30 if shards == 1 else 400_000
    seen = set()
    for _ in range(4):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITE, str(tmp_path), str(size), kind], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout.readline() == "ready\n"
        if not seen:
            while not any(not path.name.startswith(".") for path in tmp_path.glob("*model*")):
                time.sleep(0.01)
        time.sleep(chance.random() * 0.3)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        try:
            tensors = read_weights(Origin(tmp_path)).tensors
        except CheckpointError as error:
            # Shards under the very names of a former save: the old index goes before they come.
            assert shards > 1, error
            assert "none of model.safetensors" in str(error)
            seen.add("none")
            continue
        assert len(tensors) == 4
        [number] = {float(value) for array in tensors.values() for value in np.unique(array)}
        seen.add(number)
    assert seen - {"none"} or shards > 1


def test_a_failed_save_leaves_the_former_one_and_no_litter(tmp_path):
    from roberta.weights.folder import save_weights

    save_weights(tmp_path, {"a": np.zeros(3, np.float32)})
    before = sorted(entry.name for entry in tmp_path.iterdir())
    for options in ({}, {"safe_serialization": False}, {"max_shard_size": 4}):
        with pytest.raises(TypeError, match="complex64"):
            save_weights(tmp_path, {"a": np.ones(3, np.float32), "b": np.ones(3, np.complex64)}, **options)
        assert sorted(entry.name for entry in tmp_path.iterdir()) == before
    assert read_weights(Origin(tmp_path)).tensors["a"].tolist() == [0, 0, 0]
