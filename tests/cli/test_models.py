"""A model that cannot answer: code 4 and one sentence that names it, whatever is wrong with it."""

import json
import shutil

import pytest
from safetensors.numpy import load_file, save_file

from roberta.builtin import MINI

QUESTION = "The capital of France is <mask>."


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(MINI, tmp_path / "model")


def refused(roberta, folder) -> str:
    ended = roberta("fill-mask", "-m", str(folder), QUESTION)
    assert (ended.code, ended.out) == (4, ""), ended.err
    [line] = ended.err.splitlines()
    assert line.startswith("error: ")
    assert str(folder) in line
    return line


def change_config(folder, **values) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | values), encoding="utf-8")


def test_the_copy_itself_answers(roberta, folder):
    assert roberta("fill-mask", "-m", str(folder), QUESTION).code == 0


def test_no_such_folder(roberta, tmp_path):
    refused(roberta, tmp_path / "nowhere")


def test_no_config(roberta, folder):
    (folder / "config.json").unlink()
    assert "config.json" in refused(roberta, folder)


def test_a_config_that_is_not_json(roberta, folder):
    (folder / "config.json").write_text("{", encoding="utf-8")
    refused(roberta, folder)


@pytest.mark.parametrize("kind", ["camembert", "xlm-roberta", "bert"])
def test_another_architecture(roberta, folder, kind):
    change_config(folder, model_type=kind)
    assert kind in refused(roberta, folder)


def test_no_vocabulary(roberta, folder):
    for name in ("vocab.json", "merges.txt", "tokenizer.json"):
        (folder / name).unlink()
    assert "vocab.json" in refused(roberta, folder)


def test_no_weights(roberta, folder):
    (folder / "model.safetensors").unlink()
    assert "model.safetensors" in refused(roberta, folder)


def test_weights_cut_short(roberta, folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])
    refused(roberta, folder)


def test_weights_of_another_shape(roberta, folder):
    change_config(folder, intermediate_size=1000)
    assert "intermediate" in refused(roberta, folder)


def test_no_language_model_head_is_never_made_up(roberta, folder):
    path = folder / "model.safetensors"
    save_file({name: array for name, array in load_file(path).items() if not name.startswith("lm_head.")}, path)
    assert "lm_head" in refused(roberta, folder)
