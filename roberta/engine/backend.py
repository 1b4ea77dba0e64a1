"""What a backend is: windows in, arrays out, one signature for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from roberta.engine.lanes import Lanes
from roberta.errors import ResourceError
from roberta.tasks.base import Window

if TYPE_CHECKING:
    import numpy as np


class Backend(Protocol):
    """A loaded model that reads windows with one head.

    lanes: how many batches it runs side by side; `run` may then be called from several threads at once.
    """

    lanes: Lanes

    def run(self, windows: Sequence[Window]) -> list[np.ndarray]:
        """One array for each window, float32: (rows, outputs), or (outputs,) for heads that read only <s>.

        Raises ResourceError: out of memory, also for this batch alone; InputError: ids the model does not have.
        """
        ...


def out_of_memory(windows: int) -> ResourceError:
    """What a backend raises when the memory is not enough. windows: how many are in the batch."""
    return ResourceError(f"out of memory with {windows} windows in a batch; lower --batch-tokens")
