"""Fine-tuning of labels and numbers: the loss is that of transformers, and labels are what the data call them."""

import numpy as np
import pytest
import torch
from transformers import RobertaTokenizerFast

from roberta.errors import InputError, UsageError
from roberta.training.classify import label_names
from tests.training.tuning import PRECISE, ROWS, mean_loss, opened, records, scores, theirs, trained, whole

LABELS = {  # of ROWS, as transformers takes them; names are sorted
    "classify": torch.tensor([1, 0, 2, 0, 0]),
    "regress": torch.tensor([2.5, -1.0, 0.0]),
    "multilabel": torch.tensor([[1.0, 1, 0], [0, 0, 0], [0, 0, 1], [1, 0, 0]]),
}


def their_output(objective, folder, labels=None):
    """What transformers makes of the records, tokenized and padded by its own tokenizer."""
    model = theirs(objective, folder)
    texts = [(row["text"], row["text_pair"]) if "text_pair" in row else (row["text"],) for row in ROWS[objective.name]]
    tokenizer = RobertaTokenizerFast.from_pretrained(folder)
    given = tokenizer.pad([tokenizer(*text) for text in texts], return_tensors="pt")
    assert not given["attention_mask"].all()
    with torch.no_grad():
        return model(**given, labels=labels)


@pytest.mark.parametrize("kind", list(LABELS))
def test_the_loss_is_that_of_transformers(base, tmp_path, kind):
    objective = opened(kind, base)
    assert mean_loss(objective) == pytest.approx(
        float(their_output(objective, tmp_path, LABELS[kind]).loss), rel=PRECISE
    )


def test_balanced_weights_let_every_label_count_alike(base, tmp_path):
    objective = opened("classify", base, class_weights="balanced")
    counts = np.array([3, 1, 1])
    assert objective.class_weights.tolist() == pytest.approx(5 / (3 * counts))
    labels = LABELS["classify"].numpy()
    logits = their_output(objective, tmp_path).logits.double().numpy()
    losses = np.log(np.exp(logits).sum(1)) - logits[np.arange(5), labels]
    each = (5 / (3 * counts))[labels]
    assert whole(objective).weight == pytest.approx(each.sum())
    assert mean_loss(objective) == pytest.approx((each * losses).sum() / each.sum(), rel=PRECISE)


def test_where_several_labels_may_be_true_balanced_weights_lift_the_true_cells(base, tmp_path):
    objective = opened("multilabel", base, class_weights="balanced")
    table = LABELS["multilabel"].numpy()
    lift = (4 - table.sum(0)) / table.sum(0)  # false cells for each true one
    assert objective.class_weights.tolist() == lift.tolist() == [1.0, 3.0, 3.0]
    logits = their_output(objective, tmp_path).logits.double().numpy()
    losses = lift * table * np.log1p(np.exp(-logits)) + (1 - table) * np.log1p(np.exp(logits))
    assert mean_loss(objective) == pytest.approx(losses.mean(), rel=PRECISE)


def test_a_pair_is_framed_as_one_text(base, words):
    objective = opened("classify", base)
    ids = words(ROWS["classify"][2]["text"], ROWS["classify"][2]["text_pair"]).input_ids
    [pair] = [example.input_ids[0] for example in objective.examples if "text_pair" in example.record.fields]
    assert list(pair) == ids
    assert ids.count(words.sep_token_id) == 3


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (["b", "a", "b"], ["a", "b"]),
        ([10, 9, 9], ["9", "10"]),
        (["10", "9", "-1"], ["-1", "9", "10"]),
        ([True, False], ["false", "true"]),
    ],
)
def test_labels_are_sorted_and_numbers_by_their_value(given, names):
    assert label_names(records([{"text": "a", "label": label} for label in given])) == names


@pytest.mark.parametrize("labels", [[3, 5, 4, 5], [True, False, True], ["5", "4", "5"]])
def test_a_label_that_is_no_string_is_scored_as_it_is_learnt(base, labels):
    """3, 4 and 5 are names, not the fourth label and so on."""
    rows = [{"text": "the cat", "label": label} for label in labels]
    single, several = (
        opened(kind, base, rows, [row for row in rows if row["label"] == labels[0]])
        for kind in ("classify", "multilabel")
    )
    name = {True: "true"}.get(labels[0], str(labels[0]))
    number = single.model.config.label2id[name]
    assert single.examples[0].target == number
    assert several.examples[0].target.tolist() == [one == number for one in range(single.model.config.num_labels)]
    for objective, score in ((single, "accuracy"), (several, "exact_match")):
        bias = objective.model.classifier.out_proj.bias.data
        bias[:] = -50
        bias[number] = 50  # this and no other label is always given
        assert scores(objective)[score] == 1.0


def test_given_names_stand_for_the_numbers_of_the_data(base):
    """In the order in which they were given: number 0 of the data stays number 0 of the model."""
    rows = [{"text": "the cat", "label": 1}, {"text": "a rat", "label": "0"}, {"text": "a mat", "label": "pos"}]
    objective = opened("classify", base, rows, rows, label_names=("pos", "neg"))
    assert objective.model.config.id2label == {0: "pos", 1: "neg"}
    assert [example.target for example in objective.examples] == [1, 0, 0]
    with pytest.raises(InputError, match=r"^train\.jsonl:2: the label '2' is none of pos, neg"):
        opened("classify", base, [rows[0], rows[1] | {"label": 2}], label_names=("pos", "neg"))


def test_data_that_cannot_be_learnt_from_are_refused_by_file_and_line(base):
    one, other = {"text": "the cat", "label": "a"}, {"text": "a rat", "label": "b"}
    with pytest.raises(UsageError, match=r"1 labels \(a\); learning needs two"):
        opened("classify", base, [one, one])
    with pytest.raises(UsageError, match=r"^dev\.jsonl:2: the label 'c' is not in the training data \(a, b\)"):
        opened("classify", base, [one, other], [one, other | {"label": "c"}])
    for label in (None, "", ["a"], 1.5):
        with pytest.raises(InputError, match=r"^train\.jsonl:2: label is "):
            opened("classify", base, [one, other | {"label": label}])
    with pytest.raises(InputError, match=r"^train\.jsonl:1: no field \"label\""):
        opened("classify", base, [{"text": "the cat"}, other])
    with pytest.raises(InputError, match=r"^train\.jsonl:2: the gold value 'much' is not a number"):
        opened("regress", base, [{"text": "a", "label": 1}, {"text": "a", "label": "much"}])


def test_separable_texts_are_learnt(base, tmp_path):
    rows = [{"text": f"{one} {animal}", "label": animal} for one in ("the", "a", "in a") for animal in ("cat", "rat")]
    dev = [{"text": f"and the {animal}", "label": animal} for animal in ("cat", "rat")]
    objective = opened("classify", base, rows, dev)
    assert scores(objective)["accuracy"] < 1
    found = scores(trained(objective, tmp_path, steps=20))
    assert (found["accuracy"], found["macro_f1"]) == (1.0, 1.0)
