"""Gradients of the word table, written row by row: the same numbers as nn.Embedding's, pass after pass."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from roberta import RobertaForMaskedLM, RobertaForSequenceClassification
from roberta.training.row_gradients import RowGradients, write_rows
from tests.conftest import seeded, tiny_config

WORDS, WIDTH, PAD = 50, 6, 1


def steps(table: nn.Embedding, weight: nn.Parameter, passes: int, *, tied: bool) -> list[torch.Tensor]:
    """Gradients of three steps of some backward passes each, every one clipped and thrown away."""
    draw = torch.Generator().manual_seed(0)
    found = []
    for _ in range(3):
        for _ in range(passes):
            ids = torch.randint(0, WORDS // 2, (3, 7), generator=draw)  # some rows twice, some never, some padding
            out = table(ids) * torch.randn(3, 7, WIDTH, generator=draw)
            (F.linear(out, weight).logsumexp(-1) if tied else out).sum().backward()
        found.append(weight.grad.clone())
        nn.utils.clip_grad_norm_([weight], 0.1)
        weight.grad = None
    return found


@pytest.mark.parametrize("passes", [1, 3])
@pytest.mark.parametrize("padding", [PAD, None])
def test_gradients_are_those_of_an_embedding(padding, passes):
    torch.manual_seed(1)
    plain = nn.Embedding(WORDS, WIDTH, padding)
    expected = steps(plain, plain.weight, passes, tied=False)
    table = RowGradients(plain, is_alone=True)
    found = steps(table, table.weight, passes, tied=False)
    for one, other in zip(found, expected):
        torch.testing.assert_close(one, other, rtol=1e-6 * (passes > 1), atol=1e-7 * (passes > 1))  # sums of passes


@pytest.mark.parametrize("passes", [1, 3])
def test_gradients_are_added_to_those_of_a_tied_decoder(passes):
    torch.manual_seed(1)
    plain = nn.Embedding(WORDS, WIDTH, PAD)
    expected = steps(plain, plain.weight, passes, tied=True)
    table = RowGradients(plain, is_alone=False)
    assert table.weight is plain.weight
    for one, other in zip(steps(table, table.weight, passes, tied=True), expected):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)  # added in another order


@pytest.mark.parametrize("name, alone", [("RobertaForSequenceClassification", True), ("RobertaForMaskedLM", False)])
def test_a_model_gets_them_and_keeps_its_weights_and_its_ties(name, alone):
    kind = {"RobertaForSequenceClassification": RobertaForSequenceClassification}.get(name, RobertaForMaskedLM)
    model = seeded(kind(tiny_config()))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    weight = model.roberta.embeddings.word_embeddings.weight
    write_rows(model)
    table = model.roberta.embeddings.word_embeddings
    assert isinstance(table, RowGradients) and table.is_alone == alone and table.weight is weight
    assert before.keys() == model.state_dict().keys()
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


def test_a_frozen_table_stays_as_it_is():
    model = seeded(RobertaForSequenceClassification(tiny_config()))
    model.roberta.embeddings.word_embeddings.weight.requires_grad_(False)
    write_rows(model)
    assert type(model.roberta.embeddings.word_embeddings) is nn.Embedding


def test_without_gradients_it_is_a_look_up():
    table = RowGradients(nn.Embedding(4, 2, PAD), is_alone=True)
    ids = torch.tensor([[0, 3, 1]])
    with torch.no_grad():
        assert not table(ids).requires_grad
    assert torch.equal(table(ids), table.weight[ids]) and table(ids).requires_grad
