"""zero-shot on numbers written by hand: which pairs are asked, which scores come of them."""

import pickle

import numpy as np
import pytest

from roberta.errors import CheckpointError, InputError, UsageError
from roberta.records import Record
from roberta.tasks.long_text import LongText
from roberta.tasks.zero_shot import KNOWN_LABELS, ZeroShot
from tests.tasks.letter_tokenizer import LetterTokenizer, letters

NLI = {0: "CONTRADICTION", 1: "neutral", 2: "Entailment"}


def zero_shot(labels=("x", "yy"), *, id2label=NLI, room=512, long="window", overlap=0, **options):
    options = {"template": "{}!", "best": None, **options}
    return ZeroShot(LetterTokenizer(), id2label, LongText(room, long, overlap), labels, **options)


def record(text="ab", **fields):
    return Record(0, "argument 1", {"text": text, **fields})


def answer(task, asked, logits):
    """logits: (pieces of the text, labels, classes)."""
    windows = task.prepare(asked)
    outputs = np.array(logits, np.float32).reshape(len(windows), -1)
    return task.decode(asked, windows, [task.condense(asked, *pair) for pair in zip(windows, outputs, strict=True)])


def scores(result):
    return {row["label"]: pytest.approx(row["score"], rel=1e-6) for row in result["labels"]}


def test_each_label_becomes_a_sentence_beside_the_text():
    assert [letters(window) for window in zero_shot().prepare(record())] == ["ab||x!|", "ab||yy!|"]


def test_the_usual_template_is_a_sentence_about_an_example():
    task = ZeroShot(LetterTokenizer(), NLI, LongText(512), ("sport",))
    assert letters(task.prepare(record())[0]) == "ab||This example is sport.|"


def test_labels_share_one_softmax_of_entailment():
    result = answer(zero_shot(), record(), [[[9, 9, 0], [-9, -9, np.log(3)]]])
    assert list(result) == ["label", "score", "labels"]
    assert [row["label"] for row in result["labels"]] == ["yy", "x"]
    assert scores(result) == {"yy": 0.75, "x": 0.25}
    assert (result["label"], result["score"]) == ("yy", result["labels"][0]["score"])


def test_several_true_labels_are_each_judged_against_contradiction():
    result = answer(zero_shot(multi_label=True), record(), [[[0, 50, np.log(3)], [np.log(4), 50, 0]]])
    assert scores(result) == {"x": 0.75, "yy": 0.2}


def test_a_single_label_is_judged_against_contradiction():
    assert scores(answer(zero_shot(("x",)), record(), [[[0, 50, np.log(3)]]])) == {"x": 0.75}


@pytest.mark.parametrize(
    "id2label",
    [
        {0: "entailment", 1: "neutral", 2: "contradiction"},
        {0: "neutral", 1: "entails", 2: "contradicts"},
        {0: "not_entailment", 1: "entailment"},
    ],
)
def test_classes_are_found_by_their_names_wherever_they_stand(id2label):
    place = {name[:6]: number for number, name in id2label.items()}
    logits = np.zeros(len(id2label))
    logits[place["entail"]] = np.log(3)
    assert scores(answer(zero_shot(("x",), id2label=id2label), record(), [[logits]])) == {"x": 0.75}


def test_a_model_without_entailment_is_refused_with_its_classes():
    with pytest.raises(CheckpointError) as refusal:
        zero_shot(id2label={0: "LABEL_0", 1: "LABEL_1"})
    assert str(refusal.value) == (
        'this model has no class named "entail..." (found: LABEL_0, LABEL_1);'
        " choose an NLI model or name the class with --entailment-label"
    )


def test_the_entailment_class_can_be_named():
    task = zero_shot(id2label={0: "no", 1: "yes"}, entailment_label="yes")
    assert answer(task, record(), [[[0, 1], [0, 2]]])["label"] == "yy"
    with pytest.raises(UsageError, match=r"'maybe' \(found: no, yes\)"):
        zero_shot(id2label={0: "no", 1: "yes"}, entailment_label="maybe")


@pytest.mark.parametrize(("labels", "options"), [(("x", "y"), {"multi_label": True}), (("x",), {})])
def test_contradiction_is_asked_for_only_where_it_is_needed(labels, options):
    named = {"id2label": {0: "no", 1: "entail"}}
    zero_shot(("x", "y"), **named)
    with pytest.raises(CheckpointError, match='named "contradict'):
        zero_shot(labels, **named, **options)


def test_a_single_label_of_a_record_fails_that_record_where_there_is_no_contradiction():
    with pytest.raises(InputError, match='named "contradict') as refusal:
        zero_shot(id2label={0: "no", 1: "entail"}).prepare(record(labels=["z"]))
    assert refusal.value.code == "bad_labels"


def test_a_record_may_bring_its_own_labels():
    task = zero_shot()
    assert [letters(window) for window in task.prepare(record(labels=["z"]))] == ["ab||z!|"]
    assert len(task.prepare(record(labels=None))) == 2
    assert answer(task, record(labels=["p", "q", "r"]), [[[0, 0, 1], [0, 0, 3], [0, 0, 2]]])["label"] == "q"


