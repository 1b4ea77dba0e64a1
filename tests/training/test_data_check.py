"""The data check: text in, a sentence with the file and the line out; what is refused, and what is only said."""

import json

import pytest

from roberta.training.data_check import check_data
from roberta.training.open_fine_tuning import Request
from roberta.training.record_check import grams
from roberta_cli import app
from tests.training.conftest import save_thin

GOOD = [{"text": "The cat sat.", "label": "calm"}, {"text": "A rat walked.", "label": "busy"}]
TAGGED = {"tokens": ["Ada", "sat", "in", "Rome"], "tags": ["B-PER", "O", "O", "B-LOC"]}
ASKED = {"question": "Who?", "context": "The cat sat.", "answers": [{"text": "cat", "answer_start": 4}]}
CHOICES = {"question": "Who sat?", "choices": ["a cat", "a rat"], "label": 0}
SCORED = [{"text": "the cat", "text_pair": "the rat", "score": 1}, {"text": "a mat", "text_pair": "a moon", "score": 2}]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(save_thin(tmp_path_factory.mktemp("thin"), layers=1, hidden=8, heads=1, ffn=8, positions=32))


@pytest.fixture
def check(model, tmp_path, monkeypatch):
    """Checks rows of training and development data, which may also be text; gives what was found."""
    monkeypatch.chdir(tmp_path)

    def write(name, rows):
        text = rows if isinstance(rows, str) else "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / name).write_text(text, encoding="utf-8")
        return name

    def call(kind, train, dev=None, *, share=None, options=None, **asked):
        there = share if dev is None else write("dev.jsonl", dev)
        return check_data(kind, Request([write("train.jsonl", train)], there, model, **asked), **options or {})

    return call


def test_good_data_give_counts_and_nothing_else(check):
    found = check("classify", [*GOOD, GOOD[0] | {"text": "A mat."}], [{"text": "Moon.", "label": "calm"}, GOOD[1]])
    assert found.problems == []
    assert found.to_dict() == {
        "train": {
            "records": 3,
            "broken": 0,
            "duplicates": 0,
            "labels": {"calm": 2, "busy": 1},
            "over_length": 0,
        },
        "dev": {"records": 2, "broken": 0, "duplicates": 0, "labels": {"calm": 1, "busy": 1}},
        "overlap": {"same": 1, "5_grams": 1},
        "examples": 3,
        "problems": [],
        "warnings": ["development records that stand in the training data too (1): dev.jsonl:2"],
    }


@pytest.mark.parametrize(
    ("kind", "good", "bad", "fault"),
    [
        ("classify", GOOD, {"text": "A mat."}, 'no field "label" (found: "text")'),
        ("classify", GOOD, {"label": "calm"}, 'no field "text" (found: "label")'),
        ("classify", GOOD, {"text": "A mat.", "label": 7.5}, "label is 7.5; give a name or a whole number"),
        ("classify", GOOD, {"text": "", "label": "calm"}, "the text is empty; take the row out"),
        ("classify", GOOD, {"text": " \n", "label": "calm"}, "the text is empty; take the row out"),
        ("multilabel", GOOD, {"text": "A mat.", "label": ["calm", None]}, "label is None; give a name"),
        ("regress", [{"text": "a", "label": "2.5"}], {"text": "b", "label": "high"}, "the gold value 'high' is not a"),
        ("ner", [TAGGED], {"tokens": ["Ada"]}, 'no field "tags" (found: "tokens")'),
        ("ner", [TAGGED], {"tokens": ["Ada"], "tags": "B-PER"}, "tags must be a list of strings, got a string"),
        (
            "qa",
            [ASKED],
            ASKED | {"context": "A cat sat."},
            "the answer 'cat' is not at 4 of its context; it stands at 2",
        ),
        ("qa", [ASKED], ASKED | {"context": "A rat sat."}, "the answer 'cat' is not at 4 of its context"),
        ("qa", [ASKED], ASKED | {"answers": [{"text": "cat"}]}, "an answer lacks text or answer_start"),
        ("choose", [CHOICES], CHOICES | {"label": 2}, "the gold choice 2 is none of the 2 choices"),
        ("embed", SCORED, SCORED[0] | {"score": "near"}, "the gold value 'near' is not a number"),
    ],
)
def test_a_row_that_cannot_be_used_is_named_with_its_line(check, kind, good, bad, fault):
    found = check(kind, [*good, bad])
    [problem] = found.problems
    assert problem.startswith(f"train: rows that cannot be used (1): train.jsonl:{len(good) + 1}: ")
    assert fault in problem
    assert found.facts["train"]["records"] == len(good)
    assert found.facts["train"]["broken"] == 1
    assert found.facts["examples"] == len(good), "the others are tried all the same"


def test_what_is_no_record_at_all_is_named_with_its_line(check):
    found = check("classify", json.dumps(GOOD[0]) + "\n{\n[1]\n" + json.dumps(GOOD[1]) + "\n")
    [problem] = found.problems
    assert problem.startswith("train: rows that cannot be used (2): train.jsonl:2: not valid JSON")
    assert "train.jsonl:3: " in problem


