"""Every recorded forward pass of the reference implementation, within 1e-5; and on a GPU where there is one."""

import json
import warnings

import numpy as np
import pytest
import torch

import roberta
from roberta.errors import CheckpointError
from roberta.hub import Origin
from roberta.weights.folder import read_weights
from tests.model.golden import Case, assert_close, cases, flat
from tests.shared import SHARED, needs_shared

pytestmark = needs_shared

if SHARED:
    PYTORCH, LEGACY = SHARED / "oracle/pt", SHARED / "oracle/legacy"
    FORWARD, STEPWISE = cases(PYTORCH, "forward"), cases(PYTORCH, "stepwise")
    OLD_FILES = cases(LEGACY, "forward")
    # The library's own numbers are wrong here; beside them stand those that it gives without its cache.
    WRONG_WITH_CACHE = cases(PYTORCH, "stepwise", do_not_copy=True)
else:
    FORWARD = STEPWISE = OLD_FILES = WRONG_WITH_CACHE = []


def loaded(case: Case, device: str = "cpu"):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a head or pooler that the file lacks; test_loading looks at the warning
        return case.model().to(device)


@torch.no_grad()
def answer(case: Case, device: str = "cpu", model=None):
    torch.backends.cuda.matmul.allow_tf32 = False  # 1e-5 needs all bits of float32
    inputs = {name: tensor.to(device) for name, tensor in case.inputs().items()}
    model = loaded(case, device) if model is None else model
    if "splits" not in case.row:
        return model(**inputs, **case.row["kwargs"])
    past, done, logits = None, 0, []
    for count in case.row["splits"]:
        seen = done + count
        piece = {
            name: tensor[:, done:seen] if name in ("input_ids", "position_ids") else tensor
            for name, tensor in inputs.items()
        }
        if "attention_mask" in piece:
            piece["attention_mask"] = piece["attention_mask"][:, :seen]
        output = model(**piece, past_key_values=past, **case.row["kwargs"])
        past, done = output.past_key_values, seen
        logits.append(output.logits)
    return {"logits": torch.cat(logits, 1), "past_key_values": past}


def assert_equal_to(golden: dict[str, np.ndarray], found: dict[str, np.ndarray], case: Case):
    for name, array in golden.items():
        rows = case.compared_rows(name, array)
        assert_close(found[name][rows], array[rows], name)


def on_a_gpu(test):
    return pytest.mark.cuda(pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")(test))


@pytest.mark.parametrize("case", FORWARD + STEPWISE, ids=str)
def test_outputs_are_those_of_the_reference_and_no_others(case, device="cpu"):
    found, golden = flat(answer(case, device)), case.arrays("out")
    assert found.keys() == golden.keys()
    assert_equal_to(golden, found, case)


@pytest.mark.parametrize("case", [case for case in FORWARD if "tuple_layout" in case.row], ids=str)
def test_tuples_have_the_layout_of_the_reference(case):
    def layout(name, value):
        if isinstance(value, tuple):
            inner = [line for number, part in enumerate(value) for line in layout(f"{name}.{number}", part)]
            return [[name, f"tuple{len(value)}"], *inner]
        return [[name, None if value is None else list(value.shape)]]

    output = answer(case)
    assert type(output) is tuple
    assert [line for number, part in enumerate(output) for line in layout(str(number), part)] == case.row[
        "tuple_layout"
    ]


@pytest.mark.parametrize("case", OLD_FILES, ids=str)
def test_old_layouts_of_files_give_the_same_outputs(case):
    golden = case.arrays("out")
    model, inputs = loaded(case), case.inputs()
    with torch.no_grad():
        found = flat(model(**inputs, output_hidden_states=True, **case.row["kwargs"]))
    assert_equal_to(golden, found, case)


def test_a_file_that_mixes_prefixed_and_bare_names_is_read_as_meant_or_refused():
    [case] = cases(LEGACY, "load_error_in_library")
    try:
        model = loaded(case)
    except CheckpointError:
        return
    with torch.no_grad():
        found = flat(model(**case.inputs(), output_hidden_states=True))
    assert_equal_to(case.arrays("out"), found, case)


@pytest.mark.parametrize("case", WRONG_WITH_CACHE, ids=str)
def test_a_cache_changes_nothing_where_the_reference_goes_wrong_with_one(case, device="cpu"):
    model, right = loaded(case, device), case.arrays("out")["logits_no_cache"]
    inputs = {name: tensor.to(device) for name, tensor in case.inputs().items()}
    with torch.no_grad():
        whole = model(**inputs, use_cache=False).logits
    rows = case.compared_rows("logits", right)
    assert_close(whole.cpu().numpy()[rows], right[rows], "logits without a cache")
    assert_close(flat(answer(case, device, model))["logits"][rows], right[rows], "logits with a cache")


def test_relative_positions_are_counted_from_each_query_when_a_cache_is_asked_for():
    [wrong] = cases(PYTORCH, "forward", do_not_copy=True)
    [right] = [case for case in FORWARD if case.row["name"] == "model_decoder_relkey_nocache"]
    found = flat(answer(wrong))
    assert (wrong.inputs()["input_ids"] == right.inputs()["input_ids"]).all()
    assert_close(found["last_hidden_state"], right.arrays("out")["last_hidden_state"], "last_hidden_state")
    assert any(name.startswith("past_key_values") for name in found)


@on_a_gpu
def test_every_case_holds_on_a_gpu_too():
    for case in FORWARD + STEPWISE:
        test_outputs_are_those_of_the_reference_and_no_others(case, "cuda")
    for case in WRONG_WITH_CACHE:
        test_a_cache_changes_nothing_where_the_reference_goes_wrong_with_one(case, "cuda")


def test_state_dict_names_are_those_of_the_published_files():
    for path in sorted((PYTORCH / "checkpoints").iterdir()):
        config = json.loads((path / "config.json").read_text())
        [kind] = config["architectures"]
        stored = read_weights(Origin(path)).tensors
        names = getattr(roberta, kind).from_pretrained(path).state_dict().keys()
        twice = {"lm_head.decoder.weight", "lm_head.decoder.bias"}  # safetensors holds shared tensors once
        assert stored.keys() <= names, path.name
        assert names - stored.keys() <= twice, path.name
