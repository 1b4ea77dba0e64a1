"""What every class can do to itself: draw, tie, resize, prune, recompute."""

import copy

import pytest
import torch

import roberta
from roberta.errors import InputError
from tests.conftest import random_ids, seeded, tiny_config
from tests.model.golden import assert_close
from tests.model.test_models import CLASSES, assert_outputs_close, build, inputs_for

LANGUAGE_MODELS = ["RobertaForMaskedLM", "RobertaForCausalLM"]


def is_tied(model) -> bool:
    table, head = model.get_input_embeddings(), model.lm_head
    assert head.bias is head.decoder.bias is model.get_output_embeddings().bias
    return head.decoder.weight is table.weight


def test_weights_start_as_documented_and_differ_from_model_to_model():
    config = tiny_config(vocab_size=2000, hidden_size=64, initializer_range=0.05, tie_word_embeddings=False)
    torch.manual_seed(0)
    one, other = roberta.RobertaForMaskedLM(config), roberta.RobertaForMaskedLM(config)
    torch.manual_seed(0)
    again = roberta.RobertaForMaskedLM(config)
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name
        if name.endswith("bias"):
            assert (tensor == 0).all(), name
        elif "orm." in name:
            assert (tensor == 1).all(), name
        else:
            assert abs(tensor.std() - 0.05) < 0.05 * 6 / (2 * tensor.numel()) ** 0.5 + 1e-3, name
            assert not torch.equal(tensor, other.state_dict()[name]), name
    embeddings = one.roberta.embeddings
    for table in (embeddings.word_embeddings, embeddings.position_embeddings):
        assert (table.weight[1] == 0).all()
        assert (table.weight[2] != 0).any()
    assert one.training
    assert all(parameter.requires_grad for parameter in one.parameters())


@pytest.mark.parametrize("kind", LANGUAGE_MODELS)
def test_tied_weights_stay_one_parameter_whatever_is_done_to_the_model(kind):
    for tied in (True, False):
        model = build(kind, tie_word_embeddings=tied)
        for changed in (
            model,
            model.to(torch.float64),
            model.float().cpu(),
            copy.deepcopy(model),
            model.train().eval().requires_grad_(False).requires_grad_(True),
        ):
            assert is_tied(changed) == tied
        model.resize_token_embeddings(70)
        assert is_tied(model) == tied
        model.load_state_dict(build(kind, tie_word_embeddings=tied, vocab_size=70).state_dict())
        assert is_tied(model) == tied
        model.set_input_embeddings(torch.nn.Embedding(70, 16))
        assert is_tied(model) == tied
    names = [name for name, _ in build(kind).named_parameters()]
    assert len(names) == len(set(names)) == len(build(kind, tie_word_embeddings=False).state_dict()) - 2


def test_the_output_embeddings_can_be_replaced():
    model = build("RobertaForMaskedLM", tie_word_embeddings=False)
    decoder = torch.nn.Linear(16, 60)
    model.set_output_embeddings(decoder)
    assert model.get_output_embeddings() is decoder
    assert model.lm_head.bias is decoder.bias
    assert build("RobertaModel").get_output_embeddings() is None


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", ["RobertaModel", *LANGUAGE_MODELS, "RobertaForTokenClassification"])
def test_resizing_keeps_the_rows_that_stay_and_nothing_else_changes(kind, tied):
    before = build(kind, tie_word_embeddings=tied)
    ids = random_ids(2, 5, words=40)
    for asked, multiple, size in ((73, None, 73), (61, 8, 64), (None, 64, 64), (40, None, 40), (60, None, 60)):
        model = copy.deepcopy(before)
        table = model.resize_token_embeddings(asked, pad_to_multiple_of=multiple)
        kept = min(size, 60)
        assert table is model.get_input_embeddings()
        assert (model.config.vocab_size, table.num_embeddings, len(table.weight)) == (size, size, size)
        assert torch.equal(table.weight[:kept], before.get_input_embeddings().weight[:kept])
        with torch.no_grad():
            found, expected = model(ids), before(ids)
        name = "logits" if "logits" in expected else "last_hidden_state"
        if kind in LANGUAGE_MODELS:
            assert model.get_output_embeddings().out_features == len(model.lm_head.bias) == size
            assert found.logits.shape == (2, 5, size)
            assert_close(found.logits[..., :kept].numpy(), expected.logits[..., :kept].numpy(), name)
            loss = model(ids, labels=ids).loss
            loss.backward()
        else:
            assert_close(found[name].numpy(), expected[name].numpy(), name)
    assert before.resize_token_embeddings() is before.get_input_embeddings()
    assert before.resize_token_embeddings(60) is before.get_input_embeddings()


def test_new_rows_lie_close_around_the_mean_or_are_drawn_like_fresh_ones():
    model = seeded(roberta.RobertaForMaskedLM, tiny_config(tie_word_embeddings=False))
    rows, biases = model.get_input_embeddings().weight.detach().clone(), model.lm_head.bias.detach().clone()
    model.resize_token_embeddings(400)
    new = model.get_input_embeddings().weight[60:]
    # Their covariance is a 1e-9th of the old rows'.
    assert (new - rows.mean(0)).abs().max() < 0.3 * 1e-9**0.5 * 6
    assert new.std(0).mean().item() == pytest.approx(rows.std(0).mean().item() * 1e-9**0.5, rel=0.2)
    assert (model.lm_head.bias[60:] - biases.mean()).abs().max() < 0.3 * 1e-9**0.5 * 6
    fresh = seeded(roberta.RobertaForMaskedLM, tiny_config(tie_word_embeddings=False))
    fresh.resize_token_embeddings(400, mean_resizing=False)
    assert fresh.lm_head.decoder.weight[60:].std().item() == pytest.approx(0.02, rel=0.1)
    assert (fresh.lm_head.bias[60:] == 0).all()


