"""When a row of new text is at its end."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from roberta.errors import InputError
from roberta.generation.settings import GenerationSettings

RUNNING, LENGTH, EOS, STOP = range(4)
REASONS = {LENGTH: "length", EOS: "eos", STOP: "stop"}


class Ending:
    """The rules that end a row: an id that ends a text, a stop string, and at last the length.

    last_length: the most ids a row may get, prompt counted.

    Raises InputError: stop strings without the tokenizer that spells ids as text.
    """

    def __init__(self, settings: GenerationSettings, tokenizer: Any, last_length: int, device: torch.device):
        if settings.stop_texts and tokenizer is None:
            raise InputError("stop_strings need the tokenizer that made the prompt; give it as tokenizer=")
        self._eos = torch.tensor(settings.eos_ids, dtype=torch.int64, device=device)
        self._stops = settings.stop_texts
        self._tokenizer = tokenizer
        self._last_length = last_length
        # A token spells at least one byte, so a stop string that ends in the last token lies within as many tokens.
        self._tail = max((len(text.encode()) for text in self._stops), default=0)

    def reason(self, input_ids: Tensor) -> Tensor:
        """(rows,) int64 for rows (rows, length) whose last token is new: RUNNING, LENGTH, EOS or STOP."""
        reached = LENGTH if input_ids.shape[1] >= self._last_length else RUNNING
        reasons = torch.full(input_ids.shape[:1], reached, dtype=torch.int64, device=input_ids.device)
        if self._stops:
            stopped = [self._completes_stop(row) for row in input_ids[:, -self._tail - 1 :].tolist()]
            reasons[torch.tensor(stopped, device=reasons.device)] = STOP
        reasons[torch.isin(input_ids[:, -1], self._eos)] = EOS
        return reasons

    def _completes_stop(self, row: list[int]) -> bool:
        """Whether a stop string ends inside the text of the last token; earlier ones were there before it."""
        text, before = self._spell(row), self._spell(row[:-1])
        unchanged = next((i for i, (a, b) in enumerate(zip(text, before)) if a != b), min(len(text), len(before)))
        return any(text.rfind(stop) + len(stop) > unchanged for stop in self._stops if stop in text)

    def _spell(self, tokens: list[int]) -> str:
        return self._tokenizer.decode(tokens, skip_special_tokens=False, clean_up_tokenization_spaces=False)
