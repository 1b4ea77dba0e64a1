"""From a folder into a model and back: nothing is lost, nothing is guessed without a word, little memory is used."""

import json
import logging
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import roberta
from roberta.errors import CheckpointError, InputError
from tests.conftest import random_ids, seeded, tiny_config
from tests.model.golden import assert_close, flat
from tests.model.test_models import CLASSES, build, inputs_for

HEAD_OF = {
    "RobertaForCausalLM": "lm_head",
    "RobertaForMaskedLM": "lm_head",
    "RobertaForSequenceClassification": "classifier",
    "RobertaForMultipleChoice": "classifier",
    "RobertaForTokenClassification": "classifier",
    "RobertaForQuestionAnswering": "qa_outputs",
}


@pytest.fixture(autouse=True)
def no_warning_goes_unseen():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def outputs(model, kind: str) -> dict[str, np.ndarray]:
    with torch.no_grad():
        return flat(model(**inputs_for(kind)))


def assert_same_answers(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]):
    """To the last bits: mapped weights start at other addresses, where sums may run in another order."""
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert_close(found[name], array, name, tolerance=2e-6)


def assert_same_tensors(model, expected):
    found = model.state_dict()
    assert found.keys() == expected.state_dict().keys()
    for name, tensor in expected.state_dict().items():
        assert torch.equal(found[name], tensor), name


def rewrite(folder: Path, change) -> None:
    """Apply `change` to the tensors of a saved folder."""
    path = folder / "model.safetensors"
    save_file(change(load_file(path)), path)


@pytest.fixture
def saved(tmp_path):
    """A saved masked LM."""
    build("RobertaForMaskedLM").save_pretrained(tmp_path / "mlm")
    return tmp_path / "mlm"


@pytest.mark.parametrize("options", [{}, {"safe_serialization": False}, {"max_shard_size": 3000}])
@pytest.mark.parametrize("kind", CLASSES)
def test_a_saved_model_comes_back_bit_for_bit_ready_for_inference(kind, options, tmp_path):
    for tied in (True, False):
        folder = tmp_path / str(tied)
        model = build(kind, tie_word_embeddings=tied)
        model.save_pretrained(folder, **options)
        assert (len(list(folder.glob("*-of-*"))) > 1) == ("max_shard_size" in options)
        back = getattr(roberta, kind).from_pretrained(folder)
        assert not back.training
        assert back.config.architectures == [kind]
        assert back.config.dtype == "float32"
        assert model.config.architectures is None, "saving does not change the model's own config"
        assert_same_tensors(back, model)
        assert_same_answers(outputs(back, kind), outputs(model, kind))


@pytest.mark.parametrize("options", [{}, {"safe_serialization": False}, {"max_shard_size": 3000}])
@pytest.mark.parametrize("kind", CLASSES)
def test_transformers_reads_what_we_save_and_we_read_what_it_saves(kind, options, tmp_path):
    transformers = pytest.importorskip("transformers")
    for tied in (True, False):
        ours = build(kind, tie_word_embeddings=tied, use_cache=False)
        ours.save_pretrained(tmp_path / "ours", **options)
        theirs, report = getattr(transformers, kind).from_pretrained(
            tmp_path / "ours", output_loading_info=True, attn_implementation="eager"
        )
        assert not any(report.values()), report
        assert_same_tensors(theirs, ours)
        assert_same_answers(outputs(theirs, kind), outputs(ours, kind))
        shards = {"max_shard_size": "3KB"} if "max_shard_size" in options else options
        theirs.save_pretrained(tmp_path / "theirs", **shards)
        back = getattr(roberta, kind).from_pretrained(tmp_path / "theirs", strict=True)
        assert_same_tensors(back, ours)
        shutil.rmtree(tmp_path / "theirs")


