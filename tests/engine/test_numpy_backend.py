"""What the NumPy backend refuses and says, in the words of the torch backend."""

import numpy as np
import pytest

from roberta.engine.numpy_backend import NumpyBackend
from roberta.engine.torch_backend import CLASSES, TorchBackend
from roberta.errors import CheckpointError, InputError, ResourceError
from roberta.hub import Origin
from roberta.model.models import RobertaForMaskedLM, RobertaModel
from roberta.model.numpy_forward import READERS, NumpyForward
from roberta.tasks.base import Window
from tests.conftest import seeded


@pytest.fixture
def saved(tmp_path):
    model = seeded(RobertaForMaskedLM)
    model.save_pretrained(tmp_path)
    return model, Origin(tmp_path)


def sentences(origin, head, windows, error):
    """What both backends say."""
    said = []
    for kind, more in ((NumpyBackend, {}), (TorchBackend, {"device": "cpu", "dtype": "fp32"})):
        with pytest.raises(error) as caught:
            kind(origin, head, **more).run(windows)
        said.append((str(caught.value), getattr(caught.value, "code", None)))
    return said


@pytest.mark.parametrize("ids", [[0, 60, 2], [0, -1, 2], [5] * 23])
def test_ids_and_lengths_that_the_model_lacks_are_refused_alike(saved, ids):
    ours, theirs = sentences(saved[1], "masked_lm", [Window([0, 5, 2]), Window(ids)], InputError)
    assert ours == theirs


@pytest.mark.parametrize("head", READERS)
@pytest.mark.parametrize("windows", [1, 3])
def test_outputs_stay_as_they_are_when_the_next_batch_is_read(head, windows, tmp_path):
    seeded(CLASSES[head]).save_pretrained(tmp_path)
    backend = NumpyBackend(Origin(tmp_path), head)
    first = backend.run([Window([0, 5, 6, 2])] * windows)
    kept = [output.copy() for output in first]
    backend.run([Window([0, 9, 8, 7, 2])] * windows)
    assert all(np.array_equal(*pair) for pair in zip(first, kept))


def test_a_head_that_is_not_stored_is_refused_alike(tmp_path):
    seeded(RobertaModel).save_pretrained(tmp_path)
    ours, theirs = sentences(Origin(tmp_path), "masked_lm", [], CheckpointError)
    assert ours == theirs


def test_weights_that_are_no_numbers_are_named_once_they_show(saved, tmp_path):
    model, origin = saved
    model.roberta.encoder.layer[1].output.dense.bias.data[3] = float("nan")
    model.save_pretrained(tmp_path)
    with pytest.warns(UserWarning, match=r"layer\.1\.output\.dense\.bias holds NaN or infinite numbers") as caught:
        outputs = NumpyBackend(origin, "masked_lm").run([Window([0, 5, 2])])
    assert len(caught) == 1
    assert np.isnan(outputs[0]).any()


def test_too_little_memory_is_said_as_the_runner_understands_it(saved, monkeypatch):
    def no_memory(*_):
        raise MemoryError

    monkeypatch.setattr(NumpyForward, "__call__", no_memory)
    with pytest.raises(ResourceError, match="out of memory with 2 windows in a batch; lower --batch-tokens"):
        NumpyBackend(saved[1], "masked_lm").run([Window([0, 2])] * 2)
