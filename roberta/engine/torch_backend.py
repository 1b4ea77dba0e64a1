"""The torch backend: one loaded model and one head, on a CPU or a GPU."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from roberta.errors import InputError, ResourceError
from roberta.generation.causal import RobertaForCausalLM
from roberta.hub import Origin
from roberta.model import models
from roberta.model.parameters import HEADS
from roberta.model.pretrained import PretrainedModel
from roberta.tasks.base import Window

HIDDEN_STATES = "hidden_states"
CLASSES: dict[str, type[PretrainedModel]] = {
    head: RobertaForCausalLM if head == "causal_lm" else getattr(models, row.architecture)
    for head, row in HEADS.items()
}


@contextmanager
def memory_errors(windows: int) -> Iterator[None]:
    """Say "out of memory" as ResourceError, however torch says it. windows: how many are in the batch."""
    message = f"out of memory with {windows} windows in a batch; lower --batch-tokens"
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise ResourceError(message) from error
    except RuntimeError as error:
        if "can't allocate memory" in str(error) or "not enough memory" in str(error):
            raise ResourceError(message) from error
        raise


class TorchBackend:
    """Reads windows with the head that one task asks for.

    layers: for "hidden_states", the layers whose mean is read; 0 is the embeddings, -1 the last.
    """

    def __init__(self, origin: Origin, head: str, *, layers: Sequence[int] = (-1,), device: str, dtype: torch.dtype):
        self.head = head
        self.layers = tuple(layers)
        self.device = torch.device(device)
        if head == HIDDEN_STATES:
            model = models.RobertaModel.from_pretrained(
                origin, strict=True, add_pooling_layer=False, dtype=dtype, device=device
            )
        else:
            model = CLASSES[head].from_pretrained(origin, strict=True, dtype=dtype, device=device)
        self.model = model.requires_grad_(False)
        self.padding = model.config.pad_token_id

    def run(self, windows: Sequence[Window]) -> list[np.ndarray]:
        with memory_errors(len(windows)), torch.inference_mode():
            return self._run(windows)

    def _run(self, windows: Sequence[Window]) -> list[np.ndarray]:
        hidden = self._hidden_states(windows)
        if self.head == HIDDEN_STATES:
            return _per_window(hidden[self._places(windows)], _row_counts(windows))
        module = getattr(self.model, HEADS[self.head].module)
        rows = HEADS[self.head].rows
        if HEADS[self.head].pooler:
            return list(_to_numpy(module(self.model.roberta.pooler(hidden))))
        if rows == "first":
            return list(_to_numpy(module(hidden)))
        return _per_window(module(hidden[self._places(windows)]), _row_counts(windows))

    def _hidden_states(self, windows: Sequence[Window]) -> Tensor:
        """(windows, longest, width)."""
        longest = max(len(window.input_ids) for window in windows)
        ids = torch.full((len(windows), longest), self.padding)
        visible = torch.zeros(len(windows), longest)
        for row, window in enumerate(windows):
            ids[row, : len(window.input_ids)] = torch.tensor(window.input_ids)
            visible[row, : len(window.input_ids)] = 1
        ids, visible = ids.to(self.device, non_blocking=True), visible.to(self.device, non_blocking=True)
        several = self.layers != (-1,)
        mask = visible if int(visible.sum()) < visible.numel() else None
        output = self.model.body(ids, mask, output_hidden_states=several, return_dict=True)
        if not several:
            return output.last_hidden_state
        try:
            return torch.stack([output.hidden_states[layer] for layer in self.layers]).mean(0)
        except IndexError:
            most = len(output.hidden_states) - 1
            raise InputError(f"no layer {self.layers}; this model has 0 (the embeddings) to {most}") from None

    def _places(self, windows: Sequence[Window]) -> tuple[Tensor, Tensor]:
        """Batch row and column of everything that is read."""
        counts = torch.tensor(_row_counts(windows))
        batch_rows = torch.repeat_interleave(torch.arange(len(windows)), counts)
        columns = torch.tensor([column for window in windows for column in _rows(window)], dtype=torch.long)
        return batch_rows.to(self.device), columns.to(self.device)


def _rows(window: Window) -> Sequence[int]:
    return range(len(window.input_ids)) if window.rows is None else window.rows


def _row_counts(windows: Sequence[Window]) -> list[int]:
    return [len(_rows(window)) for window in windows]


def _per_window(outputs: Tensor, counts: list[int]) -> list[np.ndarray]:
    return np.split(_to_numpy(outputs), np.cumsum(counts)[:-1])


def _to_numpy(outputs: Tensor) -> np.ndarray:
    return outputs.float().cpu().numpy()