def test_a_vocabulary_without_the_padding_id_is_refused():
    with pytest.raises(InputError, match="does not hold the padding id 1"):
        build("RobertaModel").resize_token_embeddings(1)


@pytest.mark.parametrize("kind", CLASSES)
def test_a_resized_and_pruned_model_comes_back_from_its_folder(kind, tmp_path):
    model = build(kind)
    model.resize_token_embeddings(66)
    model.prune_heads({0: [1], 1: [0, 3]})
    model.prune_heads({0: [2, 1]})
    assert model.config.pruned_heads == {0: [1, 2], 1: [0, 3]}
    model.save_pretrained(tmp_path)
    back = getattr(roberta, kind).from_pretrained(tmp_path)
    assert back.config.pruned_heads == {0: [1, 2], 1: [0, 3]}
    with torch.no_grad():
        assert_outputs_close(back(**inputs_for(kind)), model(**inputs_for(kind)))
    back.prune_heads({0: [0]})
    assert back.body.encoder.layer[0].attention.self.query.weight.shape == (4, 16)


def test_pruning_leaves_cross_attention_whole_after_loading_too(tmp_path):
    model = build("RobertaForCausalLM", add_cross_attention=True)
    model.prune_heads({0: [1, 2]})
    model.save_pretrained(tmp_path)
    layer = roberta.RobertaForCausalLM.from_pretrained(tmp_path).roberta.encoder.layer[0]
    assert layer.attention.self.query.weight.shape == (8, 16)
    assert layer.crossattention.self.query.weight.shape == (16, 16)


@pytest.mark.parametrize(
    ("heads", "message"),
    [
        ({2: [0]}, "no heads .* in layer 2"),
        ({-1: [0]}, "no heads .* in layer -1"),
        ({0: [4]}, r"no heads \[4\] in layer 0"),
        ({0: [-1]}, r"no heads \[-1\] in layer 0"),
        ({0: [0, 1, 2, 3]}, "layer 0 would lose its last head"),
    ],
)
def test_heads_that_cannot_be_pruned_are_refused(heads, message):
    model = build("RobertaModel")
    with pytest.raises(InputError, match=message):
        model.prune_heads(heads)


def test_pruning_that_is_refused_in_part_changes_nothing():
    model, ids = build("RobertaModel"), random_ids(1, 4)
    before = model(ids).last_hidden_state
    with pytest.raises(InputError):
        model.prune_heads({0: [1], 9: [0]})
    assert model.config.pruned_heads == {}
    assert torch.equal(model(ids).last_hidden_state, before)


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_gradient_checkpointing_gives_the_same_loss_and_gradients(dropout):
    gradients = []
    for recompute in (False, True):
        rates = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
        model = build("RobertaForCausalLM", **rates).train()
        if recompute:
            model.gradient_checkpointing_enable()
        assert model.is_gradient_checkpointing == recompute
        ids, mask = random_ids(2, 6), torch.tensor([[1] * 6, [1, 1, 1, 1, 0, 0]])
        torch.manual_seed(7)
        output = model(ids, mask, labels=ids, output_hidden_states=True, output_attentions=True)
        assert len(output.attentions) == 2
        output.loss.backward()
        gradients.append({name: parameter.grad for name, parameter in model.named_parameters()})
    for name, gradient in gradients[0].items():
        assert_close(gradients[1][name].numpy(), gradient.numpy(), name)
    assert model(ids).past_key_values is None, "a cache would be filled twice"
    model.gradient_checkpointing_disable()
    assert model(ids).past_key_values is not None


def test_gradient_checkpointing_runs_layers_again():
    runs = []
    model = build("RobertaModel").train()
    model.encoder.layer[0].register_forward_pre_hook(lambda *_: runs.append(1))
    for recompute, expected in ((False, 1), (True, 2)):
        runs.clear()
        model.encoder.gradient_checkpointing = recompute
        model(random_ids(1, 4)).last_hidden_state.sum().backward()
        assert len(runs) == expected


def test_parameters_are_counted_once_and_where_the_model_lies_is_told():
    model = build("RobertaForMaskedLM")
    untied = build("RobertaForMaskedLM", tie_word_embeddings=False)
    assert untied.num_parameters() - model.num_parameters() == 60 * 16
    model.roberta.requires_grad_(False)
    head = 16 * 16 + 16 + 2 * 16 + 60  # the decoder's matrix is the frozen word table
    assert model.num_parameters(only_trainable=True) == head
    assert (model.device, model.dtype) == (torch.device("cpu"), torch.float32)
    assert model.base_model is model.roberta
    assert model.roberta.base_model is model.roberta


def test_documented_arguments_that_choose_a_way_to_compute_are_taken(tmp_path):
    model = seeded(roberta.RobertaModel, tiny_config(), 0)
    model.save_pretrained(tmp_path)
    ways = {"attn_implementation": "sdpa", "low_cpu_mem_usage": True, "device_map": "auto", "torch_dtype": "float16"}
    loaded = roberta.RobertaModel.from_pretrained(tmp_path, **ways)
    assert loaded.dtype == torch.float16
    assert loaded.device.type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(InputError, match="device_map"):
        roberta.RobertaModel.from_pretrained(tmp_path, device_map={"encoder": 0})
