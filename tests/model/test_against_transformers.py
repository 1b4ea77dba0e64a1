"""All seven classes beside transformers, with the same random weights: outputs within 1e-5, losses, every gradient."""

import random

import numpy as np
import pytest
import torch

import roberta
from tests.conftest import random_ids, seeded, tiny_config
from tests.model.golden import assert_close, flat

transformers = pytest.importorskip("transformers")

HEADS = [
    "RobertaModel",
    "RobertaForCausalLM",
    "RobertaForMaskedLM",
    "RobertaForSequenceClassification",
    "RobertaForMultipleChoice",
    "RobertaForTokenClassification",
    "RobertaForQuestionAnswering",
]
ACTS = ["gelu", "gelu_new", "gelu_fast", "gelu_10", "gelu_python_tanh", "gelu_accurate", "quick_gelu", "relu", "relu2"]
ACTS += ["relu6", "leaky_relu", "silu", "swish", "mish", "tanh", "sigmoid", "linear", "laplace", "gelu_pytorch_tanh"]


def draw_config(seed: int, *, labels: int = 2, decoder: bool = False, dropout: float = 0.0) -> roberta.RobertaConfig:
    pick = random.Random(seed)
    heads = pick.choice([1, 2, 3, 4])
    return tiny_config(
        vocab_size=pick.randint(40, 70),
        hidden_size=heads * pick.choice([2, 5, 8]),
        num_attention_heads=heads,
        num_hidden_layers=pick.randint(1, 3),
        intermediate_size=pick.randint(3, 30),
        max_position_embeddings=pick.randint(18, 30),
        type_vocab_size=pick.randint(1, 3),
        layer_norm_eps=pick.choice([1e-12, 1e-5, 1e-3]),
        pad_token_id=pick.choice([0, 1, 1, 3]),
        hidden_act=pick.choice(ACTS),
        position_embedding_type=pick.choice(["absolute", "absolute", "relative_key", "relative_key_query"]),
        tie_word_embeddings=pick.random() < 0.5,
        chunk_size_feed_forward=pick.choice([0, 0, 4]),
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        is_decoder=decoder,
        num_labels=labels,
    )


def pair(kind: str, config: roberta.RobertaConfig, seed: int = 0, **arguments):
    """Our model and the library's, with equal weights; their names must be equal for that."""
    ours = seeded(getattr(roberta, kind), config, seed, **arguments)
    values = {name: value for name, value in config.to_dict().items() if name != "model_type"}
    theirs_config = transformers.RobertaConfig(**values, attn_implementation="eager")
    theirs = getattr(transformers, kind)(theirs_config, **arguments).eval()
    theirs.load_state_dict(ours.state_dict(), strict=True)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    assert list(ours.state_dict()) == list(theirs.state_dict()), "the order of names, as in the published files"
    return ours, theirs


def draw_inputs(kind: str, config, seed: int, *, choices: int = 3) -> dict[str, torch.Tensor]:
    """Rows padded left, right or not at all, with token types; with as many axes as the class takes."""
    pick, length = random.Random(seed), 8  # a multiple of every chunk size above: the library asks for that
    rows = 2 * choices if kind == "RobertaForMultipleChoice" else 3
    ids, mask = random_ids(rows, length, seed, config.vocab_size), torch.ones(rows, length, dtype=torch.long)
    for row in range(rows):
        pads, left = pick.choice([0, 2, 5]), pick.random() < 0.5
        hidden = slice(0, pads) if left else slice(length - pads, length)
        ids[row, hidden], mask[row, hidden] = config.pad_token_id, 0
    types = torch.randint(config.type_vocab_size, ids.shape, generator=torch.Generator().manual_seed(seed))
    inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
    if kind == "RobertaForMultipleChoice":
        inputs = {name: tensor.view(2, choices, length) for name, tensor in inputs.items()}
    return inputs


