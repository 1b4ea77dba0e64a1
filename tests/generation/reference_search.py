"""The searches again, slow and obvious: one text at a time, no padding, no cache, lists of numbers."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

NextScores = Callable[[list[int]], list[float]]


def log_probabilities_of(model, **source) -> NextScores:
    """The logarithms of the next word's probabilities after a text, from a forward pass over the whole of it."""

    def after(text: list[int]) -> list[float]:
        ids = torch.tensor([text])
        with torch.no_grad():
            output = model(
                input_ids=ids, attention_mask=torch.ones_like(ids), past_key_values=None, use_cache=False, **source
            )
        return output.logits[0, -1].double().log_softmax(-1).tolist()

    return after


def greedy(after: NextScores, prompt: list[int], *, eos: set[int], steps: int) -> list[int]:
    """The new words."""
    text = list(prompt)
    for _ in range(steps):
        scores = after(text)
        text.append(scores.index(max(scores)))
        if text[-1] in eos:
            break
    return text[len(prompt) :]


def beam(
    after: NextScores,
    prompt: list[int],
    *,
    beams: int,
    eos: set[int],
    steps: int,
    length_penalty: float = 1.0,
    early_stopping: bool | str = False,
) -> list[tuple[float, list[int]]]:
    """Scores and new words of the best texts, best first. The vocabulary must be large enough for all continuations."""
    running: list[tuple[float, list[int]]] = [(0.0, [])]
    ended: list[tuple[float, list[int]]] = []
    for length in range(1, steps + 1):
        candidates = []
        for total, new in running:
            for word, score in enumerate(after(prompt + new)):
                candidates.append((total + score, [*new, word]))
        candidates.sort(key=lambda candidate: -candidate[0])
        candidates = candidates[: max(2, 1 + len(eos)) * beams]

        running = []
        for place, (total, new) in enumerate(candidates):
            at_end = new[-1] in eos or length == steps
            if at_end and place < beams:
                ended.append((total / length**length_penalty, new))
            if not at_end and len(running) < beams:
                running.append((total, new))
        ended.sort(key=lambda text: -text[0])
        ended = ended[:beams]

        if len(ended) == beams and running:
            if early_stopping is True:
                break
            best_length = steps if early_stopping == "never" and length_penalty > 0 else length
            if running[0][0] / best_length**length_penalty <= ended[-1][0]:
                break
    assert all(math.isfinite(score) for score, _ in ended)
    return ended
