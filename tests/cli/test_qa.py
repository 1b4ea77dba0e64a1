"""roberta qa on the command line."""

import json

import pytest

from tests.tasks.tiny_answerer import tiny_answerer
from tests.tasks.tiny_classifier import tiny_classifier

CONTEXT = "Ada Lovelace was born in London 🙂 in 1815."
QAS = [
    {"id": "a", "question": "Who?", "answers": [{"text": "Ada Lovelace", "answer_start": 0}]},
    {"id": "b", "question": "Why?", "answers": [], "is_impossible": True},
]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(tiny_answerer(tmp_path_factory.mktemp("qa")))


@pytest.fixture
def squad(tmp_path):
    (tmp_path / "dev.json").write_text(
        json.dumps({"version": "v2.0", "data": [{"title": "t", "paragraphs": [{"context": CONTEXT, "qas": QAS}]}]}),
        encoding="utf-8",
    )
    return "dev.json"


def lines(ended):
    assert ended.code == 0, ended.err
    return [json.loads(line) for line in ended.out.splitlines()]


def test_every_way_to_ask_gives_the_same_answer(roberta, tmp_path, model):
    (tmp_path / "context.txt").write_text(CONTEXT, encoding="utf-8")
    record = json.dumps({"question": "Who?", "context": CONTEXT})

    def ask(*args, **piped):
        return roberta("qa", "--backend", "torch", *args, **piped)  # NumPy's last digits are others

    ways = [
        lines(ask("-m", model, "--question", "Who?", "--context", "context.txt")),
        lines(ask("-m", model, "--context-text", CONTEXT, "Who?")),
        lines(ask("-m", model, record)),
        lines(ask("-m", model, stdin=record.encode())),
        lines(ask("-m", model, "--context", "context.txt", stdin=b"Who?\n")),
        lines(ask("-m", model, "--field", "q", stdin=record.replace('"question"', '"q"').encode())),
    ]
    assert ways == [ways[0]] * len(ways)
    [result] = ways[0]
    assert CONTEXT[result["start"] : result["end"]] == result["answer"] != ""


def test_many_questions_share_a_context(roberta, model):
    found = lines(roberta("qa", "-m", model, "--context-text", CONTEXT, "--question", "Who?", "--question", "Where?"))
    assert [result["id"] for result in found] == [1, 2]


def test_a_squad_file_gives_the_three_official_files_and_the_scores(roberta, tmp_path, model, squad):
    ended = roberta(
        *("qa", "-m", model, "-i", squad, "-o", "out.json", "--output-format", "squad"),
        *("--null", "allow", "--top", "3", "--summary"),
    )
    assert (ended.code, ended.out) == (0, "")
    predictions = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    nbest = json.loads((tmp_path / "out.nbest.json").read_text(encoding="utf-8"))
    odds = json.loads((tmp_path / "out.null_odds.json").read_text(encoding="utf-8"))
    assert predictions.keys() == nbest.keys() == odds.keys() == {"a", "b"}
    results = {row["id"]: row for row in lines(roberta("qa", "-m", model, "-i", squad, "--top", "3"))}
    for key, rows in nbest.items():
        spans = [row for row in rows if row["text"]]
        assert len(rows) == 4 == len(spans) + 1
        assert [row["text"] for row in spans] == [row["answer"] for row in results[key]["answers"]]
        assert [row["start_logit"] + row["end_logit"] for row in spans] == pytest.approx(
            [row["logit"] for row in results[key]["answers"]]
        )
        assert odds[key] == pytest.approx(results[key]["null_odds"])
        assert predictions[key] == ("" if odds[key] > 0 else spans[0]["text"])
    scores = json.loads(ended.err.splitlines()[-1])["gold"]
    assert (scores["total"], scores["HasAns_total"], scores["NoAns_total"]) == (2, 1, 1)
    assert {"exact", "f1", "best_exact", "best_exact_thresh", "best_f1", "best_f1_thresh"} < scores.keys()


