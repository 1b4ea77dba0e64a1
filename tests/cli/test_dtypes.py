"""--dtype from the command line, on the model that ships."""

import json

import numpy as np
import pytest

from roberta.model import kernels

TEXT = "The cat sat on the mat."


def vector(ended):
    return np.array(json.loads(ended.out)["embedding"])


@pytest.mark.parametrize("dtype", ["bf16", "fp16", "int8"])
def test_another_number_type_gives_nearly_the_same_and_always_the_same(roberta, dtype, monkeypatch):
    monkeypatch.setattr("roberta.model.kernels.bf16_is_native", lambda: True)  # imitated, where it is not
    exact = vector(roberta("embed", TEXT, "--dtype", "fp32"))
    once, again = (roberta("embed", TEXT, "--dtype", dtype) for _ in range(2))
    assert once.out == again.out
    other = vector(once)
    assert not np.array_equal(exact, other)
    assert exact @ other > 0.999 * np.linalg.norm(exact) * np.linalg.norm(other)


def test_auto_on_a_cpu_is_fp32(roberta):
    assert roberta("embed", TEXT, "--device", "cpu").out == roberta("embed", TEXT, "--dtype", "fp32").out


def test_a_cpu_without_bf16_answers_in_fp32_which_is_noted_once(roberta, monkeypatch):
    monkeypatch.setattr("roberta.model.kernels.bf16_is_native", lambda: False)
    ended = roberta("fill-mask", "A <mask>.", "--dtype", "bf16")
    exact = roberta("fill-mask", "A <mask>.", "--dtype", "fp32", "--backend", "torch")
    assert (ended.code, ended.out) == (0, exact.out)
    assert ended.err.count("note: this CPU has no bf16 of its own: fp32 is computed, which is faster here") == 1


def test_a_number_type_that_is_not_there_is_wrong_use(roberta):
    ended = roberta("embed", TEXT, "--dtype", "fp8")
    assert (ended.code, ended.err.splitlines()[-1]) == (
        2,
        "error: no number type 'fp8'; choose auto, fp32, bf16, fp16, int8",
    )


def test_continuing_a_text_in_eight_bits_is_wrong_use(roberta, surroundings):
    ended = roberta("generate", "-m", "my-causal-model", "A cat", "--dtype", "int8")
    assert (ended.code, ended.err) == (2, "error: int8 is not for continuing texts; choose fp32 or bf16\n")


def test_debug_says_which_products_are_not_there(roberta, monkeypatch):
    def missing(*_):
        raise AttributeError("no such operation")

    monkeypatch.setattr(kernels.PackedInt8Linear, "__init__", missing)
    kernels.linear_kind.cache_clear()
    ended = roberta("embed", TEXT, "--dtype", "int8", "--debug")
    assert ended.code == 0
    assert "debug: int8 linears by Int8Linear: no PackedInt8Linear (no such operation)" in ended.err
    kernels.linear_kind.cache_clear()
    assert "debug" not in roberta("embed", TEXT, "--dtype", "int8").err
    kernels.linear_kind.cache_clear()
