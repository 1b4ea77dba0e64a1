"""generate: texts continued by a causal model, token by token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from roberta.errors import UsageError
from roberta.tasks.base import Result, Task, Window
from roberta.tasks.continuing import TOP_K, Continuing, one_text, spelt

if TYPE_CHECKING:
    from roberta.records import Record
    from roberta.tokenizer import RobertaTokenizer

GENERATION = "generation"  # the head of the task: a backend that adds tokens, not one that reads rows


@dataclass(frozen=True, slots=True)
class Order:
    """The note of a window, which is a prompt: how it is to be continued.

    settings: options of `roberta.generation.generate`. tokenizer: for stop strings.
    on_token: called with each new token when the window is run alone.
    """

    settings: dict[str, Any]
    seed: int
    tokenizer: RobertaTokenizer
    on_token: Callable[[int], None] | None = None


@dataclass(frozen=True, slots=True)
class Continued:
    """One text of a prompt. ids: the new ones. finish: "length", "stop" or "eos"."""

    ids: list[int]
    finish: str
    logprob: float


@dataclass(frozen=True)
class Generate(Task):
    """Continue each text. Its end is what counts: of a text too long for the model the beginning is left out.

    room: tokens of prompt and new text together, <s> counted. vocab_size: ids that the model gives scores for.
    on_text: called with all that is new, again for each token, while a text is made; for a job of one text.

    >>> Generate(tokenizer, 512, Continuing()).prepare(Record(0, "argument 1", {"text": "A cat"}))[0].input_ids
    [0, 83, 4758]

    Raises UsageError: more new tokens than there is room for.
    """

    tokenizer: RobertaTokenizer
    room: int
    how: Continuing
    vocab_size: int = 0
    on_text: Callable[[str], None] | None = None
    allow_empty: bool = False

    head = GENERATION

    def __post_init__(self):
        if self.how.max_new > self.room - 2:
            raise UsageError(
                f"{self.how.max_new} new tokens leave no room for a text before them;"
                f" this model takes {self.room} in all, so at most {self.room - 2} new ones"
            )

    def prepare(self, record: Record) -> list[Window]:
        prompt = self._prompt(record)
        start, *kept = self.tokenizer.frame(prompt[self._left_out(prompt) :])[:-1]  # no </s>: the text goes on
        order = Order(self._settings(), self.how.record_seed(record), self.tokenizer, self._listener())
        return [Window([start, *kept], note=order)]

    def _listener(self) -> Callable[[int], None] | None:
        if self.on_text is None:
            return None
        ids: list[int] = []

        def listen(token: int) -> None:
            ids.append(token)
            self.on_text(spelt(self.tokenizer, ids))

        return listen

    def _prompt(self, record: Record) -> list[int]:
        return self.tokenizer.encode_ids(record.string("text", allow_empty=self.allow_empty))

    def _left_out(self, prompt: list[int]) -> int:
        return max(0, len(prompt) - (self.room - self.how.max_new - 1))

    def _settings(self) -> dict[str, Any]:
        how = self.how
        settings: dict[str, Any] = {
            "max_new_tokens": how.max_new,
            "do_sample": how.sample,
            "num_beams": how.beams,
            "num_return_sequences": how.num,
            "repetition_penalty": how.repetition_penalty,
            "no_repeat_ngram_size": how.no_repeat,
        }
        if how.stop:
            settings["stop_strings"] = list(how.stop)
        if len(self.tokenizer) < self.vocab_size:  # rows of a padded embedding table spell nothing
            settings["suppress_tokens"] = list(range(len(self.tokenizer), self.vocab_size))
        if how.sample:
            settings["temperature"] = how.temperature or 1.0
            settings["top_k"] = TOP_K if how.top_k is None else how.top_k
            settings["top_p"] = how.top_p or 1.0
        return settings

    def condense(self, record: Record, window: Window, output: list[Continued]) -> list[Continued]:
        return output

    def decode(self, record: Record, windows: list[Window], outputs: list[list[Continued]]) -> Result:
        prompt = record.string("text", allow_empty=self.allow_empty)
        texts = []
        for found in outputs[0]:
            new = spelt(self.tokenizer, found.ids)
            texts.append(one_text(prompt + new, new, len(found.ids), found.finish, found.logprob))
        return self.how.result(texts, "causal", self._left_out(self._prompt(record)))
