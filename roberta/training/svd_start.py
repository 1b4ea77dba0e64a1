"""A warm start for a small model: word vectors from how words occur together, and their frequencies as the bias.

The vectors are the leading singular vectors of the positive pointwise mutual information of words within a window
(Levy and Goldberg 2014, with the context's counts raised to 0.75), scaled like a fresh table. It saves the first part
of a small model's training, in which it learns nothing but frequencies.
"""

from __future__ import annotations

import numpy as np
import torch

from roberta.model.models import RobertaForMaskedLM

WINDOW = 5
TOKENS = 100_000_000  # of the corpus that are counted
_CHUNK = 2_000_000
_SMOOTHING = 0.75
_SCALE = 0.04  # standard deviation of the vectors' numbers; a fresh table has 0.02


def start_from_counts(model: RobertaForMaskedLM, ids: np.ndarray, *, special: np.ndarray, seed: int = 0) -> None:
    """Set the word table and the decoder's bias of a model from the tokens it will be trained on.

    ids: (tokens,) of running text; special: (vocabulary,) which ids keep what they have.
    """
    words = model.config.vocab_size
    ids = ids[:TOKENS]
    frequencies = np.bincount(ids, minlength=words).astype(np.float64)
    pairs, counts = count_pairs(ids, words)
    matrix = positive_information(pairs, counts, words)
    torch.manual_seed(seed)
    width = model.config.hidden_size
    left, strength, _ = torch.svd_lowrank(matrix, q=min(width + 16, words), niter=2)
    vectors = (left * strength.sqrt())[:, :width]
    vectors *= _SCALE / vectors[frequencies > 0].std()
    learnt = torch.from_numpy((frequencies > 0) & ~special)
    with torch.no_grad():
        model.get_input_embeddings().weight[learnt] = vectors[learnt].to(torch.float32)
        share = torch.from_numpy(np.log((frequencies + 1) / (frequencies.sum() + words)))
        model.lm_head.bias.copy_(share)


def count_pairs(ids: np.ndarray, words: int) -> tuple[np.ndarray, np.ndarray]:
    """How often two words stand within the window: pairs as first x words + second, sorted, and their counts."""
    total, counted = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for start in range(0, len(ids), _CHUNK):
        part = ids[start : start + _CHUNK + WINDOW].astype(np.int64)
        found = [part[:-near] * words + part[near:] for near in range(1, WINDOW + 1)]
        pairs, counts = np.unique(np.concatenate(found), return_counts=True)
        merged = np.concatenate([total, pairs])
        weights = np.concatenate([counted, counts])
        total, inverse = np.unique(merged, return_inverse=True)
        counted = np.bincount(inverse, weights, len(total)).astype(np.int64)
    return total, counted


def positive_information(pairs: np.ndarray, counts: np.ndarray, words: int) -> torch.Tensor:
    """max(0, log p(a, b) / (p(a) p(b)^0.75)) of the pairs in either order: sparse (words, words), symmetric counts."""
    first, second = pairs // words, pairs % words
    rows = np.concatenate([first, second])
    columns = np.concatenate([second, first])
    both = np.concatenate([counts, counts]).astype(np.float64)
    each = np.bincount(rows, both, words)
    context = each**_SMOOTHING
    value = np.log(both / each[rows] / (context[columns] / context.sum()))
    kept = value > 0
    places = torch.from_numpy(np.stack([rows[kept], columns[kept]]))
    values = torch.from_numpy(value[kept].astype(np.float32))
    return torch.sparse_coo_tensor(places, values, (words, words), check_invariants=True).coalesce()
