from pathlib import Path

import numpy as np
import pytest

from roberta.errors import ReadError, UsageError
from roberta.vectors import nearest
from roberta.vectors.nearest import Nearest
from roberta.vectors.npy_file import open_npy


@pytest.fixture
def rows():
    return np.random.default_rng(1).normal(size=(500, 16)).astype(np.float32)


def test_the_nearest_rows_are_those_of_a_full_sort_whatever_the_chunk(tmp_path, rows, monkeypatch):
    np.save(tmp_path / "v.npy", rows)
    query = np.random.default_rng(2).normal(size=16).astype(np.float32)
    cosines = [row @ query / np.linalg.norm(row) / np.linalg.norm(query) for row in rows]
    order = sorted(range(500), key=lambda place: -cosines[place])[:9]
    for chunk in (7, 100, 10_000):
        monkeypatch.setattr(nearest, "CHUNK", chunk)
        found = Nearest(tmp_path / "v.npy").search(query, 9)
        assert [row["row"] for row in found] == order
        assert [row["score"] for row in found] == pytest.approx([cosines[place] for place in order], abs=1e-6)


def test_equal_rows_come_in_the_order_of_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(nearest, "CHUNK", 2)
    np.save(tmp_path / "v.npy", np.ones((7, 3), np.float32))
    assert [row["row"] for row in Nearest(tmp_path / "v.npy").search(np.ones(3, np.float32), 5)] == [0, 1, 2, 3, 4]


def test_ids_come_from_the_file_beside(tmp_path):
    with open_npy(tmp_path / "v.npy") as writer:
        for name, vector in {"north": [0, 1], "east": [1, 0]}.items():
            writer.write({"id": name, "embedding": np.array(vector, np.float32)})
    found = Nearest(tmp_path / "v.npy").search(np.array([1, 0.1], np.float32), 1)
    assert found[0]["id"] == "east" and found[0]["row"] == 1


def test_bits_are_compared_by_how_many_agree(tmp_path):
    np.save(tmp_path / "v.npy", np.array([[0b11110000], [0b11111111]], np.uint8))
    found = Nearest(tmp_path / "v.npy").search(np.array([0b11110000], np.uint8), 2)
    assert [row["score"] for row in found] == [1.0, 0.0]


def test_another_width_and_another_kind_of_file_are_refused_in_one_sentence(tmp_path, rows):
    np.save(tmp_path / "v.npy", rows)
    with pytest.raises(UsageError, match="16"):
        Nearest(tmp_path / "v.npy").search(np.ones(3, np.float32), 1)
    (tmp_path / "text.npy").write_text("hello")
    with pytest.raises(ReadError, match=r"not a \.npy file of vectors"):
        Nearest(tmp_path / "text.npy")
    with pytest.raises(ReadError, match="no such file of vectors"):
        Nearest(tmp_path / "absent.npy")


def test_a_file_of_texts_is_told_how_to_become_vectors(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("texts.txt").write_text("One.\nTwo.\n")
    with pytest.raises(ReadError, match=r"roberta embed -i texts\.txt -o texts\.npy$"):
        Nearest(Path("texts.txt"))
