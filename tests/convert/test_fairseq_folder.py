"""Whole checkpoints of fairseq's: read with one of their heads, written, and the same after both."""

import argparse
import json
import random
import shutil
import time

import numpy as np
import pytest
import torch

import roberta
from roberta import RobertaTokenizer
from roberta.convert.fairseq_folder import as_fairseq_holds, read_fairseq, write_fairseq
from roberta.errors import CheckpointError, RobertaError, UsageError
from roberta.hub import Origin
from roberta.model.loading import load_weights, to_array
from roberta.weights import fairseq_file
from tests.conftest import seeded, tiny_config
from tests.shared import SHARED, needs_shared
from tests.tokenizer.conftest import TINY
from tests.weights.fuzzing import ROUNDS, SECONDS, mutated

ORACLE = SHARED and SHARED / "oracle" / "fairseq"
WORDS = 563  # tokens of the tiny vocabulary
NO_LM_HEAD = "fairseq's model has a language model head too"
ENCODER = "encoder.sentence_encoder."


@pytest.fixture(scope="module")
def tokenizer():
    return RobertaTokenizer.from_pretrained(TINY)


def model_of(architecture, **changes):
    """A tiny model that fairseq has a place for: without token types, which come back as zeros."""
    sizes = {"vocab_size": WORDS, "type_vocab_size": 1, "layer_norm_eps": 1e-5, "architectures": [architecture]}
    arguments = {"add_pooling_layer": False} if architecture == "RobertaModel" else {}
    model = seeded(getattr(roberta, architecture), tiny_config(**(sizes | changes)), **arguments)
    with torch.no_grad():
        model.get_submodule("roberta" if model.head else "").embeddings.token_type_embeddings.weight.zero_()
    return model


def state_of(model):
    """The tensors of a model as its class is saved: each parameter once."""
    twice = {"lm_head.decoder.bias"} | ({"lm_head.decoder.weight"} if model.config.tie_word_embeddings else set())
    return {name: to_array(tensor) for name, tensor in model.state_dict().items() if name not in twice}


def written(folder, model, tokenizer=None):
    write_fairseq(folder, model.config, state_of(model), tokenizer)
    return folder


def of_class(checkpoint):
    """The tensors that have a place in the class."""
    names = ("roberta.", "lm_head.", "classifier.")
    head = "lm_head." if "MaskedLM" in checkpoint.config.architectures[0] else "classifier."
    return {name: x for name, x in checkpoint.weights.tensors.items() if name.startswith((names[0], head))}


def logits(checkpoint, ids, **wanted):
    kind = getattr(roberta, checkpoint.config.architectures[0])
    with torch.device("meta"):
        model = kind(checkpoint.config)
    load_weights(model, checkpoint.weights, dtype=torch.float32, device=None, strict=True)
    with torch.inference_mode():
        return model.eval()(ids, attention_mask=(ids != 1).long(), **wanted)


def edited(folder, settings=None, tensors=None):
    """The checkpoint of a folder, written again with changes; a tensor of None is left out."""
    found = fairseq_file.read(folder / "model.pt")
    changed = {name: array for name, array in (found.tensors | (tensors or {})).items() if array is not None}
    # Read before it is replaced: the arrays lie in the file.
    changed = {name: np.array(array) for name, array in changed.items()}
    fairseq_file.write(folder / "model.pt", found.settings | (settings or {}), changed)
    return folder


ROUND_TRIPS = {
    "tied": ("RobertaForMaskedLM", {}),
    "untied": ("RobertaForMaskedLM", {"tie_word_embeddings": False}),
    "classification": ("RobertaForSequenceClassification", {"num_labels": 3}),
    "one label": ("RobertaForSequenceClassification", {"num_labels": 1, "problem_type": "regression"}),
    "multiple choice": ("RobertaForMultipleChoice", {}),
    "relu": ("RobertaForSequenceClassification", {"hidden_act": "relu"}),
    "the encoder": ("RobertaModel", {}),
}