def test_many_faults_of_one_kind_are_one_sentence(check):
    [problem] = check("classify", [*GOOD, *[{"text": ""}] * 8]).problems
    assert problem.startswith("train: rows that cannot be used (8): train.jsonl:3: ")
    assert problem.count("train.jsonl:") == 5
    assert problem.endswith(" and 3 more")


def test_one_label_teaches_nothing(check):
    [problem] = check("classify", [GOOD[0], GOOD[0] | {"text": "A mat."}]).problems
    assert "(calm); learning needs two" in problem


def test_ner_without_entities_teaches_nothing(check):
    assert check("ner", [TAGGED | {"tags": ["O"] * 4}]).problems == [
        "the training data have no entities; learning needs some"
    ]


def test_a_development_label_that_is_never_learnt_is_refused(check):
    [problem] = check("classify", GOOD, [GOOD[0], {"text": "A mat.", "label": "clam"}]).problems
    assert problem.startswith("dev.jsonl:2: the label 'clam' is not in the training data (busy, calm)")


def test_a_development_tag_that_is_never_learnt_is_refused(check):
    [problem] = check("ner", [TAGGED], [{"tokens": ["Ada"], "tags": ["B-ORG"]}]).problems
    assert problem.startswith(
        "records that cannot be made into examples (1): dev.jsonl:1: the tag 'B-ORG' is not among"
    )


def test_development_data_without_a_usable_row_are_refused(check):
    assert check("classify", GOOD, [{"text": ""}]).problems[1:] == ["no usable development records in dev.jsonl"]
    assert check("classify", GOOD, "").problems == ["no usable development records in dev.jsonl"]


def test_training_data_without_a_usable_row_are_refused(check):
    assert check("classify", "").problems == ["no usable training records"]


def test_a_label_that_the_development_data_lack_is_said(check):
    found = check("classify", [*GOOD, {"text": "A moon.", "label": "far"}], [{"text": "A mat.", "label": "calm"}])
    assert (found.problems, found.warnings) == ([], ["the development data have no example of busy, far"])


def test_a_text_with_two_labels_is_said_and_repeated_rows_are_counted(check):
    again = [{"text": "the  CAT sat.", "label": "busy"}, GOOD[1], GOOD[1]]
    found = check("classify", [*GOOD, *again])
    assert found.facts["train"]["duplicates"] == 3
    assert found.problems == []
    assert found.warnings == ["train: the same text with different labels (1): train.jsonl:1 and train.jsonl:3"]


def test_a_pair_is_the_same_only_as_a_pair(check):
    pairs = [GOOD[0] | {"text_pair": "A mat."}, GOOD[0] | {"text_pair": "A moon.", "label": "busy"}]
    found = check("classify", pairs)
    assert (found.facts["train"]["duplicates"], found.warnings) == (0, [])


def test_development_texts_that_were_learnt_are_said(check):
    train = [{"text": "the cat sat on a mat in the morning", "label": "calm"}, GOOD[1]]
    texts = [
        "The cat sat on a mat  in the morning",  # the same
        "the cat sat on a mat in the harbour",  # 4 of its 5 runs of five words
        "the cat sat on a rat in the harbour",  # 1 of 5
        "the cat sat",  # no run at all
    ]
    found = check("classify", train, [{"text": text, "label": "calm"} for text in texts])
    assert found.facts["overlap"] == {"same": 1, "5_grams": 2}
    assert found.problems == []
    assert found.warnings[1:] == [
        "development records that stand in the training data too (1): dev.jsonl:1",
        "development records that share most runs of 5 words with the training data (1): dev.jsonl:2",
    ]


def test_grams_are_the_runs_of_words():
    assert list(grams("a b c d", 3)) == [("a", "b", "c"), ("b", "c", "d")]
    assert list(grams("a b", 3)) == []


def test_a_share_for_development_is_looked_at_as_it_will_be_drawn(check):
    found = check("classify", GOOD * 5, share="30%")
    assert (found.facts["train"]["records"], found.facts["dev"]["records"]) == (7, 3)
    assert found.facts["overlap"]["same"] == 3
    [problem] = check("classify", GOOD, share="10%").problems
    assert problem == "--dev 10% of 2 records leaves nothing on one side; give another share"


