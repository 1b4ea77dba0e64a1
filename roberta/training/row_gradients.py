"""The gradient of the word table, of which a step reads few rows."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class RowGradients(nn.Embedding):
    """nn.Embedding whose backward pass writes only the rows that were looked up, on a CPU.

    nn.Embedding's fills a table with zeros in each pass, and adds it to the gradient that is there. Here rows are added
    to that gradient; where there is none yet, a table of zeros that is kept takes them, and only rows used before are
    zeroed again. The numbers are the same, to the bit.

    is_alone: no other module has the weight, so that nothing but these rows is ever written into its gradient.

    >>> table = RowGradients(nn.Embedding(3, 1), is_alone=True)
    >>> table(torch.tensor([1, 1])).sum().backward()
    >>> table.weight.grad.tolist()
    [[0.0], [2.0], [0.0]]
    """

    def __init__(self, table: nn.Embedding, *, is_alone: bool):
        super().__init__(*table.weight.shape, padding_idx=table.padding_idx, _weight=table.weight.data)
        self.weight = table.weight  # the very parameter: a decoder may be tied to it
        self.is_alone = is_alone
        self._zeros: Tensor | None = None
        self._used: list[Tensor] = []  # rows of _zeros that are not zero
        # autograd calls backward for what needs a gradient; the weight must not be it, or its gradient would wait.
        self._spark = torch.zeros((), requires_grad=True)

    def forward(self, input_ids: Tensor) -> Tensor:
        """(...) ids -> (..., width) rows."""
        if torch.is_grad_enabled() and self.weight.requires_grad and input_ids.is_cpu:
            return _LookUp.apply(self._spark, self, input_ids)
        return super().forward(input_ids)

    def add_gradient(self, input_ids: Tensor, gradient: Tensor) -> None:
        """input_ids: (n,); gradient: (n, width), of what `forward` gave."""
        rows, places = input_ids.unique(return_inverse=True)
        sums = torch.ops.aten.embedding_dense_backward(gradient, places, len(rows), -1, False)
        if self.padding_idx is not None:
            kept = rows != self.padding_idx
            rows, sums = rows[kept], sums[kept]
        if self.weight.grad is None:
            self.weight.grad = self._empty()
        if self.is_alone:
            self._used.append(rows)
        # Rows are unique: reading, adding and writing takes a tenth of index_add_'s time.
        self.weight.grad.index_copy_(0, rows, self.weight.grad.index_select(0, rows) + sums)

    def _empty(self) -> Tensor:
        if self._zeros is None or not self.is_alone:
            self._zeros = torch.zeros_like(self.weight)
        for rows in self._used:
            self._zeros.index_fill_(0, rows, 0.0)
        self._used.clear()
        return self._zeros


class _LookUp(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, spark: Tensor, table: RowGradients, input_ids: Tensor) -> Tensor:
        context.table = table
        context.save_for_backward(input_ids)
        return table.weight.detach()[input_ids]

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[None, None, None]:
        (input_ids,) = context.saved_tensors
        context.table.add_gradient(input_ids.flatten(), gradient.reshape(-1, gradient.shape[-1]))
        return None, None, None


def write_rows(model: nn.Module) -> None:
    """Put RowGradients in the place of the word table, where it learns."""
    for name, module in list(model.named_modules()):
        if name.endswith("word_embeddings") and type(module) is nn.Embedding and module.weight.requires_grad:
            owners = sum(weight is module.weight for part in model.modules() for weight in part.parameters(False))
            model.set_submodule(name, RowGradients(module, is_alone=owners == 1).train(module.training))
