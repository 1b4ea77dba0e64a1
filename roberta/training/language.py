"""What language models have in common: blocks of running text, and the loss of guessed words."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from roberta.model.pretrained import PretrainedModel
from roberta.tokenizer import RobertaTokenizer
from roberta.training.objective import Batch, Objective
from roberta.training.token_file import TokenFile

EVALUATED = -1  # in place of an epoch: development texts are treated alike each time
_EVAL_TOKENS = 8192  # in a batch


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
class LanguageModel(Objective):
    """Words guessed from others, in blocks of text."""

    model: PretrainedModel
    tokenizer: RobertaTokenizer
    train: Blocks
    dev: Blocks | None
    lengths: np.ndarray = field(init=False)

    metrics = ("-loss", "accuracy", "-perplexity")

    def __post_init__(self):
        self.lengths = self.train.lengths

    @abstractmethod
    def batch_of(self, blocks: Blocks, numbers: np.ndarray, epoch: int) -> Batch:
        """The blocks with these numbers; `EVALUATED` in place of an epoch for development text."""

    @abstractmethod
    def answers(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(asked, vocabulary) logits and (asked,) right words, of the places that are asked for and no others."""

    def batch(self, numbers: np.ndarray, epoch: int) -> Batch:
        return self.batch_of(self.train, numbers, epoch)

    def loss(self, batch: Batch) -> Tensor:
        logits, right = self.answers(batch)
        return F.cross_entropy(logits.float(), right, reduction="sum")

    def evaluate(self) -> dict[str, float]:
        if self.dev is None:
            return {}
        lengths = self.dev.lengths
        order = np.argsort(lengths, kind="stable")
        loss = right = weight = 0.0
        per_batch = max(1, _EVAL_TOKENS // int(lengths.max()))
        for start in range(0, len(order), per_batch):
            batch = self.batch_of(self.dev, order[start : start + per_batch], EVALUATED).to(self.model.device)
            logits, wanted = self.answers(batch)
            loss += float(F.cross_entropy(logits.float(), wanted, reduction="sum"))
            right += float((logits.argmax(1) == wanted).sum())
            weight += batch.weight
        mean = loss / max(weight, 1.0)
        return {"loss": mean, "accuracy": right / max(weight, 1.0), "perplexity": float(np.exp(min(mean, 50)))}

    def describe(self) -> dict[str, object]:
        return {"training_text": self.train.file.digest[:12]}

    def save(self, folder: Path) -> None:
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
