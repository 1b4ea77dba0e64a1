"""classify and zero-shot against the pipelines of transformers, and batches against one record at a time."""

import shutil

import numpy as np
import pytest

from roberta.engine.runner import open_runner
from roberta.records import Record
from roberta.tasks.classify import Classify
from roberta.tasks.long_text import LongText
from roberta.tasks.zero_shot import ZeroShot
from tests.shared import SHARED, needs_shared
from tests.tasks.tiny_classifier import OWN_TEXTS, ROOM, real_lines, real_rows, tiny_classifier

# float32 on both sides; the two attention kernels add up in different orders.
NEAR = 1e-5
NLI = {0: "contradiction", 1: "neutral", 2: "entailment"}
MODELS = {
    "single": ({0: "bad", 1: "fair", 2: "good"}, None),
    "several": ({0: "joy", 1: "fear", 2: "anger", 3: "love"}, "multi_label_classification"),
    "one": ({0: "spam"}, None),
    "regression": ({0: "stars"}, "regression"),
    "nli": (NLI, None),
    "nli_reversed": ({0: "ENTAILMENT", 1: "NEUTRAL", 2: "CONTRADICTION"}, None),
}
LABELS = ("travel", "war, or peace", "the history of the theatre")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = {}
    for seed, (name, (id2label, problem_type)) in enumerate(MODELS.items()):
        folder = tmp_path_factory.mktemp(name)
        made[name] = tiny_classifier(folder, id2label, seed=seed, problem_type=problem_type)
    if SHARED is not None:
        made["recorded"] = tmp_path_factory.mktemp("recorded")
        for part in ("pt/checkpoints/seqcls", "tokenizer/tiny"):
            for file in (SHARED / "oracle" / part).iterdir():
                shutil.copyfile(file, made["recorded"] / file.name)
    return made


@pytest.fixture(scope="module")
def texts():
    rows = real_rows("sentiment_sst2_dev.jsonl", 260) + real_rows("sentiment_reviews_dev.jsonl", 60)
    return [*OWN_TEXTS, *(row["text"] for row in rows), *real_lines("odd_text.txt", 100)]


@pytest.fixture(scope="module")
def pairs():
    own = [(one, other) for one in OWN_TEXTS[-6:] for other in OWN_TEXTS[::2]]
    return own + [(row["premise"], row["hypothesis"]) for row in real_rows("nli_snli_dev.jsonl", 300)]


def pipeline(task, folder):
    transformers = pytest.importorskip("transformers")
    transformers.logging.set_verbosity_error()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, model_max_length=ROOM)
    return transformers.pipeline(task, model=str(folder), tokenizer=tokenizer, device="cpu")


def results(folder, task, fields, **options):
    """One result for each dict of fields; task: Classify or ZeroShot."""
    runner = open_runner(folder, device="cpu", dtype="fp32", **options.pop("runner", {}))
    options = {"long": LongText(ROOM, "truncate"), "best": None, **options}
    if task is Classify:
        options["problem_type"] = runner.config.problem_type
    asked = [Record(place, f"argument {place + 1}", row) for place, row in enumerate(fields)]
    answers = list(runner.answer(task(runner.tokenizer, runner.config.id2label, **options), asked))
    assert [answer.error for answer in answers] == [None] * len(asked)
    return [answer.result for answer in answers]


def same(found, expected):
    """Labels in the same order, scores within NEAR; expected: for each record [(label, score), ...]."""
    assert len(found) == len(expected)
    for result, rows in zip(found, expected):
        assert [row["label"] for row in result["labels"]] == [label for label, _ in rows]
        scores = [row["score"] for row in result["labels"]]
        largest = max(1, max(abs(score) for _, score in rows))
        assert np.abs(np.array(scores) - [score for _, score in rows]).max() <= NEAR * largest


def as_rows(answers):
    return [[(row["label"], row["score"]) for row in rows] for rows in answers]


@pytest.mark.parametrize("model", ["single", "several", "one", pytest.param("recorded", marks=needs_shared)])
def test_labels_and_scores_equal_the_pipeline_with_every_activation(folders, texts, model):
    texts = texts[:40] if model in ("several", "one") else texts
    reference = pipeline("text-classification", folders[model])
    forwards = [reference.forward(reference.preprocess(text, truncation=True)) for text in texts]
    for activation in ("auto", "softmax", "sigmoid", "none"):
        asked = reference._sanitize_parameters(
            top_k=None, function_to_apply=None if activation == "auto" else activation
        )[-1]
        expected = [reference.postprocess(forward, **asked) for forward in forwards]
        found = results(folders[model], Classify, [{"text": text} for text in texts], activation=activation)
        same(found, as_rows(expected))
        assert any("truncated" in result for result in found)
        assert any("truncated" not in result for result in found)


