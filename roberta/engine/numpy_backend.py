"""The NumPy backend: one mapped checkpoint and one head, on a CPU, in float32, without importing torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from roberta.engine.backend import out_of_memory
from roberta.engine.blas_threads import blas_threads, set_blas_threads
from roberta.engine.lanes import MOST, Lanes
from roberta.hub import Origin
from roberta.model.matching import find_parameters, warn_of_nan
from roberta.model.numpy_forward import HIDDEN_STATES, NumpyForward, needed_shapes
from roberta.model.parameters import HEADS
from roberta.tasks.base import Window
from roberta.weights.adapter import read_config
from roberta.weights.arrays import to_float32
from roberta.weights.folder import read_weights


class NumpyBackend:
    """Reads windows with the head that one task asks for; `numpy_forward.lacking` says which it cannot.

    layers: for "hidden_states", the layers whose mean is read; 0 is the embeddings, -1 the last. threads: those of
    NumPy's products; None: as many as they have.

    Raises CheckpointError: weights missing, damaged, or of another model.
    """

    def __init__(self, origin: Origin, head: str, *, layers: Sequence[int] = (-1,), threads: int | None = None):
        config = read_config(origin)
        stored = read_weights(origin)
        row = HEADS.get(head)
        tied = config.tie_word_embeddings and row is not None and row.module == "lm_head"
        self._found = find_parameters(
            stored,
            needed_shapes(config, head),
            model="RobertaModel" if head == HIDDEN_STATES else row.architecture,
            head=None if head == HIDDEN_STATES else head,
            tied=tied,
            strict=True,
        ).found
        self._source = stored.source
        self._forward = NumpyForward(config, self._found, head)
        self._layers = tuple(layers)
        if threads:
            set_blas_threads(threads)
        # OpenBLAS shares out one product at a time, so each lane is one thread.
        self.lanes = Lanes(min(blas_threads(), MOST), set_blas_threads)
        self._was_searched = False

    def run(self, windows: Sequence[Window]) -> list[np.ndarray]:
        try:
            outputs = self._forward(
                [window.input_ids for window in windows], [window.read for window in windows], self._layers
            )
        except MemoryError as error:
            raise out_of_memory(len(windows)) from error
        # Torch looks through all weights when it loads them; here that would take longer than the answer.
        if not self._was_searched and not all(np.isfinite(output).all() for output in outputs):
            self._was_searched = True
            for name, array in self._found.items():
                if not np.isfinite(to_float32(array)).all():
                    warn_of_nan(self._source, name, stacklevel=2)
        return outputs