@pytest.mark.parametrize("case", ROUND_TRIPS)
def test_a_model_comes_back_bit_for_bit_with_its_config_and_words(tmp_path, tokenizer, case):
    architecture, changes = ROUND_TRIPS[case]
    model = model_of(architecture, classifier_dropout=0.3, **changes)
    found = read_fairseq(written(tmp_path, model, tokenizer))
    state = state_of(model)
    if architecture == "RobertaModel":
        state = {f"roberta.{name}": array for name, array in state.items()}
    assert of_class(found).keys() == state.keys()
    for name, array in state.items():
        assert found.weights.tensors[name].tobytes() == array.tobytes(), name
        assert found.weights.tensors[name].flags.writeable
    model.config.dtype = "float32"
    assert found.config == model.config
    assert found.tokenizer.get_vocab() == tokenizer.get_vocab()
    assert found.tokenizer.model_max_length == model.config.usable_length
    assert found.notes == []


def test_half_precision_stays_what_it_is(tmp_path, tokenizer):
    model = model_of("RobertaForSequenceClassification").bfloat16()
    found = read_fairseq(written(tmp_path, model, tokenizer))
    assert found.config.dtype == "bfloat16"
    for name, array in state_of(model).items():
        assert found.weights.tensors[name].tobytes() == array.tobytes(), name


def test_what_is_written_is_the_same_bytes_each_time(tmp_path, tokenizer):
    model = model_of("RobertaForMaskedLM")
    one, two = (written(tmp_path / name, model, tokenizer) for name in ("one", "two"))
    assert sorted(path.name for path in one.iterdir()) == ["dict.txt", "encoder.json", "model.pt", "vocab.bpe"]
    for path in one.iterdir():
        assert path.read_bytes() == (two / path.name).read_bytes(), path.name


def test_the_language_model_head_of_zeros_is_never_taken_for_one(tmp_path, tokenizer):
    folder = written(tmp_path, model_of("RobertaForSequenceClassification"), tokenizer)
    with pytest.raises(
        UsageError, match=r"no head 'lm_head'; use --head NAME, one of sentence_classification_head, none$"
    ):
        read_fairseq(folder, head="lm_head")
    assert read_fairseq(folder, head="none").config.architectures == ["RobertaModel"]
    assert read_fairseq(written(tmp_path, model_of("RobertaModel"))).config.architectures == ["RobertaModel"]


def two_heads(folder):
    """A language model with the heads "mnli", of three classes, and "rte", of one."""
    written(folder, model_of("RobertaForMaskedLM"))
    heads = {}
    for place, (name, classes) in enumerate({"mnli": 3, "rte": 1}.items()):
        shapes = {
            "dense.weight": (16, 16),
            "dense.bias": (16,),
            "out_proj.weight": (classes, 16),
            "out_proj.bias": (classes,),
        }
        for part, shape in shapes.items():
            heads[f"classification_heads.{name}.{part}"] = np.full(shape, place + 1, np.float32)
    return edited(folder, tensors=heads)


def test_several_heads_need_a_choice_and_are_named(tmp_path):
    folder = two_heads(tmp_path)
    with pytest.raises(UsageError, match=r"2 classification heads; use --head NAME, one of mnli, rte, lm_head, none$"):
        read_fairseq(folder)
    with pytest.raises(UsageError, match=r"no head 'sst'; use --head NAME, one of mnli, rte, lm_head, none$"):
        read_fairseq(folder, head="sst")
    found = read_fairseq(folder, head="mnli")
    assert (found.config.architectures, found.config.num_labels) == (["RobertaForSequenceClassification"], 3)
    assert (found.weights.tensors["classifier.dense.bias"] == 1).all()
    assert found.naming.spell("classifier.dense.bias") == ("classification_heads.mnli.dense.bias", False)
    assert "classification_heads.rte.dense.bias" in found.weights.tensors  # listed as unused by whoever plans
    assert read_fairseq(folder, head="rte").config.num_labels == 1
    assert read_fairseq(folder, head="lm_head").config.architectures == ["RobertaForMaskedLM"]
    assert read_fairseq(folder, head="none").config.architectures == ["RobertaModel"]


