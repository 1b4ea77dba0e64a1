"""The graph is the model: every head, any batch and length, padding, positions; and it says what it is."""

import numpy as np
import pytest
import torch

from roberta.convert import onnx_activations
from roberta.convert.onnx_graph import Graph
from roberta.convert.plan import make_plan
from roberta.convert.run import Options, convert
from roberta.convert.source import open_source
from roberta.errors import CheckpointError
from roberta.hub import Origin
from roberta.model.activations import ACTIVATIONS
from roberta.weights import onnx_file
from tests.conftest import random_ids
from tests.convert.checkpoints import saved
from tests.model.golden import assert_close, flat
from tests.model.test_models import CLASSES, build, inputs_for

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

OUTPUTS = {
    "RobertaModel": ["last_hidden_state", "pooler_output"],
    "RobertaForQuestionAnswering": ["start_logits", "end_logits"],
}
CHANGES = (
    {"pruned_heads": {0: [1], 1: [0, 2]}},
    {"pad_token_id": 0},
    {"tie_word_embeddings": False},
    {"num_hidden_layers": 0},
)


def session_of(model, folder):
    """The graph of a model, as onnxruntime runs it."""
    model.save_pretrained(folder)
    convert(Origin(folder), folder / "graph", Options(to="onnx", verify=False))
    return onnxruntime.InferenceSession(str(folder / "graph" / "model.onnx"), providers=["CPUExecutionProvider"])


def run(session, ids, mask=None):
    inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids) if mask is None else mask}
    return dict(zip([output.name for output in session.get_outputs()], session.run(None, inputs)))


@torch.no_grad()
def assert_same(session, model, ids, mask=None):
    seen = None if mask is None else torch.from_numpy(mask)
    expected = flat(model(torch.from_numpy(ids), attention_mask=seen, return_dict=True))
    for name, array in run(session, ids, mask).items():
        assert_close(array, expected[name], name)


@pytest.mark.parametrize("kind", CLASSES)
def test_every_class_answers_as_the_model_for_any_batch_and_length(tmp_path, kind):
    model = build(kind)
    session = session_of(model, tmp_path)
    assert [given.name for given in session.get_inputs()] == ["input_ids", "attention_mask"]
    assert [given.name for given in session.get_outputs()] == OUTPUTS.get(kind, ["logits"])
    for batch, length in ((1, 1), (2, 6), (5, 22)):
        assert_same(session, model, inputs_for(kind, batch, length)["input_ids"].numpy())


@pytest.mark.parametrize("kind", CLASSES)
def test_a_padded_batch_gives_the_unpadded_answers(tmp_path, kind):
    session = session_of(build(kind), tmp_path)
    texts = [random_ids(1, length, seed=length).numpy() for length in (3, 7, 9)]
    ids, mask = np.ones((3, 9), np.int64), np.zeros((3, 9), np.int64)
    for row, text in enumerate(texts):
        ids[row, : text.shape[1]], mask[row, : text.shape[1]] = text, 1
    choices = (lambda array: array[None]) if kind == "RobertaForMultipleChoice" else (lambda array: array)
    padded = run(session, choices(ids), choices(mask))
    for row, text in enumerate(texts):
        for name, alone in run(session, choices(text)).items():
            found = padded[name][:, [row]] if kind == "RobertaForMultipleChoice" else padded[name][[row]]
            per_token = found.shape[1:2] == (9,) and alone.shape[1] == text.shape[1]
            assert_close(found[:, : text.shape[1]] if per_token else found, alone, name)


