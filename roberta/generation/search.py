"""One call of `generate`, with everything decided that does not change from step to step."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from roberta.generation.continuation import Continuation
from roberta.generation.draws import RowDraws
from roberta.generation.ending import Ending
from roberta.generation.sampling import Rule
from roberta.generation.settings import GenerationSettings


@dataclass(frozen=True)
class Search:
    """What a search needs.

    prompts: (prompts, length) int64, padding on the left. rules: on the scores, in order. draws: None where the best is
    taken. last_length: the most ids a text may get, prompt counted.
    """

    settings: GenerationSettings
    continuation: Continuation
    prompts: Tensor
    rules: list[Rule]
    ending: Ending
    draws: RowDraws | None
    last_length: int