def draw_labels(kind: str, config, inputs: dict[str, torch.Tensor], seed: int) -> dict[str, torch.Tensor]:
    random, ids = torch.Generator().manual_seed(seed + 1000), inputs["input_ids"]
    rows, length = ids.shape[0], ids.shape[-1]

    def numbers(limit, shape):
        return torch.randint(limit, shape, generator=random)

    if kind in ("RobertaForMaskedLM", "RobertaForCausalLM"):
        labels = numbers(config.vocab_size, ids.shape)
        return {"labels": labels.masked_fill(numbers(2, ids.shape) == 0, -100)}
    if kind == "RobertaForTokenClassification":
        labels = numbers(config.num_labels, ids.shape)
        return {"labels": labels.masked_fill(inputs["attention_mask"] == 0, -100)}
    if kind == "RobertaForQuestionAnswering":
        return {"start_positions": numbers(length + 3, (rows,)), "end_positions": numbers(length, (rows, 1)) - 2}
    if kind == "RobertaForMultipleChoice":
        return {"labels": numbers(ids.shape[1], (rows,))}
    if config.num_labels == 1:
        return {"labels": torch.randn(rows, generator=random)}
    return {"labels": numbers(config.num_labels, (rows,))}


def theirs_flat(output) -> dict[str, np.ndarray]:
    """The library's caches are objects of its own; the comparison of caches is `test_golden`'s."""
    return flat({name: value for name, value in output.items() if name != "past_key_values"})


def assert_same(ours: dict, theirs: dict, real: np.ndarray | None = None):
    """real: (rows, length), which tokens are pinned; what a padded token gives depends on the attention kernel."""
    assert ours.keys() == theirs.keys()
    for name, array in theirs.items():
        free = np.zeros(array.shape, bool)
        if real is not None and array.ndim >= 2 and array.shape[: real.ndim] == real.shape:
            free[~real] = True
        elif real is not None and array.ndim == 4 and array.shape[2] == real.shape[1]:
            free[np.broadcast_to(~real[:, None, :, None], array.shape)] = True
        elif real is not None and name in ("start_logits", "end_logits"):
            free = ~real
        assert_close(np.where(free, 0, ours[name]), np.where(free, 0, array), name)


def real_tokens(inputs) -> np.ndarray:
    mask = inputs["attention_mask"]
    return (mask.reshape(-1, mask.shape[-1]) == 1).numpy()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", HEADS)
@torch.no_grad()
def test_outputs_of_random_models_are_equal(kind, seed):
    labels = 2 if kind == "RobertaForQuestionAnswering" else 1 + seed % 3
    config = draw_config(seed * 7 + HEADS.index(kind), labels=labels, decoder=kind == "RobertaForCausalLM")
    ours, theirs = pair(kind, config, seed)
    inputs = draw_inputs(kind, config, seed)
    asked = {"output_attentions": True, "output_hidden_states": True}
    if config.is_decoder:
        asked["use_cache"] = False  # with it the library counts relative distances from the last key
    assert_same(flat(ours(**inputs, **asked)), theirs_flat(theirs(**inputs, **asked)), real_tokens(inputs))
    tuples = ours(**inputs, **asked, return_dict=False), theirs(**inputs, **asked, return_dict=False)
    assert_same(flat(tuples[0]), flat(tuples[1]), real_tokens(inputs))
    # Without attentions the fused kernel answers.
    asked = asked | {"output_attentions": False}
    assert_same(flat(ours(**inputs, **asked)), theirs_flat(theirs(**inputs, **asked)), real_tokens(inputs))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", HEADS[1:])
def test_losses_and_every_gradient_of_random_models_are_equal(kind, seed):
    labels = 2 if kind == "RobertaForQuestionAnswering" else 1 + seed
    config = draw_config(seed * 11 + HEADS.index(kind) + 500, labels=labels, decoder=kind == "RobertaForCausalLM")
    ours, theirs = pair(kind, config, seed)
    inputs = draw_inputs(kind, config, seed)
    inputs |= draw_labels(kind, config, inputs, seed)
    losses = ours.train()(**inputs).loss, theirs.train()(**inputs).loss
    assert_close(losses[0].detach().numpy(), losses[1].detach().numpy(), "loss")
    assert_gradients_equal(ours, theirs, losses)


