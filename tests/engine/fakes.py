"""A task and a backend of ten lines, so that the engine is tested without a model."""

from dataclasses import dataclass, field

import numpy as np

from roberta.builtin import MINI
from roberta.config import RobertaConfig
from roberta.engine.lanes import Lanes
from roberta.engine.runner import Runner
from roberta.errors import InputError, ResourceError
from roberta.hub import Origin
from roberta.records import Record
from roberta.tasks.base import Task, Window


@dataclass(frozen=True)
class Echo(Task):
    """Each word of the text is a window; its tokens are the code points. The result names them all."""

    head = "echo"

    def prepare(self, record):
        if record.text == "refuse":
            raise InputError("refused", code="refused")
        return [Window([ord(letter) for letter in word]) for word in record.text.split()]

    def decode(self, record, windows, outputs):
        return {"words": ["".join(map(chr, output)) for output in outputs]}


@dataclass
class EchoBackend:
    """Gives back the ids. Refuses a "?" as an id that the model lacks, and more windows than fit the memory."""

    most_windows: int = 1000
    batches: list[list[int]] = field(default_factory=list)
    lanes: Lanes = field(default_factory=lambda: Lanes(1, int))

    def run(self, windows):
        self.batches.append([len(window.input_ids) for window in windows])
        if len(windows) > self.most_windows:
            raise ResourceError("out of memory")
        if any(ord("?") in window.input_ids for window in windows):
            raise InputError("token id 63 is outside the model's table", code="id_out_of_range")
        return [np.array(window.input_ids) for window in windows]


class EchoRunner(Runner):
    """A runner whose model is the given backend."""

    def __init__(self, backend=None, *, batch_tokens=50):
        super().__init__(Origin(MINI), batch_tokens=batch_tokens)
        self.backend = backend or EchoBackend()

    config = RobertaConfig()

    def _open(self, task):
        return self.backend


def records(*texts):
    """Records of these texts, as from arguments."""
    return [Record(index, f"argument {index + 1}", {"text": text}) for index, text in enumerate(texts)]
