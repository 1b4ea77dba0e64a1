"""An objective that is understood at a glance: one weight per feature, whose scores a test writes down beforehand."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from roberta.training.objective import Batch, Objective
from roberta.weights import safetensors_file


class ToyModel(nn.Linear):
    """The one weight per feature."""

    def __init__(self):
        super().__init__(3, 1, bias=False)
        nn.init.constant_(self.weight, 0.5)

    def num_parameters(self, only_trainable=False):
        return self.weight.numel()


class Toy(Objective):
    """Examples x of different lengths; the loss is the squared distance of w from x, summed over a batch's numbers.

    scores: what the evaluations give, one after the other, the last again and again; without any there is no
    development data. fault: by step-like call number, what the loss is multiplied with.
    """

    name = "mlm"  # a kind that there is, since a card says what such a model is for
    metrics = ("accuracy", "-error")

    def __init__(self, scores=(), examples=40, faults=None):
        self.model = ToyModel()
        draw = np.random.default_rng(0)
        self.lengths = draw.integers(1, 4, examples)
        self.values = draw.normal(size=(examples, 3)).astype(np.float32)
        self.scores = [dict(score) for score in scores]
        self.dev = self.scores
        self.evaluations = 0
        self.losses = 0
        self.faults = faults or {}

    def batch(self, numbers, epoch):
        return Batch(
            {"x": torch.from_numpy(self.values[numbers]), "weight": torch.from_numpy(self.lengths[numbers])},
            float(self.lengths[numbers].sum()),
            int(self.lengths[numbers].sum()),
        )

    def loss(self, batch):
        self.losses += 1
        distances = ((self.model.weight - batch.tensors["x"]) ** 2).sum(1) * batch.tensors["weight"]
        return distances.sum() * self.faults.get(self.losses, 1.0)

    def evaluate(self):
        score = self.scores[min(self.evaluations, len(self.scores) - 1)] if self.scores else {}
        self.evaluations += 1
        return dict(score)

    def tables(self):
        return {"Counts": {"columns": ["evaluations"], "rows": [[self.evaluations]]}}

    def save(self, folder):
        safetensors_file.write(folder / "model.safetensors", {"weight": self.model.weight.detach().numpy()})
