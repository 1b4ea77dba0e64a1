"""qa against the question-answering pipeline of transformers, and against its model with every span tried."""

import json
import math

import numpy as np
import pytest

from roberta.engine.open_task import open_task
from roberta.engine.runner import open_runner
from roberta.records import Record
from tests.shared import SHARED
from tests.tasks.test_answer_spans import tried_one_by_one
from tests.tasks.tiny_answerer import tiny_answerer

# float32 on both sides; the two attention kernels add up in different orders.
NEAR = 1e-4
OWN = [
    ("Who?", "Ada Lovelace was born in London, in 1815."),
    ("Où était Zoë ?", "Zoë O’Neil était à l'Orangerie – 3 € l’entrée – un jour d'août."),
    ("誰?", "日本語のテキスト、東京の田中さん。 次の文です。"),
    ("Which face?", "We saw 🙂🙃 and 👩‍👩‍👧‍👦, then 🎉! Nobody knew which 🏳️‍🌈 it was."),
    ("</s>?", "It says <mask> and </s> in the text; e\u0301 is two code points."),
    ("cafe\u0301?", "I can't, you'd say, won't: it's the neighbours' dog's #1 toy (50% off) @home."),
]


def squad_questions(name, paragraphs, each):
    """Question and context of the first questions of each paragraph of a real file."""
    found = []
    for article in json.loads((SHARED / "tasks" / name).read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            found += [(row["question"], paragraph["context"]) for row in paragraph["qas"][:each]]
    return found[: paragraphs * each]


@pytest.fixture(scope="module")
def asked():
    real = []
    if SHARED is not None:
        real = squad_questions("qa_squad1_dev.json", 80, 2) + squad_questions("qa_squad2_dev.json", 60, 3)
        assert len(real) >= 300
    emoji = [(question, f"{context[:200]} 🙂é {context[200:300]}") for question, context in real[:20]]
    return OWN + real + emoji


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_answerer(tmp_path_factory.mktemp("qa"), seed=3)


@pytest.fixture(scope="module")
def pipeline(folder):
    transformers = pytest.importorskip("transformers")
    if not hasattr(transformers.pipelines, "QuestionAnsweringPipeline"):
        pytest.skip("this version of transformers has no question-answering pipeline")
    transformers.logging.set_verbosity_error()
    return transformers.pipeline("question-answering", model=str(folder), tokenizer=str(folder), device="cpu")


def answers(folder, asked, **options):
    """The task, the records, and the result of each."""
    runner = open_runner(folder, device="cpu", dtype="fp32")
    task = open_task("qa", runner, **options)
    records = [
        Record(number, f"argument {number + 1}", {"question": question, "context": context})
        for number, (question, context) in enumerate(asked)
    ]
    found = list(runner.answer(task, records))
    assert [answer.error for answer in found] == [None] * len(asked)
    return task, records, [answer.result for answer in found]


def test_the_best_span_and_its_probability_equal_the_pipeline_where_one_window_holds_all(folder, pipeline, asked):
    from transformers.pipelines.question_answering import select_starts_ends

    _, _, results = answers(folder, asked, top=3)
    one_window = [place for place, result in enumerate(results) if result["windows"] == 1]
    assert len(one_window) > 0.8 * len(asked)
    same = aligned = 0
    for place in one_window:
        (question, context), result = asked[place], results[place]
        example = pipeline.create_sample(question=question, context=context)
        [features] = list(pipeline.preprocess(example, max_seq_len=384, doc_stride=128))
        masked = features["p_mask"].numpy().astype(bool)
        forward = pipeline.forward(dict(features))
        # Its best span of tokens, grown into words as it grows them; what it adds up over equal texts is left out.
        begins, stops, scores, null = select_starts_ends(
            *(forward[name].numpy() for name in ("start", "end", "p_mask", "attention_mask")),
            top_k=1,
            handle_impossible_answer=True,
            max_answer_len=30,
        )
        span = pipeline.get_indices(forward["encoding"], begins[0], stops[0], 1, True)
        aligned += pipeline.postprocess([forward], top_k=1, max_answer_len=30)["answer"] == result["answer"]
        best, second = result["answers"][:2]
        starts, ends = (forward[name].numpy().ravel().astype(float) for name in ("start", "end"))
        seen = np.flatnonzero(~masked)  # <s> and the context
        weights = [np.log(np.exp(logits[seen]).sum()) for logits in (starts, ends)]
        if span == (best["start"], best["end"]):
            same += 1
            assert best["answer"] == context[slice(*span)]
            assert math.log(scores[0]) + sum(weights) == pytest.approx(best["logit"], abs=NEAR)
            assert result["null_odds"] == pytest.approx(math.log(null / scores[0]), abs=NEAR)
        else:
            assert best["logit"] - second["logit"] <= NEAR, (question, context, span, best)
    assert same > 0.95 * len(one_window)
    assert aligned > 0.5 * len(one_window)  # an untrained model's close scores often add up to another winner


@pytest.mark.parametrize("room", [48, 100])
def test_the_best_spans_of_long_contexts_equal_those_of_every_span_tried(folder, pipeline, asked, room):
    import torch

    if SHARED is None:  # our own contexts are short
        asked = [(question, " ".join([context] * 10)) for question, context in asked]
    asked = [pair for pair in asked if len(pair[0]) < room][: 30 if room == 48 else 60]
    task, records, results = answers(folder, asked, top=5, window=room, overlap=20, max_answer=12)
    several = 0
    for record, result in zip(records, results):
        windows = task.prepare(record)
        several += len(windows) > 1
        context = windows[0].note.context
        logits, nulls = [], []
        for window in windows:
            with torch.inference_mode():
                output = pipeline.model(torch.tensor([list(window.input_ids)]))
            both = torch.stack([output.start_logits[0], output.end_logits[0]], dim=-1).numpy()
            logits.append(both[list(window.rows)[1:]].astype(float))
            nulls.append(float(both[0].sum()))
        expected = tried_one_by_one(context, [window.note.span for window in windows], logits, 12)
        spans = {context.span(*words): limits for words, limits in expected.items()}
        ranked = sorted((high for _, high in spans.values()), reverse=True)
        for place, row in enumerate(result["answers"]):
            low, high = spans[row["start"], row["end"]]
            assert low - NEAR <= row["logit"] <= high + NEAR
            assert row["logit"] <= ranked[place] + NEAR
        assert result["answers"][0]["logit"] >= max(low for low, _ in spans.values()) - NEAR
        assert result["null_odds"] == pytest.approx(min(nulls) - result["answers"][0]["logit"], abs=NEAR)
    assert several > 0.6 * len(asked)


def test_a_batch_gives_what_one_question_at_a_time_gives(folder, asked):
    asked = asked[:40]
    _, _, together = answers(folder, asked, top=2, window=100)
    for pair, result in zip(asked[:10], together):
        [alone] = answers(folder, [pair], top=2, window=100)[2]
        assert alone["answer"] == result["answer"]
        assert alone["score"] == pytest.approx(result["score"], rel=1e-4)
