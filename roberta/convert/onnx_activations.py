"""The activations of the feed-forward part as ONNX nodes, by the names that config.json uses."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from roberta.convert.onnx_nodes import Nodes


def gelu(nodes: Nodes, x: str) -> str:
    """x/2 (1 + erf(x/√2)), in the order in which runtimes look for it."""
    erf = nodes.add("Erf", nodes.add("Div", x, nodes.constant(math.sqrt(2))))
    return nodes.add("Mul", nodes.add("Mul", x, nodes.add("Add", erf, nodes.constant(1.0))), nodes.constant(0.5))


def _tanh_gelu(nodes: Nodes, x: str) -> str:
    cube = nodes.add("Mul", nodes.add("Mul", nodes.add("Mul", x, x), x), nodes.constant(0.044715))
    inner = nodes.add("Mul", nodes.add("Add", x, cube), nodes.constant(math.sqrt(2 / math.pi)))
    factor = nodes.add("Add", nodes.add("Tanh", inner), nodes.constant(1.0))
    return nodes.add("Mul", nodes.add("Mul", x, factor), nodes.constant(0.5))


def _gated(nodes: Nodes, x: str, scale: float = 1.0) -> str:
    inner = x if scale == 1.0 else nodes.add("Mul", x, nodes.constant(scale))
    return nodes.add("Mul", x, nodes.add("Sigmoid", inner))


def _clipped(nodes: Nodes, x: str, low: float, high: float) -> str:
    return nodes.add("Clip", x, nodes.constant(low), nodes.constant(high))


def _clipped_gelu(nodes: Nodes, x: str) -> str:
    return _clipped(nodes, gelu(nodes, x), -10.0, 10.0)


def _squared_relu(nodes: Nodes, x: str) -> str:
    positive = nodes.add("Relu", x)
    return nodes.add("Mul", positive, positive)


def _mish(nodes: Nodes, x: str) -> str:
    return nodes.add("Mul", x, nodes.add("Tanh", nodes.add("Softplus", x)))


def _laplace(nodes: Nodes, x: str, mean: float = 0.707107, spread: float = 0.282095) -> str:
    apart = nodes.add("Sub", x, nodes.constant(mean))
    erf = nodes.add("Erf", nodes.add("Div", apart, nodes.constant(spread * math.sqrt(2))))
    return nodes.add("Mul", nodes.add("Add", erf, nodes.constant(1.0)), nodes.constant(0.5))


def _one(operator: str, **attributes: float) -> Callable[[Nodes, str], str]:
    return lambda nodes, x: nodes.add(operator, x, **attributes)


ACTIVATIONS: dict[str, Callable[[Nodes, str], str]] = {
    **dict.fromkeys(("gelu", "gelu_python"), gelu),
    **dict.fromkeys(
        ("gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_accurate"),
        _tanh_gelu,
    ),
    "gelu_10": _clipped_gelu,
    "quick_gelu": partial(_gated, scale=1.702),
    "relu": _one("Relu"),
    "relu2": _squared_relu,
    "relu6": partial(_clipped, low=0.0, high=6.0),
    "leaky_relu": _one("LeakyRelu", alpha=0.01),
    **dict.fromkeys(("silu", "swish"), _gated),
    "mish": _mish,
    "tanh": _one("Tanh"),
    "sigmoid": _one("Sigmoid"),
    "laplace": _laplace,
    "linear": lambda nodes, x: x,
}
