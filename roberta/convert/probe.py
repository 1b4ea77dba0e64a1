"""What a checkpoint is asked before and after: batches that reach every position, the pad rows, and masks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from roberta.config import RobertaConfig

_SEED = 20
_LENGTHS = (2, 5, 9)
_KEPT = 1 << 20  # numbers of one output of the full text


@dataclass(frozen=True)
class Probe:
    """input_ids, attention_mask: (batch, length) int64. is_full: one text as long as the model can read."""

    input_ids: np.ndarray
    attention_mask: np.ndarray
    is_full: bool = False

    def inputs(self, head: str | None) -> dict[str, np.ndarray]:
        """The two arrays as the class takes them; multiple choice has (batch, choices, length)."""
        arrays = {"input_ids": self.input_ids, "attention_mask": self.attention_mask}
        if head == "multiple_choice":  # the rows are the choices of one text
            return {name: array[None] for name, array in arrays.items()}
        return arrays

    def kept(self, output: np.ndarray) -> np.ndarray:
        """The part of an output that is compared: of a full text's rows, where each is long, a few up to the last."""
        if not self.is_full or output.ndim != 3 or output.size <= _KEPT:
            return output
        rows = np.unique(np.linspace(0, output.shape[1] - 1, max(_KEPT // output.shape[2], 2)).astype(int))
        return output[:, rows]


def probes(config: RobertaConfig) -> list[Probe]:
    """A padded batch of several lengths, a text with pad tokens that are not masked, and the longest text there is.

    Ids are drawn over the whole vocabulary, always the same ones for the same sizes.

    >>> [probe.input_ids.shape for probe in probes(RobertaConfig())]
    [(3, 9), (1, 9), (1, 510)]
    """
    random = np.random.default_rng(_SEED)
    room, padding = config.usable_length, config.pad_token_id

    def words(length: int) -> np.ndarray:
        ids = random.integers(0, max(config.vocab_size - 1, 1), length)
        ids[ids >= padding] += 1  # any word but the pad token
        return np.minimum(ids, config.vocab_size - 1)

    lengths = [min(length, room) for length in _LENGTHS]
    ids = np.full((len(lengths), max(lengths)), padding)
    mask = np.zeros_like(ids)
    for row, length in enumerate(lengths):
        ids[row, :length], mask[row, :length] = words(length), 1
    seen = words(min(_LENGTHS[-1], room))[None]
    seen[0, 1::3] = padding
    full = words(room)[None]
    return [Probe(ids, mask), Probe(seen, np.ones_like(seen)), Probe(full, np.ones_like(full), is_full=True)]
