"""How texts are continued: the options of `generate`, the seed of a record, and the shape of the result."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from roberta.errors import UsageError
from roberta.records import Fields
from roberta.tasks.base import Result

if TYPE_CHECKING:
    from roberta.records import Record
    from roberta.tokenizer import RobertaTokenizer

NEW_TOKENS = 20  # unless told, where the model has room for twice as many
TOP_K = 50  # as in the reference, where sampling is not told


@dataclass(frozen=True)
class Continuing:
    """How a text goes on.

    max_new: tokens that are added at most. sample: draw tokens in place of taking the likeliest.
    temperature, top_k (50 unless told; 0: all), top_p: what is drawn from; they need `sample`.
    beams: how many texts are pursued at a time. repetition_penalty: above 1 makes tokens that are there less likely.
    no_repeat: no so many tokens stand twice in the same order; 0: they may. stop: the text ends behind one of these.
    num: texts for each record. seed: what sampling starts from, mixed with the record's id.
    id_field: the field with the id, where it is not called "id".

    >>> Continuing(max_new=5, sample=True, num=3).num
    3

    Raises UsageError: a value out of its bounds, or two that contradict each other.
    """

    max_new: int = NEW_TOKENS
    sample: bool = False
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    beams: int = 1
    repetition_penalty: float = 1.0
    no_repeat: int = 0
    stop: Sequence[str] = ()
    num: int = 1
    seed: int = 0
    id_field: str | None = None

    def __post_init__(self):
        if min(self.max_new, self.beams, self.num) < 1:
            raise UsageError("at least one new token, one beam and one text are needed")
        if self.no_repeat < 0 or self.seed < 0 or (self.top_k or 0) < 0:
            raise UsageError("no_repeat, seed and top_k are 0 or more")
        if not _is_positive(self.repetition_penalty):
            raise UsageError(f"a repetition penalty of {self.repetition_penalty}; give a number above 0, 1 for none")
        if self.temperature is not None and not _is_positive(self.temperature):
            raise UsageError(f"a temperature of {self.temperature}; give a number above 0, or leave --sample out")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise UsageError(f"a top_p of {self.top_p}; give a number above 0, up to 1")
        if isinstance(self.stop, str) or not all(self.stop):
            raise UsageError("stop is a list of texts, none of them empty")
        drawn = {"temperature": self.temperature, "sample-top-k": self.top_k, "sample-top-p": self.top_p}
        for name, value in drawn.items():
            if value is not None and not self.sample:
                raise UsageError(f"--{name} has no effect on the likeliest tokens; add --sample")
        if self.num > self.beams > 1:
            raise UsageError(f"{self.num} texts of {self.beams} beams; a search gives no more texts than it has beams")
        if self.num > 1 and self.beams == 1 and not self.sample:
            raise UsageError(f"{self.num} texts of the likeliest tokens would all be the same; add --sample or --beams")

    def record_seed(self, record: Record) -> int:
        """A 63-bit seed from `seed` and the record's id: the same in every order, batch, process and machine."""
        identity = json.dumps(Fields(id=self.id_field).id_of(record), sort_keys=True, default=str)
        return stable_number(self.seed, identity)

    def result(self, texts: Sequence[Result], method: str, truncated: int) -> Result:
        """texts: one result for each of `num`. truncated: tokens of the prompt that no text was made from."""
        found: Result = dict(texts[0]) if self.num == 1 else {"outputs": list(texts)}
        return {**found, "method": method, **({"truncated": truncated} if truncated else {})}


def one_text(text: str, new: str, tokens: int, finish: str, logprob: float) -> Result:
    """What is said of each text; text: all of it."""
    return {"text": text, "new": new, "tokens": tokens, "finish": finish, "logprob": float(np.float32(logprob))}


def spelt(tokenizer: RobertaTokenizer, ids: Sequence[int]) -> str:
    """The text of new tokens, special ones left out."""
    return tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)


def stable_number(*parts: Any) -> int:
    """One 63-bit number from several values; any others, or another order, give an unrelated one.

    >>> stable_number(0, "a") == stable_number(0, "a") != stable_number(1, "a")
    True
    """
    text = json.dumps([str(part) for part in parts]).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1


def _is_positive(value: float) -> bool:
    return math.isfinite(value) and value > 0