@pytest.mark.parametrize("kind", CLASSES[1:])
def test_a_missing_head_starts_at_random_and_is_named_once(kind, tmp_path):
    build("RobertaModel").save_pretrained(tmp_path)
    torch.manual_seed(0)
    with pytest.warns(UserWarning) as caught:
        model = getattr(roberta, kind).from_pretrained(tmp_path)
    [warning] = caught
    assert f"the {HEAD_OF[kind]} of {kind}" in str(warning.message)
    assert warning.filename == __file__, "the warning points at the caller's line"
    stored = load_file(tmp_path / "model.safetensors")
    for name, tensor in model.state_dict().items():
        assert tensor.isfinite().all(), name
        if name.startswith("roberta."):
            assert torch.equal(tensor, stored[name.removeprefix("roberta.")])
        elif name.endswith("bias"):
            assert (tensor == 0).all(), name
        elif "norm" in name:
            assert (tensor == 1).all(), name
        elif name != "lm_head.decoder.weight":
            assert 0.01 < tensor.std() < 0.03, name
    assert all(parameter.requires_grad and not parameter.is_meta for parameter in model.parameters())
    outputs(model, kind)
    with pytest.raises(CheckpointError, match=f"no weights for the {HEAD_OF[kind]} of {kind}.*random"):
        getattr(roberta, kind).from_pretrained(tmp_path, strict=True)


def test_every_part_that_fine_tuning_adds_is_named_in_one_warning(saved):
    with pytest.warns(UserWarning, match="no weights for the pooler and classifier of RobertaForMultipleChoice"):
        roberta.RobertaForMultipleChoice.from_pretrained(saved)
    with pytest.warns(UserWarning, match="no weights for the pooler of RobertaModel"):
        roberta.RobertaModel.from_pretrained(saved)
    assert roberta.RobertaModel.from_pretrained(saved, add_pooling_layer=False, strict=True).pooler is None
    with pytest.warns(UserWarning, match="no weights for the crossattention of RobertaForCausalLM"):
        model = roberta.RobertaForCausalLM.from_pretrained(saved, is_decoder=True, add_cross_attention=True)
    assert (model.roberta.encoder.layer[1].crossattention.self.query.bias == 0).all()
    assert (model.roberta.encoder.layer[1].crossattention.output.LayerNorm.weight == 1).all()


def test_the_masked_language_model_and_the_causal_one_share_their_file(saved):
    masked = roberta.RobertaForMaskedLM.from_pretrained(saved, strict=True)
    causal = roberta.RobertaForCausalLM.from_pretrained(saved, strict=True)
    assert_same_tensors(causal, masked)


def test_the_body_of_a_language_model_loads_alone(saved):
    body = roberta.RobertaModel.from_pretrained(saved, add_pooling_layer=False)
    whole = roberta.RobertaForMaskedLM.from_pretrained(saved)
    assert_same_tensors(body, whole.roberta)


def test_names_with_and_without_the_prefix_and_old_ones_are_understood(saved):
    expected = outputs(roberta.RobertaForMaskedLM.from_pretrained(saved), "RobertaForMaskedLM")

    def as_published(tensors):
        old = {
            name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
            for name, tensor in tensors.items()
        }
        old["lm_head.decoder.bias"] = old.pop("lm_head.bias")
        old["lm_head.decoder.weight"] = old["roberta.embeddings.word_embeddings.weight"].clone()
        return old | {"roberta.embeddings.position_ids": torch.arange(24)[None]}

    rewrite(saved, as_published)
    assert_same_answers(outputs(roberta.RobertaForMaskedLM.from_pretrained(saved), "RobertaForMaskedLM"), expected)
    rewrite(saved, lambda tensors: {name.removeprefix("roberta."): tensor for name, tensor in tensors.items()})
    assert_same_answers(outputs(roberta.RobertaForMaskedLM.from_pretrained(saved), "RobertaForMaskedLM"), expected)


def test_an_untied_decoder_is_never_overwritten_by_the_word_table(tmp_path):
    model = build("RobertaForMaskedLM", tie_word_embeddings=False)
    model.save_pretrained(tmp_path)
    back = roberta.RobertaForMaskedLM.from_pretrained(tmp_path)
    assert back.lm_head.decoder.weight is not back.roberta.embeddings.word_embeddings.weight
    assert torch.equal(back.lm_head.decoder.weight, model.lm_head.decoder.weight)
    assert back.lm_head.bias is back.lm_head.decoder.bias


