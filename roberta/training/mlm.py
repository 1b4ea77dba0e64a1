"""Pre-training: words are hidden and guessed from what stands around them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from roberta.model.models import RobertaForMaskedLM
from roberta.training.language import EVALUATED, Blocks, LanguageModel
from roberta.training.masking import IGNORED, Masking
from roberta.training.objective import Batch


@dataclass
class MaskedLM(LanguageModel):
    """The masked language model on blocks of text.

    shift_positions: each block begins at a random position, so that short blocks train the later positions too.
    """

    model: RobertaForMaskedLM
    masking: Masking = field(kw_only=True)
    seed: int = 0
    shift_positions: bool = False

    name = "mlm"

    def batch_of(self, blocks: Blocks, numbers: np.ndarray, epoch: int) -> Batch:
        pad, room = self.tokenizer.pad_token_id, self.model.config.usable_length
        width = int(blocks.lengths[numbers].max())
        ids = np.full((len(numbers), width), pad, np.int64)
        labels = np.full((len(numbers), width), IGNORED, np.int64)
        shifts = np.zeros((len(numbers), 1), np.int64)
        shifting = self.shift_positions and epoch != EVALUATED
        for row, number in enumerate(numbers.tolist()):
            draw = np.random.default_rng([self.seed, epoch + 1, number])
            text = blocks.ids(number, self.tokenizer)
            ids[row, : len(text)], labels[row, : len(text)] = self.masking(text, draw)
            if shifting:
                shifts[row] = draw.integers(room - len(text) + 1)
        tensors = {"input_ids": torch.from_numpy(ids), "labels": torch.from_numpy(labels)}
        if shifting:
            places = np.minimum(np.arange(width) + shifts, room - 1) + pad + 1
            tensors["position_ids"] = torch.from_numpy(places)
        if (ids == pad).any():
            tensors["attention_mask"] = torch.from_numpy((ids != pad).astype(np.int64))
        return Batch(tensors, float((labels != IGNORED).sum()), int((ids != pad).sum()))

    def answers(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The head, and most of the last layer, see the masked places only, an eighth of all."""
        given = dict(batch.tensors)
        labels = given.pop("labels").flatten()
        asked = torch.nonzero(labels != IGNORED).flatten()
        return self.model.lm_head(self.model.roberta.read(**given, rows=asked)), labels[asked]