@pytest.mark.parametrize("kind", ["RobertaModel", "RobertaForMaskedLM", "RobertaForTokenClassification"])
def test_padding_on_the_left_moves_no_position(tmp_path, kind):
    model = build(kind)
    session = session_of(model, tmp_path)
    text = random_ids(1, 7).numpy()
    padded, mask = np.pad(text, ((0, 0), (4, 0)), constant_values=1), np.pad(np.ones_like(text), ((0, 0), (4, 0)))
    assert_same(session, model, padded, mask)
    name = session.get_outputs()[0].name
    assert_close(run(session, padded, mask)[name][:, 4:], run(session, text)[name], name)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_is_there(tmp_path, name):
    assert ACTIVATIONS.keys() == onnx_activations.ACTIVATIONS.keys()
    model = build("RobertaModel", hidden_act=name, num_hidden_layers=1)
    assert_same(session_of(model, tmp_path), model, random_ids(2, 9).numpy())


@pytest.mark.parametrize("kind", ["relative_key", "relative_key_query"])
@pytest.mark.parametrize("is_decoder", [False, True])
def test_relative_positions(tmp_path, kind, is_decoder):
    model = build("RobertaForCausalLM", position_embedding_type=kind, is_decoder=is_decoder)
    session = session_of(model, tmp_path)
    for length in (1, 9, 22):
        assert_same(session, model, random_ids(2, length).numpy())


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_lost_heads_other_pad_ids_and_untied_decoders(tmp_path, changes):
    model = build("RobertaForMaskedLM", **changes)
    assert_same(session_of(model, tmp_path), model, random_ids(2, 9).numpy())


def test_a_row_that_sees_nothing_averages(tmp_path):
    model = build("RobertaModel")
    mask = np.zeros((2, 5), np.int64)
    mask[1] = 1
    assert_same(session_of(model, tmp_path), model, random_ids(2, 5).numpy(), mask)


@pytest.mark.parametrize("kind", CLASSES)
def test_the_file_is_a_valid_model_that_names_its_axes(tmp_path, kind):
    session_of(build(kind), tmp_path)
    path = tmp_path / "graph" / "model.onnx"
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    axes = [axis.dim_param for axis in model.graph.input[0].type.tensor_type.shape.dim]
    assert axes == (["batch", "choices", "sequence"] if kind == "RobertaForMultipleChoice" else ["batch", "sequence"])
    assert (model.opset_import[0].version, model.ir_version, model.producer_name) == (17, 8, "roberta")
    names = {name for node in model.graph.node for name in node.input}
    assert {weight.name for weight in model.graph.initializer} <= names


def test_the_same_checkpoint_gives_the_same_bytes(tmp_path):
    source = saved(tmp_path / "source")
    for name in ("one", "two"):
        convert(Origin(source), tmp_path / name, Options(to="onnx", verify=False))
    assert (tmp_path / "one" / "model.onnx").read_bytes() == (tmp_path / "two" / "model.onnx").read_bytes()


def test_a_model_larger_than_a_message_may_be_has_its_weights_beside_it(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_file, "MESSAGE_LIMIT", 30_000)
    source = saved(tmp_path / "source")
    line = convert(Origin(source), tmp_path / "new", Options(to="onnx"))
    assert line["verified"]
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"config.json", "model.onnx", "model.onnx_data"}
    assert (tmp_path / "new" / "model.onnx").stat().st_size < 30_000
    onnx.checker.check_model(str(tmp_path / "new" / "model.onnx"))


def test_no_weight_is_held_twice(tmp_path):
    source = open_source(Origin(saved(tmp_path / "source")))
    plan, tensors = make_plan(source.config, source.weights)
    graph = Graph(plan, tensors)
    for name, array in graph.weights.items():
        assert np.shares_memory(array, tensors[name.replace(".kernel", ".weight")]), name


def test_a_graph_of_another_program_is_said_to_be_one(tmp_path):
    convert(Origin(saved(tmp_path / "source")), tmp_path / "new", Options(to="onnx", verify=False))
    path = tmp_path / "new" / "model.onnx"
    model = onnx.load(path)
    for number, weight in enumerate(model.graph.initializer):
        if weight.name.endswith(".kernel"):
            weight.name = f"onnx::MatMul_{number}"
    onnx.save(model, path)
    with pytest.raises(CheckpointError, match="of another program, which has dropped the names"):
        convert(Origin(path), tmp_path / "back", Options())
