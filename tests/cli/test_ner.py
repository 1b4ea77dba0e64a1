"""roberta ner, on a small random tagger."""

import json
import shutil

import pytest

from tests.tasks.tiny_classifier import tiny_classifier
from tests.tasks.tiny_tagger import tiny_tagger

COLUMNS = """-DOCSTART- -X- O

EU NNP B-ORG
rejects VBZ O


Peter NNP B-PER
Blackburn NNP I-PER
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(tiny_tagger(tmp_path_factory.mktemp("ner")))


def results(out):
    return [json.loads(line) for line in out.splitlines()]


def test_texts_and_words_give_entities(roberta, model, tmp_path):
    rows = [{"text": "Zoë flew from London to New York."}, {"tokens": ["London", "sings", "😀"]}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    ended = roberta("ner", "-m", model, "-i", "a.jsonl", "--aggregate", "simple")
    assert ended.code == 0
    text, words = results(ended.out)
    assert text["entities"] and words["entities"]
    for row, entity in [(rows[0]["text"], text["entities"][0]), ("London sings 😀", words["entities"][0])]:
        assert row[entity["start"] : entity["end"]] == entity["text"]
    assert "first" in words["entities"][0] and "first" not in text["entities"][0]


def test_conll_comes_back_with_one_column_more(roberta, model, tmp_path):
    (tmp_path / "a.conll").write_text(COLUMNS, encoding="utf-8")
    ended = roberta("ner", "-m", model, "-i", "a.conll", "-o", "b.conll", "--gold", "tags")
    assert ended.code == 0
    before, after = COLUMNS.splitlines(), (tmp_path / "b.conll").read_text(encoding="utf-8").splitlines()
    assert len(before) == len(after)
    for one, other in zip(before, after):
        is_word = one and not one.startswith("-DOCSTART-")
        assert (other.rsplit(" ", 1)[0] if is_word else other) == one
    gold = json.loads(ended.err.splitlines()[-1])["gold"]
    assert (gold["records"], [row["label"] for row in gold["per_label"] if row["support"]]) == (2, ["ORG", "PER"])


def test_words_and_decoding_are_those_of_the_training_unless_flags_say_else(roberta, model, tmp_path):
    trained = tmp_path / "trained"
    shutil.copytree(model, trained)
    config = json.loads((trained / "config.json").read_text(encoding="utf-8"))
    (trained / "config.json").write_text(json.dumps(config | {"ner_words": "blank", "ner_decode": "legal"}))
    asked = "Zoë O'Neil, of the Royal Society, flew from Cork to New York on Monday; Jan didn't."
    as_trained, other = ["--words", "blank", "--decode", "legal"], ["--words", "unit", "--decode", "argmax"]
    found = {
        (folder, *flags): roberta("ner", "-m", str(folder), asked, *flags).out
        for folder in (model, trained)
        for flags in ([], as_trained, other)
    }
    assert found[(trained,)] == found[(trained, *as_trained)] == found[(model, *as_trained)]
    assert found[(model,)] == found[(model, *other)] == found[(trained, *other)]
    assert found[(trained,)] != found[(model,)]


def test_the_table_has_a_line_for_each_entity(roberta, model):
    ended = roberta("ner", "-m", model, "--aggregate", "simple", "--output-format", "table", "Zoë flew from London.")
    score, label, _ = ended.out.splitlines()[0].split(maxsplit=2)
    assert 0 < float(score) <= 1 and label in ("PER", "LOC")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('{"text": "New York", "tokens": ["New", "Jersey"]}', "text and tokens disagree"),
        ('{"tokens": ["New", 7]}', "tokens[1] must be a string"),
        ('{"tokens": []}', "tokens is empty"),
    ],
)
def test_a_bad_record_is_one_sentence_and_spares_the_others(roberta, model, tmp_path, lines, message):
    good = '{"text": "London"}'
    (tmp_path / "a.jsonl").write_text(f"{good}\n{lines}\n{good}\n", encoding="utf-8")
    ended = roberta("ner", "-m", model, "-i", "a.jsonl", "--on-error", "record")
    first, bad, last = results(ended.out)
    assert ended.code == 1
    assert message in bad["error"]["message"] and bad["error"]["where"] == "a.jsonl:2"
    assert first["entities"] == last["entities"]


def test_ragged_columns_spare_the_other_sentences(roberta, model, tmp_path):
    (tmp_path / "a.conll").write_text("a O\n\nb O\nc\n\nd O\n", encoding="utf-8")
    ended = roberta("ner", "-m", model, "-i", "a.conll", "--on-error", "record", "--output-format", "conll")
    assert ended.code == 1
    assert ended.out.splitlines()[2].startswith("# error: a.conll:3: line 4 has 1 column")
    assert ended.out.splitlines()[4].startswith("d O ")
    ended = roberta("ner", "-m", model, "-i", "a.conll")
    assert ended.code == 1
    assert ended.err.startswith("error: a.conll:3: line 4 has 1 column") and ended.err.count("\n") == 1


def test_a_classifier_is_told_from_a_tagger(roberta, tmp_path):
    folder = tmp_path / "classifier"
    folder.mkdir()
    tiny_classifier(folder, {0: "POSITIVE", 1: "NEGATIVE"})
    ended = roberta("ner", "-m", "classifier", "London")
    assert ended.code == 4
    assert ended.err.startswith(
        "error: labels of this model have no B-/I- scheme (found: POSITIVE, NEGATIVE);"
        " it is a classifier: use roberta classify"
    )


@pytest.mark.parametrize(
    "flags", [["--aggregate", "last"], ["--words", "x"], ["--decode", "x"], ["--types", "MONEY"], ["--overlap", "99"]]
)
def test_wrong_values_are_wrong_use(roberta, model, flags):
    ended = roberta("ner", "-m", model, "London", *flags)
    assert (ended.code, ended.err.count("\n")) == (2, 1)


def test_no_other_command_writes_conll(roberta):
    ended = roberta("tokenize", "-q", "London", "--output-format", "conll")
    assert (ended.code, "only ner gives tags" in ended.err) == (2, True)