def test_the_only_head_needs_none(tmp_path):
    folder = edited(two_heads(tmp_path), tensors={f"classification_heads.mnli.{name}": None for name in PARTS})
    assert read_fairseq(folder).config.architectures == ["RobertaForSequenceClassification"]
    ranked = read_fairseq(edited(folder, {"criterion": "sentence_ranking"}))
    assert ranked.config.architectures == ["RobertaForMultipleChoice"]
    assert (ranked.weights.tensors["roberta.pooler.dense.weight"] == 2).all()
    of_three = edited(two_heads(tmp_path / "of three"), {"criterion": "sentence_ranking"})
    assert read_fairseq(of_three, head="mnli").config.architectures == ["RobertaForSequenceClassification"]


PARTS = ("dense.weight", "dense.bias", "out_proj.weight", "out_proj.bias")


def test_a_file_or_an_origin_may_be_named_and_a_trainers_names_are_found(tmp_path, tokenizer):
    folder = written(tmp_path, model_of("RobertaForMaskedLM"), tokenizer)
    (folder / "model.pt").rename(folder / "checkpoint_best.pt")
    for name in (folder, str(folder), Origin(folder), folder / "checkpoint_best.pt"):
        assert read_fairseq(name).weights.source == str(folder / "checkpoint_best.pt")
    (folder / "checkpoint_best.pt").rename(folder / "odd.pt")
    assert read_fairseq(folder / "odd.pt").tokenizer
    with pytest.raises(CheckpointError, match=r"none of model\.pt"):
        read_fairseq(folder)


def test_without_files_of_words_there_is_no_tokenizer_and_a_note(tmp_path, tokenizer):
    folder = written(tmp_path, model_of("RobertaForMaskedLM"))
    found = read_fairseq(folder)
    assert found.tokenizer is None
    assert "no tokenizer is written, since dict.txt is not beside the checkpoint" in found.notes[0]
    written(folder, model_of("RobertaForMaskedLM"), tokenizer)
    (folder / "encoder.json").unlink()
    assert read_fairseq(folder).tokenizer.get_vocab() == tokenizer.get_vocab()
    (folder / "vocab.bpe").unlink()
    assert "since vocab.bpe is not beside" in read_fairseq(folder).notes[0]
    tokenizer.save_vocabulary(folder)
    assert read_fairseq(folder).tokenizer.get_vocab() == tokenizer.get_vocab()


def test_words_of_another_model_are_refused(tmp_path, tokenizer):
    folder = written(tmp_path, model_of("RobertaForMaskedLM", vocab_size=60))
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(TINY / name, folder)
    with pytest.raises(CheckpointError, match="has 563 tokens and the model only 60 rows"):
        read_fairseq(folder)
    (folder / "sentencepiece.bpe.model").touch()
    with pytest.raises(CheckpointError, match=r"sentencepiece\.bpe\.model is of an XLM-R"):
        read_fairseq(folder)


def test_rows_without_a_token_come_back_as_made_up_words(tmp_path, tokenizer):
    found = read_fairseq(written(tmp_path, model_of("RobertaForMaskedLM", vocab_size=WORDS + 2), tokenizer))
    assert len(found.tokenizer) == WORDS + 2
    assert found.tokenizer.mask_token_id == tokenizer.mask_token_id


def test_the_one_token_type_is_folded_into_the_positions(tmp_path, tokenizer):
    model = model_of("RobertaForMaskedLM", type_vocab_size=2)
    ids = torch.tensor([[0, 10, 20, 30, 2], [0, 40, 2, 1, 1]])
    with torch.no_grad():
        model.roberta.embeddings.token_type_embeddings.weight[:] = torch.linspace(-1, 1, 16)
        expected = model(ids, attention_mask=(ids != 1).long()).logits
    notes = write_fairseq(tmp_path, model.config, state_of(model), tokenizer)
    assert notes == [
        "fairseq has no token types; theirs was added to every position, so outputs differ in the last digits"
    ]
    config, tensors, _ = as_fairseq_holds(model.config, state_of(model))
    checkpoint = read_fairseq(tmp_path)
    assert of_class(checkpoint).keys() == tensors.keys()
    assert all(np.array_equal(of_class(checkpoint)[name], array) for name, array in tensors.items())
    assert config.type_vocab_size == checkpoint.config.type_vocab_size == 1
    found = logits(checkpoint, ids).logits
    assert (found - expected)[ids != 1].abs().max() <= 1e-5 * expected.abs().max()
    with torch.no_grad():
        model.roberta.embeddings.token_type_embeddings.weight[1] += 1
    with pytest.raises(CheckpointError, match="tells 2 token types apart, and fairseq none"):
        write_fairseq(tmp_path, model.config, state_of(model), tokenizer)


