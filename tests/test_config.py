"""RobertaConfig: documented defaults, nothing of a config.json lost, other models refused."""

import json
import subprocess
import sys

import pytest

import roberta
from roberta import AutoConfig, RobertaConfig
from roberta.errors import CheckpointError, InputError
from tests.conftest import tiny_config

DOCUMENTED = {
    "vocab_size": 50265,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "initializer_range": 0.02,
    "layer_norm_eps": 1e-12,
    "pad_token_id": 1,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "position_embedding_type": "absolute",
    "use_cache": True,
    "classifier_dropout": None,
    "is_decoder": False,
    "add_cross_attention": False,
    "tie_word_embeddings": True,
    "chunk_size_feed_forward": 0,
    "pruned_heads": {},
    "return_dict": True,
    "output_hidden_states": False,
    "output_attentions": False,
    "problem_type": None,
    "num_labels": 2,
    "id2label": {0: "LABEL_0", 1: "LABEL_1"},
    "label2id": {"LABEL_0": 0, "LABEL_1": 1},
}


def written(folder, **values):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "roberta"} | values))
    return folder


def test_defaults_are_the_documented_ones():
    config = RobertaConfig()
    for name, value in DOCUMENTED.items():
        assert getattr(config, name) == value, name
    assert config.model_type == RobertaConfig.model_type == "roberta"
    assert config.use_return_dict
    assert config.head_size == 64
    assert config.usable_length == 510


def test_defaults_are_those_of_transformers():
    transformers = pytest.importorskip("transformers")
    theirs = transformers.RobertaConfig()
    for name in DOCUMENTED:
        assert getattr(theirs, name) == getattr(RobertaConfig(), name), name


def test_arguments_stand_in_the_documented_order():
    config = RobertaConfig(100, 32, 3, 4, 64, "relu", 0.2, 0.3, 66, 1, 0.05, 1e-5, 0, 5, 6, "relative_key", False, 0.4)
    values = [getattr(config, name) for name in list(DOCUMENTED)[:18]]
    assert values == [100, 32, 3, 4, 64, "relu", 0.2, 0.3, 66, 1, 0.05, 1e-5, 0, 5, 6, "relative_key", False, 0.4]


def test_unknown_values_are_kept_and_written_back(tmp_path):
    odd = {"gradient_checkpointing": False, "transformers_version": "4.6.0", "task": {"a": [1, None, "ü"]}, "_x": 1.5}
    config = RobertaConfig.from_pretrained(written(tmp_path, **odd))
    assert config.task == {"a": [1, None, "ü"]}
    config.save_pretrained(tmp_path / "again")
    again = json.loads((tmp_path / "again/config.json").read_text(encoding="utf-8"))
    assert {name: again[name] for name in odd} == odd


def test_labels_are_counted_and_named_from_whatever_is_given():
    assert RobertaConfig(num_labels=3).label2id == {"LABEL_0": 0, "LABEL_1": 1, "LABEL_2": 2}
    named = RobertaConfig(id2label={"0": "no", "1": "yes", "2": "maybe"})
    assert (named.num_labels, named.id2label) == (3, {0: "no", 1: "yes", 2: "maybe"})
    assert named.label2id == {"no": 0, "yes": 1, "maybe": 2}
    assert RobertaConfig(label2id={"no": 0, "yes": 1, "maybe": 2}).id2label == named.id2label
    both = RobertaConfig(id2label={0: "a", 1: "b"}, label2id={"a": "0", "b": "1"}, num_labels=2)
    assert (both.id2label, both.label2id) == ({0: "a", 1: "b"}, {"a": 0, "b": 1})
    both.num_labels = 3
    assert both.id2label == {0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}
    assert both.label2id == {"LABEL_0": 0, "LABEL_1": 1, "LABEL_2": 2}


def test_label_names_are_never_dropped_in_silence():
    with pytest.raises(InputError, match="num_labels is 3, and id2label names 2"):
        RobertaConfig(num_labels=3, id2label={0: "no", 1: "yes"})
    # Old files count the labels beside names that say nothing.
    old = RobertaConfig(num_labels=3, id2label={0: "LABEL_0", 1: "LABEL_1"}, label2id={"LABEL_0": 0, "LABEL_1": 1})
    assert (old.num_labels, len(old.label2id)) == (3, 3)


