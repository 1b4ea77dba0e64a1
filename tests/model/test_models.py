"""What all classes promise about their arguments and answers."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn

import roberta
from roberta.errors import InputError
from tests import reference
from tests.conftest import random_ids, seeded, tiny_config
from tests.model.golden import assert_close, flat

CLASSES = [
    "RobertaModel",
    "RobertaForCausalLM",
    "RobertaForMaskedLM",
    "RobertaForSequenceClassification",
    "RobertaForMultipleChoice",
    "RobertaForTokenClassification",
    "RobertaForQuestionAnswering",
]


def build(kind: str, **changes):
    if kind == "RobertaForCausalLM":
        changes = {"is_decoder": True} | changes
    return seeded(getattr(roberta, kind), tiny_config(**changes))


def inputs_for(kind: str, batch: int = 2, length: int = 6, seed: int = 0) -> dict[str, torch.Tensor]:
    if kind == "RobertaForMultipleChoice":
        return {"input_ids": random_ids(batch * 3, length, seed).view(batch, 3, length)}
    return {"input_ids": random_ids(batch, length, seed)}


def assert_outputs_close(found, expected, tolerance: float = 1e-5):
    found, expected = flat(found), flat(expected)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert_close(found[name], array, name, tolerance)


@torch.no_grad()
def test_heads_are_those_of_the_loops():
    ids = random_ids(2, 5)
    for kind, name, head in (
        ("RobertaForMaskedLM", "logits", lambda hidden, weights, config: reference.words(hidden, weights, config)),
        ("RobertaForCausalLM", "logits", lambda hidden, weights, config: reference.words(hidden, weights, config)),
        (
            "RobertaForSequenceClassification",
            "logits",
            lambda hidden, weights, config: reference.text_labels(hidden, weights),
        ),
        (
            "RobertaForTokenClassification",
            "logits",
            lambda hidden, weights, config: reference.linear(hidden, weights, "classifier"),
        ),
        (
            "RobertaForQuestionAnswering",
            "end_logits",
            lambda hidden, weights, config: reference.linear(hidden, weights, "qa_outputs")[:, 1],
        ),
    ):
        model = build(kind, hidden_act="relu") if kind == "RobertaForMaskedLM" else build(kind)
        weights = reference.as_arrays(model)
        output = model(ids, output_hidden_states=True)
        for row in range(2):
            hidden = output.hidden_states[-1][row].double().numpy()
            if kind != "RobertaForMaskedLM":
                body = reference.below(weights, "roberta.")
                states, _, _ = reference.encode(body, model.config, ids[row].tolist())
                assert_close(hidden, states[-1], kind)
            assert_close(output[name][row].numpy(), head(hidden, weights, model.config), kind)


@torch.no_grad()
def test_a_choice_is_scored_by_its_pooled_first_token():
    model, ids = build("RobertaForMultipleChoice"), random_ids(6, 5).view(2, 3, 5)
    weights = reference.as_arrays(model)
    body = reference.below(weights, "roberta.")
    for text in range(2):
        for choice in range(3):
            states, _, _ = reference.encode(body, model.config, ids[text, choice].tolist())
            score = reference.linear(reference.pooled(states[-1], body), weights, "classifier")
            assert model(ids).logits[text, choice].item() == pytest.approx(score.item(), abs=1e-5)


@pytest.mark.parametrize("kind", CLASSES)
@torch.no_grad()
def test_outputs_answer_by_name_by_key_and_by_place(kind):
    model, inputs = build(kind), inputs_for(kind)
    output = model(**inputs, output_hidden_states=True)
    names = list(output)
    assert names == list(output.keys()) == [name for name, _ in output.items()]
    assert len(output) == len(names) == len(output.to_tuple()) == len(output.values())
    for place, name in enumerate(names):
        assert output[name] is output[place] is getattr(output, name) is output.to_tuple()[place]
        assert name in output
    assert output[:2] == output.to_tuple()[:2]
    assert dict(**output).keys() == set(names)
    assert output.attentions is None
    assert "attentions" not in output
    assert output.get("attentions", 5) == 5
    for absent in ("attentions", "to_tuple", "nothing"):
        with pytest.raises(KeyError):
            output[absent]


@pytest.mark.parametrize("kind", CLASSES)
@torch.no_grad()
def test_what_a_call_does_not_say_the_config_says(kind):
    inputs = inputs_for(kind)
    plain, asking = build(kind), build(kind, return_dict=False, output_hidden_states=True, output_attentions=True)
    asked = {"output_hidden_states": True, "output_attentions": True}
    answer = asking(**inputs)
    assert type(answer) is tuple
    assert_outputs_close(answer, plain(**inputs, **asked, return_dict=False))
    assert_outputs_close(asking(**inputs, return_dict=True), plain(**inputs, **asked))
    unasked = {"output_hidden_states": False, "output_attentions": False, "return_dict": True}
    assert_outputs_close(asking(**inputs, **unasked), plain(**inputs))
    plain.config.output_attentions = True
    assert plain(**inputs).attentions is not None


@torch.no_grad()
def test_tuples_hold_what_exists_in_the_documented_order():
    config = tiny_config(is_decoder=True, add_cross_attention=True)
    asked = {"output_hidden_states": True, "output_attentions": True}
    inputs = {"input_ids": random_ids(2, 5), "encoder_hidden_states": torch.randn(2, 3, 16)} | asked
    for pooler in (True, False):
        model = seeded(roberta.RobertaModel, config, add_pooling_layer=pooler)
        named, (last, pooled, past, states, attentions, crosses) = model(**inputs), model(**inputs, return_dict=False)
        assert torch.equal(last, named.last_hidden_state)
        assert (pooled is not None) == pooler
        assert past.get_seq_length() == 5
        assert [len(states), len(attentions), len(crosses)] == [3, 2, 2]
        assert attentions[0].shape == (2, 4, 5, 5)
        assert crosses[0].shape == (2, 4, 5, 3)
        assert torch.equal(states[-1], last)
        assert (len(named.to_tuple()), len(named)) == ((6, 6) if pooler else (5, 5))
    causal = seeded(roberta.RobertaForCausalLM, config)
    logits, past, states, attentions, crosses = causal(**inputs, return_dict=False)
    assert (logits.shape, past.get_seq_length(), len(states), len(crosses)) == ((2, 5, 60), 5, 3, 2)
    loss, logits, states, _, _ = causal(**inputs, labels=inputs["input_ids"], return_dict=False)
    assert (loss.shape, logits.shape, len(states)) == ((), (2, 5, 60), 3)


@torch.no_grad()
def test_a_decoder_caches_as_its_config_says_and_an_encoder_never():
    ids = random_ids(1, 4)
    assert build("RobertaForCausalLM")(ids).past_key_values.length == 4
    assert build("RobertaForCausalLM", use_cache=False)(ids).past_key_values is None
    assert build("RobertaForCausalLM", use_cache=False)(ids, use_cache=True).past_key_values is not None
    assert build("RobertaForCausalLM")(ids, labels=ids).past_key_values is None
    assert build("RobertaForCausalLM", is_decoder=False)(ids, use_cache=True).past_key_values is None
    assert build("RobertaModel")(ids, use_cache=True).past_key_values is None


@pytest.mark.parametrize("kind", CLASSES)
@torch.no_grad()
def test_words_may_come_as_ids_or_as_their_embeddings(kind):
    model, inputs = build(kind), inputs_for(kind)
    embeds = model.get_input_embeddings()(inputs["input_ids"])
    assert_outputs_close(model(inputs_embeds=embeds), model(**inputs))


@pytest.mark.parametrize("relative", ["absolute", "relative_key"])
@pytest.mark.parametrize("kind", CLASSES)
@torch.no_grad()
def test_a_row_gets_the_same_answer_alone_and_beside_others(kind, relative):
    """Padding left or right, hidden by the mask, moves nothing by more than sums in another order do."""
    if relative != "absolute" and kind == "RobertaForMultipleChoice":
        return
    model = build(kind, position_embedding_type=relative)
    texts = [random_ids(1, length, seed=length)[0] for length in (3, 7, 5)]
    alone = [model(text.expand(1, 1, -1) if kind == "RobertaForMultipleChoice" else text[None]) for text in texts]
    for left in (False, True):
        ids, mask = torch.ones(3, 7, dtype=torch.long), torch.zeros(3, 7, dtype=torch.long)
        places = [slice(7 - len(text), 7) if left else slice(0, len(text)) for text in texts]
        for row, (text, place) in enumerate(zip(texts, places)):
            ids[row, place], mask[row, place] = text, 1
        shape = (3, 1, 7) if kind == "RobertaForMultipleChoice" else (3, 7)
        together = flat(model(input_ids=ids.view(shape), attention_mask=mask.view(shape)))
        for row, expected in enumerate(flat(output) for output in alone):
            for name, array in expected.items():
                if name.startswith("past"):
                    found = together[name][row : row + 1, :, places[row]]
                elif array.ndim > 1 and array.shape[1] == len(texts[row]):
                    found = together[name][row : row + 1, places[row]]
                elif left and name in ("pooler_output", "logits"):
                    continue  # these read the first column, which is padding here
                else:
                    found = together[name][row : row + 1]
                assert_close(found, array, f"{name} of row {row}")


@torch.no_grad()
def test_padding_keeps_its_own_position_and_is_seen_unless_a_mask_hides_it():
    model, ids = build("RobertaModel"), random_ids(1, 5)
    padded = torch.cat([ids, torch.ones(1, 2, dtype=torch.long)], 1)
    hidden = model(padded, torch.tensor([[1, 1, 1, 1, 1, 0, 0]])).last_hidden_state[:, :5]
    assert_close(hidden.numpy(), model(ids).last_hidden_state.numpy(), "hidden padding")
    assert (model(padded).last_hidden_state[:, :5] - hidden).abs().max() > 1e-3


@pytest.mark.parametrize("kind", CLASSES)
def test_dropout_happens_in_training_only(kind):
    model, inputs = build(kind), inputs_for(kind)
    with torch.no_grad():
        first = flat(model(**inputs))
        assert all(np.array_equal(first[name], array) for name, array in flat(model(**inputs)).items())
        model.train()
        rough = [flat(model(**inputs)) for _ in range(2)]
    name = next(name for name in first if "logits" in name or "hidden" in name)
    assert not np.array_equal(rough[0][name], rough[1][name])
    assert not np.array_equal(rough[0][name], first[name])


@pytest.mark.parametrize("attending", [False, True])
@torch.no_grad()
def test_each_rate_alone_makes_training_rough_by_whichever_kernel(attending):
    ids = random_ids(1, 6)
    for hidden, attention in ((0.5, 0.0), (0.0, 0.5), (0.0, 0.0)):
        rates = {"hidden_dropout_prob": hidden, "attention_probs_dropout_prob": attention}
        model = build("RobertaModel", **rates).train()
        first, second = (model(ids, output_attentions=attending) for _ in range(2))
        same = torch.equal(first.last_hidden_state, second.last_hidden_state)
        assert same == (hidden == attention == 0.0)
        if attending:
            dropped = (first.attentions[0] == 0).float().mean()
            assert (dropped > 0.2) == (attention > 0)


def test_dropout_stands_at_its_documented_places():
    """After the embeddings' norm, on the probabilities, after both output layers, twice in the head: by what passes."""
    model, ids, seen = build("RobertaForSequenceClassification").train(), random_ids(2, 5), []
    for name, part in model.named_modules():
        if isinstance(part, nn.Dropout):
            part.register_forward_hook(lambda part, given, out, name=name: seen.append((name, tuple(out.shape))))
    model(ids, output_attentions=True)
    layer = [
        ("attention.self.dropout", (2, 4, 5, 5)),
        ("attention.output.dropout", (2, 5, 16)),
        ("output.dropout", (2, 5, 16)),
    ]
    expected = [("roberta.embeddings.dropout", (2, 5, 16))]
    expected += [(f"roberta.encoder.layer.{number}.{name}", shape) for number in range(2) for name, shape in layer]
    expected += [("classifier.dropout", (2, 16))] * 2
    assert seen == expected