def test_what_a_writer_has_to_say_is_said(tmp_path, tokenizer):
    prefixed = RobertaTokenizer.from_pretrained(TINY, add_prefix_space=True)
    language = model_of("RobertaForMaskedLM")
    assert write_fairseq(tmp_path, language.config, state_of(language), tokenizer) == []
    [note] = write_fairseq(tmp_path, language.config, state_of(language), prefixed)
    assert note.startswith("fairseq puts no blank before a text")
    head = model_of("RobertaForMultipleChoice")
    words, spare = write_fairseq(tmp_path, head.config, state_of(head), None)
    assert words.startswith("no dict.txt is written")
    assert spare.startswith(NO_LM_HEAD)


@pytest.mark.parametrize(
    "architecture", ["RobertaForTokenClassification", "RobertaForQuestionAnswering", "RobertaForCausalLM"]
)
def test_heads_without_a_place_are_refused_and_nothing_is_written(tmp_path, tokenizer, architecture):
    model = model_of(architecture)
    with pytest.raises(CheckpointError, match=f"no place for the head of {architecture}; choose another format"):
        write_fairseq(tmp_path, model.config, state_of(model), tokenizer)
    assert not list(tmp_path.iterdir())


def test_a_pooler_without_a_place_and_weights_that_are_not_whole_are_refused(tmp_path):
    model = model_of("RobertaForMaskedLM")
    state = state_of(model)
    with pytest.raises(CheckpointError, match=r"word_embeddings.*decoder.*differ"):
        write_fairseq(tmp_path, model.config, state | {"lm_head.decoder.weight": state["lm_head.dense.weight"]}, None)
    pooled = state | {"roberta.pooler.dense.bias": np.zeros(16, np.float32)}
    with pytest.raises(CheckpointError, match=r"pooler\.dense\.bias: fairseq files have no place for it"):
        write_fairseq(tmp_path, model.config, pooled, None)
    del state["lm_head.dense.bias"]
    with pytest.raises(CheckpointError, match=r"no weights for 'encoder\.lm_head\.dense\.bias'"):
        write_fairseq(tmp_path, model.config, state, None)
    model.config.architectures = ["BertModel"]
    with pytest.raises(CheckpointError, match="'BertModel', which is no class of RoBERTa"):
        write_fairseq(tmp_path, model.config, state, None)
    assert not list(tmp_path.iterdir())


