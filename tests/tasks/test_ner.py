"""ner on logits that a test writes: every strategy, given words, windows, filters; spans that are always slices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roberta.builtin import MINI
from roberta.errors import InputError, UsageError
from roberta.records import Record
from roberta.tasks.long_text import LongText
from roberta.tasks.ner import AGGREGATES, Ner
from roberta.tokenizer import AutoTokenizer

LABELS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
TOKENIZER = AutoTokenizer.from_pretrained(MINI)


def ner(labels=LABELS, room=512, overlap=0, long="window", **options):
    return Ner(TOKENIZER, dict(enumerate(labels)), LongText(room, long, overlap), **options)


def answer(task, probabilities, **fields):
    """The result where each token of the text has a row of `probabilities`, which may also be a function of ids."""
    record = Record(0, "argument 1", fields)
    windows = task.prepare(record)
    outputs, done = [], 0
    for window in windows:
        if callable(probabilities):
            rows = probabilities([window.input_ids[row] for row in window.rows])
        else:
            rows = probabilities[done : done + len(window.rows)]
        done += len(window.rows)
        with np.errstate(divide="ignore"):
            outputs.append(task.condense(record, window, np.log(np.array(rows, np.float32)).reshape(-1, 5)))
    return task.decode(record, windows, outputs)


def sure(*labels, of=LABELS, score=0.92):
    """One row for each label, the rest of the probability spread over the others."""
    rest = (1 - score) / (len(of) - 1)
    return [[score if name == label else rest for name in of] for label in labels]


def texts(result):
    return [(row["label"], row["text"]) for row in result["entities"]]


NAME = "Zoë O'Neil."


def test_the_documented_shape():
    pieces = TOKENIZER.pieces(NAME)
    rows = sure(*["B-PER" if place == 0 else "I-PER" for place in range(len(pieces.ids) - 1)], "O")
    result = answer(ner(), rows, text=NAME)
    [entity] = result["entities"]
    assert list(result) == ["entities"]
    assert list(entity) == ["label", "text", "start", "end", "score"]
    assert entity | {"score": 0} == {"label": "PER", "text": "Zoë O'Neil", "start": 0, "end": 10, "score": 0}
    assert entity["score"] == pytest.approx(0.92, abs=1e-6)
    assert type(entity["score"]) is float


def test_each_strategy_gives_a_word_the_label_it_says():
    text = "unbelievableness London"
    spans = TOKENIZER.pieces(text).offsets
    pieces = sum(end <= len("unbelievableness") for _, end in spans)
    assert (pieces >= 3, len(spans) - pieces) == (True, 1)
    first = [0.5, 0.0, 0.1, 0.0, 0.4]  # O
    middle = [0.0, 0.05, 0.05, 0.3, 0.6]  # I-LOC, and the mean's too
    last = [0.0, 0.1, 0.9, 0.0, 0.0]  # I-PER, the surest
    rows = [first, *[middle] * (pieces - 2), last, *sure("B-LOC")]
    found = {name: texts(answer(ner(aggregate=name), rows, text=text)) for name in AGGREGATES}
    assert found["first"] == [("LOC", "London")]
    assert found["average"] == [("LOC", "unbelievableness"), ("LOC", "London")]
    assert found["max"] == [("PER", "unbelievableness"), ("LOC", "London")]
    assert [label for label, _ in found["none"]] == ["I-LOC"] * (pieces - 2) + ["I-PER", "B-LOC"]
    assert [label for label, _ in found["simple"]] == ["LOC", "PER", "LOC"]


def test_the_full_stop_belongs_to_the_name_between_blanks_only():
    def rule(ids):
        return sure(*["I-PER" if place == 0 else "O" for place in range(len(ids))])

    assert texts(answer(ner(), rule, text="London.")) == [("PER", "London")]
    assert texts(answer(ner(words="blank"), rule, text="London.")) == [("PER", "London.")]


def test_legal_paths_repair_what_argmax_breaks():
    rows = [[0.4, 0.35, 0.0, 0.25, 0.0], [0.1, 0.0, 0.9, 0.0, 0.0]]
    assert texts(answer(ner(), rows, text="New York")) == [("PER", "York")]
    assert texts(answer(ner(path="legal"), rows, text="New York")) == [("PER", "New York")]


def test_given_words_count_words_too_and_get_one_label_each():
    rows = lambda ids: sure("B-LOC", *["I-LOC"] * (len(ids) - 1))  # noqa: E731
    result = answer(ner(tags=True), rows, tokens=["New", "York", "", "unbelievableness"])
    [entity] = result["entities"]
    assert list(entity) == ["label", "text", "start", "end", "first", "last", "score"]
    assert (entity["first"], entity["last"]) == (0, 3)
    assert entity["text"] == "New York  unbelievableness" == " ".join(["New", "York", "", "unbelievableness"])
    assert result["tags"] == ["B-LOC", "I-LOC", "O", "I-LOC"]


def test_given_words_beside_a_text_lie_in_it():
    rows = lambda ids: sure(*["O"] * (len(ids) - 1), "B-PER")  # noqa: E731
    [entity] = answer(ner(), rows, text="by\n John", tokens=["by", "John"])["entities"]
    assert (entity["text"], entity["start"], entity["first"]) == ("John", 4, 1)
    with pytest.raises(InputError, match="text and tokens disagree"):
        ner().prepare(Record(0, "a", {"text": "by John", "tokens": ["by", "Bob"]}))


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"tokens": "by John"}, "wrong_type"),
        ({"tokens": ["by", 7]}, "wrong_type"),
        ({"tokens": []}, "empty_text"),
        ({"text": ""}, "empty_text"),
        ({}, "no_field"),
    ],
)
def test_records_that_cannot_be_read_say_why(fields, code):
    with pytest.raises(InputError) as refusal:
        ner().prepare(Record(0, "a", fields))
    assert refusal.value.code == code


def test_nothing_has_no_entities():
    assert answer(ner(allow_empty=True), [], text="") == {"entities": []}
    assert answer(ner(allow_empty=True, tags=True), [], tokens=[]) == {"entities": [], "tags": []}


def test_filters():
    rows = [*sure("B-PER", score=0.6), *sure("B-LOC"), *sure("B-LOC")]
    text = "John London Paris"
    assert len(TOKENIZER.encode_ids(text)) == 3
    assert texts(answer(ner(), rows, text=text)) == [("PER", "John"), ("LOC", "London"), ("LOC", "Paris")]
    assert texts(answer(ner(types=["PER"]), rows, text=text)) == [("PER", "John")]
    assert texts(answer(ner(ignore=["O", "PER"]), rows, text=text)) == [("LOC", "London"), ("LOC", "Paris")]
    assert texts(answer(ner(min_score=0.7), rows, text=text)) == [("LOC", "London"), ("LOC", "Paris")]
    joined = answer(ner(join_space=True, tags=True), rows, text=text)
    assert texts(joined) == [("PER", "John"), ("LOC", "London Paris")]
    assert joined["tags"] == ["B-PER", "B-LOC", "I-LOC"]
    assert answer(ner(min_score=0.7, tags=True), rows, text=text)["tags"] == ["O", "B-LOC", "B-LOC"]
    assert texts(answer(ner(ignore=[]), sure("O", "B-LOC", "O"), text=text)) == [
        ("O", "John"), ("LOC", "London"), ("O", "Paris"),
    ]  # fmt: skip


@pytest.mark.parametrize(("unit", "ends"), [("chars", (2, 8)), ("bytes", (5, 11)), ("utf16", (3, 9))])
def test_offsets_count_in_the_unit_asked_for(unit, ends):
    rows = lambda ids: sure(*["O"] * (len(ids) - 1), "B-LOC")  # noqa: E731
    [entity] = answer(ner(offsets=unit), rows, text="😀 London")["entities"]
    assert ((entity["start"], entity["end"]), entity["text"]) == (ends, "London")


@pytest.mark.parametrize(
    "options",
    [
        {"aggregate": "last"},
        {"words": "line"},
        {"path": "beam"},
        {"types": ["ORG"]},
        {"offsets": "lines"},
        {"aggregate": "none", "join_space": True},
        {"aggregate": "simple", "tags": True},
        {"aggregate": "none", "conll": True},
    ],
)
def test_options_that_cannot_be_are_wrong_use(options):
    with pytest.raises(UsageError):
        ner(**options)


def test_conll_lines_are_kept_or_made():
    rows = sure("B-LOC", "O")
    given = {"tokens": ["London", "sings"], "lines": ["-DOCSTART- O", "", "London NNP", "sings VB", ""]}
    assert answer(ner(conll=True), rows, **given)["lines"] == [
        "-DOCSTART- O", "", "London NNP B-LOC", "sings VB O", "",
    ]  # fmt: skip
    assert answer(ner(conll=True), rows, text="London sings")["lines"] == ["London\tB-LOC", "sings\tO", ""]


def test_every_token_of_20000_words_is_decided_once_where_it_has_most_context():
    dice = np.random.default_rng(0)
    text = " ".join(dice.choice(["John", "sings", "unbelievably", "Zoë", "😀", "2,000"], 20_000))
    ids = TOKENIZER.encode_ids(text)
    task = ner(room=128, overlap=40)
    windows = task.prepare(Record(0, "a", {"text": text}))
    assert [window.input_ids[row] for window in windows for row in window.rows] == ids
    assert all(len(window.input_ids) <= 128 for window in windows)
    edges = [min(row, 127 - row) for window in windows[1:-1] for row in window.rows]
    assert min(edges) >= 20  # half of the overlap on the poorer side
    result = answer(task, lambda ids: sure(*["B-PER" if id == id_of_john else "O" for id in ids]), text=text)
    assert result["windows"] == len(windows)
    assert [row["start"] for row in result["entities"]] == [
        start for start in range(len(text)) if text.startswith(" John", start - 1)
    ]


[id_of_john] = TOKENIZER.encode_ids(" John")


def test_an_entity_may_cross_windows():
    text = " ".join(["word"] * 30)
    result = answer(ner(room=12, overlap=4), lambda ids: sure(*["I-LOC"] * len(ids)), text=text)
    assert texts(result) == [("LOC", text)]


def test_what_was_cut_has_no_entities_and_is_counted():
    result = answer(
        ner(room=12, long="truncate", tags=True), lambda ids: sure(*["B-LOC"] * len(ids)), text=" word" * 30
    )
    assert (len(result["entities"]), len(result["tags"])) == (10, 30)
    assert result["truncated"] == 20


@settings(max_examples=150)
@given(
    text=st.text(st.sampled_from("aZ.'( \n\u00a0éß日😀👩\u200d\u0301_1"), min_size=1, max_size=25),
    seed=st.integers(0, 1000),
    aggregate=st.sampled_from(AGGREGATES),
    words=st.sampled_from(["unit", "blank"]),
    path=st.sampled_from(["argmax", "legal"]),
    splits=st.booleans(),
    join=st.booleans(),
)
def test_text_is_always_the_slice_and_entities_of_words_never_overlap(text, seed, aggregate, words, path, splits, join):
    dice = np.random.default_rng(seed)
    task = ner(aggregate=aggregate, words=words, path=path, room=9, overlap=3, join_space=join and aggregate != "none")
    fields = {"tokens": text.split(" ")} if splits else {"text": text}
    result = answer(task, lambda ids: dice.dirichlet(np.full(5, 0.3), len(ids)), **fields)
    before = 0
    for row in result["entities"]:
        assert row["text"] == text[row["start"] : row["end"]] != ""
        assert row["text"] == row["text"].strip()
        assert 0 < row["score"] <= 1
        if aggregate not in ("none", "simple"):  # pieces of one character may differ there, as in the pipeline
            assert row["start"] >= before
        before = row["end"]
        if splits:
            assert row["text"] in " ".join(fields["tokens"][row["first"] : row["last"] + 1])
