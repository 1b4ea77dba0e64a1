"""The arithmetic of the NumPy forward; that it equals torch is a promise of its own."""

import subprocess
import sys

import pytest

from roberta.model.numpy_forward import HIDDEN_STATES, lacking
from tests.conftest import tiny_config


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
