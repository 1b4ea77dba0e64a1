import json

import numpy as np
import pytest

from roberta.errors import UsageError
from roberta.vectors.npy_file import open_npy


def write(path, vectors, **options):
    with open_npy(path, **options) as writer:
        for number, vector in enumerate(vectors):
            writer.write({"id": f"r{number}", "embedding": vector, "dims": len(vector)})


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int8, np.uint8])
@pytest.mark.parametrize("count", [0, 1, 300])
def test_numpy_reads_back_what_was_written_row_by_row(tmp_path, dtype, count):
    rows = (np.random.default_rng(0).normal(size=(count, 7)) * 50).astype(dtype)
    write(tmp_path / "v.npy", rows)
    found = np.load(tmp_path / "v.npy")
    assert found.shape == (count, 7 if count else 0)
    assert count == 0 or (found.dtype == dtype and np.array_equal(found, rows))
    ids = [json.loads(line)["id"] for line in (tmp_path / "v.ids.jsonl").read_text().splitlines()]
    assert ids == [f"r{number}" for number in range(count)]


def test_npz_holds_the_same_rows(tmp_path):
    rows = np.arange(12, dtype=np.float32).reshape(3, 4)
    write(tmp_path / "v.npz", rows)
    assert np.array_equal(np.load(tmp_path / "v.npz")["embeddings"], rows)


def test_an_error_in_the_middle_leaves_nothing(tmp_path):
    with pytest.raises(UsageError, match="one vector for each text"), open_npy(tmp_path / "v.npy") as writer:
        writer.write({"id": 1, "embedding": np.zeros(3, np.float32)})
        writer.write({"id": 2, "words": []})
    assert list(tmp_path.iterdir()) == []


def test_an_old_file_is_kept_unless_it_may_be_replaced(tmp_path):
    write(tmp_path / "v.npy", np.zeros((1, 2), np.float32))
    with pytest.raises(UsageError, match="--force"):
        write(tmp_path / "v.npy", np.ones((1, 2), np.float32))
    assert np.load(tmp_path / "v.npy").tolist() == [[0, 0]]
    write(tmp_path / "v.npy", np.ones((1, 2), np.float32), force=True)
    assert np.load(tmp_path / "v.npy").tolist() == [[1, 1]]
