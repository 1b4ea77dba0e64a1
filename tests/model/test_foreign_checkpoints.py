"""Checkpoints of TensorFlow and Flax are checkpoints like others: each class opens them, and answers the same."""

import functools
import json
import shutil
import warnings

import numpy as np
import pytest
import torch

import roberta
from roberta.errors import CheckpointError, InputError
from roberta.model.loading import to_array
from roberta.model.parameters import HEADS
from roberta.weights.folder import save_foreign
from roberta.weights.formats import FLAX, TENSORFLOW
from tests.conftest import seeded, tiny_config
from tests.model.golden import Case, assert_close, flat
from tests.shared import SHARED, needs_shared

CLASSES = ["RobertaModel", *(head.architecture for head in HEADS.values())]
KINDS = [TENSORFLOW, FLAX]
ACROSS = 1e-4  # between frameworks: sums in another order

if SHARED:
    FOREIGN = [
        Case(folder, row | {"class": row["class"].removeprefix("TF").removeprefix("Flax")})
        for folder in (SHARED / "oracle/tf", SHARED / "oracle/flax")
        for row in json.loads((folder / "golden_cases.json").read_text())["cases"]
    ]
else:
    FOREIGN = []


@functools.cache
def opened(folder, kind):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing is missing
        return getattr(roberta, kind).from_pretrained(folder)


@needs_shared
@pytest.mark.parametrize("case", FOREIGN, ids=lambda case: f"{case.folder.name}-{case}")
def test_outputs_are_those_of_the_framework_that_wrote_the_file(case):
    assert not case.row["config_overrides"]
    model = opened(case.folder / case.row["checkpoint"], case.row["class"])
    with torch.no_grad():
        found = flat(model(**case.inputs(), **case.row["kwargs"]))
    for name, array in case.arrays("out").items():
        if name == "loss":  # TensorFlow's has one value for each example; PyTorch's is their mean
            assert_close(found[name], array.mean(), name, ACROSS)
        else:
            rows = case.compared_rows(name, array)
            assert_close(found[name][rows], array[rows], name, ACROSS)


@needs_shared
@pytest.mark.parametrize("framework", ["tf", "flax"])
def test_the_numbers_are_those_of_the_same_model_in_pytorch_bit_for_bit(framework):
    for path in sorted((SHARED / "oracle" / framework / "checkpoints").iterdir()):
        name = path.name.removesuffix("_sharded")
        if name == "mlm_bf16":
            continue
        [kind] = json.loads((path / "config.json").read_text())["architectures"]
        ours = opened(path, kind).state_dict()
        theirs = getattr(roberta, kind).from_pretrained(SHARED / "oracle/pt/checkpoints" / name).state_dict()
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(tensor, theirs[key]) for key, tensor in ours.items()), path


def saved(folder, kind, architecture, seed=0, **options):
    """A tiny model, its config and its weights in one format in `folder`."""
    model = seeded(getattr(roberta, architecture), tiny_config(architectures=[architecture]), seed=seed)
    model.config.save_pretrained(folder)
    tensors = {name: to_array(tensor) for name, tensor in model.state_dict().items()}
    save_foreign(folder, kind, tensors, model.config, **options)
    return model


