"""The encoder over windows padded to the longest: for a GPU, and for whatever `packed` does not compute."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import torch
from torch import Tensor

from roberta.model.models import RobertaModel


class PaddedEncoder:
    """What `packed.PackedEncoder` gives, by the model's own forward pass: on any device, for any config."""

    def __init__(self, body: RobertaModel, layers: Sequence[int] = (-1,)):
        self.body, self.layers = body, tuple(layers)

    def __call__(self, windows: Sequence[Sequence[int]], rows: Sequence[Sequence[int]]) -> Tensor:
        """(all rows that are read, width): those of the first window, in the order asked for, then the next one's.

        windows: token ids. rows: of each window the positions that are read, maybe none.

        Raises InputError: a window that is too long, or ids that are not in the tables.
        """
        counts = torch.tensor([len(read) for read in rows])
        numbers = torch.repeat_interleave(torch.arange(len(windows)), counts)
        columns = torch.tensor(list(chain.from_iterable(rows)), dtype=torch.long)
        return self._hidden_states(windows)[self._sent(numbers), self._sent(columns)]

    def _hidden_states(self, windows: Sequence[Sequence[int]]) -> Tensor:
        """(windows, longest, width)."""
        longest = max(map(len, windows))
        ids = torch.full((len(windows), longest), self.body.config.pad_token_id)
        visible = torch.zeros(len(windows), longest)
        for number, window in enumerate(windows):
            ids[number, : len(window)] = torch.tensor(window)
            visible[number, : len(window)] = 1
        several = self.layers != (-1,)
        mask = None if all(len(window) == longest for window in windows) else self._sent(visible)
        output = self.body(self._sent(ids), mask, output_hidden_states=several, return_dict=True)
        if not several:
            return output.last_hidden_state
        return torch.stack([output.hidden_states[layer] for layer in self.layers]).mean(0)

    def _sent(self, x: Tensor) -> Tensor:
        """The tensor where the model is; by way of pinned memory the CPU does not wait for it."""
        if self.body.device.type != "cuda":
            return x
        return x.pin_memory().to(self.body.device, non_blocking=True)
