"""What `generate` gives when asked for more than ids."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from roberta.model.outputs import ModelOutput


@dataclass
class GenerateOutput(ModelOutput):
    """The texts of `generate`, the num_return_sequences of a prompt beside each other.

    sequences: (texts, length) int64, prompt and new tokens, then padding.
    lengths: (texts,) int64, new tokens of each text, the ending one included.
    finish_reasons: for each text "eos", "stop" (a stop string) or "length".
    log_probabilities: (texts,) float32, the natural logarithm of the probability that the model, before any rule, gives
        to the new tokens.
    sequences_scores: (texts,) float32, of beam search: the sum of the scores after the rules, over
        length**length_penalty.
    scores, logits: for each step (rows, vocabulary) float32, after the rules or before them; rows are texts or, in
        beam search, prompts x beams. Zero where a row had ended.
    """

    sequences: Tensor | None = None
    sequences_scores: Tensor | None = None
    scores: tuple[Tensor, ...] | None = None
    logits: tuple[Tensor, ...] | None = None
    lengths: Tensor | None = None
    finish_reasons: list[str] | None = None
    log_probabilities: Tensor | None = None


class StepRecord:
    """Keeps the scores of each step, where asked for; rows that have ended are filled with zeros."""

    def __init__(self, wanted: bool):
        self.steps: list[Tensor] | None = [] if wanted else None

    def add(self, scores: Tensor, rows: Tensor, all_rows: int) -> None:
        """rows: where each row of `scores` stands among `all_rows`."""
        if self.steps is not None:
            self.steps.append(scores.new_zeros(all_rows, scores.shape[1]).index_copy(0, rows, scores))

    def kept(self) -> tuple[Tensor, ...] | None:
        return None if self.steps is None else tuple(self.steps)
