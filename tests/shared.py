"""Where the proof material lies, when it lies beside the checkout: real-library goldens and real text."""

from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parents[2] / "shared"
SHARED = _BESIDE if (_BESIDE / "oracle").is_dir() else None

needs_shared = pytest.mark.skipif(SHARED is None, reason="the proof material is not beside this checkout")