@pytest.mark.parametrize(
    ("kind", "short", "long", "over", "cut"),
    [
        ("classify", GOOD, {"text": "cat " * 40, "label": "calm"}, 1, True),
        ("regress", [{"text": "a", "label": 1}], {"text": "cat " * 40, "label": 1}, 1, True),
        ("choose", [CHOICES], CHOICES | {"question": "cat " * 40}, 1, True),
        ("embed", SCORED, {"text": "a mat", "text_pair": "cat " * 40, "score": 1}, 1, True),
        ("embed", [{"text": "a mat"}], {"text": "cat " * 40}, 1, True),
        ("ner", [TAGGED], {"tokens": ["cat"] * 60, "tags": ["O"] * 60}, 1, False),
        ("qa", [ASKED], ASKED | {"context": "The cat sat. " * 20}, 1, False),
        ("embed", SCORED, SCORED[0], 0, False),
        ("choose", [CHOICES], CHOICES, 0, False),
    ],
)
def test_texts_longer_than_a_window_are_counted_and_cut_ones_are_said(check, kind, short, long, over, cut):
    found = check(kind, [*short, long])
    assert (found.problems, found.facts["train"]["over_length"]) == ([], over)
    said = [warning for warning in found.warnings if "are cut" in warning]
    share = 1 / (len(short) + 1)
    assert said == ([f"{share:.0%} of the training records are cut; raise --window if you can"] if cut else [])


def test_a_few_cut_texts_are_only_counted(check):
    rows = [{"text": f"cat {number}", "label": ("calm", "busy")[number % 2]} for number in range(40)]
    found = check("classify", [*rows, {"text": "cat " * 40, "label": "calm"}])
    assert (found.facts["train"]["over_length"], found.warnings) == (1, [])


@pytest.mark.parametrize(
    ("tags", "place"),
    [
        (["O", "I-PER", "O", "B-LOC"], "word 2: I-PER"),
        (["B-PER", "I-LOC", "O", "O"], "word 2: I-LOC"),
        (["B-PER", "O", "I-PER", "O"], "word 3: I-PER"),
        (["I-LOC", "I-LOC", "O", "B-LOC"], "word 1: I-LOC"),
    ],
)
def test_a_tag_that_goes_on_with_what_did_not_begin_is_said(check, tags, place):
    found = check("ner", [TAGGED, TAGGED | {"tags": ["B-PER", "I-PER", "I-PER", "B-LOC"]}, TAGGED | {"tags": tags}])
    assert found.problems == []
    assert found.warnings == [f"train: tags that go on with what did not begin (1): train.jsonl:3, {place}"]


def test_where_no_tag_begins_anything_going_on_is_the_way_to_begin(check):
    assert check("ner", [TAGGED | {"tags": ["I-PER", "O", "O", "I-LOC"]}]).warnings == []


def test_a_batch_is_tried_and_a_loss_that_is_none_is_refused(check, model, tmp_path, monkeypatch):
    from roberta.training.classify import Classification

    loss = Classification.loss
    monkeypatch.setattr(Classification, "loss", lambda objective, batch: loss(objective, batch) * float("nan"))
    assert check("classify", GOOD).problems == ["the loss of the first examples is nan"]


def test_options_that_do_not_go_together_are_found_too(check):
    assert check("classify", GOOD, window=99).problems == ["--window 99; this model takes 8 to 32 tokens"]
    assert check("embed", GOOD, options={"loss": "other"}).problems[0].startswith("no loss 'other' for vectors")


@pytest.fixture
def files(tmp_path, monkeypatch):
    """good.jsonl, odd.jsonl with something to look at, and bad.jsonl that cannot be learnt from."""
    monkeypatch.chdir(tmp_path)
    torn = {"text": "A rat walked.", "label": "calm"}
    for name, rows in (("good", GOOD), ("odd", [*GOOD, torn]), ("bad", [*GOOD, {"text": ""}])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return sorted(path.name for path in tmp_path.iterdir())


@pytest.mark.parametrize(("name", "code"), [("good", 0), ("odd", 0), ("bad", 1)])
def test_check_says_what_it_found_and_writes_nothing(model, files, tmp_path, capfd, name, code):
    command = ["train", "classify", f"{name}.jsonl", "-m", model, "-o", "new", "--check"]
    assert app.run(command) == code
    printed = capfd.readouterr()
    assert printed.err == ""
    line = json.loads(printed.out)
    assert (line["task"], bool(line["problems"]), bool(line["warnings"])) == ("classify", name == "bad", name == "odd")
    assert sorted(path.name for path in tmp_path.iterdir()) == files


def test_what_should_be_looked_at_is_said_before_the_first_step(model, files, capfd):
    command = ["train", "classify", "odd.jsonl", "-m", model, "--steps", "1", "--threads", "1"]
    assert app.run([*command, "-o", "new"]) == 0
    note = "note: train: the same text with different labels (1): odd.jsonl:2 and odd.jsonl:3\n"
    assert capfd.readouterr().err == note
    assert app.run([*command, "-o", "quiet", "-q"]) == 0
    assert capfd.readouterr().err == ""


def test_what_cannot_be_learnt_from_is_refused_before_the_first_step(model, files, tmp_path, capfd):
    assert app.run(["train", "classify", "bad.jsonl", "-m", model, "-o", "new"]) == 1
    assert capfd.readouterr().err.startswith("error: bad.jsonl:3: ")
    assert not (tmp_path / "new").exists()
