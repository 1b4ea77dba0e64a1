"""A training run against transformers: the same weights, batches and schedule, its model, AdamW of torch."""

import json

import pytest
import torch
from transformers import RobertaForMaskedLM as Theirs
from transformers import RobertaTokenizerFast, Trainer, get_linear_schedule_with_warmup

from roberta.model.models import RobertaForMaskedLM
from roberta.training.loop import Trainer as Loop
from roberta.training.pretrain import DEFAULTS, Beginning, Texts, open_mlm
from roberta.training.settings import Settings
from roberta.training.start import Sizes
from roberta_cli import app
from tests.training.conftest import TINY, plan_for, sample_text

STEPS = 50


def their_losses(model, batches, settings):
    """A plain loop as the Trainer makes it, without clipping away more or less."""
    decays = set(Trainer.get_decay_parameter_names(None, model))
    named = list(model.named_parameters())
    groups = [
        {"params": [p for name, p in named if name in decays], "weight_decay": settings.weight_decay},
        {"params": [p for name, p in named if name not in decays], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=settings.lr, betas=settings.betas, eps=settings.eps)
    schedule = get_linear_schedule_with_warmup(optimizer, 0, STEPS)
    losses = []
    model.train()
    for batch in batches:
        loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("kind", ["new", "continued"])
def test_the_loss_curve_is_that_of_transformers(tmp_path, corpus, kind):
    sizes = Sizes(layers=2, hidden=32, heads=4, ffn=64, positions=32)
    beginning = Beginning(None, str(TINY), sizes)
    settings = Settings(**DEFAULTS | {"steps": STEPS, "lr": 3e-3, "warmup": 0, "dropout": 0.0, "batch_tokens": 200})
    if kind == "continued":
        first = open_mlm(Texts([str(corpus)], tmp_path / "first"), beginning)
        Loop(first, settings, tmp_path / "first").run()
        first.save(tmp_path / "model")
        beginning = Beginning(str(tmp_path / "model"))
    shifted = kind == "continued"
    texts = Texts([str(corpus)], tmp_path / "run", length=20 if shifted else None)
    objective = open_mlm(texts, beginning, shift_positions=shifted)
    objective.save(tmp_path / "start")
    theirs = Theirs.from_pretrained(
        tmp_path / "start", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, attn_implementation="eager"
    )

    ours = []
    loop = Loop(objective, settings, tmp_path / "run", watch=lambda progress: ours.append(progress.loss))
    batches = []
    for step in range(STEPS):
        epoch, numbers = loop.sampler.batch(step)
        batches.append(objective.batch(numbers, epoch).tensors)
    loop.run()
    expected = their_losses(theirs, batches, settings)
    assert ours == pytest.approx(expected, abs=1e-4)
    assert ours[0] - min(ours) > 0.5, "something was learnt"
    with torch.no_grad():
        held = dict(theirs.named_parameters())
        for name, parameter in objective.model.named_parameters():
            name = {"lm_head.decoder.bias": "lm_head.bias"}.get(name, name)
            assert (parameter - held[name]).abs().max() < 1e-3, name


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What `roberta train mlm` leaves."""
    where = tmp_path_factory.mktemp("trained")
    (where / "corpus.txt").write_text(sample_text(), encoding="utf-8")
    assert app.run([*plan_for(where / "corpus.txt"), "-o", str(where / "model"), "--threads", "1", "-q"]) == 0
    return where / "model"


def test_transformers_reads_the_folder_and_gives_the_same_logits(folder):
    tokenizer = RobertaTokenizerFast.from_pretrained(folder)
    theirs, report = Theirs.from_pretrained(folder, output_loading_info=True)
    assert not any(report.values()), report
    given = tokenizer(["The cat sat on the <mask>.", "Quiet <mask>"], return_tensors="pt", padding=True)
    with torch.no_grad():
        expected = theirs.eval()(**given).logits
        found = RobertaForMaskedLM.from_pretrained(folder)(**given).logits
    assert (found - expected).abs().max() < 1e-5
    assert tokenizer.model_max_length == theirs.config.max_position_embeddings - 2 == 32


def test_the_folder_answers_at_once(folder, capfd):
    capfd.readouterr()
    assert app.run(["fill-mask", "-m", str(folder), "The cat sat on the <mask>.", "--top", "2"]) == 0
    printed = capfd.readouterr()
    assert len(json.loads(printed.out)["masks"][0]["fills"]) == 2
    assert printed.err == ""


def test_published_defaults_stand_in_the_config(folder, words):
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert config["architectures"] == ["RobertaForMaskedLM"]
    assert (config["type_vocab_size"], config["layer_norm_eps"], config["pad_token_id"]) == (1, 1e-5, 1)
    assert (config["max_position_embeddings"], config["hidden_size"]) == (34, 16)
    base = Sizes().config(words)
    assert (base.max_position_embeddings, base.hidden_size, base.num_hidden_layers) == (514, 768, 12)
    assert (base.num_attention_heads, base.intermediate_size, base.vocab_size) == (12, 3072, len(words))
