"""Weights are views of their files: loading costs no memory beyond the file itself."""

import subprocess
import sys

import numpy as np
import pytest

from roberta.hub import Origin
from roberta.weights.folder import read_weights, save_weights
from roberta.weights.mapped_file import give_back

SIZE = 100 << 20  # bytes of weights
SLACK = 15 << 20  # bytes for modules that are imported late

# Not getrusage: what it tells of begins with the peak of the process that started this one.
PEAK = """
import re, sys
from pathlib import Path

def peak():
    return 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""
MEASURE = (
    PEAK
    + """
import numpy as np
from roberta.hub import Origin
from roberta.weights.folder import read_weights, save_weights

before = peak()
tensors = read_weights(Origin(sys.argv[1])).tensors
opened = peak()
total = sum(float(array.sum()) for array in tensors.values())
touched = peak()
save_weights(Path(sys.argv[2]), tensors, safe_serialization=sys.argv[3] == "safe")
print(opened - before, touched - before, peak() - before, total)
"""
)


@pytest.mark.parametrize("kind", ["safe", "pickled"])
@pytest.mark.parametrize("shards", [1, 3])
def test_reading_and_saving_need_no_more_memory_than_the_file(tmp_path, kind, shards):
    rows = SIZE // 4 // 1024 // 10
    tensors = {f"layer.{number}": np.ones((rows, 1024), np.float32) for number in range(10)}
    save_weights(tmp_path / "a", tensors, safe_serialization=kind == "safe", max_shard_size=SIZE // shards + 1000)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path / "a"), str(tmp_path / "b"), kind],
        capture_output=True,
        text=True,
        check=True,
    )
    opened, touched, saved, total = map(float, done.stdout.split())
    assert total == rows * 1024 * 10
    assert opened < SLACK
    assert touched < 1.05 * SIZE + SLACK
    assert saved < 1.05 * SIZE + 2 * SLACK


READ = (
    PEAK
    + """
import numpy as np
from roberta.hub import Origin
from roberta.weights.folder import read_weights

before = peak()
tensors = read_weights(Origin(sys.argv[1])).tensors
total = sum(float(array.sum()) for array in tensors.values())
print(peak() - before, total)
"""
)
WRITE = """
import sys
from pathlib import Path
import numpy as np
from roberta.config import RobertaConfig
from roberta.hub import Origin
from roberta.weights.folder import read_weights, save_foreign
from roberta.weights.formats import FORMATS

tensors = read_weights(Origin(sys.argv[1])).tensors
[kind] = [kind for kind in FORMATS if kind.name == sys.argv[3]]
save_foreign(Path(sys.argv[2]), kind, tensors, RobertaConfig(architectures=["RobertaForMaskedLM"]))
"""


@pytest.mark.parametrize("framework", ["TensorFlow", "Flax"])
def test_weights_that_are_turned_need_hardly_more_than_the_file(tmp_path, framework):
    width = 1024
    tensors = {"roberta.embeddings.word_embeddings.weight": np.ones((SIZE // 4 // 4 // width, width), np.float32)}
    for number in range(SIZE * 3 // 4 // 4 // width // width // 4):
        tensors[f"roberta.encoder.layer.{number}.intermediate.dense.weight"] = np.ones((4 * width, width), np.float32)
    tensors["lm_head.bias"] = np.ones(len(tensors["roberta.embeddings.word_embeddings.weight"]), np.float32)
    save_weights(tmp_path / "a", tensors)
    numbers = sum(array.size for array in tensors.values())
    subprocess.run(
        [sys.executable, "-c", WRITE, str(tmp_path / "a"), str(tmp_path / "b"), framework], check=True, timeout=100
    )
    [path] = (tmp_path / "b").iterdir()
    done = subprocess.run([sys.executable, "-c", READ, str(tmp_path / "b")], capture_output=True, text=True, check=True)
    peak, total = map(float, done.stdout.split())
    assert total == numbers
    assert peak < 1.3 * path.stat().st_size


def test_weights_are_read_without_torch_or_any_other_framework(tmp_path):
    save_weights(tmp_path, {"a": np.zeros(2, np.float32)}, safe_serialization=False)
    code = (
        "import sys; from roberta.hub import Origin; from roberta.weights.folder import read_weights\n"
        "assert read_weights(Origin(sys.argv[1])).tensors\n"
        "assert not {'torch', 'safetensors', 'huggingface_hub'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)


def test_memory_is_given_back_of_arrays_in_a_file_and_of_no_others(tmp_path):
    save_weights(tmp_path, {"a": np.arange(1 << 20, dtype=np.float32), "b": np.ones(5, np.float32)})
    tensors = read_weights(Origin(tmp_path)).tensors
    elsewhere = np.arange(1 << 20, dtype=np.float32)
    for array in (*tensors.values(), elsewhere, tensors["a"][7:9]):
        give_back(array)
    assert np.array_equal(tensors["a"], elsewhere)  # read from the file again
    assert elsewhere[-1] == (1 << 20) - 1


def test_reading_safetensors_loads_what_reads_no_other_format(tmp_path):
    save_weights(tmp_path, {"a": np.zeros(2, np.float32)})
    code = (
        "import sys; from roberta.hub import Origin; from roberta.weights.folder import read_weights\n"
        "assert read_weights(Origin(sys.argv[1])).tensors\n"
        "needless = {'torch_file', 'unpickle', 'tensorflow_file', 'hdf5_file', 'flax_file', 'msgpack_tree'}\n"
        "assert not {f'roberta.weights.{name}' for name in needless} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)


TAKE = """
import re, sys
from pathlib import Path
import numpy as np
from roberta.hub import Origin
from roberta.weights.folder import read_weights
from roberta.weights.mapped_file import take_rows

def resident():
    return 1024 * int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

table = read_weights(Origin(sys.argv[1])).tensors["table"]
ids = np.random.default_rng(0).permutation(len(table)).astype(np.int64)
before = resident()
right = all((take_rows(table, some) == some[:, None]).all() for some in np.array_split(ids, 20))
print(resident() - before, int(right))
"""


def test_of_a_table_whose_rows_are_taken_little_stays_in_memory(tmp_path):
    rows = SIZE // 4 // 1024
    save_weights(tmp_path, {"table": np.repeat(np.arange(rows, dtype=np.float32)[:, None], 1024, 1)})
    done = subprocess.run([sys.executable, "-c", TAKE, str(tmp_path)], capture_output=True, text=True, check=True)
    stays, right = map(int, done.stdout.split())
    assert right
    assert stays < SIZE // 5  # one part of the twenty as a copy, and what the system brought along with the last rows
