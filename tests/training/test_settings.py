import pytest
import torch

from roberta.errors import UsageError
from roberta.training.settings import Settings, resolve_precision

INFINITE = float("inf")


@pytest.mark.parametrize(
    "wrong",
    [
        {"lr": 0},
        {"lr": -1e-4},
        {"lr": INFINITE},
        {"lr": float("nan")},
        {"head_lr": 0},
        {"epochs": 0},
        {"epochs": INFINITE},
        {"steps": 0},
        {"batch_tokens": 0},
        {"accumulate": 0},
        {"warmup": -1},
        {"weight_decay": -0.1},
        {"clip": -1},
        {"clip": float("nan")},
        {"dropout": 1},
        {"dropout": -0.1},
        {"save_every": 0},
        {"keep_last": 0},
        {"patience": 0},
        {"schedule": "steep"},
        {"precision": "fp16"},
    ],
    ids=str,
)
def test_a_number_that_cannot_be_is_refused_by_name(wrong):
    (name,) = wrong
    with pytest.raises(UsageError, match="dtype" if name == "precision" else name.replace("_", "-")):
        Settings(**wrong)


def test_zero_is_no_clipping_no_decay_no_warm_up_and_no_dropout():
    Settings(clip=0, weight_decay=0, warmup=0, dropout=0)


def test_a_resumed_run_may_keep_more_checkpoints_and_nothing_else_may_differ():
    assert Settings(keep_last=1).identity == Settings(keep_last=5).identity
    assert Settings().identity.keys() == set(Settings.__dataclass_fields__) - {"keep_last"}
    assert Settings(steps=5, epochs=1).identity == Settings(steps=5, epochs=2).identity, "steps stand in their place"


def test_asked_for_a_precision_is_the_precision():
    cpu = torch.device("cpu")
    assert resolve_precision("fp32", cpu) == "fp32"
    assert resolve_precision("bf16", cpu) == "bf16"
    assert resolve_precision("auto", cpu) in ("fp32", "bf16")
