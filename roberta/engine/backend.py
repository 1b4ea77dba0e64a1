"""What a backend is: windows in, arrays out, one signature for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from roberta.tasks.base import Window


class Backend(Protocol):
    """A loaded model that reads windows with one head."""

    def run(self, windows: Sequence[Window]) -> list[np.ndarray]:
        """One array for each window, float32: (rows, outputs), or (outputs,) for heads that read only <s>.

        Raises ResourceError: out of memory, also for this batch alone; InputError: ids the model does not have.
        """
        ...
