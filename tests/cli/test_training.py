import json

import pytest

from tests.training.conftest import SMALL


@pytest.mark.usefixtures("surroundings")
@pytest.mark.parametrize(
    ("given", "noted"), [((), True), (("--epochs", "60"), False), (("--steps", "2"), False), (("--quiet",), False)]
)
def test_who_did_not_ask_for_few_steps_is_told_that_there_were_few(roberta, given, noted):
    ended = roberta("train", "classify", "train.jsonl", "-m", "my-sentiment-model", "-o", "new", *given)
    assert ended.code == 0
    assert ("steps only; for more steps on the same data lower --batch-tokens" in ended.err) is noted


GOOD = {"text": "A cat.", "label": "calm"}, {"text": "A rat.", "label": "busy"}
ASKED = {"question": "Who?", "context": "The cat sat.", "answers": [{"text": "cat", "answer_start": 4}]}
QUIZ = {"question": "Who?", "choices": ["a cat", "a rat"], "label": 1}
FILES = {
    "good.jsonl": GOOD,
    "empty.jsonl": (),
    "same.jsonl": (GOOD[0], GOOD[0]),
    "dev.jsonl": (GOOD[0], {"text": "A mat.", "label": "clam"}),
    "unlabelled.jsonl": (GOOD[0], {"text": "A mat.", "lable": "calm"}),
    "textless.jsonl": (GOOD[0], {"text": "", "label": "busy"}),
    "rated.jsonl": ({"text": "a", "label": 1}, {"text": "b", "label": "high"}),
    "asked.jsonl": (ASKED, ASKED | {"context": "A cat sat."}),
    "quiz.jsonl": (QUIZ, QUIZ | {"label": 2}),
    "scored.jsonl": ({"text": "a", "text_pair": "b", "score": 1}, {"text": "a", "text_pair": "b"}),
}
TEXTS = {
    "broken.jsonl": json.dumps(GOOD[0]) + '\n{"text":\n',
    "none.conll": "Ada O\nsat O\n",
    "blank.txt": "\n\n",
    "corpus.txt": "The cat sat. A rat walked.\n",
}
NEW = ["--tokenizer", "my-words", *SMALL]
NOTHING = "nowhere.jsonl: no such file"
HELD = "my-sentiment-model: holds config.json already; replace it with --force, or name another folder"


@pytest.fixture
def folder(roberta, surroundings, tmp_path):
    for name, rows in FILES.items():
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    for name, text in TEXTS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "latin.txt").write_bytes("The cat.\nZoë sat.\n".encode("latin-1"))
    return tmp_path


