"""tokenize: tokens, ids and spans of a text. Needs no model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from roberta.tasks.base import Result, Task, Window

if TYPE_CHECKING:
    from roberta.records import Record
    from roberta.tokenizer import RobertaTokenizer


@dataclass(frozen=True)
class Tokenize(Task):
    """Everything that the tokenizer makes of a text, in the shape of the output."""

    tokenizer: RobertaTokenizer

    def prepare(self, record: Record) -> list[Window]:
        return []

    def decode(self, record: Record, windows: list[Window], outputs: list) -> Result:
        encoding = self.tokenizer(record.text, return_offsets_mapping=True, return_special_tokens_mask=True)
        special = encoding["special_tokens_mask"]
        return {
            "tokens": self.tokenizer.convert_ids_to_tokens(encoding["input_ids"]),
            "ids": encoding["input_ids"],
            "spans": [None if hidden else list(span) for hidden, span in zip(special, encoding["offset_mapping"])],
            "count": len(encoding["input_ids"]),
        }
