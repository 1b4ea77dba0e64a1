"""The arithmetic of the NumPy forward; that it equals torch is a promise of its own."""

import math
import subprocess
import sys

import numpy as np
import pytest

from roberta.model.numpy_forward import HIDDEN_STATES, erf, gelu, lacking
from tests.conftest import tiny_config

PLACES = np.concatenate([np.linspace(-6, 6, 20_001), np.geomspace(1e-30, 3e38, 2_000), [0, -0.0]]).astype(np.float32)


def test_erf_is_within_its_bound():
    true = np.array([math.erf(x) for x in PLACES.tolist()])
    with np.errstate(over="ignore"):
        assert np.abs(erf(PLACES) - true).max() < 5e-7
        assert np.array_equal(erf(-PLACES), -erf(PLACES))
    assert np.isnan(erf(np.float32([math.nan]))).all()


def test_gelu_is_within_its_bound():
    true = np.array([x * 0.5 * math.erfc(-x * 0.5**0.5) for x in PLACES.tolist()])
    with np.errstate(over="ignore"):
        assert (np.abs(gelu(PLACES) - true) <= 4e-7 * np.maximum(1, np.abs(PLACES))).all()


def test_both_stay_in_float32():
    assert erf(PLACES[:3]).dtype == gelu(PLACES[:3]).dtype == np.float32


@pytest.mark.parametrize(
    ("changes", "head", "part"),
    [
        ({}, "masked_lm", None),
        ({"hidden_act": "gelu_python"}, HIDDEN_STATES, None),
        ({"hidden_act": "relu"}, "masked_lm", "relu activation"),
        ({"position_embedding_type": "relative_key"}, "masked_lm", "relative_key positions"),
        ({"is_decoder": True}, "masked_lm", "decoders"),
        ({}, "causal_lm", "text generation"),
        ({}, "generation", "text generation"),
    ],
)
def test_what_it_lacks_is_named(changes, head, part):
    assert lacking(tiny_config(**changes), head) == part


def test_it_loads_no_torch():
    code = "import sys, roberta.model.numpy_forward, roberta.engine.numpy_backend; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