def test_a_head_has_the_dropout_rate_that_its_config_names():
    def rates(kind, **changes):
        model = build(kind, hidden_dropout_prob=0.25, **changes)
        body = {id(part) for part in model.body.modules()}
        return {part.p for part in model.modules() if isinstance(part, nn.Dropout) and id(part) not in body}

    for kind in ("RobertaForSequenceClassification", "RobertaForTokenClassification"):
        assert rates(kind) == {0.25}
        assert rates(kind, classifier_dropout=0.5) == {0.5}
        assert rates(kind, classifier_dropout=0.0) == {0.0}
    assert rates("RobertaForMultipleChoice", classifier_dropout=0.5) == {0.25}
    assert rates("RobertaForQuestionAnswering") == rates("RobertaForMaskedLM") == set()


@torch.no_grad()
def test_the_activation_may_be_a_name_or_a_function():
    ids = random_ids(1, 4)
    named = build("RobertaModel", hidden_act="relu")(ids).last_hidden_state
    for act in (torch.relu, nn.ReLU(), lambda x: x.clamp(min=0)):
        assert torch.equal(build("RobertaModel", hidden_act=act)(ids).last_hidden_state, named)
    with pytest.raises(InputError, match="did you mean gelu"):
        build("RobertaModel", hidden_act="gleu")


