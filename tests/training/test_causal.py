"""A decoder learns what transformers' decoder learns: the same loss and gradients of the same blocks."""

import json

import numpy as np
import pytest
import torch
from transformers import RobertaForCausalLM as Theirs

from roberta.training.pretrain import Beginning, Texts, open_causal
from roberta.training.start import Sizes
from roberta_cli import app
from tests.training.conftest import TINY, plan_for, sample_text

SIZES = Sizes(layers=2, hidden=16, heads=2, ffn=32, positions=32)


@pytest.fixture
def objective(corpus, tmp_path):
    return open_causal(Texts([str(corpus)], tmp_path / "run", dev="20%"), Beginning(None, str(TINY), SIZES))


@pytest.fixture
def batch(objective):
    """Blocks of different lengths, so that there is padding."""
    numbers = np.argsort(objective.lengths)[[0, 3, -1]]
    found = objective.batch(numbers, 0)
    assert "attention_mask" in found.tensors
    return found


@pytest.fixture
def theirs(objective, tmp_path):
    objective.save(tmp_path / "model")
    return Theirs.from_pretrained(tmp_path / "model", attn_implementation="eager").eval()


def test_the_loss_and_its_gradients_are_those_of_transformers(objective, batch, theirs):
    assert theirs.config.is_decoder
    ids, mask = batch.tensors["input_ids"], batch.tensors["attention_mask"]
    expected = theirs(ids, attention_mask=mask, labels=ids.masked_fill(mask == 0, -100)).loss
    expected.backward()
    objective.model.eval()
    found = objective.loss(batch) / batch.weight
    found.backward()
    assert found.item() == pytest.approx(expected.item(), abs=1e-5)
    held = dict(theirs.named_parameters())
    for name, parameter in objective.model.named_parameters():
        name = {"lm_head.decoder.bias": "lm_head.bias"}.get(name, name)
        assert (parameter.grad - held[name].grad).abs().max() < 1e-5, name


def test_every_word_but_the_first_of_a_block_is_asked_for_once(objective, batch):
    logits, right = objective.answers(batch)
    ids, mask = batch.tensors["input_ids"], batch.tensors["attention_mask"]
    rows = [row[kept == 1][1:] for row, kept in zip(ids, mask)]
    assert torch.equal(right, torch.cat(rows))
    assert len(logits) == batch.weight == sum(map(len, rows))


def test_no_word_sees_what_comes_after_it(objective, batch):
    objective.model.eval()
    before, _ = objective.answers(batch)
    ids = batch.tensors["input_ids"]
    length = int(batch.tensors["attention_mask"][0].sum())
    ids[0, length - 1] = ids[0, length - 1] + 1
    after, _ = objective.answers(batch)
    assert torch.equal(before[: length - 1], after[: length - 1])


def test_the_scores_are_means_over_the_words_of_the_development_text(objective):
    objective.model.eval()
    with torch.no_grad():
        losses, right = [], []
        for number in range(len(objective.dev.places)):
            logits, wanted = objective.answers(objective.batch_of(objective.dev, np.array([number]), 0))
            losses.append(torch.nn.functional.cross_entropy(logits, wanted, reduction="none"))
            right.append(logits.argmax(1) == wanted)
        found = objective.evaluate()
    loss = torch.cat(losses).mean().item()
    assert found["loss"] == pytest.approx(loss, abs=1e-5)
    assert found["perplexity"] == pytest.approx(np.exp(loss), rel=1e-5)
    assert found["accuracy"] == pytest.approx(torch.cat(right).float().mean().item())


def test_what_was_trained_goes_on_with_a_text(tmp_path, capfd):
    (tmp_path / "corpus.txt").write_text(sample_text(), encoding="utf-8")
    _, _, *plan = plan_for(tmp_path / "corpus.txt")
    code = app.run(["train", "causal", *plan, "-o", str(tmp_path / "model"), "--threads", "1", "-q"])
    assert code == 0, capfd.readouterr().err
    config = json.loads((tmp_path / "model" / "config.json").read_text(encoding="utf-8"))
    assert (config["architectures"], config["is_decoder"]) == (["RobertaForCausalLM"], True)
    capfd.readouterr()
    assert app.run(["generate", "-m", str(tmp_path / "model"), "The cat", "--max-new", "3"]) == 0
    printed = capfd.readouterr()
    assert printed.err == ""
    assert json.loads(printed.out)["text"].startswith("The cat")
