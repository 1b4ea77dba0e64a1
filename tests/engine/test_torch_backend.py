import random

import numpy as np
import pytest

from roberta.engine import torch_backend
from roberta.engine.torch_backend import CLASSES, HIDDEN_STATES, TorchBackend
from roberta.errors import UsageError
from roberta.hub import Origin
from roberta.model.models import RobertaModel
from roberta.model.packed import PackedEncoder
from roberta.model.padded import PaddedEncoder
from roberta.model.parameters import HEADS
from roberta.tasks.base import Window
from tests.conftest import seeded, tiny_config

RANDOM = random.Random(5)
IDS = [[0, *(RANDOM.randrange(3, 60) for _ in range(length)), 2] for length in (0, 1, 6, 6, 6, 20, 3, 20)]
WINDOWS = {
    "all rows": [Window(ids) for ids in IDS],
    "some rows": [Window(ids, RANDOM.sample(range(len(ids)), RANDOM.randrange(len(ids)))) for ids in IDS],
    "no rows": [Window(ids, []) for ids in IDS],
    "one window": [Window(IDS[2], [3, 1])],
}


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory):
    """A checkpoint folder of a tiny model with a head."""

    def make(head, **changes):
        folder = tmp_path_factory.mktemp(head)
        kind = RobertaModel if head == HIDDEN_STATES else CLASSES[head]
        seeded(kind, tiny_config(**changes)).save_pretrained(folder)
        return Origin(folder)

    return make


@pytest.mark.parametrize("rows", WINDOWS)
@pytest.mark.parametrize("head", [*HEADS, HIDDEN_STATES])
def test_each_head_gives_the_same_packed_and_padded(folder_of, head, rows, monkeypatch):
    origin = folder_of(head, is_decoder=head == "causal_lm")
    packed = TorchBackend(origin, head, device="cpu", dtype="fp32")
    monkeypatch.setattr(torch_backend, "can_pack", lambda config: False)
    padded = TorchBackend(origin, head, device="cpu", dtype="fp32")
    assert (type(packed.encode), type(padded.encode)) == (PackedEncoder, PaddedEncoder)
    for ours, theirs, window in zip(packed.run(WINDOWS[rows]), padded.run(WINDOWS[rows]), WINDOWS[rows]):
        assert ours.dtype == np.float32 and ours.shape == theirs.shape
        if head not in HEADS or HEADS[head].rows != "first":
            assert len(ours) == len(window.input_ids if window.rows is None else window.rows)
        # Other kernels, and another number of rows in a product, add up in another order.
        assert np.allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", ["bf16", "fp16", "int8"])
@pytest.mark.parametrize("head", [*HEADS, HIDDEN_STATES])
def test_each_head_answers_in_each_number_type(folder_of, head, dtype):
    origin = folder_of(head)
    exact = TorchBackend(origin, head, device="cpu", dtype="fp32").run(WINDOWS["some rows"])
    found = TorchBackend(origin, head, device="cpu", dtype=dtype).run(WINDOWS["some rows"])
    off = np.concatenate([(ours - theirs).ravel() for ours, theirs in zip(found, exact)])
    spread = np.concatenate([theirs.ravel() for theirs in exact]).std()
    # Random weights of a tiny model are no measure of accuracy; wrong sums would be off by as much as the spread.
    assert 0 < np.abs(off).mean() < 0.1 * spread


def test_relative_positions_run_padded_and_have_no_eight_bits(folder_of):
    origin = folder_of("masked_lm", position_embedding_type="relative_key")
    assert type(TorchBackend(origin, "masked_lm", device="cpu", dtype="fp32").encode) is PaddedEncoder
    with pytest.raises(UsageError, match="int8 is not for models with relative positions; choose fp32 or bf16"):
        TorchBackend(origin, "masked_lm", device="cpu", dtype="int8")
