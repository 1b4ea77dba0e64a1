"""choose against the models of transformers run by hand, and batches against one record at a time."""

import math

import numpy as np
import pytest

from roberta.builtin import MINI
from roberta.engine.open_task import open_task
from roberta.engine.runner import open_runner
from roberta.errors import CheckpointError, UsageError
from roberta.records import Record
from tests.tasks.tiny_chooser import tiny_chooser
from tests.tasks.tiny_classifier import ROOM, real_rows, tiny_classifier

NEAR = 1e-5  # float32 on both sides; the two attention kernels add up in different orders
OWN_ROWS = [
    {"context": "He was hungry.", "choices": ["He eats it.", "It rains."]},
    {
        "context": "Zoë's café — 3 €",
        "question": "What is it?",
        "choices": ["日本語 🎉", "A place", "no", "</s> <mask> so"],
    },
    {"context": "On and on it goes, " * 30, "choices": ["and stops.", "and never does so at all."]},
    {"context": "one two " * 40, "question": "what", "choices": ["three", "four", "five", "six", "seven"]},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_chooser(tmp_path_factory.mktemp("chooser"))


@pytest.fixture(scope="module")
def rows():
    real = [
        row
        for name in ("choice_commonsense_train", "choice_copa_train", "choice_trivia_dev")
        for row in real_rows(f"{name}.jsonl", 140)
    ]
    return OWN_ROWS + real


def results(folder, rows, batch_tokens=None, **options):
    runner = open_runner(folder, device="cpu", dtype="fp32", batch_tokens=batch_tokens)
    asked = [Record(place, f"argument {place + 1}", row) for place, row in enumerate(rows)]
    answers = list(runner.answer(open_task("choose", runner, **options), asked))
    assert [answer.error for answer in answers] == [None] * len(rows)
    return [answer.result for answer in answers]


def test_the_head_equals_the_model_of_transformers(folder, rows):
    transformers = pytest.importorskip("transformers")
    import torch

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.RobertaForMultipleChoice.from_pretrained(folder).eval()
    found = results(folder, rows)
    links = {"cause": "because ", "effect": "so "}
    cut = 0
    for row, result in zip(rows, found):
        lead = links.get(row.get("asks_for"), "")
        if "context" in row and "question" in row:
            lead = row["question"] + " "
        context = row.get("context") or row["question"]
        seconds = [lead + choice for choice in row["choices"]]
        whole = tokenizer(context, add_special_tokens=False)["input_ids"]
        longest = max(len(tokenizer(second, add_special_tokens=False)["input_ids"]) for second in seconds)
        kept = min(len(whole), ROOM - 4 - longest)
        assert result.get("truncated", 0) == len(whole) - kept
        cut += kept < len(whole)
        pieces = [whole[:kept], *(tokenizer(second, add_special_tokens=False)["input_ids"] for second in seconds)]
        built = [tokenizer.build_inputs_with_special_tokens(pieces[0], piece) for piece in pieces[1:]]
        if kept == len(whole):
            assert built == tokenizer([context] * len(seconds), seconds)["input_ids"]
        padded = tokenizer.pad({"input_ids": built}, return_tensors="pt")
        with torch.no_grad():
            logits = model(**{name: value[None] for name, value in padded.items()}).logits[0]
        expected = logits.softmax(-1).numpy()
        assert np.abs(np.array(result["scores"]) - expected).max() <= NEAR
        assert expected[result["choice"]] >= expected.max() - NEAR
        assert result["text"] == row["choices"][result["choice"]]
    assert cut >= 2
    assert len({result["choice"] for result in found}) > 1


@pytest.mark.parametrize("batch_tokens", [1, 300, 20_000])
def test_the_batch_does_not_matter(folder, rows, batch_tokens):
    for model, some in ((folder, rows[:60]), (None, rows[:6])):
        together = results(model, some)
        for one, other in zip(results(model, some, batch_tokens), together):
            assert one["choice"] == other["choice"]
            assert one["scores"] == pytest.approx(other["scores"], abs=NEAR)


def test_likelihood_is_what_scoring_the_whole_text_says_of_the_choice():
    runner = open_runner(device="cpu", dtype="fp32")
    context, choices = "The capital of France is", ["Paris.", "the doorstep."]
    [result] = results(None, [{"context": context, "choices": choices}])
    totals = []
    for choice in choices:
        scored = open_task("fill-mask", runner, score=True)
        [answer] = runner.answer(scored, [Record(0, "", {"text": f"{context} {choice}"})])
        tokens = answer.result["tokens"]
        totals.append(math.fsum(token["logprob"] for token in tokens if token["start"] > len(context)))
    expected = np.exp(totals) / np.exp(totals).sum()
    assert result["scores"] == pytest.approx(expected, abs=NEAR)
    assert (result["method"], result["text"]) == ("likelihood", "Paris.")


def test_entailment_is_what_classifying_the_pair_says(tmp_path):
    folder = tiny_classifier(tmp_path, {0: "contradiction", 1: "neutral", 2: "entailment"})
    row = OWN_ROWS[0]
    runner = open_runner(folder, device="cpu", dtype="fp32")
    for label in ("entailment", "neutral"):
        [result] = results(folder, [row], entailment_label=None if label == "entailment" else label)
        pairs = [Record(0, "", {"text": row["context"], "text_pair": choice}) for choice in row["choices"]]
        answers = runner.answer(open_task("classify", runner, top="all"), pairs)
        expected = [{one["label"]: one["score"] for one in answer.result["labels"]}[label] for answer in answers]
        assert result["scores"] == pytest.approx(expected, abs=NEAR)
        assert result["method"] == "entailment"


def test_a_method_that_the_checkpoint_lacks_is_refused(folder, tmp_path):
    classifier = tiny_classifier(tmp_path, {0: "bad", 1: "good"})
    for model, options, error, message in (
        (classifier, {}, CheckpointError, 'no class named "entail..."'),
        (folder, {"method": "entailment"}, CheckpointError, "holds a multiple-choice model, no classification head"),
        (MINI, {"method": "entailment"}, CheckpointError, "no NLI model"),
        (MINI, {"method": "head"}, CheckpointError, "no multiple-choice head"),
        (folder, {"method": "likelihood"}, CheckpointError, "no language model head"),
        (folder, {"method": "luck"}, UsageError, "no method 'luck'"),
        (folder, {"per_token": True}, UsageError, "--per-token is for --method likelihood"),
        (folder, {"entailment_label": "x"}, UsageError, "--entailment-label is for --method entailment"),
        (folder, {"long": "window"}, UsageError, "give --long truncate or error"),
    ):
        with pytest.raises(error, match=message):
            runner = open_runner(model, device="cpu", dtype="fp32")
            list(runner.answer(open_task("choose", runner, **options), [Record(0, "", OWN_ROWS[0])]))
