"""NumPy's products are told how many threads they have, where their library can be told."""

import numpy as np
import pytest

from roberta.engine import blas_threads as blas


@pytest.fixture
def restored():
    before = blas.blas_threads()
    yield
    blas.set_blas_threads(before)


def test_openblas_has_as_many_threads_as_it_was_told(restored):
    if "openblas" not in np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"]:
        assert not blas.can_set_blas_threads()
        return
    for count in (1, 2):
        blas.set_blas_threads(count)
        assert blas.blas_threads() == count


def test_another_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(blas, "_openblas", lambda: None)
    blas.set_blas_threads(3)
    assert not blas.can_set_blas_threads()
    assert blas.blas_threads() == 1