def test_the_best_label_equals_the_pipeline(folders, texts):
    texts = texts[:60]
    expected = pipeline("text-classification", folders["nli"])(texts, truncation=True)
    found = results(folders["nli"], Classify, [{"text": text} for text in texts], best=1)
    same(found, [[(row["label"], row["score"])] for row in expected])
    assert len({result["label"] for result in found}) > 1  # or the comparison says little


def test_numbers_equal_the_pipeline(folders, texts):
    expected = pipeline("text-classification", folders["regression"])(texts, truncation=True)
    found = results(folders["regression"], Classify, [{"text": text} for text in texts])
    assert [result["value"] for result in found] == pytest.approx([row["score"] for row in expected], abs=NEAR)


def test_pairs_equal_the_pipeline_cut_or_not(folders, pairs):
    fields = [{"text": one, "text_pair": other} for one, other in pairs]
    reference = pipeline("text-classification", folders["nli"])
    expected = [reference(row, top_k=None, truncation=True) for row in fields]
    found = results(folders["nli"], Classify, fields)
    same(found, as_rows(expected))
    assert any("truncated" in result for result in found)


@pytest.mark.parametrize("model", ["nli", "nli_reversed"])
def test_zero_shot_equals_the_pipeline_on_whole_texts(folders, texts, model):
    texts = texts if model == "nli" else texts[:40]
    fields = [{"text": text} for text in texts]
    # Texts that are cut are compared below: the pipeline cuts a text differently for each label.
    whole = [
        place
        for place, result in enumerate(results(folders[model], ZeroShot, fields, labels=LABELS))
        if "truncated" not in result
    ]
    assert len(whole) > 0.7 * len(texts)
    reference = pipeline("zero-shot-classification", folders[model])
    forwards = [
        [reference.forward(chunk) for chunk in reference.preprocess(texts[place], list(LABELS))] for place in whole
    ]
    for multi_label in (False, True):
        answers = [reference.postprocess(forward, multi_label=multi_label) for forward in forwards]
        found = results(
            folders[model], ZeroShot, [fields[place] for place in whole], labels=LABELS, multi_label=multi_label
        )
        same(found, [list(zip(answer["labels"], answer["scores"])) for answer in answers])


def test_zero_shot_with_one_label_equals_the_pipeline_cut_or_not(folders, texts):
    texts = texts[:120]
    labels = [LABELS[place % len(LABELS)] for place in range(len(texts))]
    reference = pipeline("zero-shot-classification", folders["nli"])
    answers = [reference(text, [label]) for text, label in zip(texts, labels)]
    found = results(folders["nli"], ZeroShot, [{"text": text, "labels": [label]} for text, label in zip(texts, labels)])
    same(found, [list(zip(answer["labels"], answer["scores"])) for answer in answers])
    assert any("truncated" in result for result in found)


@pytest.mark.parametrize("batch_tokens", [100, 1024, 20_000])
@pytest.mark.parametrize("task", [Classify, ZeroShot])
def test_a_batch_gives_what_one_record_at_a_time_gives(folders, texts, pairs, task, batch_tokens):
    if task is Classify:
        fields = [{"text": text} for text in texts[:60]]
        fields += [{"text": one, "text_pair": other} for one, other in pairs[:40]]
        options = {}
    else:
        fields = [{"text": text} for text in texts[:30]]
        fields += [{"text": text, "labels": [*LABELS[:2], text[:9]]} for text in texts[:15]]
        options = {"labels": LABELS}
    options["long"] = LongText(ROOM, overlap=8)
    alone = results(folders["nli"], task, fields, **options, runner={"batch_tokens": 1})
    together = results(folders["nli"], task, fields, **options, runner={"batch_tokens": batch_tokens})
    same(together, as_rows(result["labels"] for result in alone))
    assert [result.get("windows") for result in together] == [result.get("windows") for result in alone]
    assert any(result.get("windows", 0) > 2 for result in together)
