"""A warm start for a small model: word vectors from how words occur together, and their frequencies as the bias.

The vectors are the leading singular vectors of the positive pointwise mutual information of words within a window
(Levy and Goldberg 2014, with the context's counts raised to 0.75), scaled like a fresh table. It saves the first part
of a small model's training, in which it learns nothing but frequencies.
"""

from __future__ import annotations

import warnings

import numpy as np
import torch

from roberta.model.models import RobertaForMaskedLM

WINDOW = 5
TOKENS = 60_000_000  # of the corpus that are counted
_CHUNK = 4_000_000
_SMOOTHING = 0.75
_SCALE = 0.04  # standard deviation of the vectors' numbers; a fresh table has 0.02


def start_from_counts(model: RobertaForMaskedLM, ids: np.ndarray, *, special: np.ndarray, seed: int = 0) -> None:
    """Set the word table and the decoder's bias of a model from the tokens it will be trained on.

    ids: (tokens,) of running text; special: (vocabulary,) which ids keep what they have.
    """
    words, width = model.config.vocab_size, model.config.hidden_size
    ids = ids[:TOKENS]
    frequencies = np.bincount(ids, minlength=words).astype(np.float64)
    left, strength = leading_vectors(positive_information(*count_pairs(ids, words), words), width, seed)
    vectors = left * strength.sqrt()
    vectors *= _SCALE / vectors[frequencies > 0].std()
    learnt = torch.from_numpy((frequencies > 0) & ~special)
    with torch.no_grad():
        model.get_input_embeddings().weight[learnt] = vectors[learnt]
        model.lm_head.bias.copy_(torch.from_numpy(np.log((frequencies + 1) / (frequencies.sum() + words))))


def count_pairs(ids: np.ndarray, words: int) -> tuple[np.ndarray, np.ndarray]:
    """How often two words stand within the window: pairs as first x words + second, sorted, and their counts."""
    found = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
    for start in range(0, len(ids), _CHUNK):
        part = ids[start : start + _CHUNK + WINDOW].astype(np.int64)
        pairs = [part[:-near][:_CHUNK] * words + part[near:][:_CHUNK] for near in range(1, WINDOW + 1)]
        found.append(np.unique(np.concatenate(pairs), return_counts=True))
        while len(found) > 2 and len(found[-1][0]) * 2 > len(found[-2][0]):  # like with like, so each is merged seldom
            found.append(_merged(found.pop(), found.pop()))
    while len(found) > 1:
        found.append(_merged(found.pop(), found.pop()))
    return found[0]


def _merged(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    pairs = np.concatenate([one[0], other[0]])
    order = np.argsort(pairs, kind="stable")  # sorted runs are merged in one pass
    pairs, counts = pairs[order], np.concatenate([one[1], other[1]])[order]
    if not len(pairs):
        return pairs, counts
    first = np.flatnonzero(np.append(True, pairs[1:] != pairs[:-1]))
    return pairs[first], np.add.reduceat(counts, first)


def positive_information(pairs: np.ndarray, counts: np.ndarray, words: int) -> torch.Tensor:
    """max(0, log p(a, b) / (p(a) p(b)^0.75)) of the pairs in either order: sparse (words, words), symmetric counts."""
    # The counts of both orders are one count before it goes into a logarithm.
    pairs, both = _merged((pairs, counts), (pairs % words * words + pairs // words, counts))
    rows, columns = pairs // words, pairs % words
    each = np.bincount(rows, both, words)
    context = each**_SMOOTHING
    value = np.log(both / each[rows] / (context[columns] / context.sum()))
    kept = value > 0
    places = torch.from_numpy(np.stack([rows[kept], columns[kept]]))
    values = torch.from_numpy(value[kept].astype(np.float32))
    return torch.sparse_coo_tensor(places, values, (words, words), check_invariants=True).coalesce()


def leading_vectors(matrix: torch.Tensor, count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The left singular vectors of the `count` largest singular values, and these: (rows, count), (count,).

    By random projection with two rounds of refinement (Halko et al. 2011, https://arxiv.org/abs/0909.4061).
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR")  # that it is new; products with it are all that is used
        onto, back = matrix.to_sparse_csr(), matrix.t().coalesce().to_sparse_csr()
    torch.manual_seed(seed)
    space = torch.linalg.qr(onto @ torch.randn(matrix.shape[1], min(count + 16, matrix.shape[1]))).Q
    for _ in range(2):
        space = torch.linalg.qr(back @ space).Q
        space = torch.linalg.qr(onto @ space).Q
    left, strength, _ = torch.linalg.svd((back @ space).T, full_matrices=False)
    return (space @ left)[:, :count], strength[:count]