def assert_gradients_equal(ours, theirs, losses):
    for loss in losses:
        loss.backward()
    gradients = dict(theirs.named_parameters())
    assert {name for name, _ in ours.named_parameters()} == gradients.keys()
    for name, parameter in ours.named_parameters():
        theirs_gradient = gradients[name].grad
        assert (parameter.grad is None) == (theirs_gradient is None), name
        if theirs_gradient is not None:
            assert_close(parameter.grad.numpy(), theirs_gradient.numpy(), name)


@pytest.mark.parametrize(
    ("problem", "labels"),
    [
        (None, torch.tensor([[1.0, 0, 1], [0, 0, 1], [1, 1, 1]])),
        ("multi_label_classification", torch.tensor([[1.0, 0, 0], [0, 0, 0], [1, 0, 1]])),
        ("regression", torch.tensor([[0.5, -2, 1], [0, 3, 1], [1, 1.5, 1]])),
        ("single_label_classification", torch.tensor([2, -100, 0])),
        ("single_label_classification", torch.tensor([[2], [1], [0]], dtype=torch.int64)),
    ],
)
def test_each_problem_type_has_the_loss_and_gradients_of_the_reference(problem, labels):
    config = draw_config(71, labels=3)
    config.problem_type = problem
    ours, theirs = pair("RobertaForSequenceClassification", config)
    inputs = draw_inputs("RobertaForSequenceClassification", config, 5) | {"labels": labels}
    losses = ours(**inputs).loss, theirs(**inputs).loss
    assert_close(losses[0].detach().numpy(), losses[1].detach().numpy(), "loss")
    assert_gradients_equal(ours, theirs, losses)


@pytest.mark.parametrize("seed", range(4))
def test_cross_attention_is_equal_in_outputs_and_gradients(seed):
    config = draw_config(seed + 40, decoder=True)
    config.add_cross_attention, config.position_embedding_type = True, "absolute"
    ours, theirs = pair("RobertaForCausalLM", config, seed)
    inputs = draw_inputs("RobertaForCausalLM", config, seed)
    source = torch.randn(3, 5, config.hidden_size, generator=torch.Generator().manual_seed(seed))
    inputs["encoder_hidden_states"] = source
    inputs["encoder_attention_mask"] = torch.tensor([[1, 1, 1, 0, 0], [0, 1, 1, 1, 1], [1, 1, 1, 1, 1]])
    inputs["head_mask"] = torch.rand(config.num_hidden_layers, config.num_attention_heads)
    asked = {"output_attentions": True, "output_hidden_states": True, "use_cache": False}
    with torch.no_grad():
        assert_same(flat(ours(**inputs, **asked)), theirs_flat(theirs(**inputs, **asked)), real_tokens(inputs))
    inputs |= draw_labels("RobertaForCausalLM", config, inputs, seed)
    assert_gradients_equal(ours, theirs, (ours(**inputs).loss, theirs(**inputs).loss))


@pytest.mark.parametrize("name", [*ACTS, "gelu_python"])
@torch.no_grad()
def test_each_activation_is_that_of_the_reference(name):
    from transformers.activations import ACT2FN

    from roberta.model.activations import activation

    x = torch.linspace(-20, 20, 4001)
    assert_close(activation(name)(x).numpy(), ACT2FN[name](x).numpy(), name)


@torch.no_grad()
def test_other_shapes_of_arguments_are_understood_alike():
    config = draw_config(3)
    ours, theirs = pair("RobertaModel", config)
    ids = random_ids(2, 8, 4, config.vocab_size)
    squares = torch.randint(2, (2, 8, 8), generator=torch.Generator().manual_seed(0))
    squares[:, :, 0] = 1
    fractions = torch.rand(2, 8, generator=torch.Generator().manual_seed(1))
    for arguments in (
        {"input_ids": ids, "attention_mask": squares},
        {"input_ids": ids, "attention_mask": fractions},
        {"input_ids": ids, "position_ids": torch.arange(3, 11)[None]},
        {"input_ids": ids, "position_ids": torch.randint(config.max_position_embeddings, (2, 8))},
        {"inputs_embeds": torch.randn(2, 8, config.hidden_size)},
        {"input_ids": ids, "head_mask": torch.rand(config.num_attention_heads)},
        {"input_ids": ids, "head_mask": torch.rand(config.num_hidden_layers, config.num_attention_heads)},
        {"input_ids": ids.int()},
    ):
        assert_same(flat(ours(**arguments)), theirs_flat(theirs(**arguments)))