def test_tied_weights_are_one_parameter_after_loading(saved, tmp_path):
    build("RobertaModel").save_pretrained(tmp_path / "body")
    with pytest.warns(UserWarning):
        fresh = roberta.RobertaForMaskedLM.from_pretrained(tmp_path / "body")
    for model in (fresh, roberta.RobertaForMaskedLM.from_pretrained(saved)):
        assert model.lm_head.decoder.weight is model.roberta.embeddings.word_embeddings.weight
        assert model.lm_head.bias is model.lm_head.decoder.bias


def test_missing_tensors_of_the_encoder_are_an_error_that_names_them(saved):
    gone = "roberta.encoder.layer.1.output.dense.weight"
    rewrite(saved, lambda tensors: {name: tensor for name, tensor in tensors.items() if name != gone})
    for kind in ("RobertaForMaskedLM", "RobertaForTokenClassification"):
        with pytest.raises(CheckpointError, match=f"{saved}.*no weights for {gone} of {kind}"):
            getattr(roberta, kind).from_pretrained(saved)
    with pytest.raises(CheckpointError, match=r"no weights for .* and 12 more of RobertaModel"):
        roberta.RobertaModel.from_pretrained(saved, num_hidden_layers=3)


def test_a_head_that_is_stored_in_part_is_an_error(saved):
    rewrite(saved, lambda tensors: {name: tensor for name, tensor in tensors.items() if name != "lm_head.dense.bias"})
    with pytest.raises(CheckpointError, match=r"no weights for lm_head.dense.bias of RobertaForMaskedLM"):
        roberta.RobertaForMaskedLM.from_pretrained(saved)


def test_a_wrong_shape_is_an_error_that_gives_both(saved, tmp_path):
    with pytest.raises(CheckpointError, match=r"word_embeddings.weight is \(60, 16\), the model needs \(61, 16\)"):
        roberta.RobertaForMaskedLM.from_pretrained(saved, vocab_size=61)
    build("RobertaForTokenClassification", num_labels=3).save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=r"classifier.weight is \(3, 16\), the model needs \(5, 16\).*num_labels"):
        roberta.RobertaForTokenClassification.from_pretrained(tmp_path, num_labels=5)


def test_whole_numbers_are_no_weights(saved):
    name = "roberta.encoder.layer.0.output.dense.bias"
    rewrite(saved, lambda tensors: tensors | {name: tensors[name].long()})
    with pytest.raises(CheckpointError, match=f"{name}.*int64"):
        roberta.RobertaForMaskedLM.from_pretrained(saved)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_no_numbers_are_named_in_a_warning(saved, value):
    name = "roberta.encoder.layer.0.output.dense.bias"
    rewrite(saved, lambda tensors: tensors | {name: torch.cat([torch.tensor([value]), tensors[name][1:]])})
    with pytest.warns(UserWarning, match=f"{name} holds NaN or infinite") as caught:
        roberta.RobertaForMaskedLM.from_pretrained(saved)
    assert caught[0].filename == __file__


def test_tensors_that_no_one_needs_are_told_only_to_who_asks_for_details(saved, caplog):
    rewrite(saved, lambda tensors: tensors | {"some.adapter.weight": torch.zeros(2)})
    with caplog.at_level(logging.INFO):
        roberta.RobertaForMaskedLM.from_pretrained(saved)
    assert not caplog.records
    with caplog.at_level(logging.DEBUG):
        roberta.RobertaForMaskedLM.from_pretrained(saved)
    assert any("some.adapter.weight" in record.getMessage() for record in caplog.records)


