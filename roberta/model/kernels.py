"""Linear layers for inference on a CPU: weights laid out once for the products that follow, in whole or in eight bits.

What a layer packed is opaque: no gradient, no copy, no saving. So these never stand in a model that a caller holds; the
torch backend makes them, under inference_mode, from a model of its own.

The rule for fp32: packed by oneDNN, but `F.linear` (MKL) where the CPU has AVX2 and no AVX512. Measured with AVX512
(Zen 4), GFLOP/s of two cores over 16 to 2,048 rows: packed 137-219, F.linear 71-177. With AVX2 (Zen 3), a layer of 768
columns, microseconds of one core for each of 1,024 tokens, best and median: packed 229 and 239, F.linear 203 and 223,
eight bits packed 117 and 123; for each of 128 tokens packed 242 and 291, F.linear 256 and 327.
"""

from __future__ import annotations

import logging
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

log = logging.getLogger(__name__)


class Linear:
    """x @ weight.T + bias by torch's own `F.linear`, with what often follows.

    weight: (outputs, inputs); bias: (outputs,); x: (rows, inputs); results: (rows, outputs).
    copies: whether the weights that it was made from are not needed any more.
    """

    copies = False

    def __init__(self, weight: Tensor, bias: Tensor):
        self.weight, self.bias = weight, bias

    def __call__(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)

    def gelu(self, x: Tensor) -> Tensor:
        """The exact GELU of the product."""
        return torch.ops.aten.gelu_(self(x))  # in place: F.gelu would fill another buffer

    def plus(self, x: Tensor, residual: Tensor) -> Tensor:
        """The product + (rows, outputs)."""
        return self(x).add_(residual)


class PackedLinear(Linear):
    """oneDNN's product over weights in its own order, in fp32 or bf16; what follows is part of it."""

    copies = True

    def __init__(self, weight: Tensor, bias: Tensor):
        # Private names of torch; `works` tries them before anything depends on them.
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), None)
        self.bias = bias
        self.product = torch.ops.mkldnn._linear_pointwise

    def __call__(self, x: Tensor) -> Tensor:
        return self.product(x, self.weight, self.bias, "none", [], "")

    def gelu(self, x: Tensor) -> Tensor:
        return self.product(x, self.weight, self.bias, "gelu", [], "none")

    def plus(self, x: Tensor, residual: Tensor) -> Tensor:
        return self.product.binary(x, residual, self.weight, self.bias, "add")


class Int8Linear(Linear):
    """Weights in eight bits, a scale for each output; x in eight bits, a scale for each of its rows. Results in fp32.

    A row's scale comes from that row alone, so that no result depends on what else is in the batch.
    This one multiplies the whole numbers as fp32: right everywhere, and no faster than that.
    """

    copies = True
    most = 127  # the largest whole number of a weight

    def __init__(self, weight: Tensor, bias: Tensor):
        scale = weight.abs().amax(1).clamp_(min=torch.finfo(torch.float32).tiny) / self.most
        self.take((weight / scale[:, None]).round_().to(torch.int8), scale)
        self.bias = bias

    def take(self, whole: Tensor, scale: Tensor) -> None:
        """Keep the weights: (outputs, inputs) int8 and (outputs,)."""
        self.weight = whole.float()
        self.scale = scale

    def multiply(self, whole: Tensor) -> Tensor:
        """(rows, inputs) int8 -> (rows, outputs), multiplied with the scales of the weights."""
        return F.linear(whole.float(), self.weight) * self.scale

    def __call__(self, x: Tensor) -> Tensor:
        # Two passes that only read: faster than abs() and than torch's norms and aminmax.
        largest = torch.maximum(x.amax(1, keepdim=True), -x.amin(1, keepdim=True))
        largest.clamp_(min=torch.finfo(torch.float32).tiny)
        whole = (x * (127 / largest)).round_().to(torch.int8)
        found = self.multiply(whole)
        return torch.addcmul(self.bias, found, largest / 127, out=found)  # another buffer takes as long to get as this


