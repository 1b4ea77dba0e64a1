"""A folder with only TensorFlow's or Flax's weights is a model like any other for every command."""

import importlib.util
import json
import shutil

import pytest

from roberta.builtin import MINI
from roberta.config import RobertaConfig
from roberta.hub import Origin
from roberta.weights.arrays import to_float32
from roberta.weights.folder import read_weights, save_foreign
from roberta.weights.formats import FLAX, TENSORFLOW

QUESTION = "The capital of France is <mask>."


@pytest.fixture(params=[TENSORFLOW, FLAX], ids=lambda kind: kind.name)
def kind(request):
    return request.param


@pytest.fixture
def folder(tmp_path, kind):
    folder = shutil.copytree(MINI, tmp_path / "model")
    tensors = {name: to_float32(array) for name, array in read_weights(Origin(MINI)).tensors.items()}
    (folder / "model.safetensors").unlink()
    save_foreign(folder, kind, tensors, RobertaConfig.from_pretrained(MINI))
    return folder


def fills(ended):
    assert ended.code == 0, ended.err
    return [fill["text"] for fill in json.loads(ended.out)["masks"][0]["fills"]]


def test_a_command_answers_as_with_the_same_weights_of_pytorch(roberta, folder, kind):
    usual = fills(roberta("fill-mask", QUESTION))
    assert fills(roberta("fill-mask", "-m", str(folder), QUESTION)) == usual
    named = str(folder / kind.file)
    assert fills(roberta("fill-mask", "-m", named, QUESTION)) == usual


def test_a_damaged_file_is_one_sentence_and_code_4(roberta, folder, kind):
    path = folder / kind.file
    path.write_bytes(path.read_bytes()[:-1000])
    ended = roberta("fill-mask", "-m", str(folder), QUESTION)
    assert (ended.code, ended.out) == (4, "")
    [line] = ended.err.splitlines()
    assert str(path) in line


def test_without_h5py_the_sentence_has_the_install_command_and_the_code_is_6(roberta, folder, kind, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "h5py" else find(name, *rest))
    ended = roberta("fill-mask", "-m", str(folder), QUESTION)
    if kind is FLAX:
        assert ended.code == 0
        return
    assert (ended.code, ended.out) == (6, "")
    assert "pip install 'roberta[convert]'" in ended.err
