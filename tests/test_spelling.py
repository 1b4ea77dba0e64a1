from pathlib import Path

import pytest

from roberta.errors import CheckpointError, NetworkError, ReadError
from roberta.hub import Origin
from roberta.spelling import did_you_mean, near_path
from roberta.vectors.nearest import Nearest


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "checkpoints" / "my-model").mkdir(parents=True)
    (tmp_path / "checkpoints" / "my-model" / "model.safetensors").touch()
    (tmp_path / "vectors.npy").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return tmp_path


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("checkpoints/my-modle", "checkpoints/my-model"),
        ("checkpiont/my-model", "checkpoints/my-model"),
        ("./chekpoints/mymodel/model.safetensor", "checkpoints/my-model/model.safetensors"),
        ("checkpoints/other", None),
        ("checkpoints/my-model", None),  # it is there
        ("checkpoints/my-model/model.safetensors/x", None),
        ("nowhere/at/all", None),
    ],
)
def test_the_path_that_was_meant(folder, given, meant):
    assert near_path(Path(given)) == (meant and Path(meant))
    absolute = near_path(folder / given)
    assert absolute == (meant and folder / meant)


def test_a_model_that_is_misspelt_is_suggested_whether_it_looks_like_a_path_or_a_hub_id(folder):
    with pytest.raises(CheckpointError, match=r"no such folder; did you mean checkpoints/my-model\?"):
        Origin("./checkpoints/my-modl")
    with pytest.raises(NetworkError, match=r"; did you mean checkpoints/my-model\?"):
        Origin("checkpoints/my-modl").need("config.json")


def test_a_file_of_vectors_that_is_misspelt_is_suggested(folder):
    with pytest.raises(ReadError, match=r"^vectros.npy: no such file of vectors; did you mean vectors.npy\?$"):
        Nearest(Path("vectros.npy"))
    with pytest.raises(ReadError, match=r"^x.npy: no such file of vectors; make one with roberta embed -o$"):
        Nearest(Path("x.npy"))


def test_a_name_is_suggested_only_when_it_is_near():
    assert did_you_mean("Positve", ["negative", "positive"]) == "; did you mean positive?"
    assert did_you_mean("war", ["negative", "positive"]) == ""