READS = {
    "plain": {},
    "in chunks": {"chunk_size_feed_forward": 2},
    "by distance": {"position_embedding_type": "relative_key_query"},
    "left to right": {"is_decoder": True},
    "left to right, with a source it is not given": {"is_decoder": True, "add_cross_attention": True},
    "one layer": {"num_hidden_layers": 1},
    "no layers": {"num_hidden_layers": 0},
}


@pytest.mark.parametrize("recomputing", [False, True])
@pytest.mark.parametrize("config", READS)
def test_some_rows_are_read_as_the_whole_has_them_and_learn_alike(config, recomputing):
    model = build("RobertaModel", **READS[config], hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    if recomputing:
        model.train().gradient_checkpointing_enable()
    ids, mask = random_ids(3, 6), torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 0, 0]])
    rows = torch.tensor([12, 0, 8, 0])  # in any order, one of them twice
    loud = torch.randn(4, 16)

    def learnt(hidden):
        model.zero_grad()
        (hidden * loud).sum().backward()
        found = {name: part.grad.clone() for name, part in model.named_parameters() if part.grad is not None}
        return {"hidden": hidden.detach(), **found}

    read = learnt(model.read(ids, mask, rows=rows))
    whole = learnt(model(ids, mask).last_hidden_state.flatten(0, 1)[rows])
    assert read.keys() == whole.keys()
    for name, values in whole.items():
        assert_close(read[name].numpy(), values.numpy(), name)


