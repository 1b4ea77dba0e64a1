"""The coefficients of `numpy_kernels.gelu`, printed: python scripts/fit_gelu.py [DEGREE]. It takes SciPy.

P(y), the share of a normal distribution below y, has an odd log(P / (1 - P)) = y p(y^2). The p of a degree whose
largest error in y P(y) / max(1, |y|) is least is found by least squares, again and again, each time with more weight
where the error was large (Lawson's algorithm). At LAST 1 - P is 1e-8.
"""

import sys

import numpy as np
from scipy.special import log_ndtr, ndtr

LAST, PLACES, ROUNDS = 5.6, 6001, 300


def fit(degree: int) -> tuple[np.ndarray, float]:
    """Coefficients of p, the constant first, and the largest error."""
    y = np.linspace(1e-6, LAST, PLACES)
    logit, share = log_ndtr(y) - log_ndtr(-y), ndtr(y)
    powers = y[:, None] ** (2 * np.arange(degree + 1) + 1)
    slope = y * share * (1 - share) / np.maximum(1, y)  # of the error, for a small change of the logit
    emphasis = np.ones(PLACES)
    for _ in range(ROUNDS):
        weights = slope * np.sqrt(emphasis)
        scale = np.abs(powers * weights[:, None]).max(0)
        found = np.linalg.lstsq(powers * weights[:, None] / scale, logit * weights, rcond=None)[0] / scale
        errors = np.abs(y / (1 + np.exp(-powers @ found)) - y * share) / np.maximum(1, y)
        emphasis *= errors / errors.max() + 1e-3
        emphasis = np.maximum(emphasis / emphasis.max(), 1e-12)
    return found, errors.max()


if __name__ == "__main__":
    coefficients, error = fit(int(sys.argv[1]) if len(sys.argv) > 1 else 6)
    print(", ".join(f"{-coefficient:.9g}" for coefficient in coefficients), f"# off by {error:.2g}")
