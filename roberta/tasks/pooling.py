"""From the hidden states of a text's tokens to one vector: the pooling rules of sentence-transformers, in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np


def _cls(states: np.ndarray) -> np.ndarray:
    return states[0]


def _max(states: np.ndarray) -> np.ndarray:
    return states.max(0)


def _mean(states: np.ndarray) -> np.ndarray:
    return states.mean(0)


def _mean_sqrt_len(states: np.ndarray) -> np.ndarray:
    return states.sum(0) / np.sqrt(np.float32(len(states)))


def _weighted(states: np.ndarray) -> np.ndarray:
    weights = np.arange(1, len(states) + 1, dtype=np.float32)  # later tokens have seen more; made for decoders
    return (states * weights[:, None]).sum(0) / weights.sum()


def _last(states: np.ndarray) -> np.ndarray:
    return states[-1]


POOLINGS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "cls": _cls,
    "max": _max,
    "mean": _mean,
    "mean-sqrt-len": _mean_sqrt_len,
    "weighted": _weighted,
    "last": _last,
}


def pool(states: np.ndarray, poolings: Sequence[str]) -> np.ndarray:
    """(tokens, width) -> (poolings x width,): <s> and </s> are among the tokens, as where these rules come from.

    >>> pool(np.array([[1.0, 2.0], [3.0, 4.0]]), ["max", "mean"]).tolist()
    [3.0, 4.0, 2.0, 3.0]
    """
    return np.concatenate([POOLINGS[name](states) for name in poolings])


def normalized(vector: np.ndarray) -> np.ndarray:
    """The same direction at length 1; a vector of zeros stays one.

    >>> normalized(np.array([3.0, 4.0])).tolist()
    [0.6, 0.8]
    """
    return vector / max(float(np.linalg.norm(vector)), 1e-12)
