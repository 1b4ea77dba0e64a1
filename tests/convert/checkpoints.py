"""Small seeded checkpoints of every class on disk."""

from pathlib import Path

import numpy as np

from roberta.convert.source import open_source
from roberta.hub import Origin
from roberta.weights.arrays import dtype_name, raw_bytes
from tests.model.test_models import build


def saved(folder: Path, kind: str = "RobertaForMaskedLM", **changes) -> Path:
    """A folder with a model of this class."""
    build(kind, **changes).save_pretrained(folder)
    return folder


def stored(folder: Path, wanted: str = "auto") -> dict[str, np.ndarray]:
    return open_source(Origin(folder), wanted).weights.tensors


def assert_same_bits(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert (dtype_name(found[name]), found[name].shape) == (dtype_name(array), array.shape), name
        assert np.array_equal(raw_bytes(found[name]), raw_bytes(array)), name


def hidden_files(folder: Path) -> list[str]:
    """What a conversion may leave beside its target."""
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]