def test_the_number_type_is_float32_unless_asked_for_another(tmp_path):
    model = build("RobertaForMaskedLM").half()
    model.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["dtype"] == "float16"
    load = roberta.RobertaForMaskedLM.from_pretrained
    assert load(tmp_path).dtype == torch.float32
    assert load(tmp_path, dtype="auto").dtype == torch.float16
    assert load(tmp_path, torch_dtype="auto").dtype == torch.float16
    for dtype in (torch.float16, "float16", "bfloat16", torch.bfloat16, torch.float64):
        loaded = load(tmp_path, dtype=dtype)
        expected = getattr(torch, str(dtype).removeprefix("torch."))
        assert {parameter.dtype for parameter in loaded.parameters()} == {expected}
    assert_same_tensors(load(tmp_path, dtype="auto"), model)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["dtype"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert load(tmp_path, dtype="auto").dtype == torch.float16, "the file itself says it too"
    with pytest.raises(InputError, match="dtype 'int8' is no floating-point type"):
        load(tmp_path, dtype="int8")
    with pytest.warns(UserWarning, match="classifier"):
        fresh = roberta.RobertaForTokenClassification.from_pretrained(tmp_path, dtype=torch.bfloat16)
    assert {parameter.dtype for parameter in fresh.parameters()} == {torch.bfloat16}


@pytest.mark.parametrize("safe", [True, False])
def test_bfloat16_goes_to_disk_and_back_unchanged(tmp_path, safe):
    model = build("RobertaForTokenClassification").bfloat16()
    model.save_pretrained(tmp_path, safe_serialization=safe)
    back = roberta.RobertaForTokenClassification.from_pretrained(tmp_path, dtype="auto")
    assert_same_tensors(back, model)


def test_the_device_can_be_named(saved):
    load = roberta.RobertaForMaskedLM.from_pretrained
    assert load(saved, device="cpu").device == load(saved, device=torch.device("cpu")).device == torch.device("cpu")
    assert {parameter.device.type for parameter in load(saved, device="meta").parameters()} == {"meta"}


def test_values_of_the_config_can_be_overridden_while_loading(saved):
    with pytest.warns(UserWarning, match="classifier"):
        model = roberta.RobertaForSequenceClassification.from_pretrained(
            saved, id2label={0: "bad", 1: "good", 2: "odd"}, problem_type="single_label_classification"
        )
    assert model(random_ids(1, 4)).logits.shape == (1, 3)
    assert model.config.label2id == {"bad": 0, "good": 1, "odd": 2}
    with pytest.warns(UserWarning, match="classifier"):
        model = roberta.RobertaForSequenceClassification.from_pretrained(saved, num_labels=5, return_dict=False)
    assert model(random_ids(1, 4))[0].shape == (1, 5)
    with pytest.raises(InputError, match="unknown argument num_label"):
        roberta.RobertaForSequenceClassification.from_pretrained(saved, num_label=5)


def test_a_config_of_ones_own_is_used_and_not_changed(saved):
    config = roberta.RobertaConfig.from_pretrained(saved, output_hidden_states=True)
    before = config.to_dict()
    model = roberta.RobertaForMaskedLM.from_pretrained(saved, config=config)
    assert model(random_ids(1, 4)).hidden_states is not None
    model.prune_heads({0: [1]})
    model.resize_token_embeddings(70)
    assert config.to_dict() == before
    with_values = roberta.RobertaForMaskedLM.from_pretrained(saved, config=config, output_attentions=True)
    assert with_values(random_ids(1, 4)).attentions is not None
    assert config.to_dict() == before
    by_path = roberta.RobertaForMaskedLM.from_pretrained(saved, config=saved, output_attentions=True)
    assert by_path.config.output_attentions


def test_a_state_dict_of_ones_own_takes_the_place_of_the_file_and_is_not_changed(saved):
    other = seeded(roberta.RobertaForMaskedLM, tiny_config(), seed=5)
    tensors = other.state_dict()
    before = {name: tensor.clone() for name, tensor in tensors.items()}
    model = roberta.RobertaForMaskedLM.from_pretrained(saved, state_dict=tensors)
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in before.items())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    assert all(torch.equal(tensors[name], tensor) for name, tensor in before.items())


