"""Fine-tuning of answers: windows of one question, those without the answer saying so, and a threshold that is kept."""

import json

import numpy as np
import pytest
import torch

import roberta
from roberta.errors import InputError
from roberta.tasks.answer_gold import AnswerGold
from roberta.training.answering import answer_all
from tests.training.tuning import PRECISE, ROWS, mean_loss, opened, scores, theirs, whole

LONG = " ".join(f"the cat walked {word} a mat" for word in ("on", "in", "and", "is", "quiet", "harbour"))
SHORT = {"question": "who", "context": "the cat sat", "answers": [{"text": "cat", "answer_start": 4}]}


def asked(word, question="where"):
    """A question whose answer stands at one place of a long context."""
    return {"question": question, "context": LONG, "answers": [{"text": word, "answer_start": LONG.index(word)}]}


def test_the_loss_is_that_of_transformers(base, tmp_path):
    """One window at a time: there, padding could be an answer, and the loss depend on a window's neighbours."""
    objective = opened("qa", base)
    model = theirs(objective, tmp_path)
    assert "attention_mask" in whole(objective).tensors
    losses = []
    for example in objective.examples:
        start, end = torch.tensor(example.target)[:, None]
        with torch.no_grad():
            ids = torch.tensor(example.input_ids)
            losses.append(float(model(ids, start_positions=start, end_positions=end).loss))
    assert mean_loss(objective) == pytest.approx(np.mean(losses), rel=PRECISE)


def test_an_answer_is_marked_at_its_tokens_and_none_at_the_first(base, words):
    objective = opened("qa", base)
    found = []
    for example in objective.examples:
        start, end = example.target
        found.append(words.decode(example.input_ids[0][start : end + 1]).strip())
    assert found == ["the cat", "harbour", "<s>"]
    assert objective.examples[2].target == (0, 0)


def test_windows_that_lack_the_answer_say_that_there_is_none(base, words):
    objective = opened("qa", base, [asked("quiet")], window=20, options={"overlap": 6})
    assert len(objective.examples) >= 4
    holding = []
    for example in objective.examples:
        [ids] = example.input_ids
        assert len(ids) <= 20
        start, end = example.target
        holds = "quiet" in words.decode(ids)
        holding.append(holds)
        assert (words.decode(ids[start : end + 1]).strip() == "quiet") == holds
        assert (example.target == (0, 0)) == (not holds)
    assert 0 < sum(holding) < len(holding)
    assert not objective.allows_null, "every question has an answer"
    assert whole(objective).weight == 2 * len(objective.examples)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([{"text": "cat", "answer_start": 3}], "the answer 'cat' is not at 3 of its context; it stands at 4"),
        ([{"text": "dog", "answer_start": 4}], "the answer 'dog' is not at 4 of its context$"),
        ([{"text": "cat"}], "an answer lacks text or answer_start"),
        ("cat", "answers must be a list of answers"),
    ],
)
def test_offsets_that_are_broken_are_refused_by_file_and_line(base, answers, said):
    with pytest.raises(InputError, match=f"^train\\.jsonl:2: {said}"):
        opened("qa", base, [SHORT, SHORT | {"answers": answers}])


def test_a_question_that_leaves_no_room_is_refused_by_file_and_line(base):
    long = SHORT | {"question": "the cat " * 30}
    with pytest.raises(InputError, match=r"^train\.jsonl:2: the question has 62 tokens"):
        opened("qa", base, [SHORT, long])
    with pytest.raises(InputError, match=r"^dev\.jsonl:1: the question has 62 tokens"):
        scores(opened("qa", base, [SHORT], [long]))


def test_the_best_threshold_is_saved_and_qa_answers_by_it(base, tmp_path):
    rows = [asked("quiet"), asked("on", "who"), asked("harbour", "what") | {"answers": []}, asked("in", "is it")]
    objective = opened("qa", base, rows, rows)
    assert objective.metrics[0] == "best_f1"
    found = scores(objective)
    assert set(objective.metrics) <= found.keys()
    with torch.no_grad():
        answers = list(answer_all(objective.model, objective.task, objective.dev))
    odds = sorted(result["null_odds"] for _, result in answers)
    reached = []
    for threshold in (odds[0] - 1, *odds):
        gold = AnswerGold()
        for record, result in answers:
            given = "" if result["null_odds"] > threshold else result["answers"][0]["answer"]
            gold.add(record, result | {"answer": given})
        reached.append(gold.summary()["f1"])
    assert found["best_f1"] == pytest.approx(max(reached))
    objective.save(tmp_path)
    said = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert (said["null_answers"], said["null_threshold"]) == (True, found["best_f1_thresh"])
    assert found["best_f1_thresh"] <= odds[-1]
    for threshold in (odds[1], odds[-1], odds[0] - 1):
        objective.model.config.null_threshold = threshold
        objective.save(tmp_path)
        given = list(roberta.run("qa", rows, model=tmp_path))
        assert [result["answer"] == "" for result in given] == [result["null_odds"] > threshold for result in given]
        assert sorted(result["null_odds"] for result in given) == pytest.approx(odds, abs=1e-4)


def test_without_such_questions_there_is_no_null_answer_and_no_threshold(base, tmp_path):
    objective = opened("qa", base, [SHORT], [SHORT])
    assert {"f1", "exact_match"} <= scores(objective).keys()
    objective.save(tmp_path)
    said = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert (said["null_answers"], said["null_threshold"]) == (False, None)
    [given] = roberta.run("qa", [{"question": "who", "context": "the cat"}], model=tmp_path)
    assert given["answer"]


def test_a_threshold_is_found_on_answered_questions_too(base):
    found = scores(opened("qa", base, ROWS["qa"], [SHORT]))
    assert found["best_f1"] == 100.0 or found["best_f1"] >= found["f1"]


def test_a_former_threshold_does_not_outlive_the_training(base, tmp_path):
    first = opened("qa", base, ROWS["qa"], [SHORT])
    scores(first)
    first.model.config.null_threshold = 7.5
    first.save(tmp_path)
    again = opened("qa", tmp_path, ROWS["qa"])
    assert again.model.config.null_threshold is None
    assert torch.equal(again.model.qa_outputs.weight, first.model.qa_outputs.weight), "its head is kept"
