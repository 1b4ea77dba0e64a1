"""Scores from logits, in NumPy."""

import math

import numpy as np


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Log-probabilities along the last axis, float64: the sum over 50,265 words must not lose digits.

    >>> log_softmax(np.array([0.0, 0.0])).tolist()
    [-0.6931471805599453, -0.6931471805599453]
    """
    shifted = logits.astype(np.float64) - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities along the last axis, float64."""
    return np.exp(log_softmax(logits))


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Each on its own: float64, without overflow on either side."""
    return np.exp(-np.logaddexp(0.0, -logits.astype(np.float64)))


def top(scores: np.ndarray, count: int) -> list[int]:
    """Places of the `count` largest of (n,), the largest first; equal ones in the order of their places.

    >>> top(np.array([0.1, 0.7, 0.1, 0.1]), 2)
    [1, 0]
    """
    count = min(count, len(scores))
    if count == 0:
        return []
    least = np.partition(scores, len(scores) - count)[len(scores) - count]
    among = np.flatnonzero(scores >= least)  # ties with the last place included: the smallest place wins, always
    return among[np.argsort(-scores[among], kind="stable")][:count].tolist()


def gelu(x: np.ndarray) -> np.ndarray:
    """The exact GELU of a few numbers, one by one: NumPy has no erf."""
    return x * (0.5 + 0.5 * np.vectorize(math.erf)(x / math.sqrt(2.0)))
