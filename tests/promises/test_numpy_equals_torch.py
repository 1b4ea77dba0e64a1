"""The two forwards are one model: every head, any config that both can run, every type that weights are stored in."""

import random

import numpy as np
import pytest
import torch

from roberta.builtin import MINI
from roberta.engine.numpy_backend import NumpyBackend
from roberta.engine.torch_backend import CLASSES, TorchBackend
from roberta.hub import Origin
from roberta.model.models import RobertaModel
from roberta.model.numpy_forward import HIDDEN_STATES, READERS
from roberta.model.parameters import HEADS
from roberta.tasks.base import Window
from tests.conftest import seeded, tiny_config

PLAIN = [head for head in HEADS if head != "causal_lm"]  # which goes on from its own words, with a cache


def assert_the_same(origin: Origin, head: str, windows: list[Window], layers: tuple[int, ...] = (-1,)) -> None:
    expected = TorchBackend(origin, head, layers=layers, device="cpu", dtype="fp32").run(windows)
    found = NumpyBackend(origin, head, layers=layers).run(windows)
    assert len(found) == len(expected) == len(windows)
    for ours, theirs in zip(found, expected):
        assert (ours.dtype, ours.shape) == (np.float32, theirs.shape)
        assert np.abs(ours - theirs).max() <= 1e-5 * max(1, np.abs(theirs).max())


def random_windows(random: random.Random, words: int, room: int) -> list[Window]:
    """A few, of any length, with any positions asked for, some twice; a pad id may stand among the words."""
    windows = []
    for _ in range(random.randint(1, 5)):
        ids = [random.randrange(words) for _ in range(random.randint(1, room))]
        rows = random.choice([None, random.choices(range(len(ids)), k=random.randint(1, 3))])
        windows.append(Window(ids, rows=rows))
    return windows


def random_config(random: random.Random):
    heads = random.choice([1, 2, 3, 4])
    layers = random.choice([0, 1, 2, 3])
    pruned = {0: [0]} if layers and heads > 1 and random.random() < 0.3 else {}
    return tiny_config(
        vocab_size=random.randint(40, 90),
        num_attention_heads=heads,
        hidden_size=heads * random.choice([1, 5, 8]),
        num_hidden_layers=layers,
        intermediate_size=random.choice([1, 7, 24]),
        hidden_act=random.choice(["gelu", "gelu_python"]),
        layer_norm_eps=random.choice([1e-12, 1e-5, 1e-3]),
        type_vocab_size=random.choice([1, 2]),
        pad_token_id=random.choice([0, 1, 3]),
        tie_word_embeddings=random.random() < 0.7,
        pruned_heads=pruned,
        num_labels=2,
    )


def test_every_plain_head_has_its_numpy_line():
    assert list(READERS) == PLAIN


@pytest.mark.parametrize("head", [*PLAIN, HIDDEN_STATES])
@pytest.mark.parametrize("seed", range(4))
def test_a_random_model_answers_alike(head, seed, tmp_path):
    chance = random.Random(f"{head} {seed}")
    config = random_config(chance)
    model = seeded(RobertaModel if head == HIDDEN_STATES else CLASSES[head], config, seed)
    kind = chance.choice([torch.float32, torch.float16, torch.bfloat16])
    model.to(kind).save_pretrained(tmp_path)
    windows = random_windows(chance, config.vocab_size, config.usable_length)
    assert_the_same(Origin(tmp_path), head, windows)


@pytest.mark.parametrize("layers", [(0,), (-1,), (1, -1), (2, 2, 0)])
def test_the_mean_of_any_layers_is_alike(layers, tmp_path):
    seeded(RobertaModel, tiny_config()).save_pretrained(tmp_path)
    assert_the_same(Origin(tmp_path), HIDDEN_STATES, random_windows(random.Random(1), 60, 20), layers)


@pytest.mark.parametrize("head", ["masked_lm", HIDDEN_STATES])
def test_the_built_in_model_answers_alike(head):
    windows = [*random_windows(random.Random(2), 16_384, 128), Window(range(4, 132))]
    assert_the_same(Origin(MINI), head, windows)