def test_labels_can_be_overridden_while_reading(tmp_path):
    written(tmp_path, id2label={"0": "no", "1": "yes"}, label2id={"no": 0, "yes": 1})
    read = RobertaConfig.from_pretrained
    assert read(tmp_path).id2label == {0: "no", 1: "yes"}
    assert read(tmp_path, num_labels=2).id2label == {0: "LABEL_0", 1: "LABEL_1"}
    assert read(tmp_path, num_labels=4).num_labels == 4
    assert read(tmp_path, id2label={0: "a", 1: "b", 2: "c"}).label2id == {"a": 0, "b": 1, "c": 2}
    assert read(tmp_path, label2id={"a": 0, "b": 1, "c": 2}).id2label == {0: "a", 1: "b", 2: "c"}


def test_other_values_can_be_overridden_and_those_that_are_no_settings_come_back(tmp_path):
    written(tmp_path, hidden_size=32, num_attention_heads=4)
    config, unused = RobertaConfig.from_pretrained(
        tmp_path, hidden_dropout_prob=0.5, foo=False, return_unused_kwargs=True
    )
    assert (config.hidden_size, config.hidden_dropout_prob, unused) == (32, 0.5, {"foo": False})
    assert not hasattr(config, "foo")
    assert RobertaConfig.from_pretrained(tmp_path, foo=False).foo is False


def test_a_saved_config_comes_back_equal(tmp_path):
    config = tiny_config(
        num_labels=3, pruned_heads={0: [2, 1]}, classifier_dropout=0.3, eos_token_id=[2, 5], dtype="bfloat16", odd="x"
    )
    config.save_pretrained(tmp_path)
    assert RobertaConfig.from_pretrained(tmp_path) == config
    assert RobertaConfig.from_pretrained(tmp_path / "config.json") == config
    assert AutoConfig.from_pretrained(str(tmp_path)) == config
    assert RobertaConfig.from_dict(config.to_dict()) == config
    assert RobertaConfig.from_dict(json.loads(config.to_json_string())) == config
    assert RobertaConfig.from_dict(json.loads(config.to_json_string(use_diff=False))) == config
    assert config != tiny_config()
    assert config.pruned_heads == {0: [1, 2]}


def test_only_what_differs_from_the_defaults_is_shown():
    assert RobertaConfig(hidden_size=24).to_diff_dict() == {"model_type": "roberta", "hidden_size": 24}
    assert "hidden_size" in repr(RobertaConfig(hidden_size=24))
    assert repr(RobertaConfig(hidden_act=len)).startswith("RobertaConfig {")


def test_transformers_and_we_read_each_others_files_alike(tmp_path):
    transformers = pytest.importorskip("transformers")
    ours = tiny_config(num_labels=3, pruned_heads={0: [1]}, is_decoder=True, problem_type="regression", own="thing")
    ours.save_pretrained(tmp_path / "ours")
    theirs = transformers.AutoConfig.from_pretrained(tmp_path / "ours")
    assert type(theirs) is transformers.RobertaConfig
    theirs.save_pretrained(tmp_path / "theirs")
    back = RobertaConfig.from_pretrained(tmp_path / "theirs")
    for name in [*DOCUMENTED, "own"]:
        assert getattr(theirs, name) == getattr(ours, name) == getattr(back, name), name


def test_the_number_type_is_read_under_both_of_its_names(tmp_path):
    assert RobertaConfig.from_pretrained(written(tmp_path, torch_dtype="float16")).dtype == "float16"
    assert RobertaConfig.from_pretrained(written(tmp_path, dtype="bfloat16")).torch_dtype == "bfloat16"
    torch = pytest.importorskip("torch")
    assert RobertaConfig(dtype=torch.float16).dtype == "float16"
    assert RobertaConfig.from_pretrained(tmp_path, torch_dtype=torch.float64).dtype == "float64"


@pytest.mark.parametrize(
    "kind", ["camembert", "xlm-roberta", "xlm-roberta-xl", "roberta-prelayernorm", "longformer", "bert", "xmod"]
)
def test_models_that_only_look_alike_are_refused_by_name(kind, tmp_path):
    with pytest.raises(CheckpointError, match=f"{tmp_path}: a {kind} model, not RoBERTa; .* roberta only"):
        RobertaConfig.from_pretrained(written(tmp_path, model_type=kind))


