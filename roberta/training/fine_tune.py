"""What fine-tuning a head has in common: examples from records, padded batches, scores by the task's own answers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from roberta.errors import InputError
from roberta.model.pretrained import PretrainedModel
from roberta.records import Record
from roberta.tasks.base import Task
from roberta.tokenizer import RobertaTokenizer
from roberta.training.answering import answer_all
from roberta.training.examples import Example, located, pad
from roberta.training.lora import Adapter
from roberta.training.objective import Batch, Objective
from roberta.training.score_tables import score_tables


class Fit(Enum):
    """How a record's text fits in the model's window."""

    WHOLE = "whole"
    IN_WINDOWS = "in windows"
    CUT = "cut"


@dataclass
class FineTuning(Objective):
    """A head on labelled records.

    task: how the finished model will answer; its windows are the examples. adapter: what learns in place of the model.
    """

    model: PretrainedModel
    tokenizer: RobertaTokenizer
    task: Task
    train: Sequence[Record]
    dev: Sequence[Record]
    examples: list[Example] = field(init=False, default_factory=list)
    lengths: np.ndarray = field(init=False)
    adapter: Adapter | None = field(init=False, default=None)
    summary: dict[str, Any] = field(init=False, default_factory=dict)  # what the last evaluation counted

    def make_examples(self, faults: list[InputError] | None = None) -> None:
        """Read the training records; a wrong one goes to `faults`, or without that is raised, with its file and line,
        and so is a development record that could not be scored, before hours are spent.

        Raises InputError: a wrong record, or no examples.
        """
        for record in self.train:
            try:
                self.examples += self.examples_of(record)
            except InputError as error:
                if faults is None:
                    raise located(record, error) from None
                faults.append(located(record, error))
        for record in self.dev if faults is None else ():
            try:
                self.gold_record(record)
            except InputError as error:
                raise located(record, error) from None
        if not self.examples and not faults:
            raise InputError("no examples to learn from; give files with labelled records")
        self.lengths = np.array([example.tokens for example in self.examples])

    @abstractmethod
    def examples_of(self, record: Record) -> Sequence[Example]:
        """The windows of a record with what should come out. Raises InputError: a label that is none."""

    def fit_of(self, record: Record) -> Fit:
        """What becomes of the text of a training record."""
        windows = self.task.prepare(record)
        if len(windows) > 1:
            return Fit.IN_WINDOWS
        return Fit.CUT if getattr(windows[0].note, "left_out", 0) else Fit.WHOLE

    @abstractmethod
    def targets(self, examples: Sequence[Example], width: int) -> dict[str, Tensor]:
        """The right answers of a batch; width: tokens of its longest text."""

    @abstractmethod
    def weight(self, targets: dict[str, Tensor]) -> float:
        """How many answers the loss is summed over."""

    @abstractmethod
    def scorer(self) -> Any:
        """What counts answers: `add(record, result)` and `summary()`."""

    def gold_record(self, record: Record) -> Record:
        """A development record as the scorer reads it: by the names that fields have here, since what a file calls
        `label` may be another column. Raises InputError: it lacks what it would be scored by."""
        return replace(record, given=None)

    def batch(self, numbers: np.ndarray, epoch: int) -> Batch:
        examples = [self.examples[number] for number in numbers.tolist()]
        ids, mask = pad([ids for example in examples for ids in example.input_ids], self.tokenizer.pad_token_id)
        targets = self.targets(examples, ids.shape[1])
        tensors = {"input_ids": torch.from_numpy(ids), **targets}
        if not mask.all():
            tensors["attention_mask"] = torch.from_numpy(mask)
        return Batch(tensors, self.weight(targets), int(mask.sum()))

    def hidden(self, batch: Batch) -> Any:
        """What the body makes of the batch's texts."""
        return self.model.body(batch.tensors["input_ids"], batch.tensors.get("attention_mask"))

    def read(self, batch: Batch, rows: Tensor) -> Tensor:
        """(rows, width): what the body makes of some tokens alone, counted through the whole batch."""
        return self.model.body.read(batch.tensors["input_ids"], batch.tensors.get("attention_mask"), rows=rows)

    def first(self, batch: Batch) -> Tensor:
        """(texts, 1, width): what the body makes of the first token of each text."""
        ids = batch.tensors["input_ids"]
        return self.read(batch, torch.arange(0, ids.numel(), ids.shape[1], device=ids.device))[:, None]

    def evaluate(self) -> dict[str, float]:
        if not self.dev:
            return {}
        scorer = self.scorer()
        for record, result in answer_all(self.model, self.task, self.dev):
            try:
                scorer.add(self.gold_record(record), result)
            except InputError as error:
                raise located(record, error) from None
        self.summary = scorer.summary()
        return {name: value for name, value in self.summary.items() if isinstance(value, int | float)}

    def tables(self) -> dict[str, dict[str, list]]:
        return score_tables(self.summary)

    def save(self, folder: Path) -> None:
        if self.adapter is not None:
            self.adapter.save(folder)
            return
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)

    def load(self, folder: Path) -> None:
        if self.adapter is None:
            super().load(folder)
        else:
            self.adapter.load(folder)
