"""A linear classifier of words, pairs and triples of words: it remembers the rare ones that a small model passes over.

Source: Wang and Manning, Baselines and Bigrams: Simple, Good Sentiment and Topic Classification, 2012: each n-gram that
a text has counts as the logarithm of how much more often it stands in positive texts than in others. Logistic
regression, of scikit-learn, on top of that.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

LONGEST = 3  # words


def ngrams(text: str) -> list[str]:
    """Each once.

    >>> ngrams("A <mask> joy ride")
    ['a', 'joy', 'ride', 'joy ride']
    """
    words = text.lower().split()
    found = (words[start : start + size] for size in range(1, LONGEST + 1) for start in range(len(words) - size + 1))
    return list(dict.fromkeys(" ".join(ngram) for ngram in found if "<mask>" not in ngram))


class NgramClassifier:
    def __init__(self, texts: Sequence[str], labels: Sequence[int]):
        """labels: 1, positive, or 0."""
        counts = Counter(ngram for text in texts for ngram in ngrams(text))
        self._columns = {ngram: column for column, ngram in enumerate(counts)}
        has, positive = self._has(texts), np.asarray(labels) == 1
        shares = [1 + np.asarray(has[rows].sum(0)).ravel() for rows in (positive, ~positive)]
        self._ratios = np.log(shares[0] / shares[0].sum()) - np.log(shares[1] / shares[1].sum())
        # Phrases are more often positive than sentences are: both labels count alike.
        self._model = LogisticRegression(C=10, class_weight="balanced", solver="liblinear", dual=True, max_iter=1000)
        self._model.fit(has.multiply(self._ratios).tocsr(), positive)

    def log_odds(self, texts: Sequence[str]) -> np.ndarray:
        """(texts,) of being positive."""
        return self._model.decision_function(self._has(texts).multiply(self._ratios).tocsr())

    def _has(self, texts: Sequence[str]) -> csr_matrix:
        """(texts, n-grams): 1 where a text has one."""
        rows = [[self._columns[ngram] for ngram in ngrams(text) if ngram in self._columns] for text in texts]
        ends = np.cumsum([0, *map(len, rows)])
        places = np.fromiter((column for row in rows for column in row), np.int64, ends[-1])
        return csr_matrix((np.ones(len(places), np.float32), places, ends), (len(texts), len(self._columns)))
