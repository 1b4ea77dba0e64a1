"""A small language model to start from, and fine-tuning of every kind on records that a test writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import transformers

from roberta.model.models import RobertaForMaskedLM
from roberta.records import Record
from roberta.training.loop import Trainer
from roberta.training.open_fine_tuning import Request, open_fine_tuning
from roberta.training.settings import Settings
from tests.conftest import seeded, tiny_config

ROOM = 48  # tokens of a window
PRECISE = 1e-5  # of the loss: sums of float32 in another order

# Texts of unequal lengths, so that batches are padded; some answers of every sort.
ROWS = {
    "classify": [
        {"text": "the cat sat", "label": "b"},
        {"text": "a rat and a mat and a cat in the harbour", "label": "a"},
        {"text": "quiet morning", "text_pair": "people walked in the harbour", "label": "c"},
        {"text": "Moon", "label": "a"},
        {"text": "people walked", "label": "a"},
    ],
    "regress": [
        {"text": "the cat sat", "label": 2.5},
        {"text": "a rat and a mat and a cat in the harbour", "label": "-1"},
        {"text": "quiet morning", "text_pair": "people walked in the harbour", "label": 0},
    ],
    "multilabel": [
        {"text": "the cat sat on the mat", "label": ["y", "x"]},
        {"text": "quiet", "label": []},
        {"text": "a rat and a mat and a cat in the harbour", "label": ["z"]},
        {"text": "people walked in the morning", "label": "x"},
    ],
    "ner": [
        {"tokens": ["Moon", "harbour", "is", "quiet"], "tags": ["B-LOC", "I-LOC", "O", "O"]},
        {"tokens": ["people", "in", "Capitals"], "tags": ["O", "O", "B-ORG"]},
        {"tokens": ["the", "rat"], "tags": ["O", "O"]},
    ],
    "qa": [
        {"question": "who sat", "context": "the cat sat on a mat", "answers": [{"text": "the cat", "answer_start": 0}]},
        {
            "question": "where",
            "context": "people walked in the quiet harbour and the rat sat",
            "answers": [{"text": "harbour", "answer_start": 27}],
        },
        {"question": "what is the capital", "context": "the Moon is quiet", "answers": []},
    ],
    "choose": [
        {"context": "the cat", "choices": ["sat", "is a capital harbour"], "label": 0},
        {"context": "people walked", "choices": ["in the harbour", "on", "Moon", "and", "mat"], "label": "Moon"},
        {"context": "a quiet morning", "choices": ["and a rat", "is in the harbour", "on"], "label": "B"},
        {"context": "the Moon", "choices": ["is", "sat", "quiet", "walked"], "label": 3},
    ],
    "embed": [
        {"text": "the cat sat", "text_pair": "a cat", "score": 4},
        {"text": "people walked in the quiet harbour", "text_pair": "the rat sat on a mat", "score": 0.5},
        {"text": "Moon", "text_pair": "a capital is in the morning", "score": 5},
    ],
}


def language_model(folder: Path, words, **changes) -> Path:
    """A checkpoint of random weights without dropout, of which nothing is zero by chance."""
    sizes = {"vocab_size": len(words), "max_position_embeddings": ROOM + 2, "type_vocab_size": 1}
    config = tiny_config(**sizes | {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0} | changes)
    seeded(RobertaForMaskedLM, config).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def records(rows, side="train") -> list[Record]:
    return [Record(number, f"{side}.jsonl:{number + 1}", fields) for number, fields in enumerate(rows)]


def opened(kind, base, rows=None, dev=(), *, options=None, **asked):
    """The objective of `roberta train KIND` over `base`. asked: of the request; options: of the kind."""
    sides = (records(ROWS[kind] if rows is None else rows), records(dev, "dev"))
    objective, _ = open_fine_tuning(kind, Request([], model=str(base), **asked), records=sides, **options or {})
    return objective


def whole(objective):
    """All examples as one batch, in the order of their records."""
    return objective.batch(np.arange(len(objective.examples)), 0)


def mean_loss(objective) -> float:
    batch = whole(objective)
    with torch.no_grad():
        return float(objective.loss(batch)) / batch.weight


def theirs(objective, folder):
    """The same weights in the class of transformers, which finds all of them in the saved folder and no others."""
    objective.save(folder)
    kind = getattr(transformers, type(objective.model).__name__)
    model, report = kind.from_pretrained(folder, output_loading_info=True, attn_implementation="eager")
    assert not any(report.values()), report
    return model.eval()


def scores(objective) -> dict[str, float]:
    with torch.no_grad():
        return objective.evaluate()


def trained(objective, output, *, steps=1, head=frozenset(), **settings):
    """The same objective after some steps."""
    plan = {"steps": steps, "lr": 1e-2, "warmup": 0, "schedule": "constant", "batch_tokens": 10_000} | settings
    Trainer(objective, Settings(**plan), output, head=head).run()
    objective.model.eval()
    return objective


def weights(model) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def changed(before, model) -> set[str]:
    """The names of the weights that are not what they were, to the bit."""
    return {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
