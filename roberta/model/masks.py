"""From attention masks of ones and zeros to what is added to the scores."""

import torch
from torch import Tensor

from roberta.errors import InputError


def attention_bias(
    mask: Tensor | None, *, causal: bool, batch: int, queries: int, keys: int, like: Tensor
) -> Tensor | None:
    """0 where a query may look, the lowest finite number of `like`'s type where it may not; None: everywhere.

    mask: (batch, keys); or (batch, queries, keys) or (batch, heads or 1, queries, keys), which are taken as they are,
        with no causal rule added. Fractions are allowed and count as partly visible.
    With a cache the keys are the cached columns and the new ones, and the queries are the last of them.

    >>> attention_bias(torch.tensor([[1, 0]]), causal=False, batch=1, queries=2, keys=2, like=torch.zeros(1)).shape
    torch.Size([1, 1, 1, 2])

    Raises InputError: a mask whose shape fits neither.
    """
    dtype, visible = _dtype_of_scores(like), None
    if mask is not None:
        shapes = {2: (batch, keys), 3: (batch, queries, keys), 4: (batch, *mask.shape[1:2], queries, keys)}
        if tuple(mask.shape) != shapes.get(mask.dim()):
            raise InputError(
                f"attention mask of shape {tuple(mask.shape)}; give (batch, keys) = {(batch, keys)},"
                f" cached columns included, or (batch, queries, keys) = {(batch, queries, keys)}"
            )
        mask = mask.to(like.device, dtype)
        visible = {2: mask[:, None, None], 3: mask[:, None], 4: mask}[mask.dim()]
    if causal and (mask is None or mask.dim() == 2):
        place = torch.arange(keys, device=like.device)
        earlier = (place[keys - queries :, None] >= place[None, :]).to(dtype)[None, None]
        visible = earlier if visible is None else earlier * visible
    return None if visible is None else (1 - visible) * torch.finfo(dtype).min


def _dtype_of_scores(like: Tensor) -> torch.dtype:
    """Under autocast the scores have another type than the hidden states; float32's lowest number is -inf in it."""
    kind = like.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else like.dtype
