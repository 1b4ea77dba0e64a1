import json

import pytest

import roberta
from roberta.builtin import MINI
from roberta.errors import InputError, UsageError
from roberta.records import Record, plain

TEXTS = ["A <mask>.", "The capital of France is <mask>.", "no mask", "It <mask> to rain."]


def test_the_call_gives_what_the_command_prints(capsysbinary, monkeypatch):
    from roberta_cli import app

    arguments = ["fill-mask", "-m", str(MINI), "--top", "2", "--on-error", "record", "--backend", "torch", *TEXTS]
    assert app.run(arguments) == 1
    printed = [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]
    results = list(roberta.run("fill-mask", TEXTS, model=MINI, top=2, on_error="record", backend="torch"))
    results[2]["error"]["where"] = "argument 3"
    assert [plain(result) for result in results] == printed


def test_records_may_be_texts_dicts_or_records_and_are_read_as_results_are_taken():
    taken = []

    def endless():
        number = 0
        while True:
            taken.append(number)
            yield ("text", {"text": "dict", "id": "d"}, Record(0, "somewhere:1", {"text": "record"}))[number % 3]
            number += 1

    results = roberta.run("tokenize", endless(), model=MINI, show="count")
    assert [next(results)["id"] for _ in range(4)] == [1, "d", 3, 4]
    results.close()
    assert len(taken) < 200_000  # bounded by the look-ahead, not by the input


def test_the_first_failure_is_raised_after_the_results_before_it():
    results = roberta.run("fill-mask", TEXTS, model=MINI)
    assert [next(results)["id"], next(results)["id"]] == [1, 2]
    with pytest.raises(InputError, match="record 3: the text has no <mask>") as error:
        next(results)
    assert error.value.code == "no_mask"


def test_failed_records_are_left_out_or_described():
    assert [result["id"] for result in roberta.run("fill-mask", TEXTS, model=MINI, on_error="skip")] == [1, 2, 4]
    described = list(roberta.run("fill-mask", TEXTS, model=MINI, on_error="record"))
    assert described[2]["error"] == {
        "code": "no_mask",
        "message": "the text has no <mask>; write <mask> where a word is missing",
        "where": "record 3",
    }


def test_fields_ids_and_kept_fields_are_those_of_the_command():
    rows = [{"review": "A <mask>.", "key": "k", "stars": 5}]
    [result] = roberta.run("fill-mask", rows, model=MINI, field="review", id="key", keep=["stars"], top=1)
    assert list(result) == ["stars", "id", "masks", "filled"]
    assert (result["stars"], result["id"]) == (5, "k")


@pytest.mark.parametrize(
    ("task", "options", "message"),
    [
        ("fil-mask", {}, "did you mean fill-mask"),
        ("fill-mask", {"topp": 3}, "did you mean top"),
        ("tokenize", {"on_error": "ignore"}, "fail, skip, record"),
        ("tokenize", {"show": "colours"}, "colours"),
        ("embed", {"pool": "sum"}, "choose from auto"),
        ("embed", {"window": 100_000}, "this model takes 3 to 128"),
        ("embed", {"overlap": 126}, "windows of 128 take"),
        ("embed", {"prompt_name": "query"}, "no prompt 'query'"),
        ("embed", {"long": "cut"}, "window, truncate, error"),
    ],
)
def test_wrong_use_is_one_sentence_that_helps(task, options, message):
    with pytest.raises(UsageError, match=message):
        list(roberta.run(task, ["x"], model=MINI, **options))


@pytest.mark.parametrize("layer", [97, -98, [0, 99]])
def test_a_layer_that_the_model_lacks_is_said_before_anything_is_read(layer):
    layers = roberta.RobertaConfig.from_pretrained(MINI).num_hidden_layers
    with pytest.raises(UsageError, match=rf"no layer (97|-98|99); this model has 0 \(the embeddings\) to {layers}"):
        roberta.run("embed", iter(lambda: pytest.fail("read"), None), layer=layer)
