"""A few texts on a CPU are answered by NumPy, and any number where its products lead; all else by torch."""

import pytest

from roberta.builtin import MINI
from roberta.engine import choose_backend as rule
from roberta.engine.choose_backend import choose_backend, choose_dtype
from roberta.engine.lanes import MOST
from roberta.engine.open_task import open_task
from roberta.engine.runner import open_runner
from roberta.errors import UsageError
from roberta.hub import Origin
from roberta.model import kernels
from roberta.model.models import RobertaForMaskedLM
from tests.conftest import seeded, tiny_config

FEW = {"device": "auto", "dtype": "auto", "records": rule.FEW}


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    monkeypatch.setattr(rule, "_GPU_DRIVERS", ())


@pytest.fixture(autouse=True)
def torch_leads(monkeypatch):
    monkeypatch.setattr(rule, "numpy_leads", lambda: False)


@pytest.fixture(scope="module")
def binary(tmp_path_factory):
    folder = tmp_path_factory.mktemp("binary")
    seeded(RobertaForMaskedLM).save_pretrained(folder, safe_serialization=False)
    return folder


def chosen(asked="auto", head="masked_lm", folder=MINI, config=None, **changes):
    return choose_backend(asked, head, config or tiny_config(), Origin(folder), **FEW | changes)


@pytest.mark.parametrize("changes", [{}, {"device": "cpu", "dtype": "fp32"}, {"records": 0}, {"head": "hidden_states"}])
def test_a_few_texts_on_a_cpu_need_no_torch(changes):
    assert chosen(**changes) == "numpy"


@pytest.mark.parametrize("changes", [{"records": 9}, {"records": None}])
def test_many_texts_and_streams_go_to_torch_unless_numpy_is_asked_for(changes):
    assert chosen(**changes) == "torch"
    assert chosen("numpy", **changes) == "numpy"


@pytest.mark.parametrize("records", [1, 9, None])
def test_any_number_goes_to_numpy_where_it_leads(monkeypatch, records):
    monkeypatch.setattr(rule, "numpy_leads", lambda: True)
    assert chosen(records=records) == "numpy"
    assert chosen("torch", records=records) == chosen(dtype="bf16", records=records) == "torch"


@pytest.mark.parametrize(
    ("features", "can_set", "threads", "leads"),
    [
        ({"AVX2": True, "AVX512F": False}, True, MOST, True),
        ({"AVX2": True, "AVX512F": False}, True, MOST + 1, False),
        ({"AVX2": True, "AVX512F": True}, True, 2, False),
        ({"NEON": True}, True, 2, False),
        ({"AVX2": True}, False, 2, False),
    ],
)
def test_numpy_leads_with_avx2_alone_a_lane_for_each_core_and_a_blas_that_can_be_told(
    monkeypatch, features, can_set, threads, leads
):
    monkeypatch.undo()
    monkeypatch.setattr("numpy._core._multiarray_umath.__cpu_features__", features)
    monkeypatch.setattr("roberta.engine.blas_threads.can_set_blas_threads", lambda: can_set)
    monkeypatch.setattr("roberta.engine.blas_threads.blas_threads", lambda: threads)
    assert rule.numpy_leads() == leads


def test_torch_when_it_is_asked_for():
    assert chosen("torch") == "torch"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"device": "cuda:1"}, "runs on the CPU alone, and --device is cuda:1"),
        ({"dtype": "bf16"}, "computes in fp32 alone, and --dtype is bf16"),
        ({"head": "generation"}, "has no text generation"),
        ({"config": tiny_config(hidden_act="relu")}, "has no relu activation"),
        ({"config": tiny_config(position_embedding_type="relative_key")}, "has no relative_key positions"),
    ],
)
def test_what_numpy_cannot_do_goes_to_torch_and_is_said_if_it_was_asked_for(changes, why):
    assert chosen(**changes) == "torch"
    with pytest.raises(UsageError) as caught:
        chosen("numpy", **changes)
    assert str(caught.value) == f"the numpy backend {why}; use --backend torch"


def test_weights_in_other_files_go_to_torch(binary):
    assert chosen(folder=binary) == "torch"
    with pytest.raises(UsageError, match=r"reads safetensors alone, and the weights are in pytorch_model\.bin"):
        chosen("numpy", folder=binary)


def test_auto_leaves_a_gpu_its_work(monkeypatch, tmp_path):
    monkeypatch.setattr(rule, "_GPU_DRIVERS", (str(tmp_path),))
    assert chosen() == "torch"
    assert chosen(device="cpu") == chosen("numpy") == "numpy"


def test_no_such_backend():
    with pytest.raises(UsageError, match="no backend 'jax'; choose from auto, numpy, torch"):
        chosen("jax")


def test_a_runner_opens_what_the_rule_says():
    for records, kind in ((1, "NumpyBackend"), (None, "TorchBackend")):
        runner = open_runner(device="cpu", records=records)
        assert type(runner._backend(open_task("embed", runner))).__name__ == kind


def test_a_cpu_is_exact_and_a_gpu_fast_unless_asked():
    assert (choose_dtype("auto", "cpu"), choose_dtype("auto", "cuda:1")) == ("fp32", "bf16")
    assert choose_dtype("fp16", "cuda") == "fp16"
    assert choose_dtype("int8", "cpu") == "int8"


def test_what_is_not_there_is_said():
    with pytest.raises(UsageError, match="no number type 'fp8'; choose auto, fp32, bf16, fp16, int8"):
        choose_dtype("fp8", "cpu")
    with pytest.raises(UsageError, match="int8 is for the CPU"):
        choose_dtype("int8", "cuda")


def test_bf16_on_a_cpu_without_it_is_computed_in_fp32_which_is_noted(monkeypatch, recwarn):
    monkeypatch.setattr(kernels, "bf16_is_native", lambda: True)
    assert choose_dtype("bf16", "cpu") == "bf16"
    assert not recwarn
    monkeypatch.setattr(kernels, "bf16_is_native", lambda: False)
    with pytest.warns(UserWarning, match="no bf16 of its own: fp32 is computed"):
        assert choose_dtype("bf16", "cpu") == "fp32"
