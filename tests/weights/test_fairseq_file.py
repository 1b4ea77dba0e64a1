"""Checkpoints of fairseq's in each form that its versions wrote, and crafted ones."""

import argparse
import random
import time
from collections import OrderedDict

import numpy as np
import pytest
import torch

from roberta.errors import CheckpointError
from roberta.weights import fairseq_file
from tests.shared import SHARED, needs_shared
from tests.weights.fuzzing import ROUNDS, SECONDS, mutated
from tests.weights.weight_files import number, program, state_program, tensor, text, torch_zip

ARGUMENTS = {"encoder_attention_heads": 3, "activation_fn": "gelu", "dropout": 0.5, "untie_weights_roberta": True}
ONE = text("model") + b"}" + text("a") + tensor() + b"s"  # one weight, under its key
CLASS = b"comegaconf.%s\n%s\n)\x81"


def saved(tmp_path, **root):
    torch.save({"model": OrderedDict(w=torch.arange(3.0)), **root}, tmp_path / "model.pt")
    return fairseq_file.read(tmp_path / "model.pt")


def crafted(tmp_path, body: bytes):
    return fairseq_file.read(torch_zip(tmp_path / "model.pt", program(b"}(" + body + b"u")))


def leaf(value: bytes) -> bytes:
    """A value inside a node of omegaconf's, which knows its parent: here itself."""
    return CLASS % (b"nodes", b"AnyNode") + b"q\x07}(" + text("_parent") + b"h\x07" + text("_val") + value + b"ub"


def dict_config(*items: tuple[str, bytes]) -> bytes:
    content = b"}(" + b"".join(text(name) + value for name, value in items) + b"u"
    return CLASS % (b"dictconfig", b"DictConfig") + b"}" + text("_content") + content + b"sb"


