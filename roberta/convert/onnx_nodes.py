"""The nodes of an ONNX graph, added one by one, and the weights that they name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from roberta.weights.arrays import dtype_name
from roberta.weights.onnx_file import KERNEL


class Nodes:
    """A graph that grows. A value is known by its name; weights keep their published ones.

    tensors: the checkpoint's. weights: those that nodes name so far.
    """

    def __init__(self, tensors: Mapping[str, np.ndarray]):
        self.tensors = tensors
        self.nodes: list[Any] = []
        self.weights: dict[str, np.ndarray] = {}
        self._constants: dict[tuple, str] = {}
        self._as_float: dict[str, str] = {}

    def add(self, operator: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """One node with one output; gives the output's name."""
        name = name or f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], name=f"/{name}", **attributes))
        return name

    def constant(self, value: float | int | list[int]) -> str:
        """A whole number or several as int64, a fraction as float32."""
        array = np.array(value, np.float32 if isinstance(value, float) else np.int64)
        key = (str(array.dtype), array.shape, array.tobytes())
        if key not in self._constants:
            self._constants[key] = self.add("Constant", value=numpy_helper.from_array(array))
        return self._constants[key]

    def weight(self, name: str) -> str:
        """A tensor of the checkpoint, as float32 whatever it is stored as."""
        return self._weight(name, self.tensors[name])

    def kernel(self, name: str) -> str:
        """The matrix of a linear layer: (out, in) in the checkpoint, (in, out) here."""
        return self._weight(name + KERNEL, self.tensors[f"{name}.weight"].T)

    def linear(self, hidden: str, name: str, output: str = "") -> str:
        """(..., in) -> (..., out)"""
        return self.add("Add", self.add("MatMul", hidden, self.kernel(name)), self.weight(f"{name}.bias"), name=output)

    def norm(self, hidden: str, name: str, epsilon: float) -> str:
        inputs = hidden, self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        return self.add("LayerNormalization", *inputs, axis=-1, epsilon=epsilon)

    def _weight(self, name: str, array: np.ndarray) -> str:
        self.weights[name] = array
        if dtype_name(array) == "float32":
            return name
        if name not in self._as_float:
            self._as_float[name] = self.add("Cast", name, to=TensorProto.FLOAT)
        return self._as_float[name]
