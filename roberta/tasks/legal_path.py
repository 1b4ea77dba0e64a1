"""The likeliest sequence of labels among those that a scheme allows (Viterbi)."""

from __future__ import annotations

import numpy as np


def legal_path(
    log_probabilities: np.ndarray, steps: np.ndarray, first: np.ndarray | None = None, last: np.ndarray | None = None
) -> list[int]:
    """The legal path with the largest sum of log-probabilities; of equal ones that with the smaller labels early on.

    log_probabilities: (words, labels). steps: (labels, labels), whether the second may follow the first; first, last:
    (labels,), whether a path may begin and end there, None: everywhere. The likeliest labels one by one if no path is
    legal at all.

    >>> steps = np.array([[True, False], [True, True]])  # 1 may not follow 0
    >>> legal_path(np.log([[0.6, 0.4], [0.1, 0.9]]), steps)
    [1, 1]
    """
    count, _ = log_probabilities.shape
    if count == 0:
        return []
    # Sums of zero probabilities would be as impossible as steps that are not allowed; they are only very unlikely.
    scores = np.maximum(log_probabilities.astype(np.float64), -1e6)
    forbidden = np.where(steps, 0.0, -np.inf)
    ahead = np.zeros(scores.shape[1]) if last is None else np.where(last, 0.0, -np.inf)
    chosen = np.zeros(scores.shape, dtype=np.intp)  # (words, labels): the best label of the next word after this one
    for place in range(count - 2, -1, -1):
        through = forbidden + (scores[place + 1] + ahead)
        chosen[place] = through.argmax(1)
        ahead = through.max(1)
    start = scores[0] + ahead if first is None else np.where(first, scores[0] + ahead, -np.inf)
    if start.max() == -np.inf:
        return log_probabilities.argmax(1).tolist()
    path = [int(start.argmax())]
    for place in range(count - 1):
        path.append(int(chosen[place, path[-1]]))
    return path