def files_in(folder):
    return sorted(str(path) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["classify"], 2, "TRAIN is missing; see roberta train classify --help"),
        (["classify", "nowhere.jsonl"], 3, NOTHING),
        (["classify", "good.jsonl", "--dev", "nowhere.jsonl"], 3, NOTHING),
        (["classify", "empty.jsonl"], 1, "no records in empty.jsonl; give files with labelled records"),
        (["classify", "good.jsonl", "--dev", "empty.jsonl"], 1, "no records in empty.jsonl; give --dev a file with"),
        (["classify", "good.jsonl", "--dev", "10%"], 2, "--dev 10% of 2 records leaves nothing on one side"),
        (["classify", "good.jsonl", "--dev", "0%"], 2, "--dev 0% is no share; give one such as 10%, or a file"),
        (["classify", "broken.jsonl"], 1, "broken.jsonl:2: not valid JSON"),
        (["classify", "same.jsonl"], 2, "learning needs two"),
        (["classify", "unlabelled.jsonl"], 1, 'unlabelled.jsonl:2: no field "label" (found: "text", "lable"); try --'),
        (["classify", "good.jsonl", "--field", "label=gold"], 1, 'good.jsonl:1: no field "gold"'),
        (["classify", "textless.jsonl"], 1, "textless.jsonl:2: text is empty"),
        (
            ["classify", "good.jsonl", "--dev", "dev.jsonl"],
            2,
            "dev.jsonl:2: the label 'clam' is not in the training data",
        ),
        (["classify", "good.jsonl", "--label-names", "calm"], 1, "good.jsonl:2: the label 'busy' is none of calm"),
        (["classify", "good.jsonl", "-m", "./nowhere"], 4, "./nowhere: no such folder"),
        (["classify", "good.jsonl", "--steps", "0"], 2, "--steps: 0 is below 1, the least there is; see roberta train"),
        (["classify", "good.jsonl", "--epochs", "0"], 2, "epochs is 0.0; give a number that is above 0"),
        (["classify", "good.jsonl", "--lr", "nan"], 2, "lr is nan; give a number that is above 0"),
        (
            ["classify", "good.jsonl", "--schedule", "square"],
            2,
            "no schedule 'square' for training; choose from linear",
        ),
        (
            ["classify", "good.jsonl", "--dtype", "fp16"],
            2,
            "no dtype 'fp16' for training; choose from auto, fp32, bf16",
        ),
        (["classify", "good.jsonl", "--window", "999"], 2, "--window 999; this model takes 8 to 64 tokens"),
        (["classify", "good.jsonl", "--freeze", "9"], 2, "--freeze 9; this model has 2 layers"),
        (["classify", "good.jsonl", "--class-weights", "odd"], 2, "no class weights 'odd'; there is balanced"),
        (["classify", "good.jsonl", "--patience", "2"], 2, "without development data there are no scores"),
        (["classify", "good.jsonl", "--require", "accuracy=1"], 2, "no scores to require; give --dev"),
        (["classify", "good.jsonl", "--require", "accuracy"], 2, "--require 'accuracy'; write a metric and the least"),
        (
            ["classify", "good.jsonl", "--dev", "good.jsonl", "-q", "--metric", "joy"],
            2,
            "no metric 'joy' here; choose from",
        ),
        (
            ["classify", "good.jsonl", "--resume", "--force"],
            2,
            "--resume goes on with a run and --force begins it again",
        ),
        (["classify", "good.jsonl", "-o", "my-sentiment-model"], 2, HELD),
        (["classify", "good.jsonl", "-o", "my-sentiment-model", "--resume"], 2, HELD),
        (["classify", "good.jsonl", "-o", "good.jsonl"], 2, "good.jsonl: is a file; name a folder for the model"),
        (["classify", "good.jsonl", "--data-note", "@nowhere.txt"], 3, "nowhere.txt: cannot be read"),
        (["regress", "rated.jsonl"], 1, "rated.jsonl:2: the gold value 'high' is not a number"),
        (["ner", "none.conll"], 2, "the training data have no entities; learning needs some"),
        (["ner", "good.jsonl"], 1, 'good.jsonl:1: no field "tags"'),
        (["ner", "train.conll", "--words", "odd"], 2, "no kind of words 'odd'; choose from unit, blank"),
        (["qa", "asked.jsonl"], 1, "asked.jsonl:2: the answer 'cat' is not at 4 of its context; it stands at 2"),
        (["choose", "quiz.jsonl"], 1, "quiz.jsonl:2: the gold choice 2 is none of the 2 choices"),
        (["embed", "scored.jsonl", "--loss", "cosine"], 1, 'scored.jsonl:2: no field "score"'),
        (["embed", "scored.jsonl", "--loss", "odd"], 2, "no loss 'odd' for vectors; choose from simcse, cosine"),
        (["embed", "scored.jsonl", "--pool", "max"], 2, "no pooling 'max' to train with; choose from mean, cls"),
        (["embed", "scored.jsonl", "--temperature", "0"], 2, "--temperature 0.0; give a number above 0"),
        (["embed", "scored.jsonl", "--scale", "0"], 2, "--scale 0.0; give a number above 0"),
        (["mlm", "corpus.txt"], 2, "a new model needs a vocabulary: --tokenizer DIR, from roberta train tokenizer"),
        (["mlm", "nowhere.txt", *NEW], 3, "nowhere.txt: no such file"),
        (["mlm", "latin.txt", *NEW], 1, "latin.txt:2: not UTF-8 at byte 2 of the line (0xeb); name the encoding"),
        (["mlm", "good.jsonl", *NEW, "--field", "body"], 1, 'good.jsonl:1: no field "body"'),
        (
            ["mlm", "corpus.txt", *NEW, "--hidden", "15"],
            2,
            "--hidden 15 cannot be shared out among 2 heads; give --heads",
        ),
        (["mlm", "corpus.txt", *NEW, "--length", "64"], 2, "--length 64; this model takes 8 to 32 tokens"),
        (
            ["mlm", "corpus.txt", *NEW, "--mask-prob", "2"],
            2,
            "a mask probability of 2.0; give a number between 0 and 1",
        ),
        (["mlm", "corpus.txt", *NEW, "--init", "zero"], 2, "no way 'zero' to start; choose from random, svd"),
        (["causal", "nowhere.txt", *NEW], 3, "nowhere.txt: no such file"),
        (["tokenizer", "nowhere.txt"], 3, "nowhere.txt: no such file"),
        (["tokenizer", "blank.txt"], 1, "blank.txt: no two letters stand together 2 times; give more text"),
        (["tokenizer", "corpus.txt", "--size", "9"], 2, "--size: 9 is below 261, the least there is"),
        (["tokenizer", "corpus.txt", "-o", "my-sentiment-model"], 2, HELD),
    ],
)
def test_each_way_to_fail_is_one_sentence_and_leaves_nothing(roberta, folder, arguments, code, message):
    before = files_in(folder)
    fine_tunes = arguments[0] not in ("mlm", "causal", "tokenizer")
    ended = roberta("train", *arguments[:1], *(["-m", "my-model"] if fine_tunes else []), "-o", "new", *arguments[1:])
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.startswith("error: ") and ended.err.count("\n") == 1, ended.err
    assert message in ended.err
    assert files_in(folder) == before


@pytest.mark.parametrize("name", ["blank.txt", "empty.txt"])
def test_a_language_model_of_no_text_is_refused(roberta, folder, name):
    (folder / "empty.txt").touch()
    ended = roberta("train", "mlm", name, *NEW, "-o", "new")
    assert (ended.code, ended.err) == (1, f"error: no text in {name}; give files with text\n")
    ended = roberta("train", "mlm", "corpus.txt", *NEW, "-o", "new", "--dev", name)
    assert ended.code == 1
    assert ended.err == f"error: no text in {name}; give --dev a file with text, or a share such as 1%\n"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            ["--lr", "1e-3"],
            "new: was started with lr 2e-05, now it is 0.001; resume with the same, or train into another",
        ),
        (["--field", "text=label"], "new: was started with no field, now "),
        (["dev.jsonl"], "new: was started with training-data "),
    ],
)
def test_the_run_of_another_command_is_not_gone_on_with(roberta, folder, changed, message):
    command = ["train", "classify", "-m", "my-model", "-o", "new", "--steps", "2", "--threads", "1", "good.jsonl"]
    assert roberta(*command).code == 0
    again = roberta(*command)
    assert (again.code, again.err.count("\n")) == (2, 1)
    assert "already; go on with --resume, replace it with --force, or name another folder" in again.err
    ended = roberta(*command, "--resume", *changed)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert message in ended.err