@pytest.mark.parametrize("shard", ["5GB", "15KB"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("architecture", CLASSES)
def test_each_class_is_read_back_from_what_was_written_bit_for_bit(tmp_path, architecture, kind, shard):
    model = saved(tmp_path, kind, architecture, max_shard_size=shard)
    assert (tmp_path / (kind.file if shard == "5GB" else kind.index)).exists()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = getattr(roberta, architecture).from_pretrained(tmp_path)
    ours, theirs = model.state_dict(), again.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_head_may_start_at_random_over_a_foreign_body_and_a_body_be_taken_from_a_head(tmp_path, kind):
    saved(tmp_path / "body", kind, "RobertaModel")
    with pytest.warns(UserWarning, match="no weights for the classifier"):
        roberta.RobertaForTokenClassification.from_pretrained(tmp_path / "body")
    with pytest.raises(CheckpointError, match="no weights for the classifier"):
        roberta.RobertaForTokenClassification.from_pretrained(tmp_path / "body", strict=True)
    model = saved(tmp_path / "head", kind, "RobertaForQuestionAnswering", seed=1)
    body = roberta.RobertaModel.from_pretrained(tmp_path / "head", add_pooling_layer=False)
    assert torch.equal(body.embeddings.word_embeddings.weight, model.get_input_embeddings().weight)


def test_from_tf_and_from_flax_choose_among_the_files_of_a_folder(tmp_path):
    architecture = "RobertaForMaskedLM"
    tensorflow, flax = (saved(tmp_path, kind, architecture, seed) for seed, kind in enumerate(KINDS))
    kind = roberta.RobertaForMaskedLM
    bias = lambda **options: kind.from_pretrained(tmp_path, **options).lm_head.bias  # noqa: E731
    assert torch.equal(bias(), tensorflow.lm_head.bias)
    assert torch.equal(bias(from_flax=True), flax.lm_head.bias)
    pytorch = seeded(kind, tensorflow.config, seed=2)
    pytorch.save_pretrained(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "config.json",
        "model.safetensors",
        "tf_model.h5",
        "flax_model.msgpack",
    }
    assert torch.equal(bias(), pytorch.lm_head.bias)
    assert torch.equal(bias(from_tf=False, from_flax=False), pytorch.lm_head.bias)
    assert torch.equal(bias(from_tf=True), tensorflow.lm_head.bias)
    assert torch.equal(kind.from_pretrained(tmp_path / "flax_model.msgpack").lm_head.bias, flax.lm_head.bias)
    with pytest.raises(InputError, match="give one of them"):
        bias(from_tf=True, from_flax=True)
    (tmp_path / "tf_model.h5").unlink()
    with pytest.raises(CheckpointError, match=r"none of tf_model\.h5, tf_model\.h5\.index\.json"):
        bias(from_tf=True)


def test_bfloat16_is_kept_in_flax_and_refused_for_tensorflow(tmp_path):
    architecture = "RobertaForMaskedLM"
    model = seeded(roberta.RobertaForMaskedLM, tiny_config(architectures=[architecture])).to(torch.bfloat16)
    model.config.save_pretrained(tmp_path)
    tensors = {name: to_array(tensor) for name, tensor in model.state_dict().items()}
    save_foreign(tmp_path, FLAX, tensors, model.config)
    again = roberta.RobertaForMaskedLM.from_pretrained(tmp_path, dtype="auto")
    assert again.dtype == torch.bfloat16
    assert all(torch.equal(tensor, model.state_dict()[name]) for name, tensor in again.state_dict().items())
    with pytest.raises(CheckpointError, match="HDF5 has no bfloat16; save it as float32"):
        save_foreign(tmp_path, TENSORFLOW, tensors, model.config)
    assert not (tmp_path / "tf_model.h5").exists()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_an_untied_decoder_is_never_overwritten(tmp_path, kind):
    config = tiny_config(architectures=["RobertaForMaskedLM"], tie_word_embeddings=False)
    model = seeded(roberta.RobertaForMaskedLM, config)
    config.save_pretrained(tmp_path)
    tensors = {name: to_array(tensor) for name, tensor in model.state_dict().items()}
    if kind is TENSORFLOW:
        with pytest.raises(CheckpointError, match="TensorFlow files have no place for it"):
            save_foreign(tmp_path, kind, tensors, config)
        return
    save_foreign(tmp_path, kind, tensors, config)
    again = roberta.RobertaForMaskedLM.from_pretrained(tmp_path)
    assert torch.equal(again.lm_head.decoder.weight, model.lm_head.decoder.weight)
    assert not np.array_equal(again.lm_head.decoder.weight.detach(), again.get_input_embeddings().weight.detach())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_whole_numbers_are_refused_and_nan_is_warned_of(tmp_path, kind):
    model = seeded(roberta.RobertaModel, tiny_config(architectures=["RobertaModel"]))
    model.config.save_pretrained(tmp_path)
    tensors = {name: to_array(tensor) for name, tensor in model.state_dict().items()}
    bias = "encoder.layer.1.output.dense.bias"
    save_foreign(tmp_path, kind, tensors | {bias: tensors[bias].astype(np.int32)}, model.config)
    with pytest.raises(CheckpointError, match=rf"{bias}' holds int32 numbers"):
        roberta.RobertaModel.from_pretrained(tmp_path)
    save_foreign(tmp_path, kind, tensors | {bias: tensors[bias] * np.float32(np.nan)}, model.config)
    with pytest.warns(UserWarning, match=rf"{bias} holds NaN"):
        roberta.RobertaModel.from_pretrained(tmp_path)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_shards_of_a_former_save_go_when_one_file_takes_their_place(tmp_path, kind):
    saved(tmp_path, kind, "RobertaModel", max_shard_size="15KB")
    shutil.copy(tmp_path / "config.json", tmp_path / "notes.txt")
    saved(tmp_path, kind, "RobertaModel")
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "notes.txt", kind.file}
