"""The torch backend: one loaded model and one head, on a CPU or a GPU."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from roberta.engine.backend import out_of_memory
from roberta.engine.lanes import Lanes
from roberta.errors import UsageError
from roberta.generation.causal import RobertaForCausalLM
from roberta.hub import Origin
from roberta.model import models
from roberta.model.kernels import FLOATS
from roberta.model.models import RobertaModel
from roberta.model.numpy_forward import HIDDEN_STATES
from roberta.model.packed import PackedEncoder, can_pack
from roberta.model.padded import PaddedEncoder
from roberta.model.parameters import HEADS
from roberta.model.pretrained import PretrainedModel
from roberta.tasks.base import Window

CLASSES: dict[str, type[PretrainedModel]] = {
    head: RobertaForCausalLM if head == "causal_lm" else getattr(models, row.architecture)
    for head, row in HEADS.items()
}


@contextmanager
def memory_errors(windows: int) -> Iterator[None]:
    """Say "out of memory" as ResourceError, however torch says it. windows: how many are in the batch."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise out_of_memory(windows) from error
    except RuntimeError as error:
        if "can't allocate memory" in str(error) or "not enough memory" in str(error):
            raise out_of_memory(windows) from error
        raise


def encoder_of(body: RobertaModel, dtype: str, layers: Sequence[int] = (-1,)) -> PackedEncoder | PaddedEncoder:
    """The one place that decides. The packed one takes the layers of `body` over.

    A GPU has fast products for padded batches, and packed weights are for the CPU.

    Raises UsageError: int8 where the packed encoder does not serve.
    """
    if body.device.type == "cpu" and can_pack(body.config):
        with torch.inference_mode():
            return PackedEncoder(body, dtype, layers)
    if dtype == "int8":
        raise UsageError("int8 is not for models with relative positions; choose fp32 or bf16")
    return PaddedEncoder(body, layers)


def lanes_of(encoder: PackedEncoder | PaddedEncoder) -> Lanes:
    """The padded encoder is for GPUs, which share out one batch themselves."""
    return Lanes(torch.get_num_threads() if isinstance(encoder, PackedEncoder) else 1, torch.set_num_threads)


class TorchBackend:
    """Reads windows with the head that one task asks for.

    layers: for "hidden_states", the layers whose mean is read; 0 is the embeddings, -1 the last. dtype: a row of
    `kernels.KINDS`.

    Raises UsageError: int8 where the packed encoder does not serve.
    """

    def __init__(self, origin: Origin, head: str, *, layers: Sequence[int] = (-1,), device: str, dtype: str):
        self.head = head
        how = {"strict": True, "dtype": FLOATS[dtype], "device": device}
        if head == HIDDEN_STATES:
            model = RobertaModel.from_pretrained(origin, add_pooling_layer=False, **how)
        else:
            model = CLASSES[head].from_pretrained(origin, **how)
        self.model = model.requires_grad_(False)
        self.encode = encoder_of(model.body, dtype, layers)
        self.lanes = lanes_of(self.encode)

    def run(self, windows: Sequence[Window]) -> list[np.ndarray]:
        with memory_errors(len(windows)), torch.inference_mode():
            return self._run(windows)

    def _run(self, windows: Sequence[Window]) -> list[np.ndarray]:
        rows = [self._read(window) for window in windows]
        states = self.encode([window.input_ids for window in windows], rows)
        if self.head == HIDDEN_STATES:
            return _per_window(states, rows)
        row = HEADS[self.head]
        module = getattr(self.model, row.module)
        if row.rows != "first":
            return _per_window(module(states), rows)
        first = states[:, None]  # (windows, 1, width), as these heads take a text
        return list(_to_numpy(module(self.model.roberta.pooler(first) if row.pooler else first)))

    def _read(self, window: Window) -> Sequence[int]:
        first = self.head in HEADS and HEADS[self.head].rows == "first"
        return [0] if first else window.read


def _per_window(outputs: Tensor, rows: Sequence[Sequence[int]]) -> list[np.ndarray]:
    return np.split(_to_numpy(outputs), np.cumsum([len(read) for read in rows])[:-1])


def _to_numpy(outputs: Tensor) -> np.ndarray:
    return outputs.float().cpu().numpy()
