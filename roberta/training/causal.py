"""Training on the next word: RobertaForCausalLM, a decoder, on the same blocks as the masked language model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from roberta.generation.causal import RobertaForCausalLM
from roberta.training.examples import pad
from roberta.training.language import Blocks, LanguageModel
from roberta.training.objective import Batch


@dataclass
class CausalLM(LanguageModel):
    """Every word from those before it."""

    model: RobertaForCausalLM

    name = "causal"

    def batch_of(self, blocks: Blocks, numbers: np.ndarray, epoch: int) -> Batch:
        ids, mask = pad(
            [blocks.ids(number, self.tokenizer) for number in numbers.tolist()], self.tokenizer.pad_token_id
        )
        tensors = {"input_ids": torch.from_numpy(ids)}
        if not mask.all():
            tensors["attention_mask"] = torch.from_numpy(mask)
        return Batch(tensors, float(mask[:, 1:].sum()), int(mask.sum()))

    def answers(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(words, vocabulary) logits and (words,) what comes next; padding is not asked for."""
        ids = batch.tensors["input_ids"]
        mask = batch.tensors.get("attention_mask")
        hidden = self.model.roberta(ids, mask, use_cache=False).last_hidden_state[:, :-1]
        asked = torch.ones_like(ids[:, 1:], dtype=torch.bool) if mask is None else mask[:, 1:] == 1
        return self.model.lm_head(hidden[asked]), ids[:, 1:][asked]