def test_args_are_read_from_a_namespace(tmp_path):
    found = saved(tmp_path, args=argparse.Namespace(**ARGUMENTS), cfg=None)
    assert {name: found.settings[name] for name in ARGUMENTS} == ARGUMENTS
    assert found.tensors["w"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("model", [ARGUMENTS, argparse.Namespace(**ARGUMENTS)], ids=["mapping", "Namespace"])
def test_a_cfg_is_read_with_the_kinds_that_it_names(tmp_path, model):
    cfg = {
        "model": model,
        "task": {"_name": "sentence_ranking"},
        "criterion": argparse.Namespace(_name="x"),
        "bpe": None,
    }
    found = saved(tmp_path, args=None, cfg=cfg).settings
    assert found == ARGUMENTS | {"task": "sentence_ranking", "criterion": "x", "bpe": None}


def test_args_go_before_cfg_as_in_fairseq(tmp_path):
    cfg = {"model": {"encoder_attention_heads": 7}, "task": {"_name": "x"}}
    found = saved(tmp_path, args=argparse.Namespace(**ARGUMENTS), cfg=cfg).settings
    assert (found["encoder_attention_heads"], found["task"]) == (3, None)


def test_a_cfg_of_omegaconfs_objects_is_read_through_them(tmp_path):
    model = dict_config(("encoder_attention_heads", leaf(b"K\x03")), ("dropout", leaf(leaf(b"G" + bytes(8)))))
    task = dict_config(("_name", leaf(text("masked_lm"))))
    cfg = dict_config(("model", leaf(model)), ("task", task))
    found = crafted(tmp_path, ONE + text("cfg") + cfg).settings
    assert found == {"encoder_attention_heads": 3, "dropout": 0.0, "task": "masked_lm", "criterion": None, "bpe": None}


def test_values_that_are_not_plain_are_left_out(tmp_path):
    arguments = argparse.Namespace(a=1, b={"c": 1}, d=torch.zeros(1), e=[1, "x"], f=(1,))
    found = saved(tmp_path, args=arguments).settings
    assert {name: found[name] for name in found.keys() & set("abdef")} == {"a": 1, "e": [1, "x"]}


def test_values_within_values_without_an_end_are_left_out(tmp_path):
    endless = CLASS % (b"nodes", b"AnyNode") + b"q\x09}" + text("_val") + b"h\x09sb"
    found = crafted(tmp_path, ONE + text("args") + b"}(" + text("a") + endless + text("b") + b"K\x01u").settings
    assert (found.get("a"), found["b"]) == (None, 1)


REFUSED = {
    "a state dict": (state_program(("a", tensor())), "not a checkpoint of fairseq"),
    "no weights": (program(b"}" + text("args") + b"}s"), "not a checkpoint of fairseq"),
    "a list": (program(b"]"), "not a checkpoint of fairseq"),
    "weights that are a list": (
        program(b"}(" + text("args") + b"}" + text("model") + b"]u"),
        "not a checkpoint of fairseq",
    ),
    "no arguments": (program(b"}(" + ONE + text("args") + b"Nu"), "holds no arguments"),
    "arguments that are a number": (program(b"}(" + ONE + text("args") + b"K\x01u"), "holds no arguments"),
    "a cfg without a model": (program(b"}(" + ONE + text("cfg") + b"}u"), "holds no arguments"),
    "a weight that is a number": (
        program(b"}(" + text("args") + b"}" + text("a") + b"K\x01s" + text("model") + b"}" + text("w") + b"K\x01su"),
        "'w' names a int among the weights",
    ),
    "a weight whose name is a number": (
        program(b"}(" + text("args") + b"}" + text("a") + b"K\x01s" + text("model") + b"}K\x01" + tensor() + b"su"),
        "a int names a Tensor among the weights",
    ),
    "a weight outside its storage": (
        program(b"}(" + text("args") + b"}" + text("model") + b"}" + text("w") + tensor(offset=number(1)) + b"su"),
        "reaches outside its storage",
    ),
    "code in the arguments": (
        program(b"}(" + ONE + text("args") + b"cos\nsystem\n(" + text("true") + b"tRu"),
        r"os\.system",
    ),
    "code beside": (
        program(b"}(" + ONE + text("extra_state") + b"cbuiltins\neval\n(" + text("1") + b"tRu"),
        r"builtins\.eval",
    ),
    "code that resembles omegaconf": (
        program(b"}(" + ONE + text("cfg") + b"comegaconfx\nevil\n)Ru"),
        r"omegaconfx\.evil",
    ),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_crafted_checkpoints_are_refused_with_their_fault(tmp_path, fault):
    pickled, said = REFUSED[fault]
    path = torch_zip(tmp_path / "model.pt", pickled)
    with pytest.raises(CheckpointError, match=said) as error:
        fairseq_file.read(path)
    assert str(error.value).startswith(str(path))


def test_a_checkpoint_is_told_from_a_state_dict(tmp_path):
    saved(tmp_path, args=argparse.Namespace(a=1))
    assert fairseq_file.recognise(tmp_path / "model.pt")
    torch.save({"w": torch.zeros(1)}, tmp_path / "model.pt")
    assert not fairseq_file.recognise(tmp_path / "model.pt")


def test_what_is_written_is_a_namespace_with_weights_to_torch_and_the_same_bytes_each_time(tmp_path):
    words = np.arange(6, dtype=np.float32).reshape(3, 2)
    tensors = {"encoder.x": words, "encoder.lm_head.weight": words}
    settings = ARGUMENTS | {"label_names": ["no", "yes"], "nothing": None, "negative": -1}
    for name in ("one", "two"):
        fairseq_file.write(tmp_path / name, settings, tensors)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    root = torch.load(tmp_path / "one", weights_only=False)
    assert vars(root["args"]) == settings
    assert isinstance(root["model"], OrderedDict)
    assert root["model"]["encoder.x"].tolist() == words.tolist()
    assert root["model"]["encoder.x"].data_ptr() == root["model"]["encoder.lm_head.weight"].data_ptr()
    assert {"optimizer_history", "extra_state", "last_optimizer_state"} <= root.keys()  # fairseq asks for them
    found = fairseq_file.read(tmp_path / "one")
    assert found.settings == settings | {"task": None, "criterion": None, "bpe": None}
    assert list(found.tensors) == list(tensors)


def test_a_value_that_is_not_plain_is_not_written(tmp_path):
    with pytest.raises(TypeError, match="set is not pickled here"):
        fairseq_file.write(tmp_path / "x", {"a": set()}, {})
    assert not list(tmp_path.iterdir())


def test_changed_files_are_read_or_refused_and_nothing_else_happens(tmp_path):
    path = tmp_path / "model.pt"
    model = dict_config(("encoder_attention_heads", leaf(b"K\x03")), ("dropout", leaf(b"G" + bytes(8))))
    weights = b"}(" + b"".join(text(f"encoder.{place}") + tensor() for place in range(9)) + b"u"
    torch_zip(path, program(b"}(" + text("model") + weights + text("cfg") + dict_config(("model", model)) + b"u"))
    good, outcomes = path.read_bytes(), {"read": 0, "refused": 0}
    for seed in range(ROUNDS):
        path.write_bytes(mutated(good, random.Random(seed)))
        start = time.monotonic()
        try:
            found = fairseq_file.read(path)
        except CheckpointError as error:
            outcomes["refused"] += 1
            assert len(str(error)) < len(str(path)) + 700, (seed, str(error))
            assert "\n" not in str(error), seed
        else:
            outcomes["read"] += 1
            assert sum(np.array(array).nbytes for array in found.tensors.values()) <= 20 * len(good), seed
        assert time.monotonic() - start < SECONDS, seed
    assert min(outcomes.values()) > ROUNDS // 50, outcomes


@needs_shared
def test_every_published_form_holds_its_arguments():
    paths = sorted((SHARED / "oracle" / "fairseq").rglob("model.pt"))
    assert len(paths) == 9
    for path in paths:
        assert fairseq_file.recognise(path)
        found = fairseq_file.read(path).settings
        assert found["encoder_attention_heads"] in (2, 3), path
        assert (found["task"], found["criterion"], found["activation_fn"]) == ("masked_lm", "masked_lm", "gelu"), path
