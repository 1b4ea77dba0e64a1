"""Pre-training: words are hidden and guessed from what stands around them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from roberta.model.models import RobertaForMaskedLM
from roberta.tokenizer import RobertaTokenizer
from roberta.training.masking import IGNORED, Masking
from roberta.training.objective import Batch, Objective
from roberta.training.token_file import TokenFile

_EVALUATED = -1  # in place of an epoch: development texts are masked alike each time


@dataclass
class Blocks:
    """Examples of running text. file: the tokens; places: (blocks, 2) where each begins and ends."""

    file: TokenFile
    places: np.ndarray

    def ids(self, number: int, tokenizer: RobertaTokenizer) -> np.ndarray:
        """<s> block </s>, int64. A separator that ends the block already is not written twice."""
        begin, end = self.places[number]
        inner = self.file.ids[begin:end].astype(np.int64)
        if len(inner) and inner[-1] == tokenizer.eos_token_id:
            inner = inner[:-1]
        return np.concatenate([[tokenizer.bos_token_id], inner, [tokenizer.eos_token_id]])

    @property
    def lengths(self) -> np.ndarray:
        return self.places[:, 1] - self.places[:, 0] + 2


@dataclass
class MaskedLM(Objective):
    """The masked language model on blocks of text.

    shift_positions: each block begins at a random position, so that short blocks train the later positions too.
    """

    model: RobertaForMaskedLM
    tokenizer: RobertaTokenizer
    train: Blocks
    dev: Blocks | None
    masking: Masking
    seed: int = 0
    shift_positions: bool = False
    eval_tokens: int = 8192
    lengths: np.ndarray = field(init=False)

    name = "mlm"
    metrics = ("-loss", "accuracy", "-perplexity")

    def __post_init__(self):
        self.lengths = self.train.lengths

    def batch(self, numbers: np.ndarray, epoch: int) -> Batch:
        return self._batch(self.train, numbers, epoch)

    def _batch(self, blocks: Blocks, numbers: np.ndarray, epoch: int) -> Batch:
        pad, config = self.tokenizer.pad_token_id, self.model.config
        width = int(blocks.lengths[numbers].max())
        ids = np.full((len(numbers), width), pad, np.int64)
        labels = np.full((len(numbers), width), IGNORED, np.int64)
        shifts = np.zeros((len(numbers), 1), np.int64)
        for row, number in enumerate(numbers.tolist()):
            draw = np.random.default_rng([self.seed, epoch + 1, number])
            text = blocks.ids(number, self.tokenizer)
            ids[row, : len(text)], labels[row, : len(text)] = self.masking(text, draw)
            if self.shift_positions and epoch != _EVALUATED:
                shifts[row] = draw.integers(config.usable_length - len(text) + 1)
        tensors = {"input_ids": torch.from_numpy(ids), "labels": torch.from_numpy(labels)}
        if self.shift_positions and epoch != _EVALUATED:
            places = np.minimum(np.arange(width) + shifts, config.usable_length - 1) + config.pad_token_id + 1
            tensors["position_ids"] = torch.from_numpy(places)
        if (ids == pad).any():
            tensors["attention_mask"] = torch.from_numpy((ids != pad).astype(np.int64))
        return Batch(tensors, float((labels != IGNORED).sum()), int((ids != pad).sum()))

    def loss(self, batch: Batch) -> Tensor:
        logits, labels = self._answers(batch)
        return F.cross_entropy(logits.float(), labels, reduction="sum")

    def _answers(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(asked, vocabulary) logits and (asked,) labels: the head sees the masked places only, an eighth of all."""
        given = dict(batch.tensors)
        labels = given.pop("labels").flatten()
        asked = torch.nonzero(labels != IGNORED).flatten()
        hidden = self.model.roberta(**given).last_hidden_state.flatten(0, 1)
        return self.model.lm_head(hidden[asked]), labels[asked]

    def evaluate(self) -> dict[str, float]:
        if self.dev is None:
            return {}
        lengths = self.dev.lengths
        order = np.argsort(lengths, kind="stable")
        loss = right = weight = 0.0
        per_batch = max(1, self.eval_tokens // int(lengths.max()))
        for start in range(0, len(order), per_batch):
            batch = self._batch(self.dev, order[start : start + per_batch], _EVALUATED).to(self.model.device)
            logits, labels = self._answers(batch)
            loss += float(F.cross_entropy(logits.float(), labels, reduction="sum"))
            right += float((logits.argmax(1) == labels).sum())
            weight += batch.weight
        mean = loss / max(weight, 1.0)
        return {"loss": mean, "accuracy": right / max(weight, 1.0), "perplexity": float(np.exp(min(mean, 50)))}

    def save(self, folder: Path) -> None:
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