@pytest.mark.parametrize("size", [1, 4, 5, 100])
@torch.no_grad()
def test_feed_forward_in_chunks_changes_nothing(size):
    ids = random_ids(2, 9)
    whole, chunked = build("RobertaModel"), build("RobertaModel", chunk_size_feed_forward=size)
    assert_outputs_close(chunked(ids), whole(ids))


@pytest.mark.parametrize("kind", CLASSES)
@torch.no_grad()
def test_models_run_in_every_floating_point_type(kind):
    model, inputs = build(kind), inputs_for(kind)
    mask = torch.ones_like(inputs["input_ids"])
    mask[..., -2:] = 0
    inputs |= {"attention_mask": mask}
    exact = flat(model(**inputs))
    # bfloat16 has 8 bits, float16 11: a handful of roundings of numbers near the largest; float64 is the better judge
    for dtype, tolerance in ((torch.bfloat16, 0.1), (torch.float16, 0.02), (torch.float64, 1e-5)):
        rough = copy.deepcopy(model).to(dtype)
        assert rough.dtype == dtype
        for head_mask in (None, torch.ones(4)):
            output = rough(**inputs, head_mask=head_mask)
            assert all(tensor.dtype == dtype for tensor in output.to_tuple() if isinstance(tensor, torch.Tensor))
            for name, part in output.items():
                if name != "past_key_values":
                    assert_close(part.float().numpy(), exact[name], f"{name} in {dtype}", tolerance)


@pytest.mark.parametrize("kind", CLASSES)
def test_models_can_be_copied_and_pickled(kind):
    inputs = inputs_for(kind)
    for act in ("gelu", "gelu_10", "relu2", "linear", "gelu_new"):
        model = build(kind, hidden_act=act)
        for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            with torch.no_grad():
                assert_outputs_close(twin(**inputs), model(**inputs), tolerance=0)


def test_all_parameters_get_a_gradient():
    """Pad rows and unused rows aside, nothing is left out of training."""
    for kind in CLASSES[1:]:
        model, inputs = build(kind), inputs_for(kind, length=20)
        labels = {"labels": inputs["input_ids"]} if kind.endswith("LM") else {"labels": torch.tensor([0, 1])}
        if kind == "RobertaForTokenClassification":
            labels = {"labels": inputs["input_ids"] % 2}
        if kind == "RobertaForQuestionAnswering":
            labels = {"start_positions": torch.tensor([0, 1]), "end_positions": torch.tensor([2, 3])}
        model(**inputs, **labels).loss.backward()
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.any(), name


