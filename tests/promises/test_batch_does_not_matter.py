"""A record's result is the same alone, in any batch, and in any order."""

import random

import numpy as np
import pytest

import roberta
from roberta.builtin import MINI
from roberta.engine import runner as engine

RANDOM = random.Random(4)
TEXTS = [
    " ".join(RANDOM.choices(["Paris", "is", "a", "city", "and", "the", "<mask>", "réseau", "日本", "."], k=length))
    for length in [1, 2, 3, 5, 8, 13, 40, 90, 200] * 2
]


def numbers(value):
    """Every number in a result, in order."""
    if isinstance(value, dict):
        return [number for inner in value.values() for number in numbers(inner)]
    if isinstance(value, list | tuple):
        return [number for inner in value for number in numbers(inner)]
    if isinstance(value, np.ndarray):
        return value.tolist()
    return [value] if isinstance(value, float) else []


def words(value):
    """Everything else in a result, in order."""
    if isinstance(value, dict):
        return [(key, words(inner)) for key, inner in value.items()]
    if isinstance(value, list | tuple):
        return [words(inner) for inner in value]
    return None if isinstance(value, float | np.ndarray) else value


CASES = {
    "embed": {"window": 64},
    "embed words": {"level": "word"},
    "embed layers": {"layer": [1, 2]},
    "fill-mask": {"top": 3},
    "fill-mask joint": {"fill": "joint", "beams": 2, "top": 1},
}


@pytest.mark.parametrize("case", CASES)
def test_alone_in_any_batch_and_in_any_look_ahead(case, monkeypatch):
    task, options = case.split()[0], CASES[case]
    texts = [text for text in TEXTS if len(text) < 300] if "joint" in case else TEXTS
    texts = [f"{text} <mask>" if task == "fill-mask" else text for text in texts]

    def results(batch_tokens, given=texts):
        return list(roberta.run(task, given, model=MINI, batch_tokens=batch_tokens, **options))

    alone = [results(1, [text])[0] | {"id": place + 1} for place, text in enumerate(texts)]
    for look_ahead, batch_tokens in ((1, 300), (32, 1024), (64, 100_000)):
        monkeypatch.setattr(engine, "LOOK_AHEAD", look_ahead)
        together = results(batch_tokens)
        assert [words(result) for result in together] == [words(result) for result in alone]
        for ours, other in zip(map(numbers, together), map(numbers, alone)):
            # Sums of float32 in another order; never rounded away.
            assert np.allclose(ours, other, rtol=1e-5, atol=1e-5)


def test_the_order_of_records_does_not_matter():
    order = RANDOM.sample(range(len(TEXTS)), len(TEXTS))
    straight = [result["embedding"] for result in roberta.run("embed", TEXTS, model=MINI)]
    shuffled = [result["embedding"] for result in roberta.run("embed", [TEXTS[place] for place in order], model=MINI)]
    assert np.allclose(np.stack(shuffled), np.stack(straight)[order], rtol=1e-5, atol=1e-5)
