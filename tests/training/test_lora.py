"""Training an adapter: only it and the head learn, and read beside its base it gives the logits it had."""

import json
import shutil

import numpy as np
import pytest
import torch

import roberta
from roberta.weights import safetensors_file
from roberta_cli import app
from tests.training.tuning import ROWS, changed, opened, trained, weights, whole

HEADS = {"qa": ["qa_outputs"], "choose": ["classifier", "pooler"], "embed": None}


def parts(names):
    """Beside which parts there are matrices: the last word of each layer's name."""
    return {name.split(".lora_")[0].rpartition(".")[2] for name in names if ".lora_" in name}


@pytest.mark.parametrize("kind", ["classify", "ner", "qa", "choose", "embed"])
def test_the_adapter_and_the_head_learn_and_nothing_else(base, tmp_path, kind):
    objective = opened(kind, base, lora=2)
    before = weights(objective.model)
    trained(objective, tmp_path, steps=2)  # at the first, A has no gradient: B is zero
    now = changed(before, objective.model)
    heads = HEADS.get(kind, ["classifier"]) or []
    assert {name for name in now if ".lora_" not in name} == {
        name for name in before if any(f"{head}." in name for head in heads) and "lora" not in name
    }
    assert {name for name in before if ".lora_" in name} <= now


@pytest.mark.parametrize("modules", [("query", "value"), ("dense", "word_embeddings"), ("word_embeddings",)])
def test_the_saved_adapter_is_its_head_and_its_matrices_and_gives_the_same_logits(base, tmp_path, modules):
    objective = trained(opened("classify", base, lora=2, lora_alpha=6.0, lora_modules=modules), tmp_path / "run")
    objective.save(tmp_path / "adapter")
    stored = safetensors_file.read(tmp_path / "adapter" / "adapter_model.safetensors")
    others = {name.removeprefix("base_model.model.").partition(".")[0] for name in stored if ".lora_" not in name}
    assert (parts(stored), others) == (set(modules), {"classifier"})
    said = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text(encoding="utf-8"))
    assert (said["r"], said["lora_alpha"], said["target_modules"]) == (2, 6.0, list(modules))
    assert (said["task_type"], said["modules_to_save"]) == ("SEQ_CLS", ["classifier"])
    batch = whole(objective).tensors
    loaded = roberta.RobertaForSequenceClassification.from_pretrained(base, adapter=tmp_path / "adapter", strict=True)
    with torch.no_grad():
        expected = objective.model(batch["input_ids"], batch["attention_mask"]).logits
        found = loaded(batch["input_ids"], batch["attention_mask"]).logits
    assert (found - expected).abs().max() < 1e-5
    assert loaded.config.id2label == {0: "a", 1: "b", 2: "c"}


@pytest.fixture(scope="module")
def command(base, tmp_path_factory):
    """The arguments of a training of two adapters' worth of steps, without the output."""
    path = tmp_path_factory.mktemp("data") / "train.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS["classify"]), encoding="utf-8")
    plan = ["--steps", "4", "--save-every", "2", "--keep-last", "2", "--batch-tokens", "30", "--lr", "1e-2"]
    asked = ["--lora", "2", "--lora-modules", "query,word_embeddings", "--dropout", "0.1", "--dev", str(path)]
    return ["train", "classify", str(path), "-m", str(base), *plan, *asked, "--threads", "1", "--quiet"]


@pytest.fixture(scope="module")
def finished(command, tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapter") / "run"
    assert app.run([*command, "-o", str(folder)]) == 0
    return folder


def test_the_command_reads_the_adapter_beside_its_base(base, finished, tmp_path, capfd):
    capfd.readouterr()
    texts = [row["text"] for row in ROWS["classify"]]
    assert app.run(["classify", "-m", str(base), "--adapter", str(finished), *texts]) == 0
    given = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    model = roberta.RobertaForSequenceClassification.from_pretrained(base, adapter=finished, strict=True)
    tokenizer = roberta.RobertaTokenizer.from_pretrained(base)
    for text, result in zip(texts, given):
        with torch.no_grad():
            expected = model(**tokenizer(text, return_tensors="pt")).logits[0].softmax(0)
        assert result["score"] == pytest.approx(float(expected.max()), abs=1e-5)
        assert result["label"] == "abc"[int(expected.argmax())]


def test_a_resumed_adapter_ends_in_the_same_bytes(command, finished, tmp_path, capfd):
    stopped = tmp_path / "stopped"
    shutil.copytree(finished, stopped)
    shutil.rmtree(stopped / "checkpoints" / "step-00000004")
    for path in stopped.iterdir():
        if path.is_file() and path.name != "log.jsonl":
            path.unlink()
    assert app.run([*command, "-o", str(stopped), "--resume"]) == 0, capfd.readouterr().err
    for name in ("adapter_model.safetensors", "adapter_config.json", "config.json"):
        assert (stopped / name).read_bytes() == (finished / name).read_bytes(), name
    last = [folder / "checkpoints" / "step-00000004" / "optimizer.safetensors" for folder in (stopped, finished)]
    assert last[0].read_bytes() == last[1].read_bytes()
    first = safetensors_file.read(finished / "checkpoints" / "step-00000002" / "adapter_model.safetensors")
    end = safetensors_file.read(last[1].with_name("adapter_model.safetensors"))
    assert any(not np.array_equal(first[name], end[name]) for name in first), "it went on"