@torch.no_grad()
def test_a_3d_mask_replaces_the_causal_rule_of_a_decoder():
    config = draw_config(8, decoder=True)
    ours, theirs = pair("RobertaForCausalLM", config)
    mask = torch.ones(2, 6, 6)
    mask[0, :, 4:] = 0
    inputs = {"input_ids": random_ids(2, 6, 4, config.vocab_size), "attention_mask": mask, "use_cache": False}
    assert_same(flat(ours(**inputs)), theirs_flat(theirs(**inputs)))


@torch.no_grad()
def test_pruning_in_two_steps_equals_the_reference():
    config = draw_config(1)
    config.num_attention_heads, config.hidden_size, config.num_hidden_layers = 4, 16, 2
    ours, theirs = pair("RobertaModel", config)
    for step in ({0: [1], 1: [0, 3]}, {0: [0, 1], 1: [2]}):
        ours.prune_heads(step)
        theirs.prune_heads(step)
    assert {layer: sorted(heads) for layer, heads in theirs.config.pruned_heads.items()} == ours.config.pruned_heads
    ids = random_ids(2, 8, 4, config.vocab_size)
    found, expected = ours(ids, output_attentions=True), theirs(ids, output_attentions=True)
    assert_same(flat(found), theirs_flat(expected))


def test_dropout_in_training_removes_as_much_as_in_the_reference():
    """Same weights, rate 0.3: over 400 passes means and spreads agree to within what chance allows."""
    config = draw_config(21, dropout=0.3)
    config.position_embedding_type = "absolute"
    ours, theirs = pair("RobertaModel", config)
    ids = random_ids(1, 6, 2, config.vocab_size).expand(200, -1)
    torch.manual_seed(0)
    with torch.no_grad():
        draws = [torch.cat([model.train()(ids).last_hidden_state[:, 0] for _ in range(2)]) for model in (ours, theirs)]
    means, spreads = [draw.mean(0) for draw in draws], [draw.std(0) / len(draw) ** 0.5 for draw in draws]
    error = (spreads[0] ** 2 + spreads[1] ** 2).sqrt()
    assert ((means[0] - means[1]).abs() < 4.5 * error + 1e-6).all()  # about one chance in 10,000 to fail, seeded
    ratio = draws[0].std(0) / draws[1].std(0)
    assert ((ratio > 0.8) & (ratio < 1.25)).all()


@pytest.mark.parametrize("kind", HEADS)
def test_fresh_weights_are_drawn_alike(kind):
    """The same parameters are zero, one, or normal with the same spread; pad rows are zero."""
    config = tiny_config(vocab_size=300, hidden_size=64, intermediate_size=128, initializer_range=0.05)
    ours = getattr(roberta, kind)(config)
    values = {name: value for name, value in config.to_dict().items() if name != "model_type"}
    theirs = getattr(transformers, kind)(transformers.RobertaConfig(**values)).state_dict()
    assert ours.training
    for name, tensor in ours.state_dict().items():
        spread, expected = float(tensor.std(correction=0)), float(theirs[name].std(correction=0))
        assert abs(float(tensor.mean()) - float(theirs[name].mean())) < 0.05 / tensor.numel() ** 0.5 * 8, name
        # Of n normal numbers the measured spread is off by 1 / sqrt(2n); six times that for both.
        assert abs(spread - expected) <= 12 * expected / (2 * tensor.numel()) ** 0.5, name
    pads = [name for name in theirs if "word_embeddings" in name or "position_embeddings" in name]
    assert all((ours.state_dict()[name][1] == 0).all() for name in pads)
