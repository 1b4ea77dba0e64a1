"""The backend that continues prompts: it hands its model to `generate`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from roberta.engine.lanes import Lanes
from roberta.engine.torch_backend import memory_errors
from roberta.errors import UsageError
from roberta.generation import generate
from roberta.generation.causal import RobertaForCausalLM
from roberta.hub import Origin
from roberta.model.kernels import FLOATS
from roberta.tasks.base import Window
from roberta.tasks.generate import Continued

ROWS = 64  # texts that grow side by side: each keeps its keys and values, and scores of the whole vocabulary


class GenerationBackend:
    """Continues windows whose note is an Order; only those of one length run together.

    So no row is padded, and no rule that looks at the text so far, such as no_repeat, can tell its neighbours.

    Raises UsageError: int8, for which the layers that keep keys and values are not made.
    """

    def __init__(self, origin: Origin, *, device: str, dtype: str):
        if dtype == "int8":
            raise UsageError("int8 is not for continuing texts; choose fp32 or bf16")
        model = RobertaForCausalLM.from_pretrained(origin, strict=True, dtype=FLOATS[dtype], device=device)
        self.model = model.requires_grad_(False)
        self.lanes = Lanes(1, torch.set_num_threads)

    def run(self, windows: Sequence[Window]) -> list[list[Continued]]:
        """The texts of each window, the likeliest first where they come from beams.

        Raises ResourceError: out of memory, also for this batch alone; InputError: no token can follow.
        """
        found: dict[int, list[Continued]] = {}
        with memory_errors(len(windows)):
            for places in _alike(windows):
                found.update(zip(places, self._continued([windows[place] for place in places])))
        return [found[place] for place in range(len(windows))]

    def _continued(self, windows: Sequence[Window]) -> Iterator[list[Continued]]:
        order = windows[0].note
        tell = order.on_token if len(windows) == 1 else None
        output = generate(
            self.model,
            torch.tensor([list(window.input_ids) for window in windows]),
            attention_mask=torch.ones(len(windows), len(windows[0].input_ids)),
            seed=[window.note.seed for window in windows] if order.settings["do_sample"] else None,
            tokenizer=order.tokenizer,
            on_token=None if tell is None else (lambda row, token: tell(token)),
            return_dict_in_generate=True,
            **order.settings,
        )
        begin = len(windows[0].input_ids)
        texts = [
            Continued(row[begin : begin + length], finish, logprob)
            for row, length, finish, logprob in zip(
                output.sequences.tolist(),
                output.lengths.tolist(),
                output.finish_reasons,
                output.log_probabilities.tolist(),
            )
        ]
        each = order.settings["num_return_sequences"]
        return (texts[place : place + each] for place in range(0, len(texts), each))


def _alike(windows: Sequence[Window]) -> Iterator[list[int]]:
    """Places of windows that can run together: of one length, under the same settings, not too many."""
    groups: list[list[int]] = []
    for place in sorted(range(len(windows)), key=lambda place: len(windows[place].input_ids)):
        window = windows[place]
        first = windows[groups[-1][0]] if groups else None
        settings = window.note.settings
        most = max(1, ROWS // max(settings["num_beams"], settings["num_return_sequences"]))
        fits = first is not None and len(groups[-1]) < most
        if fits and len(first.input_ids) == len(window.input_ids) and first.note.settings == settings:
            groups[-1].append(place)
        else:
            groups.append([place])
    yield from groups