def test_none_of_the_three_files_is_left_by_a_run_that_failed(roberta, tmp_path, model):
    rows = [{"id": "x", "question": "Who?", "context": CONTEXT}] * 2
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    ended = roberta("qa", "-m", model, "-i", "in.jsonl", "-o", "out.json", "--output-format", "squad")
    assert ended.code == 2
    assert 'two questions have the id "x"' in ended.err
    assert not list(tmp_path.glob("out*"))


def test_the_threshold_that_the_checkpoint_holds_is_used(roberta, tmp_path):
    found = {}
    for threshold in (-99.0, 99.0):
        folder = tmp_path / f"model{threshold}"
        tiny_answerer(folder, null_answers=True, null_threshold=threshold)
        [found[threshold]] = lines(roberta("qa", "-m", str(folder), "--context-text", CONTEXT, "Who?"))
    assert found[-99.0]["answer"] == "" != found[99.0]["answer"]
    assert found[-99.0]["answers"] == found[99.0]["answers"]


def test_people_get_a_line_for_each_answer(roberta, model):
    ended = roberta("qa", "-m", model, "--context-text", CONTEXT, "Who?", "--output-format", "table", "--top", "2")
    assert len(ended.out.splitlines()) == 2
    ended = roberta(
        *("qa", "-m", model, "--context-text", CONTEXT, "Who?", "--output-format", "table", "--null-threshold", "-99")
    )
    assert ended.out.splitlines()[0].endswith("  -")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--context-text", "Ada.", "word " * 300], 1, "more than the window of 384 can hold; shorten it or raise"),
        (["--context-text", " ", "Who?"], 1, "context is blank"),
        (['{"question": "Who?"}'], 1, 'no field "context"'),
        (['{"question": "Who?", "context": 5}'], 1, "context must be a string"),
        (['{"question"'], 1, "not valid JSON"),
        (["Who?"], 2, "no context for the question 'Who?'"),
        (["--context-text", "Ada.", "Who?", "--window", "64", "--overlap", "64"], 2, "an overlap of 64 tokens"),
        (["--context-text", "Ada.", "Who?", "--window", "5000"], 2, "this model takes 3 to 512"),
        (["--context-text", "Ada.", "--context", "a.txt", "Who?"], 2, "do not go together"),
        (["--context-text", "Ada.", "Who?", "--null", "perhaps"], 2, "no rule 'perhaps'"),
        (["--context", "nowhere.txt", "Who?"], 3, "no such file"),
    ],
)
def test_what_cannot_be_answered_is_one_sentence(roberta, model, arguments, code, sentence):
    ended = roberta("qa", "-m", model, *arguments)
    assert ended.code == code
    assert sentence in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_bad_record_leaves_the_others_unharmed(roberta, model):
    rows = [{"question": "Who?", "context": CONTEXT}, {"question": "Who?", "context": ""}]
    piped = "\n".join(json.dumps(row) for row in [*rows, rows[0]]).encode()
    ended = roberta("qa", "-m", model, "--on-error", "record", stdin=piped)
    first, bad, last = (json.loads(line) for line in ended.out.splitlines())
    assert ended.code == 1
    assert bad["error"]["code"] == "empty_text"
    assert first["answer"] == last["answer"] != ""


def test_a_model_without_a_span_head_is_refused(roberta, tmp_path):
    tiny_classifier(tmp_path / "classifier", {0: "a", 1: "b"})
    ended = roberta("qa", "-m", "classifier", "--context-text", "Ada.", "Who?")
    assert ended.code == 4
    assert "no question-answering head" in ended.err
    ended = roberta("classify", "-m", "classifier", "Good.", "--output-format", "squad")
    assert ended.code == 2
    assert "answers to questions" in ended.err


def test_a_text_given_as_the_file_of_context_is_sent_to_the_other_flag(roberta, model):
    ended = roberta("qa", "-m", model, "Who?", "--context", "Ada sang.")
    assert ended.code == 3
    assert ended.err == "error: --context takes a file, and --context-text a text; Ada sang.: no such file\n"
