"""A conversion and its way back are the same bits, for every class and format; what is lossy says so."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from roberta import RobertaConfig, RobertaTokenizer
from roberta import RobertaForSequenceClassification as Classifier
from roberta.builtin import MINI
from roberta.convert.beside import WORDS
from roberta.convert.run import Options, convert
from roberta.errors import CheckFailed, CheckpointError
from roberta.hub import Origin
from roberta.training.lora import Adapter
from roberta.weights import safetensors_file
from roberta.weights.arrays import dtype_name
from roberta.weights.sentence_folder import read_sentence_folder, save_modules
from tests.conftest import random_ids
from tests.convert.checkpoints import assert_same_bits, saved, stored
from tests.model.test_models import CLASSES, build
from tests.shared import SHARED, needs_shared

LAYOUTS = {
    "safetensors": Options(to="safetensors"),
    "shards": Options(to="safetensors", max_shard="4KB"),
    "pytorch": Options(to="pytorch"),
    "pytorch shards": Options(to="pytorch", max_shard="4KB"),
    "tf": Options(to="tf"),
    "tf shards": Options(to="tf", max_shard="4KB"),
    "flax": Options(to="flax"),
    "flax shards": Options(to="flax", max_shard="4KB"),
    "onnx": Options(to="onnx"),
}
QUICK = Options(verify=False)


def there_and_back(source, tmp_path, options):
    before = stored(source)
    line = convert(Origin(source), tmp_path / "there", options)
    back = convert(Origin(tmp_path / "there"), tmp_path / "back", QUICK)
    assert_same_bits(stored(tmp_path / "back"), before)
    assert back["from"] == options.to
    return line


@pytest.mark.parametrize(
    ("kind", "layout"),
    [(kind, layout) for kind in CLASSES for layout in LAYOUTS if "shards" not in layout or kind == CLASSES[2]],
)
def test_every_class_comes_back_bit_for_bit_through_every_format(tmp_path, kind, layout):
    line = there_and_back(saved(tmp_path / "source", kind), tmp_path, LAYOUTS[layout])
    assert (line["class"], line["verified"], line["unused"], line["missing"]) == (kind, True, [], [])
    assert line["scaled_diff"] <= line["atol"] == 1e-5
    if "shards" in layout:
        assert len(list((tmp_path / "there").glob("*-of-*"))) > 2


@pytest.mark.parametrize(
    "changes",
    [
        {"tie_word_embeddings": False},
        {"pruned_heads": {0: [1], 1: [0, 2]}},
        {"position_embedding_type": "relative_key"},
        {"position_embedding_type": "relative_key_query"},
        {"hidden_act": "gelu_new", "pad_token_id": 0},
    ],
    ids=str,
)
def test_what_few_checkpoints_have_comes_along(tmp_path, changes):
    source = saved(tmp_path / "source", "RobertaForMaskedLM", **changes)
    for to in ("pytorch", "onnx"):
        there_and_back(source, tmp_path, Options(to=to, force=True))
        shutil.rmtree(tmp_path / "back")


def test_cross_attention_is_asked_too_and_has_no_graph(tmp_path):
    source = saved(tmp_path / "source", "RobertaForCausalLM", add_cross_attention=True)
    there_and_back(source, tmp_path, Options(to="pytorch"))
    with pytest.raises(CheckpointError, match="cross-attention"):
        convert(Origin(source), tmp_path / "graph", Options(to="onnx"))
    assert not (tmp_path / "graph").exists()


def test_the_line_says_what_became_of_what(tmp_path):
    source = saved(tmp_path / "source", "RobertaForMaskedLM")
    line = convert(Origin(source), tmp_path / "new", Options(to="onnx"))
    model = build("RobertaForMaskedLM")
    shared = {"from": "safetensors", "to": "onnx", "class": "RobertaForMaskedLM", "tensors": len(stored(source))}
    assert line.items() >= (shared | {"parameters": model.num_parameters(), "dtype": "float32", "opset": 17}).items()
    assert line["bytes"] == 4 * model.num_parameters()
    assert list(line) == [
        *("from", "to", "class", "tensors", "parameters", "dtype", "bytes", "unused", "missing"),
        *("max_abs_diff", "verified", "scaled_diff", "notes", "atol", "opset", "output"),
    ]


@pytest.mark.parametrize(("word", "name", "atol"), [("fp16", "float16", 0.01), ("bf16", "bfloat16", 0.1)])
@pytest.mark.parametrize("to", ["safetensors", "pytorch", "onnx"])
def test_rounded_weights_say_how_far_the_outputs_moved(tmp_path, word, name, atol, to):
    source = saved(tmp_path / "source")
    line = convert(Origin(source), tmp_path / "new", Options(to=to, dtype=word))
    assert line["dtype"] == name
    assert 1e-5 < line["scaled_diff"] < line["atol"] == atol
    assert line["bytes"] == 2 * line["parameters"]
    assert {dtype_name(array) for array in stored(tmp_path / "new").values()} == {name}
    config = RobertaConfig.from_pretrained(tmp_path / "new")
    assert (config.dtype, config.architectures) == (name, ["RobertaForMaskedLM"])
    with pytest.raises(CheckFailed, match="where 1e-05 of it is allowed"):
        convert(Origin(source), tmp_path / "strict", Options(to=to, dtype=word, atol=1e-5))
    assert not (tmp_path / "strict").exists()


def test_a_wider_type_loses_nothing(tmp_path):
    convert(Origin(saved(tmp_path / "source")), tmp_path / "half", Options(dtype="fp16"))
    line = convert(Origin(tmp_path / "half"), tmp_path / "wide", Options(dtype="fp32"))
    assert (line["max_abs_diff"], line["atol"], line["dtype"]) == (0, 1e-5, "float32")
    convert(Origin(tmp_path / "wide"), tmp_path / "again", Options(dtype="fp16"))
    assert_same_bits(stored(tmp_path / "again"), stored(tmp_path / "half"))


@pytest.mark.parametrize("to", ["safetensors", "onnx"])
def test_an_adapter_is_merged_with_its_head_and_labels(tmp_path, to):
    base = saved(tmp_path / "base")
    convert(Origin(base), tmp_path / "half", Options(dtype="fp16"))
    with pytest.warns(UserWarning, match="started at random"):
        model = Classifier.from_pretrained(tmp_path / "half", id2label={0: "bad", 1: "good"})
    adapter = Adapter(model, "half", rank=2)
    with torch.no_grad():
        for tensor in adapter.tensors().values():
            tensor.normal_(0, 0.2)
    (tmp_path / "adapter").mkdir()
    adapter.save(tmp_path / "adapter")
    origin = Origin(tmp_path / "half", adapter=tmp_path / "adapter")
    line = convert(origin, tmp_path / "new", Options(to=to))
    assert (line["class"], line["dtype"], line["atol"]) == ("RobertaForSequenceClassification", "float32", 1e-5)
    convert(Origin(tmp_path / "new"), tmp_path / "plain", Options())
    merged = Classifier.from_pretrained(tmp_path / "plain", strict=True)
    assert merged.config.id2label == {0: "bad", 1: "good"}
    ids = random_ids(2, 7)
    assert torch.allclose(merged(ids).logits, model.eval()(ids).logits, atol=1e-5)


def test_the_whole_folder_comes_along(tmp_path):
    source = saved(tmp_path / "source", "RobertaForCausalLM")
    for name in WORDS[:4]:
        shutil.copyfile(MINI / name, source / name)
    (source / "generation_config.json").write_text('{"max_length": 9}')
    (source / "README.md").write_text("# A card\n")
    (source / "optimizer.pt").write_text("not of the model")
    convert(Origin(source), tmp_path / "new", Options(to="pytorch"))
    names = {"config.json", "pytorch_model.bin", "generation_config.json", "README.md", *WORDS[:4]}
    assert {path.name for path in (tmp_path / "new").iterdir()} == names
    for name in names - {"config.json", "pytorch_model.bin"}:
        assert (tmp_path / "new" / name).read_bytes() == (source / name).read_bytes()


@pytest.mark.parametrize("inner", ["", "0_Transformer"])
def test_a_sentence_transformers_folder_keeps_its_modules(tmp_path, inner):
    source = tmp_path / "source"
    saved(source / inner, "RobertaModel")
    save_modules(source, pooling="max", width=16, room=20)
    rows = json.loads((source / "modules.json").read_text())
    rows[0]["path"] = inner
    rows += [
        {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"},
        {"idx": 3, "name": "3", "path": "3_Normalize", "type": "sentence_transformers.models.Normalize"},
    ]
    (source / "modules.json").write_text(json.dumps(rows))
    safetensors_file.write(source / "2_Dense" / "model.safetensors", {"linear.weight": np.ones((3, 16), np.float32)})
    (source / "2_Dense" / "config.json").write_text("{}")
    if inner:
        (source / "sentence_bert_config.json").rename(source / inner / "sentence_bert_config.json")
    before = read_sentence_folder(Origin(source))
    convert(Origin(source), tmp_path / "new", Options(to="pytorch"))
    found = read_sentence_folder(Origin(tmp_path / "new"))
    for name in ("poolings", "normalize", "room", "prompts", "given"):
        assert getattr(found, name) == getattr(before, name), name
    assert np.array_equal(found.dense[0].weight, before.dense[0].weight)
    assert (tmp_path / "new" / inner / "pytorch_model.bin").is_file()
    assert_same_bits(stored(tmp_path / "new" / inner), stored(source / inner))


FAIRSEQ = {"type_vocab_size": 1, "layer_norm_eps": 1e-5}


@pytest.mark.parametrize("kind", [CLASSES[2], CLASSES[3], CLASSES[4]])
def test_what_fairseq_can_hold_comes_back_but_for_its_token_types(tmp_path, kind):
    model = build(kind, **FAIRSEQ)
    model.roberta.embeddings.token_type_embeddings.weight.data.zero_()
    model.save_pretrained(tmp_path / "plain")
    line = there_and_back(tmp_path / "plain", tmp_path, Options(to="fairseq"))
    assert (line["max_abs_diff"], line["verified"]) == (pytest.approx(0, abs=1e-6), True)
    build(kind, **FAIRSEQ).save_pretrained(tmp_path / "typed")
    line = convert(Origin(tmp_path / "typed"), tmp_path / "folded", Options(to="fairseq"))
    assert line["scaled_diff"] <= 1e-5
    assert any("no token types" in note for note in line["notes"])
    with pytest.raises(CheckpointError, match="2 token types apart"):
        convert(Origin(saved(tmp_path / "two", kind, layer_norm_eps=1e-5)), tmp_path / "no", Options(to="fairseq"))
    assert not (tmp_path / "no").exists()


def test_token_types_of_a_reduced_type_are_added_in_float32(tmp_path):
    build("RobertaForMaskedLM", **FAIRSEQ).save_pretrained(tmp_path / "wide")
    convert(Origin(tmp_path / "wide"), tmp_path / "half", Options(dtype="fp16"))
    line = convert(Origin(tmp_path / "half"), tmp_path / "new", Options(to="fairseq"))
    assert (line["dtype"], line["verified"], line["atol"]) == ("float32", True, 1e-5)


def test_words_go_to_fairseq_and_back(tmp_path):
    words = len(json.loads((MINI / "vocab.json").read_text(encoding="utf-8")))
    source = saved(tmp_path / "source", **FAIRSEQ, vocab_size=words)
    for name in WORDS[:4]:
        shutil.copyfile(MINI / name, source / name)
    convert(Origin(source), tmp_path / "there", Options(to="fairseq", verify=False))
    assert {"model.pt", "dict.txt", "encoder.json", "vocab.bpe"} <= {
        path.name for path in (tmp_path / "there").iterdir()
    }
    for name in WORDS[:4]:
        (tmp_path / "there" / name).unlink()
    convert(Origin(tmp_path / "there"), tmp_path / "back", QUICK)
    text = "Zoë's café — 3 €, <mask> don't"
    ids = [RobertaTokenizer.from_pretrained(folder).encode(text) for folder in (source, tmp_path / "back")]
    assert ids[0] == ids[1]


def of_the_proof_material(*parts):
    if SHARED is None:
        return []
    folders = (SHARED / "oracle" / part / "checkpoints" for part in parts)
    found = [path for folder in folders for path in sorted(folder.iterdir())]
    return [path for path in found if path.name != "bin_prefix_missing_mixed"]  # which the library refuses too


@needs_shared
@pytest.mark.parametrize("source", of_the_proof_material("pt", "legacy"), ids=lambda path: path.name)
def test_every_published_layout_comes_back_bit_for_bit(tmp_path, source):
    """The first conversion gives today's names; from then on nothing changes."""
    convert(Origin(source), tmp_path / "first", QUICK)
    before, config = stored(tmp_path / "first"), RobertaConfig.from_pretrained(source)
    for to in ("pytorch", "tf", "flax", "onnx"):
        of_pytorch_alone = config.position_embedding_type != "absolute" or config.pruned_heads
        if (to == "onnx" and config.add_cross_attention) or (to in ("tf", "flax") and of_pytorch_alone):
            continue
        if to == "tf" and not config.tie_word_embeddings:
            continue
        convert(Origin(source), tmp_path / to, Options(to=to, max_shard="20KB"))
        widened = to == "tf" and "bfloat16" in map(dtype_name, before.values())
        convert(Origin(tmp_path / to), tmp_path / f"{to}-back", replace(QUICK, dtype="bf16" if widened else None))
        assert_same_bits(stored(tmp_path / f"{to}-back"), before)


@needs_shared
@pytest.mark.parametrize(
    "source", of_the_proof_material("tf", "flax", "fairseq"), ids=lambda p: f"{p.parts[-3]}-{p.name}"
)
def test_every_checkpoint_of_another_framework_goes_to_safetensors_and_back(tmp_path, source):
    head = "mnli" if source.name == "two_heads_cfg" else None
    line = convert(Origin(source), tmp_path / "first", Options(head=head))
    assert (line["from"], line["verified"], line["missing"]) == (source.parts[-3], True, [])
    dtype = None if line["dtype"] != "bfloat16" else "fp32"
    convert(Origin(tmp_path / "first"), tmp_path / "there", Options(to=source.parts[-3], dtype=dtype))
    word = {"fp32": "bf16"}.get(dtype)
    convert(Origin(tmp_path / "there"), tmp_path / "back", Options(dtype=word))
    assert_same_bits(stored(tmp_path / "back"), stored(tmp_path / "first"))