def test_the_look_up_sends_no_gradient_to_pad_rows_but_a_tied_decoder_does():
    padded = torch.tensor([[4, 5, 1, 1]])
    model = build("RobertaModel")
    model(padded).last_hidden_state.pow(2).sum().backward()
    assert (model.embeddings.word_embeddings.weight.grad[1] == 0).all()
    assert (model.embeddings.position_embeddings.weight.grad[1] == 0).all()
    tied = build("RobertaForMaskedLM")
    tied(padded, labels=padded).loss.backward()
    assert (tied.roberta.embeddings.word_embeddings.weight.grad[1] != 0).any()
    untied = build("RobertaForMaskedLM", tie_word_embeddings=False)
    untied(padded, labels=padded).loss.backward()
    assert (untied.roberta.embeddings.word_embeddings.weight.grad[1] == 0).all()
    assert (untied.lm_head.decoder.weight.grad[1] != 0).any()


def test_arguments_stand_in_the_documented_order():
    transformers = pytest.importorskip("transformers")
    import inspect

    for kind in CLASSES:
        for method in ("forward", "__init__"):
            ours = list(inspect.signature(getattr(getattr(roberta, kind), method)).parameters)
            theirs = list(inspect.signature(getattr(getattr(transformers, kind), method)).parameters)
            assert ours == [name for name in theirs if name != "kwargs"], f"{kind}.{method}"


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("RobertaModel", {}, "either input_ids or inputs_embeds"),
        ("RobertaModel", {"input_ids": random_ids(1, 3), "inputs_embeds": torch.zeros(1, 3, 16)}, "either input_ids"),
        ("RobertaModel", {"input_ids": random_ids(1, 3)[0]}, r"shape \(3,\); give input_ids as \(batch, length\)"),
        ("RobertaModel", {"inputs_embeds": torch.zeros(3, 16)}, r"inputs_embeds as \(batch, length, width\)"),
        ("RobertaModel", {"input_ids": random_ids(1, 3)[:, :0]}, "without any token"),
        ("RobertaModel", {"input_ids": torch.tensor([[0, 60]])}, r"token id 60 is outside .*\(0..59, vocab_size 60\)"),
        ("RobertaModel", {"input_ids": torch.tensor([[0, -1]])}, "token id -1 is outside"),
        ("RobertaModel", {"input_ids": random_ids(1, 23)}, "a text of 23 tokens, and the model has room for 22"),
        ("RobertaModel", {"inputs_embeds": torch.zeros(1, 23, 16)}, "a text of 23 tokens"),
        (
            "RobertaModel",
            {"input_ids": random_ids(1, 2), "token_type_ids": torch.tensor([[0, 2]])},
            "token type id 2 is outside .*type_vocab_size 2",
        ),
        (
            "RobertaModel",
            {"input_ids": random_ids(1, 2), "position_ids": torch.tensor([[2, 24]])},
            "position id 24 is outside .*max_position_embeddings 24",
        ),
        ("RobertaModel", {"input_ids": random_ids(1, 2), "head_mask": torch.ones(3)}, r"give \(4,\) or \(2, 4\)"),
        ("RobertaForMultipleChoice", {"input_ids": random_ids(2, 3)}, r"\(batch, choices, length\)"),
        ("RobertaForMultipleChoice", {}, r"\(batch, choices, length\)"),
        (
            "RobertaForCausalLM",
            {"input_ids": random_ids(1, 2), "encoder_hidden_states": torch.zeros(1, 3, 16)},
            "add_cross_attention=True",
        ),
        ("RobertaForCausalLM", {"input_ids": random_ids(1, 2), "past_key_values": ()}, "past_key_values must hold"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_one_sentence(kind, arguments, message):
    with pytest.raises(InputError, match=message):
        build(kind)(**arguments)


def test_configs_that_a_class_cannot_have_are_refused_when_it_is_built():
    with pytest.raises(InputError, match="is_decoder=True"):
        roberta.RobertaModel(tiny_config(add_cross_attention=True))
    with pytest.raises(InputError, match=r"needs num_labels 2.* has 3"):
        roberta.RobertaForQuestionAnswering(tiny_config(num_labels=3))
    config = tiny_config()
    config.hidden_size = 18
    with pytest.raises(InputError, match="hidden_size 18 is not a multiple of num_attention_heads 4"):
        roberta.RobertaModel(config)