def test_training_a_loaded_model_leaves_its_file_alone_and_can_be_saved_over_it(saved):
    before = (saved / "model.safetensors").read_bytes()
    model = roberta.RobertaForMaskedLM.from_pretrained(saved)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    ids = random_ids(2, 5)
    model(ids, labels=ids).loss.backward()
    optimizer.step()
    assert (saved / "model.safetensors").read_bytes() == before
    expected = outputs(model, "RobertaForMaskedLM")
    model.save_pretrained(saved)
    assert_same_answers(outputs(model, "RobertaForMaskedLM"), expected)
    assert_same_answers(outputs(roberta.RobertaForMaskedLM.from_pretrained(saved), "RobertaForMaskedLM"), expected)


def test_loading_leaves_the_random_numbers_of_the_program_alone(saved):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    roberta.RobertaForMaskedLM.from_pretrained(saved)
    assert torch.equal(torch.rand(1), expected)


def test_each_thing_that_is_no_checkpoint_is_refused_in_one_sentence(saved, tmp_path):
    load = roberta.RobertaForMaskedLM.from_pretrained
    with pytest.raises(CheckpointError, match="/nothing/here: no such folder"):
        load("/nothing/here")
    others = {
        "camembert": "a camembert model, not RoBERTa",
        "xlm-roberta": "a xlm-roberta model",
        "gpt2": "model_type 'gpt2'",
    }
    for name, message in others.items():
        other = tmp_path / name
        shutil.copytree(saved, other)
        config = json.loads((other / "config.json").read_text())
        (other / "config.json").write_text(json.dumps(config | {"model_type": name}))
        with pytest.raises(CheckpointError, match=message):
            load(other)
    (saved / "model.safetensors").write_bytes((saved / "model.safetensors").read_bytes()[:-10])
    with pytest.raises(CheckpointError, match=r"model.safetensors.*damaged"):
        load(saved)
    (saved / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model.safetensors.*in this folder"):
        load(saved)
    (saved / "tf_model.h5").touch()
    with pytest.raises(CheckpointError, match=r"tf_model.h5: the HDF5 library cannot read it.*damaged"):
        load(saved)
    (saved / "tf_model.h5").unlink()
    (saved / "model.onnx").touch()
    with pytest.raises(CheckpointError, match=r"model.onnx, of ONNX.*roberta convert"):
        load(saved)
    (saved / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"no config.json in this folder"):
        load(saved)


def test_an_activation_that_is_a_function_cannot_be_saved_and_leaves_nothing_behind(tmp_path):
    with pytest.raises(InputError, match="hidden_act is a function"):
        build("RobertaModel", hidden_act=torch.relu).save_pretrained(tmp_path / "new")
    assert not (tmp_path / "new").exists()


PEAK = """
import re, sys
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) * 1024
import torch
before = peak()
from roberta import RobertaForMaskedLM
model = RobertaForMaskedLM.from_pretrained(sys.argv[1])
print(peak() - before, sum(p.numel() for p in model.parameters()), int("sympy" in sys.modules))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from Linux's /proc")
def test_loading_takes_hardly_more_memory_than_the_file_has(tmp_path):
    """Beyond `import torch`: under 1.2 times a float32 file of 250 MB, the package's own modules included."""
    config = tiny_config(vocab_size=96_000, hidden_size=600, intermediate_size=600, max_position_embeddings=514)
    with torch.device("meta"):
        model = roberta.RobertaForMaskedLM(config)
    zeros = {name: torch.zeros(tensor.shape) for name, tensor in model.state_dict().items()}
    for folder, safe in ((tmp_path / "safetensors", True), (tmp_path / "bin", False)):
        model.save_pretrained(folder, state_dict=zeros, safe_serialization=safe)
        [path] = [*folder.glob("*.safetensors"), *folder.glob("*.bin")]
        size = path.stat().st_size
        assert 240e6 < size < 260e6
        ran = subprocess.run([sys.executable, "-c", PEAK, str(folder)], capture_output=True, text=True, check=True)
        used, numbers, compiler = map(int, ran.stdout.split())
        assert not compiler, "a second and 70 MB, for nothing"
        assert numbers == model.num_parameters()
        assert used < 1.2 * size, f"{path.name}: {used / size:.2f} times the file"
