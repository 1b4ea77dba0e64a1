import logging

import pytest
import torch

from roberta.model import kernels
from roberta.model.kernels import (
    FLOATS,
    KINDS,
    Int8Linear,
    Linear,
    PackedInt8Linear,
    PackedLinear,
    linear_kind,
    sums_are_exact,
)

SHAPES = [(1, 64, 48), (7, 96, 33), (130, 256, 1024)]


@pytest.fixture(autouse=True)
def without_gradients():
    with torch.inference_mode():
        yield
    linear_kind.cache_clear()


@pytest.fixture(autouse=True)
def capability(monkeypatch):
    """Sets what the CPU is said to have; AVX512 to begin with."""

    def said(name):
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: name)
        linear_kind.cache_clear()

    said("AVX512")
    return said


def numbers(rows, inputs, outputs, dtype="fp32"):
    random = torch.Generator().manual_seed(rows)
    shapes = ((rows, inputs), (outputs, inputs), (outputs,), (rows, outputs))
    x, weight, bias, residual = (torch.randn(shape, generator=random).to(FLOATS[dtype]) for shape in shapes)
    return x, weight / inputs**0.5, bias, residual


def has(kind, dtype):
    x, weight, bias, _ = numbers(2, 64, 48, dtype)
    try:
        kind(weight, bias)(x)
    except (AttributeError, RuntimeError) as error:
        pytest.skip(f"this machine has no {kind.__name__} for {dtype}: {error}")
    return kind


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("dtype", "kind"), [(dtype, kind) for dtype in ("fp32", "bf16") for kind in KINDS[dtype]])
def test_a_linear_is_the_product_and_what_follows(dtype, kind, shape):
    x, weight, bias, residual = numbers(*shape, dtype)
    linear = has(kind, dtype)(weight, bias)
    kept = residual.clone()
    exact = x.double() @ weight.double().T + bias.double()
    # Results near 1: 24 bits with rounding errors of up to 256 sums, or the 8 bits of bf16.
    close = {"atol": {"fp32": 1e-5, "bf16": 3e-2}[dtype], "rtol": {"fp32": 1e-5, "bf16": 1e-2}[dtype]}
    assert torch.allclose(linear(x).double(), exact, **close)
    assert torch.allclose(linear.gelu(x).double(), torch.nn.functional.gelu(exact), **close)
    assert torch.allclose(linear.plus(x, residual).double(), exact + kept.double(), **close)
    assert torch.equal(residual, kept)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS["int8"])
def test_eight_bits_are_whole_numbers_times_two_scales(kind, shape):
    x, weight, bias, _ = numbers(*shape)
    linear = has(kind, "int8")(weight, bias)
    rows, columns = x.abs().amax(1, keepdim=True) / 127, weight.abs().amax(1, keepdim=True) / linear.most
    whole = (x / rows).round().double() @ (weight / columns).round().double().T
    assert torch.allclose(linear(x).double(), whole * rows * columns.T + bias, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS["int8"])
def test_no_sum_of_products_is_cut_off(kind):
    x, weight = torch.ones(3, 512), torch.ones(32, 512)
    x[1] = -1
    x[2, ::2] = -1
    found = has(kind, "int8")(weight, torch.zeros(32))(x)
    assert torch.allclose(found, torch.tensor([512.0, -512.0, 0.0])[:, None].expand(3, 32), atol=1e-3)


def test_weights_have_seven_bits_where_two_products_of_eight_are_cut_off():
    has(PackedInt8Linear, "int8")
    assert sums_are_exact(64)
    assert PackedInt8Linear(*numbers(1, 64, 48)[1:3]).most == (127 if sums_are_exact(127) else 64)


@pytest.mark.parametrize("kind", KINDS["int8"])
def test_a_row_in_eight_bits_is_the_same_beside_an_outlier_and_beside_zeros(kind):
    x, weight, bias, _ = numbers(5, 64, 48)
    linear = has(kind, "int8")(weight, bias)
    alone = linear(x[:1])
    for neighbour in (1e6, 1e-6, 0.0):
        beside = x.clone()
        beside[1:] *= neighbour
        # Whole numbers add up the same in any order; in fp32, the last bit may differ.
        assert torch.allclose(linear(beside)[:1], alone, rtol=0 if kind is PackedInt8Linear else 1e-6)


@pytest.mark.parametrize("kind", KINDS["int8"])
def test_rows_and_outputs_of_zeros_are_no_division_by_zero(kind):
    x, weight, bias, _ = numbers(3, 64, 48)
    x[1], weight[2] = 0, 0
    found = has(kind, "int8")(weight, bias)(x)
    assert torch.equal(found[1], bias) and torch.equal(found[:, 2], bias[2].expand(3))


@pytest.mark.parametrize(("dtype", "spare"), [("fp32", Linear), ("bf16", Linear), ("int8", Int8Linear)])
def test_without_its_operations_the_plain_kind_serves_and_the_log_says_why(dtype, spare, monkeypatch, caplog):
    def missing(*_):
        raise AttributeError("'_OpNamespace' object has no attribute\nmore")

    monkeypatch.setattr(KINDS[dtype][0], "__init__", missing)
    with caplog.at_level(logging.DEBUG):
        assert linear_kind(dtype) is spare
    assert f"no {KINDS[dtype][0].__name__} ('_OpNamespace' object has no attribute)" in caplog.text


def test_a_kind_that_computes_wrong_is_not_taken(monkeypatch, caplog):
    monkeypatch.setattr(KINDS["fp32"][0], "gelu", lambda self, x: self(x))
    with caplog.at_level(logging.DEBUG):
        assert linear_kind("fp32") is Linear
    assert "computes wrong" in caplog.text


def test_the_kind_is_that_of_the_cpu_and_is_found_once(monkeypatch, capability):
    asked = []
    monkeypatch.setattr(kernels, "works", lambda *kind: asked.append(kind) or True)
    for name, kind in (("AVX512", PackedLinear), ("AVX2", Linear), ("DEFAULT", PackedLinear)):
        capability(name)
        assert linear_kind("fp32") is linear_kind("fp32") is kind
    assert linear_kind("int8") is PackedInt8Linear
    assert len(asked) == 3
