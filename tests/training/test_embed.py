"""Fine-tuning of vectors: SimCSE by its formula, cosines by theirs, folders that sentence-transformers reads."""

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from transformers import RobertaModel, RobertaTokenizerFast

import roberta
from roberta.training.dropout import set_dropout
from roberta_cli import app
from tests.training.tuning import PRECISE, ROWS, mean_loss, opened, trained

TEXTS = ["the cat sat", "people walked in the quiet harbour", "Moon"]
ROOM = 16


def vectors(folder, texts, pooling="mean"):
    """(texts, width) in double precision, each text alone through transformers, of length 1."""
    model = RobertaModel.from_pretrained(folder, attn_implementation="eager").eval()
    tokenizer = RobertaTokenizerFast.from_pretrained(folder)
    rows = []
    for text in texts:
        with torch.no_grad():
            hidden = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].double().numpy()
        vector = hidden[0] if pooling == "cls" else hidden.mean(0)
        rows.append(vector / np.linalg.norm(vector))
    return np.stack(rows)


def simcse(one, others, temperature):
    """Mean over the texts of -log of the share that the partner has in exp(cosine / temperature) over all others."""
    near = np.exp(one @ others.T / temperature)
    return float(-np.log(near[np.arange(len(one)), np.arange(len(one))] / near.sum(1)).mean())


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_texts_alone_are_their_own_partners(base, pooling):
    objective = opened("embed", base, [{"text": text} for text in TEXTS], options={"pooling": pooling})
    own = vectors(base, TEXTS, pooling)
    assert mean_loss(objective) == pytest.approx(simcse(own, own, 0.05), rel=1e-3, abs=1e-5)


def test_a_text_and_its_double_meet_under_two_dropouts(base):
    objective = opened("embed", base, [{"text": text} for text in TEXTS])
    set_dropout(objective.model, 0.1)
    objective.model.train()
    batch = objective.batch(np.arange(3), 0)
    with torch.no_grad():
        found = objective._vectors(batch).reshape(3, 2, -1)
    assert ((found[:, 0] - found[:, 1]).abs().amax(1) > 1e-3).all()


def test_pairs_are_partners_and_contradictions_further_strangers(base):
    partners, strangers = ["a cat", "the rat sat on a mat", "a capital"], ["a rat", "people sat"]
    rows = [{"text": text, "text_pair": other} for text, other in zip(TEXTS, partners)]
    one, other = vectors(base, TEXTS), vectors(base, partners)
    found = mean_loss(opened("embed", base, rows, options={"temperature": 0.5}))
    assert found == pytest.approx(simcse(one, other, 0.5), rel=PRECISE)
    rows[0]["negative"], rows[2]["negative"] = strangers  # not every record has one
    found = mean_loss(opened("embed", base, rows, options={"temperature": 0.5}))
    assert found == pytest.approx(simcse(one, np.vstack([other, vectors(base, strangers)]), 0.5), rel=PRECISE)


def test_a_contradiction_without_a_pair_is_no_partner(base):
    rows = [{"text": text, "negative": other} for text, other in zip(TEXTS, ["a rat", "people sat", "in a mat"])]
    own, strangers = vectors(base, TEXTS), vectors(base, ["a rat", "people sat", "in a mat"])
    found = mean_loss(opened("embed", base, rows, options={"temperature": 0.5}))
    assert found == pytest.approx(simcse(own, np.vstack([own, strangers]), 0.5), rel=PRECISE)


def test_cosines_learn_the_scores_by_their_scale(base):
    rows = ROWS["embed"]
    one, other = (vectors(base, [row[name] for row in rows]) for name in ("text", "text_pair"))
    expected = (((one * other).sum(1) - np.array([4, 0.5, 5]) / 5) ** 2).mean()
    found = mean_loss(opened("embed", base, options={"loss": "cosine", "scale": 5.0}))
    assert found == pytest.approx(expected, rel=PRECISE)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_the_folder_is_one_of_sentence_transformers_and_embed_pools_as_it_was_trained(base, tmp_path, pooling):
    objective = opened("embed", base, window=ROOM, options={"pooling": pooling})
    trained(objective, tmp_path / "run").save(tmp_path / "model")
    model = SentenceTransformer(str(tmp_path / "model"), device="cpu")
    texts = [*TEXTS, "the cat sat on a mat " * 6]
    assert model.max_seq_length == ROOM
    expected = model.encode(texts, show_progress_bar=False)
    unit = expected[:3] / np.linalg.norm(expected[:3], axis=1, keepdims=True)
    assert np.abs(unit - vectors(tmp_path / "model", TEXTS, pooling)).max() < 1e-5
    results = list(roberta.run("embed", texts, model=tmp_path / "model", long="truncate"))
    assert np.abs(np.stack([result["embedding"] for result in results]) - expected).max() < 1e-5
    assert results[-1]["truncated"] > 0
    changed = roberta.run("embed", texts[:3], model=base, pool=pooling)
    assert np.abs(np.stack([result["embedding"] for result in changed]) - expected[:3]).max() > 1e-3, "it has learnt"


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_an_adapter_keeps_its_pooling_and_its_length(base, tmp_path, pooling):
    objective = opened("embed", base, window=ROOM, lora=2, options={"pooling": pooling})
    trained(objective, tmp_path / "run", steps=2).save(tmp_path / "adapter")
    texts = ["the cat sat", "the cat sat on a mat " * 6]
    results = list(roberta.run("embed", texts, model=base, adapter=str(tmp_path / "adapter"), long="truncate"))
    with torch.no_grad():
        [hidden] = objective.model(torch.tensor([objective.tokenizer.encode(texts[0])])).last_hidden_state
    expected = hidden[0] if pooling == "cls" else hidden.mean(0)
    assert np.abs(results[0]["embedding"] - expected.numpy()).max() < 1e-5
    assert "truncated" not in results[0] and results[1]["truncated"] > 0
    assert app.run(["convert", str(base), str(tmp_path / "merged"), "--adapter", str(tmp_path / "adapter"), "-q"]) == 0
    for merged, result in zip(roberta.run("embed", texts, model=tmp_path / "merged", long="truncate"), results):
        assert np.abs(merged["embedding"] - result["embedding"]).max() < 1e-5
