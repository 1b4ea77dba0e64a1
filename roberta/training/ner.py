"""Fine-tuning on named entities: the first token of each word carries the word's tag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from roberta.errors import InputError, UsageError
from roberta.metrics.entities import OUTSIDE
from roberta.records import Record
from roberta.records.conll import TAGS_FIELD
from roberta.tasks.ner_gold import EntityGold
from roberta.training.examples import Example, located
from roberta.training.fine_tune import FineTuning
from roberta.training.masking import IGNORED
from roberta.training.objective import Batch

ENTITIES = "entities"  # in place of tags: objects with label, start and end


@dataclass
class NamedEntities(FineTuning):
    """Tags of words. Words are those of the record, or those that the task finds, as when it answers."""

    name = "ner"
    metrics = ("f1", "f1_strict", "precision", "recall", "precision_strict", "recall_strict")

    def examples_of(self, record: Record) -> Sequence[Example]:
        places = self.task.word_tokens(record)
        tags = tags_of(record, self.task)
        labels = self.model.config.label2id
        by_token = {}
        for tag, tokens in zip(tags, places, strict=True):
            if tag not in labels:
                raise InputError(f"the tag {tag!r} is not among the training data's", code="unknown_label")
            if tokens:
                by_token[tokens[0]] = labels[tag]
        done = 0
        examples = []
        for window in self.task.prepare(record):
            target = np.full(len(window.input_ids), IGNORED, np.int64)
            for row in window.rows:  # the tokens that this window decides, in order
                target[row] = by_token.get(done, IGNORED)
                done += 1
            examples.append(Example((window.input_ids,), target, record))
        return [example for example in examples if (example.target != IGNORED).any()]

    def targets(self, examples: Sequence[Example], width: int) -> dict[str, Tensor]:
        labels = np.full((len(examples), width), IGNORED, np.int64)
        for place, example in enumerate(examples):
            labels[place, : len(example.target)] = example.target
        return {"labels": torch.from_numpy(labels)}

    def weight(self, targets: dict[str, Tensor]) -> float:
        return float((targets["labels"] != IGNORED).sum())

    def loss(self, batch: Batch) -> Tensor:
        labels = batch.tensors["labels"].flatten()
        asked = torch.nonzero(labels != IGNORED).flatten()
        logits = self.model.classifier(self.model.dropout(self.read(batch, asked))).float()
        return F.cross_entropy(logits, labels[asked], reduction="sum")

    def gold_record(self, record: Record) -> Record:
        return Record(record.index, record.source, record.fields | {TAGS_FIELD: tags_of(record, self.task)})

    def scorer(self) -> Any:
        return EntityGold(TAGS_FIELD, self.task)


def tags_of(record: Record, task) -> list[str]:
    """One tag for each word of the record, as it gives them or made of its entities.

    Raises InputError: neither; not as many as words; entities that overlap or begin or end inside a word.
    """
    places = task.word_places(record)
    if record.fields.get(TAGS_FIELD) is not None or ENTITIES not in record.fields:
        tags = record.strings(TAGS_FIELD)
        if len(tags) != len(places):
            raise InputError(f"{len(tags)} tags for {len(places)} words; give one for each word", code="bad_gold")
        return tags
    tags = [OUTSIDE] * len(places)
    for entity in record.value(ENTITIES):
        try:
            kind, start, end = entity["label"], int(entity["start"]), int(entity["end"])
        except (TypeError, KeyError, ValueError):
            raise InputError(f"an entity lacks label, start or end: {entity!r:.80}", code="bad_gold") from None
        inside = [number for number, (first, last) in enumerate(places) if first < end and last > start]
        if not inside or places[inside[0]][0] != start or places[inside[-1]][1] != end:
            raise InputError(
                f"the entity {kind} at {start} to {end} does not begin and end with words; mend its offsets, or split"
                " words otherwise with --words",
                code="bad_gold",
            )
        for number in inside:
            if tags[number] != OUTSIDE:
                raise InputError(f"two entities at {start} to {end}; a word has one tag", code="bad_gold")
            tags[number] = f"{'B' if number == inside[0] else 'I'}-{kind}"
    return tags


def tag_names(records: Sequence[Record]) -> list[str]:
    """The tags of the data, O first, then by type and prefix. Raises as `label_names` does."""
    found: set[str] = set()
    for record in records:
        try:
            if record.fields.get(TAGS_FIELD) is None and ENTITIES in record.fields:
                kinds = {str(entity["label"]) for entity in record.value(ENTITIES)}
                found |= {f"{prefix}-{kind}" for kind in kinds for prefix in "BI"}
            else:
                found |= set(record.strings(TAGS_FIELD))
        except (InputError, TypeError, KeyError) as error:
            raise located(record, error) from None
    found.discard(OUTSIDE)
    if not found:
        raise UsageError("the training data have no entities; learning needs some")
    # Every type gets its I-: a longer entity of it may come later, though the data hold none.
    found |= {f"I-{tag[2:]}" for tag in found if tag.startswith("B-")}
    return [OUTSIDE, *sorted(found, key=lambda tag: (tag[2:], tag))]
