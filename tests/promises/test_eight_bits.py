"""int8 is nearly as good as fp32 on trained weights, and no record's answer depends on its neighbours in it."""

import json
import warnings

import numpy as np
import pytest

import roberta
from roberta.builtin import MINI
from tests.shared import SHARED, needs_shared

OWN = [
    "The capital of France is Paris.",
    "She opened the door and looked at the rain.",
    "Water boils at a hundred degrees.",
    "In the year 1815 the war was over, and the soldiers went home to their farms.",
    "no",
    "Zoë's café — 3 €, don't you think?",
    "The cells of plants have walls; the cells of animals have none.",
    "He asked whether the train to the north had left, and nobody knew.",
]


def answers(task, texts, dtype, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no pooling named
        return list(roberta.run(task, texts, model=MINI, dtype=dtype, **options))


def vectors(texts, dtype, **options):
    found = np.stack([result["embedding"] for result in answers("embed", texts, dtype, **options)])
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def masked(text):
    words = text.split()
    words[len(words) // 2] = "<mask>"
    return " ".join(words)


def sentences(count):
    lines = (SHARED / "tasks" / "sentences.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip()][:count]


def test_vectors_point_where_those_of_fp32_do():
    assert (vectors(OWN, "fp32") * vectors(OWN, "int8")).sum(1).min() > 0.998


@needs_shared
def test_vectors_and_words_of_many_sentences_are_those_of_fp32():
    texts = sentences(300)
    assert (vectors(texts, "fp32") * vectors(texts, "int8")).sum(1).min() > 0.998
    texts = [masked(text) for text in texts]
    exact, found = (
        [result["filled"] for result in answers("fill-mask", texts, dtype, top=1)] for dtype in ("fp32", "int8")
    )
    # Measured 96.7 % over 600; where they differ, the two best words are nearly as likely as each other.
    assert np.mean([ours == theirs for ours, theirs in zip(exact, found)]) > 0.95


@pytest.mark.parametrize("batch_tokens", [64, 1024])
def test_an_answer_does_not_change_beside_an_outlier(batch_tokens):
    odd = ["€" * 60, "日本語" * 20, "<mask>" * 50, "z"]
    alone = np.concatenate([vectors([text], "int8") for text in OWN])
    together = vectors([*OWN[:4], *odd, *OWN[4:]], "int8", batch_tokens=batch_tokens)
    beside = np.concatenate([together[:4], together[-4:]])
    # A scale for the whole batch would be off by 1e-2. A number in the middle between two steps may go either way.
    assert np.abs(alone - beside).max() < 1e-3
    assert np.median(np.abs(alone - beside)) < 1e-6


@needs_shared
def test_labels_are_those_of_fp32():
    lines = (SHARED / "tasks" / "sentiment_sst2_dev.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines]
    exact, found = (
        [result["label"] for result in answers("classify", texts, dtype, adapter=MINI / "adapters" / "classify")]
        for dtype in ("fp32", "int8")
    )
    assert np.mean([ours == theirs for ours, theirs in zip(exact, found)]) >= 0.99