class PackedInt8Linear(Int8Linear):
    """The same, multiplied as whole numbers by oneDNN."""

    def __init__(self, weight: Tensor, bias: Tensor):
        self.most = 127 if sums_are_exact(127) else 64
        super().__init__(weight, bias)

    def take(self, whole: Tensor, scale: Tensor) -> None:
        self.weight = torch.ops.onednn.qlinear_prepack(whole, None)
        self.scale = scale
        self.zeros = torch.zeros(len(scale), dtype=torch.int32)

    def multiply(self, whole: Tensor) -> Tensor:
        # oneDNN is fast only on unsigned numbers: x + 128, of which it takes the 128 away again.
        raised = whole.view(torch.uint8).bitwise_xor_(128)
        return torch.ops.onednn.qlinear_pointwise(
            raised, 1.0, 128, self.weight, self.scale, self.zeros, None, 1.0, 0, torch.float32, "none", [], "none"
        )


KINDS: dict[str, tuple[type[Linear], ...]] = {  # number type: what can serve it, the fastest first
    "fp32": (PackedLinear, Linear),
    "bf16": (PackedLinear, Linear),
    "fp16": (Linear,),
    "int8": (PackedInt8Linear, Int8Linear),
}
FLOATS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16, "int8": torch.float32}


@cache
def linear_kind(dtype: str) -> type[Linear]:
    """The kind of linear layer for a row of KINDS on this machine: no clock decides, so it is always the same.

    >>> linear_kind("fp16")
    <class 'roberta.model.kernels.Linear'>
    """
    if dtype == "fp32" and torch.backends.cpu.get_cpu_capability() == "AVX2":
        return Linear
    return next(kind for kind in KINDS[dtype] if kind is KINDS[dtype][-1] or works(kind, dtype))


def works(kind: type[Linear], dtype: str) -> bool:
    """Whether a kind computes here what `Linear` does; if not, the reason is in the log."""
    random = torch.Generator().manual_seed(0)
    x, weight, bias, residual = (
        torch.randn(shape, generator=random).to(FLOATS[dtype]) for shape in ((6, 64), (48, 64), (48,), (6, 48))
    )
    plain = Linear(weight, bias)
    try:
        found = kind(weight, bias)
        pairs = [(found(x), plain(x)), (found.gelu(x), plain.gelu(x))]
        pairs.append((found.plus(x, residual), plain.plus(x, residual)))
    except (AttributeError, RuntimeError, TypeError, ValueError) as error:
        log.debug("%s linears by %s: no %s (%s)", dtype, KINDS[dtype][-1].__name__, kind.__name__, _first_line(error))
        return False
    # Wide: this tells a wrong answer from a right one; how exact it is, tests say.
    good = all(torch.allclose(ours.float(), theirs.float(), rtol=0.05, atol=0.5) for ours, theirs in pairs)
    if not good:
        log.debug("%s linears by %s: %s computes wrong", dtype, KINDS[dtype][-1].__name__, kind.__name__)
    return good


@cache
def sums_are_exact(most: int) -> bool:
    """Whether oneDNN adds products of whole numbers up to 255 and `most` exactly.

    Without VNNI it adds two of them in 16 bits, which end at 32,767: 2 x 255 x 127 is more, 2 x 255 x 64 is not.
    """
    x, weight = torch.full((1, 64), 255, dtype=torch.uint8), torch.full((16, 64), most, dtype=torch.int8)
    packed = torch.ops.onednn.qlinear_prepack(weight, None)
    ones, zeros = torch.ones(16), torch.zeros(16, dtype=torch.int32)
    found = torch.ops.onednn.qlinear_pointwise(
        x, 1.0, 0, packed, ones, zeros, None, 1.0, 0, torch.float32, "none", [], "none"
    )
    return bool((found == 255 * most * 64).all())


def bf16_is_native() -> bool:
    """Whether this CPU multiplies bf16 itself; elsewhere bf16 is slower than fp32."""
    known = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    if torch.backends.cpu.get_cpu_capability().startswith(("AVX", "DEFAULT")):
        return any(ask is not None and ask() for ask in known)
    return torch.ops.mkldnn._is_mkldnn_bf16_supported()


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
