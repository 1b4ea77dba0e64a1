"""Fine-tuning of choices: any number of them in one file, each record as if it were alone."""

import pytest
import torch
from transformers import RobertaTokenizerFast

import roberta
from roberta.errors import InputError
from tests.training.tuning import PRECISE, ROWS, mean_loss, opened, theirs, whole

RIGHT = [0, 2, 1, 3]  # of ROWS


def their_logits(model, folder, row):
    tokenizer = RobertaTokenizerFast.from_pretrained(folder)
    given = tokenizer([row["context"]] * len(row["choices"]), row["choices"], padding=True, return_tensors="pt")
    return {name: tensor[None] for name, tensor in given.items()}


def test_records_with_two_to_five_choices_have_the_loss_of_transformers(base, tmp_path):
    objective = opened("choose", base)
    model = theirs(objective, tmp_path)
    losses = []
    for row, right in zip(ROWS["choose"], RIGHT):
        with torch.no_grad():
            losses.append(model(**their_logits(model, tmp_path, row), labels=torch.tensor([right])).loss)
    batch = whole(objective)
    assert batch.weight == 4
    assert batch.tensors["choices"].tolist() == [2, 5, 3, 4]
    assert mean_loss(objective) == pytest.approx(float(sum(losses)) / 4, rel=PRECISE)


def test_the_right_one_is_given_by_its_number_its_letter_or_its_text(base):
    assert [example.target for example in opened("choose", base).examples] == RIGHT
    rows = [ROWS["choose"][0], ROWS["choose"][0] | {"label": 2}]
    with pytest.raises(InputError, match=r"^train\.jsonl:2: the gold choice 2 is none of the 2 choices"):
        opened("choose", base, rows)


def test_the_saved_folder_chooses_as_transformers_does(base, tmp_path):
    model = theirs(opened("choose", base), tmp_path)
    given = list(roberta.run("choose", ROWS["choose"], model=tmp_path))
    for row, result in zip(ROWS["choose"], given):
        with torch.no_grad():
            expected = model(**their_logits(model, tmp_path, row)).logits[0].softmax(0)
        assert result["scores"] == pytest.approx(expected.tolist(), abs=1e-5)
