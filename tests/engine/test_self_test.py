"""The known forward pass is the reference implementation's, and a wrong number in it is found."""

import numpy as np
import pytest
import torch

from roberta.engine import self_test

GPU = [pytest.mark.cuda, pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")]


@pytest.mark.parametrize("backend", ["numpy", "cpu", pytest.param("cuda", marks=GPU)])
def test_each_backend_gives_the_known_numbers(backend):
    assert self_test.largest_difference(backend) < 1e-5


def test_the_known_numbers_are_those_of_transformers():
    transformers = pytest.importorskip("transformers")
    config = transformers.RobertaConfig(**self_test.known_config().to_dict())
    model = transformers.RobertaForMaskedLM(config).double().eval()
    model.load_state_dict({name: torch.from_numpy(array) for name, array in self_test.known_weights().items()})
    found = []
    for text, places in zip(self_test.TEXTS, self_test.PLACES):
        with torch.no_grad():
            logits = model(torch.tensor([text])).logits[0]
        found += logits[list(places)][:, list(self_test.WORDS)].tolist()
    assert np.abs(np.array(found) - self_test.EXPECTED).max() < 1e-7


@pytest.mark.parametrize("backend", ["numpy", "cpu"])
def test_one_weight_that_is_wrong_is_found(monkeypatch, backend):
    weights = self_test.known_weights()
    weights["roberta.encoder.layer.1.intermediate.dense.weight"][3, 5] += 0.3
    monkeypatch.setattr(self_test, "known_weights", lambda: weights)
    assert self_test.largest_difference(backend) > self_test.TOLERANCE