FAULTS = {
    "a missing weight": (
        f"{ENCODER}layers.1.fc2.bias",
        None,
        r"no weights for 'encoder\.sentence_encoder\.layers\.1\.fc2\.bias'",
    ),
    "a missing table of words": (f"{ENCODER}embed_tokens.weight", None, "word_embeddings.weight is not there"),
    "missing positions": (f"{ENCODER}embed_positions.weight", None, "position_embeddings.weight is not there"),
    "a wrong size": (
        f"{ENCODER}layers.1.fc1.weight",
        np.zeros((3, 16), np.float32),
        r"' is \(3, 16\) float32.*need \(24, 16\)",
    ),
    "whole numbers": (f"{ENCODER}layers.0.fc1.bias", np.zeros(24, np.int8), r"\(24,\) int8"),
    "a layer left out": (f"{ENCODER}layers.3.fc1.bias", np.zeros(24, np.float32), "of which 2 is none"),
    "a norm of another kind": (f"{ENCODER}layer_norm.weight", np.zeros(16, np.float32), "is no part of RoBERTa"),
    "a tied head that is another": ("encoder.lm_head.weight", np.ones((WORDS, 16), np.float32), "but differ"),
    "a name of two ages": ("decoder.lm_head.bias", np.zeros(WORDS, np.float32), "but differ"),
    "a fused projection beside its parts": (
        f"{ENCODER}layers.0.self_attn.in_proj_bias",
        np.zeros(48, np.float32),
        "but differ",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_weights_that_are_not_those_of_a_roberta_are_refused_with_their_fault(tmp_path, fault):
    name, array, said = FAULTS[fault]
    folder = edited(written(tmp_path, model_of("RobertaForMaskedLM")), tensors={name: array})
    with pytest.raises(CheckpointError, match=said) as error:
        read_fairseq(folder)
    assert str(error.value).startswith(str(folder / "model.pt"))


HEAD_FAULTS = {
    "an inner width of its own": ("dense.weight", np.zeros((5, 16), np.float32), r"is \(5, 16\).*need \(16, 16\)"),
    "spectral norm": ("out_proj.weight_orig", np.zeros((3, 16), np.float32), "'mnli' has spectral normalisation"),
    "no last layer": ("out_proj.weight", None, r"out_proj\.weight is not there"),
    "no bias": ("dense.bias", None, r"no weights for 'classification_heads\.mnli\.dense\.bias"),
    "classes that do not agree": ("out_proj.bias", np.zeros(4, np.float32), r"is \(4,\).*need \(3,\)"),
}


@pytest.mark.parametrize("fault", HEAD_FAULTS)
def test_heads_that_are_not_robertas_are_refused_with_their_fault(tmp_path, fault):
    part, array, said = HEAD_FAULTS[fault]
    folder = edited(two_heads(tmp_path), tensors={f"classification_heads.mnli.{part}": array})
    with pytest.raises(CheckpointError, match=said):
        read_fairseq(folder, head="mnli")
    assert read_fairseq(folder, head="rte")


def test_a_checkpoint_that_fairseqs_trainer_might_write_is_read(tmp_path):
    """With what training adds beside the weights, pickled by torch itself, in the form from before 1.6 too."""
    folder = written(tmp_path, model_of("RobertaForMaskedLM"))
    found = fairseq_file.read(folder / "model.pt")
    state = {name: torch.from_numpy(np.array(array)) for name, array in found.tensors.items()}
    state |= {f"{ENCODER}layers.0.fc1_weight": torch.zeros(24, 16), f"{ENCODER}version": torch.tensor([3.0])}
    root = {
        "args": None,
        "cfg": {"model": argparse.Namespace(**found.settings), "task": {"_name": "masked_lm"}},
        "model": state,
        "extra_state": {"epoch": 2, "metrics": [(0, "loss", {"val": torch.tensor(1.0)})]},
        "last_optimizer_state": {"state": {0: {"exp_avg": torch.zeros(4)}}},
    }
    before = {name: np.array(array) for name, array in of_class(read_fairseq(folder)).items()}
    for zipped in (True, False):
        torch.save(root, folder / "model.pt", _use_new_zipfile_serialization=zipped)
        after = of_class(read_fairseq(folder))
        assert after.keys() == before.keys()
        assert all(np.array_equal(after[name], array) for name, array in before.items())


def test_changed_files_are_read_or_refused_and_nothing_else_happens(tmp_path):
    folder = two_heads(tmp_path)
    path = folder / "model.pt"
    # Little but the arguments and the names of the weights, so that most changes meet them.
    good, outcomes = path.read_bytes(), {"read": 0, "refused": 0}
    begin, end = good.index(b"data.pkl"), good.index(b"byteorder")
    for number in range(ROUNDS):
        chance = random.Random(number)
        changed = mutated(good, chance)
        if number % 2:  # only the pickle, and of the same length, so that the archive around it stays good
            pickled = mutated(good[begin + 100 : end - 100], chance)[: end - begin - 200]
            changed = good[: begin + 100] + pickled.ljust(end - begin - 200, b".") + good[end - 100 :]
        path.write_bytes(changed)
        start = time.monotonic()
        try:
            found = read_fairseq(folder, head=chance.choice(("mnli", "rte", "lm_head", "none")))
        except RobertaError as error:
            outcomes["refused"] += 1
            assert len(str(error)) < len(str(path)) + 700, (number, str(error))
            assert str(error).isprintable(), (number, str(error))
        else:
            outcomes["read"] += 1
            assert sum(array.nbytes for array in found.weights.tensors.values()) <= 20 * len(good), number
        assert time.monotonic() - start < SECONDS, number
    assert min(outcomes.values()) > ROUNDS // 20, outcomes


def golden_cases():
    return json.loads((ORACLE / "golden_cases.json").read_text())["cases"] if ORACLE else []


@needs_shared
@pytest.mark.parametrize("case", golden_cases(), ids=lambda case: case["name"])
def test_golden_outputs_of_fairseq_are_reproduced(case):
    folder, recorded = ORACLE / case["checkpoint"], np.load(ORACLE / case["arrays"])
    found = {}
    for which in ("x", "xl"):
        ids = torch.from_numpy(recorded[f"in.src_tokens_{which}"])
        real = (ids != 1).numpy()
        language = logits(read_fairseq(folder, head="lm_head"), ids, output_hidden_states=True)
        states = {f"inner_states_{which}.{place}": x for place, x in enumerate(language.hidden_states)}
        states |= {f"logits_{which}": language.logits, f"features_{which}": language.hidden_states[-1]}
        found |= {name: (x.numpy()[real], real) for name, x in states.items()}
        for head in case["heads"]:
            found[f"head_{head}_{which}"] = logits(read_fairseq(folder, head=head), ids).logits.numpy(), ...
    assert found.keys() >= set(case["outputs"])
    for name in case["outputs"]:
        array, compared = found[name]
        golden = recorded[f"out.{name}"][compared]
        assert np.abs(array - golden).max() <= 1e-5 * max(1, np.abs(golden).max()), name


@needs_shared
@pytest.mark.parametrize("case", golden_cases(), ids=lambda case: case["name"])
def test_tensors_equal_the_references_conversion_bit_for_bit(case):
    from safetensors.numpy import load_file

    checkpoint = read_fairseq(ORACLE / case["checkpoint"], head="lm_head")
    reference = load_file(ORACLE / case["hf_reference"] / "model.safetensors")
    found = of_class(checkpoint)
    assert found.keys() == reference.keys()
    for name, array in reference.items():
        assert found[name].tobytes() == array.astype(found[name].dtype).tobytes(), name
    assert checkpoint.config.dtype == ("float16" if case["name"] == "fp16_args" else "float32")
    recorded = json.loads((ORACLE / case["hf_reference"] / "config.json").read_text())
    # The reference left the head's dropout at its default; the program and the type are not the model's.
    for name in recorded.keys() - {"classifier_dropout", "transformers_version", "dtype"}:
        assert checkpoint.config.to_dict()[name] == recorded[name], name
    for head in case["heads"]:
        found = of_class(read_fairseq(ORACLE / case["checkpoint"], head=head))
        for name, array in load_file(ORACLE / "hf_reference" / f"head_{head}" / "classifier.safetensors").items():
            assert found[name].tobytes() == array.tobytes(), name


@needs_shared
def test_fairseqs_own_files_of_words_beside_a_checkpoint_are_its_words(tmp_path):
    shutil.copytree(ORACLE / "checkpoints" / "modern_cfg_dict", tmp_path, dirs_exist_ok=True)
    for name in ("encoder.json", "vocab.bpe"):
        shutil.copy(ORACLE / "bpe" / name, tmp_path)
    found = read_fairseq(tmp_path)
    assert found.notes == []
    found.tokenizer.save_vocabulary(tmp_path)
    assert (tmp_path / "merges.txt").read_bytes() == (ORACLE / "bpe" / "vocab.bpe").read_bytes()
    recorded = json.loads((ORACLE / "golden_encode.json").read_text())
    reopened = RobertaTokenizer(tmp_path / "vocab.json", tmp_path / "merges.txt")
    for case in recorded["encode"]:
        if case["ids"] is not None:  # fairseq does not look for <mask> when it encodes
            assert reopened.encode(case["text"], case.get("second"), split_special_tokens=True) == case["ids"]
    for case in recorded["fill_mask"]:
        ids = torch.tensor([reopened.encode(case["text"])])
        scores = logits(found, ids).logits[0, ids[0] == reopened.mask_token_id].softmax(-1)[0]
        best = scores.topk(len(case["topk"]))
        assert [reopened.decode([id]) for id in best.indices] == [word for _, _, word in case["topk"]]
        np.testing.assert_allclose(best.values, [score for _, score, _ in case["topk"]], rtol=1e-4)