def test_a_record_without_labels_fails_when_the_run_has_none():
    with pytest.raises(InputError, match="--labels") as refusal:
        zero_shot(None).prepare(record())
    assert refusal.value.code == "no_field"


def test_a_label_with_commas_stays_whole():
    windows = zero_shot(("war, or peace",)).prepare(record(labels=["art, music", "x"]))
    assert letters(windows[0]) == "ab||art, music!|"
    assert letters(zero_shot(("war, or peace",)).prepare(record())[0]) == "ab||war, or peace!|"


def test_a_label_with_braces_is_put_in_as_it_stands():
    assert letters(zero_shot(("{0} {}",), template="<{}>").prepare(record())[0]) == "ab||<{0} {}>|"


@pytest.mark.parametrize(("labels", "words"), [([], "empty"), (["x", ""], "empty"), (["x", "y", "x"], "'x' is given")])
def test_labels_that_are_empty_or_given_twice_are_refused(labels, words):
    with pytest.raises(UsageError, match=words):
        zero_shot(tuple(labels))
    with pytest.raises(InputError, match=words) as refusal:
        zero_shot().prepare(record(labels=labels))
    assert refusal.value.code == "bad_labels"


@pytest.mark.parametrize("labels", ["x, y", 7, ["x", 7]])
def test_labels_of_a_record_must_be_a_list_of_strings(labels):
    with pytest.raises(InputError) as refusal:
        zero_shot().prepare(record(labels=labels))
    assert refusal.value.code == "wrong_type"


@pytest.mark.parametrize(
    ("labels", "options", "words"),
    [("x, y", {}, "one string"), (("x",), {"template": "no place"}, "{}"), (("x",), {"best": 0}, "--top")],
)
def test_wrong_use_is_refused_before_any_record(labels, options, words):
    with pytest.raises(UsageError, match=words):
        zero_shot(labels, **options)


def test_the_tokens_of_a_label_are_made_once_per_run():
    task = zero_shot()
    for _ in range(5):
        task.prepare(record("text"))
    assert task.tokenizer.encoded.count("x!") == task.tokenizer.encoded.count("yy!") == 1
    assert task.tokenizer.encoded.count("text") == 5


def test_labels_that_never_return_do_not_fill_the_memory():
    task = zero_shot()
    for number in range(KNOWN_LABELS + 10):
        task.prepare(record("t", labels=[str(number), "x"]))
    assert len(task._hypotheses) <= KNOWN_LABELS


def test_best_threshold_and_logits_work_as_in_classify():
    logits = [[[0, 0, 0], [0, 0, np.log(3)]]]
    assert [row["label"] for row in answer(zero_shot(best=1), record(), logits)["labels"]] == ["yy"]
    assert [row["label"] for row in answer(zero_shot(threshold=0.5), record(), logits)["labels"]] == ["yy"]
    assert [row["logit"] for row in answer(zero_shot(logits=True), record(), logits)["labels"]] == [
        pytest.approx(np.log(3)),
        0,
    ]


def test_an_empty_text_is_an_error_unless_allowed():
    with pytest.raises(InputError) as refusal:
        zero_shot().prepare(record(""))
    assert refusal.value.code == "empty_text"
    assert letters(zero_shot(allow_empty=True).prepare(record(""))[0]) == "||x!|"


def test_a_long_text_is_read_in_the_same_windows_for_every_label():
    task = zero_shot(room=11, overlap=1)  # 11 - 4 special - 3 of "yy!": 4 letters of the text
    windows = task.prepare(record("abcdefg"))
    assert [letters(window) for window in windows] == ["abcd||x!|", "abcd||yy!|", "defg||x!|", "defg||yy!|"]


def test_the_scores_of_a_long_text_are_the_mean_of_its_windows_scores():
    task = zero_shot(room=11, overlap=1)
    even, sure = [[0, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, np.log(3)]]
    result = answer(task, record("abcdefg"), [even, sure])
    assert scores(result) == {"yy": (0.5 + 0.75) / 2, "x": (0.5 + 0.25) / 2}
    assert result["windows"] == 2


def test_truncation_cuts_only_the_text_and_says_how_much():
    task = zero_shot(room=11, long="truncate")
    assert [letters(window) for window in task.prepare(record("abcdefg"))] == ["abcd||x!|", "abcd||yy!|"]
    assert answer(task, record("abcdefg"), [[[0, 0, 0], [0, 0, 1]]])["truncated"] == 3


def test_a_long_text_is_refused_when_told_so():
    with pytest.raises(InputError, match="14 tokens, more than the window of 11") as refusal:
        zero_shot(room=11, long="error").prepare(record("abcdefg"))
    assert refusal.value.code == "too_long"


def test_a_label_that_fills_the_window_fails_its_record_only():
    task = zero_shot(room=11)
    with pytest.raises(InputError, match="a label of 7 tokens") as refusal:
        task.prepare(record(labels=["longer", "x"]))
    assert refusal.value.code == "too_long"
    assert len(task.prepare(record(labels=["longe", "x"]))) == 4  # one letter of the text in each


def test_a_used_task_can_be_sent_to_another_process():
    task = zero_shot()
    task.prepare(record())
    copy = pickle.loads(pickle.dumps(task))
    assert [window.input_ids for window in copy.prepare(record())] == [
        window.input_ids for window in task.prepare(record())
    ]