def test_what_is_no_roberta_config_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"not a RoBERTa configuration.*'gpt2'"):
        RobertaConfig.from_pretrained(written(tmp_path, model_type="gpt2"))
    (tmp_path / "config.json").write_text('{"hidden_size": 32}')
    with pytest.raises(CheckpointError, match="no model_type"):
        RobertaConfig.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"architectures": ["RobertaForMaskedLM"]}')
    assert RobertaConfig.from_pretrained(tmp_path) == RobertaConfig(architectures=["RobertaForMaskedLM"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"model_type": "roberta", "hidden_size": 32, "hidden_size": 64}', "'hidden_size' is given twice"),
        ('{"model_type": "roberta", "task": {"a": 1, "a": 2}}', "'a' is given twice"),
        ('{"model_type": ', "not valid JSON"),
        ("[1, 2]", "a JSON object was expected, this is a list"),
        ('{"model_type": "roberta", "hidden_size": "many"}', "hidden_size is 'many'"),
        ('{"model_type": "roberta", "id2label": ["a", "b"]}', "not a usable RoBERTa configuration"),
        ('{"model_type": "roberta", "id2label": {"x": "a"}}', "not a usable RoBERTa configuration"),
        ('{"model_type": "roberta", "pruned_heads": [1]}', "not a usable RoBERTa configuration"),
        ('{"model_type": "roberta", "pad_token_id": null}', "pad_token_id is None"),
    ],
)
def test_damaged_files_are_refused_with_their_path(text, message, tmp_path):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match=f"{tmp_path}.*{message}"):
        RobertaConfig.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hidden_size": 30, "num_attention_heads": 4}, "hidden_size 30 is not a multiple of num_attention_heads 4"),
        ({"vocab_size": 0}, "vocab_size is 0; it must be a whole number of at least 1"),
        ({"max_position_embeddings": 5.5}, r"max_position_embeddings is 5\.5"),
        ({"num_hidden_layers": -1}, "num_hidden_layers is -1"),
        ({"type_vocab_size": 0}, "type_vocab_size is 0"),
        ({"pad_token_id": 60, "vocab_size": 60}, r"pad_token_id is 60; it must be a row of both tables: 0\.\.59"),
        ({"pad_token_id": -1}, "pad_token_id is -1"),
        ({"position_embedding_type": "rotary"}, "'rotary'; choose from absolute, relative_key, relative_key_query"),
        ({"problem_type": "guess"}, "'guess'; choose from regression, single_label"),
    ],
)
def test_sizes_that_cannot_be_are_refused_when_given_and_when_set(values, message):
    with pytest.raises(InputError, match=message):
        RobertaConfig(**values)
    config = RobertaConfig()
    with pytest.raises(InputError, match=message):
        config.update(values)
    with pytest.raises(InputError, match=message):
        config.check()


def test_no_folder_and_no_file_are_told_apart(tmp_path):
    with pytest.raises(CheckpointError, match="/nothing/here: no such folder"):
        RobertaConfig.from_pretrained("/nothing/here")
    with pytest.raises(CheckpointError, match=f"{tmp_path}: no config.json in this folder"):
        RobertaConfig.from_pretrained(tmp_path)


def test_an_import_of_the_package_is_light():
    code = (
        "import sys; from roberta import RobertaConfig; RobertaConfig().to_json_string();"
        "heavy = {'torch', 'numpy', 'huggingface_hub', 'regex', 'safetensors'};"
        "sys.exit(', '.join(heavy & sys.modules.keys()) or None)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def test_every_public_name_is_there_and_other_names_are_not():
    assert {"RobertaConfig", "AutoConfig", "RobertaTokenizer", "RobertaModel", "__version__"} <= set(dir(roberta))
    with pytest.raises(AttributeError, match="no attribute 'RobertaForEverything'"):
        roberta.RobertaForEverything  # noqa: B018


@pytest.mark.parametrize("name", ["TFRobertaModel", "FlaxRobertaForMaskedLM", "TFRobertaForQuestionAnswering"])
def test_classes_of_other_frameworks_are_answered_with_the_way_here(name):
    with pytest.raises(ImportError, match=rf"{name} is .*; use Roberta\w+, .*: roberta convert"):
        exec(f"from roberta import {name}")
