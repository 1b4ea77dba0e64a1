"""Each head's loss beside a mean computed one row at a time, and the labels that are refused."""

import math

import numpy as np
import pytest
import torch

import roberta
from roberta.errors import InputError
from roberta.model import losses
from tests.conftest import random_ids, seeded, tiny_config
from tests.reference import cross_entropy


def logits(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 3


def doubles(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().double().numpy()


def test_masked_lm_counts_every_position_but_those_of_minus_100():
    scores, labels = logits(2, 4, 7), torch.tensor([[1, -100, 6, 0], [-100, -100, 3, 3]])
    expected = cross_entropy(doubles(scores).reshape(8, 7), labels.flatten().tolist())
    assert losses.masked_lm(scores, labels).item() == pytest.approx(expected, rel=1e-6)
    assert losses.token_classification(scores, labels).item() == pytest.approx(expected, rel=1e-6)


def test_causal_lm_asks_each_position_for_the_token_after_it():
    scores, labels = logits(2, 4, 7), torch.tensor([[5, 1, -100, 6], [2, -100, 3, 3]])
    expected = cross_entropy(doubles(scores)[:, :3].reshape(6, 7), labels[:, 1:].flatten().tolist())
    assert losses.causal_lm(scores, labels).item() == pytest.approx(expected, rel=1e-6)


def test_causal_lm_keeps_more_digits_than_half_precision_has():
    scores, labels = logits(1, 50, 70).bfloat16(), random_ids(1, 50, words=70)
    loss = losses.causal_lm(scores, labels)
    assert loss.dtype == torch.float32
    expected = cross_entropy(doubles(scores)[0, :-1], labels[0, 1:].tolist())
    assert loss.item() == pytest.approx(expected, rel=1e-6)
    assert losses.causal_lm(scores.double(), labels).dtype == torch.float64


def test_a_mean_over_nothing_is_nan():
    nothing = torch.full((2, 4), -100)
    assert losses.masked_lm(logits(2, 4, 7), nothing).isnan()
    assert losses.causal_lm(logits(2, 4, 7), nothing).isnan()


def test_multiple_choice_compares_the_choices_of_one_text():
    scores = logits(3, 4)
    expected = cross_entropy(doubles(scores), [0, 3, 1])
    assert losses.multiple_choice(scores, torch.tensor([0, 3, 1])).item() == pytest.approx(expected, rel=1e-6)


def sequence_loss(scores, labels, problem=None):
    return losses.sequence_classification(scores, labels, tiny_config(problem_type=problem)).item()


def test_one_label_means_regression_whatever_the_numbers_look_like():
    scores = logits(3, 1)
    for labels in (torch.tensor([1.0, 2, -1]), torch.tensor([[1.0], [2], [-1]]), torch.tensor([1, 2, -1])):
        expected = np.mean((doubles(scores).flatten() - np.array([1, 2, -1])) ** 2)
        assert sequence_loss(scores, labels) == pytest.approx(expected, rel=1e-6)
    assert sequence_loss(scores[:1], torch.tensor([1.0])) == pytest.approx((scores[0, 0].item() - 1) ** 2, rel=1e-6)


def test_whole_numbers_mean_one_label_and_fractions_several():
    scores, whole = logits(3, 4), torch.tensor([2, 0, 3])
    expected = cross_entropy(doubles(scores), whole.tolist())
    for kind in (torch.int64, torch.int32, torch.uint8):
        assert sequence_loss(scores, whole.to(kind)) == pytest.approx(expected, rel=1e-6)
    several = torch.tensor([[1.0, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]])
    probability = 1 / (1 + np.exp(-doubles(scores)))
    cells = -(several.numpy() * np.log(probability) + (1 - several.numpy()) * np.log(1 - probability))
    assert sequence_loss(scores, several) == pytest.approx(cells.mean(), rel=1e-5)


def test_a_problem_type_in_the_config_decides_against_the_look_of_the_labels():
    scores = logits(2, 3)
    whole = torch.tensor([[1, 0, 1], [0, 0, 1]])
    several = sequence_loss(scores, whole.float())
    assert sequence_loss(scores, whole, "multi_label_classification") == pytest.approx(several, rel=1e-6)
    squares = np.mean((doubles(scores) - whole.numpy()) ** 2)
    assert sequence_loss(scores, whole, "regression") == pytest.approx(squares, rel=1e-6)
    ignoring = sequence_loss(scores, torch.tensor([-100, 2]), "single_label_classification")
    assert ignoring == pytest.approx(cross_entropy(doubles(scores), [-100, 2]), rel=1e-6)


def test_answers_past_the_window_are_ignored_and_negative_ones_count_as_the_first_token():
    starts, ends = logits(4, 6), logits(4, 6, seed=1)
    first, last = torch.tensor([6, 0, -3, 99]), torch.tensor([[1], [5], [-1], [2]])
    mean = cross_entropy(doubles(starts), [6, 0, 0, 6], ignored=6) + cross_entropy(doubles(ends), [1, 5, 0, 2])
    assert losses.question_answering(starts, ends, first, last).item() == pytest.approx(mean / 2, rel=1e-6)
    outside = torch.full((4,), 6)
    assert losses.question_answering(starts, ends, outside, last).isnan()


def test_an_answer_that_is_given_in_half_has_no_loss():
    model = seeded(roberta.RobertaForQuestionAnswering)
    ids, one = random_ids(1, 5), torch.tensor([1])
    assert model(ids, start_positions=one).loss is None
    assert model(ids, end_positions=one).loss is None
    assert model(ids, start_positions=one, end_positions=one).loss > 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: losses.masked_lm(logits(1, 2, 7), torch.tensor([[7, 0]])), "label 7 is none of the 7 classes 0..6"),
        (lambda: losses.masked_lm(logits(1, 2, 7), torch.tensor([[-1, 0]])), "label -1 is none of the 7 classes"),
        (lambda: losses.masked_lm(logits(1, 2, 7), torch.tensor([[1, 2, 3]])), "3 labels for 2 predictions"),
        (lambda: losses.masked_lm(logits(1, 2, 7), torch.tensor([[1.0, 2]])), "fractions where class numbers"),
        (lambda: losses.multiple_choice(logits(2, 3), torch.tensor([0, 3])), "label 3 is none of the 3 classes"),
        (lambda: sequence_loss(logits(2, 3), torch.tensor([0, 1, 2])), "3 labels for 2 predictions"),
        (lambda: sequence_loss(logits(2, 3), torch.tensor([0.0, 1])), r"give one number for each of the 3 labels"),
        (lambda: sequence_loss(logits(2, 1), torch.tensor([0.0, 1, 2])), r"shape \(3,\) as labels; give shape \(2,\)"),
        (lambda: sequence_loss(logits(2, 3), torch.rand(3, 2), "regression"), r"give shape \(2, 3\)"),
    ],
)
def test_labels_that_cannot_be_are_refused_in_one_sentence(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_a_loss_leaves_the_config_as_it_was():
    """The reference writes its choice of problem type into the config at the first call."""
    model = seeded(roberta.RobertaForSequenceClassification, tiny_config(num_labels=3))
    before, ids = model.config.to_dict(), random_ids(2, 5)
    model(ids, labels=torch.tensor([0, 1]))
    assert model.config.to_dict() == before
    several = model(ids, labels=torch.tensor([[0.0, 1, 1], [1, 0, 0]])).loss
    assert math.isfinite(several.item())
    assert model.config.to_dict() == before
