"""roberta choose, from the command line."""

import json


def results(ended):
    assert ended.code == 0, ended.err
    return [json.loads(line) for line in ended.out.splitlines()]


def test_the_built_in_model_chooses_by_likelihood(roberta):
    [result] = results(roberta("choose", "--context", "The capital of France is", *_choices("Paris.", "the doorstep.")))
    assert list(result) == ["id", "choice", "text", "score", "scores", "method"]
    assert (result["id"], result["choice"], result["text"], result["method"]) == (1, 0, "Paris.", "likelihood")


def test_arguments_are_contexts_or_records(roberta):
    own = '{"id": "own", "context": "She took the", "choices": ["boat.", "was.", "of."]}'
    first, second = results(roberta("choose", *_choices("Paris.", "the doorstep."), "The capital of France is", own))
    assert (len(first["scores"]), len(second["scores"]), second["id"]) == (2, 3, "own")


def test_tables_of_swag_answer_and_score_by_gold(roberta, surroundings, tmp_path):
    table = "sent1,sent2,ending0,ending1,label\nHe cooks.,He,eats.,rains.,0\nIt is late.,She,goes.,snows.,1\n"
    (tmp_path / "swag.csv").write_text(table, encoding="utf-8")
    ended = roberta("choose", "-m", "my-choice-model", "-i", "swag.csv", "--gold", "label")
    found = results(ended)
    assert [result["method"] for result in found] == ["head", "head"]
    right = sum(result["choice"] == gold for result, gold in zip(found, (0, 1)))
    summary = json.loads(ended.err.splitlines()[-1])
    assert summary["gold"] == {"records": 2, "accuracy": right / 2}


def test_a_record_that_cannot_be_answered_harms_no_other(roberta):
    rows = [{"context": "A", "choices": ["b"]}, {"context": "A", "choices": ["b", "c"]}, {"context": "A", "choices": 1}]
    piped = "\n".join(map(json.dumps, rows)).encode()
    ended = roberta("choose", "--on-error", "record", stdin=piped)
    first, second, third = map(json.loads, ended.out.splitlines())
    assert first["error"]["message"] == "choices has 1 entry; give at least two"
    assert third["error"]["code"] == "wrong_type"
    assert second["method"] == "likelihood"
    assert ended.code != 0


def test_a_table_lists_the_choices_that_were_asked_for(roberta):
    asked = ("--context", "The capital of France is", *_choices("the doorstep.", "Paris."), "--output-format", "table")
    assert [line.split("  ")[1] for line in roberta("choose", *asked).out.splitlines()] == ["Paris."]
    both = roberta("choose", *asked, "--top", "all").out.splitlines()
    assert [line.split("  ")[1] for line in both] == ["Paris.", "the doorstep."]


def test_wrong_use_is_said_in_one_sentence(roberta):
    for args, message in (
        (["A text."], "no choices for the text 'A text.'; give two with --choice"),
        (["A.", *_choices("a")], "choices has 1 entry; give at least two"),
        (["--context", "A.", "B.", *_choices("a", "b")], "--context is one record"),
        (["A.", *_choices("a", "b"), "--top", "0"], "--top is '0'"),
        (["A.", *_choices("a", "b"), "--method", "luck"], "no method 'luck'"),
    ):
        ended = roberta("choose", *args)
        assert (ended.code, ended.out) == (2, "")
        assert message in ended.err


def _choices(*texts):
    return [part for text in texts for part in ("--choice", text)]
