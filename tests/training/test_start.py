"""What a language model starts from: published sizes, or a checkpoint that may grow."""

import pytest
import torch

from roberta.errors import UsageError
from roberta.generation.causal import RobertaForCausalLM
from roberta.model.models import RobertaForMaskedLM
from roberta.training.pretrain import Beginning
from roberta.training.start import Sizes, start, with_layers, with_positions
from tests.training.conftest import TINY

THIN = Sizes(layers=2, hidden=16, heads=2, ffn=32, positions=32)


@pytest.fixture(scope="module")
def model(words):
    return start(RobertaForMaskedLM, None, words, THIN, seed=0).eval()


@pytest.fixture(scope="module")
def folder(model, words, tmp_path_factory):
    where = tmp_path_factory.mktemp("thin")
    model.save_pretrained(where)
    words.save_pretrained(where)
    return where


def test_a_new_model_has_the_sizes_of_the_published_base_model(words):
    config = Sizes().config(words)
    assert (config.max_position_embeddings, config.type_vocab_size, config.layer_norm_eps) == (514, 1, 1e-5)
    assert (config.num_hidden_layers, config.hidden_size) == (12, 768)
    assert (config.num_attention_heads, config.intermediate_size) == (12, 3072)
    assert config.vocab_size == len(words)
    special = (words.bos_token_id, words.pad_token_id, words.eos_token_id)
    assert (config.bos_token_id, config.pad_token_id, config.eos_token_id) == special


def test_sizes_that_are_not_given_follow_from_the_width(words):
    config = Sizes(hidden=256).config(words)
    assert (config.num_attention_heads, config.intermediate_size) == (4, 1024)
    assert Sizes(hidden=16).config(words).num_attention_heads == 1
    assert Sizes(positions=32).config(words).usable_length == 32


@pytest.mark.parametrize(("kind", "more"), [(RobertaForMaskedLM, {}), (RobertaForCausalLM, {"is_decoder": True})])
def test_the_seed_decides_what_is_drawn(words, kind, more):
    one, same, other = (start(kind, None, words, THIN, seed, **more).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], same[name]) for name in one)
    name = "roberta.embeddings.word_embeddings.weight"
    assert not torch.equal(one[name], other[name])
    drawn = one[name][words.pad_token_id + 1 :]
    assert drawn.std().item() == pytest.approx(0.02, rel=0.05), "initializer_range"


@pytest.mark.parametrize("layers", [4, 6])
def test_it_grows_by_layers_that_are_copies_in_the_order_of_the_stack(model, words, folder, layers):
    bigger = start(RobertaForMaskedLM, str(folder), words, Sizes(layers=layers), seed=0)
    assert bigger.config.num_hidden_layers == layers
    had = model.roberta.encoder.layer
    for number, layer in enumerate(bigger.roberta.encoder.layer):
        for name, tensor in layer.state_dict().items():
            assert torch.equal(tensor, had[number % 2].state_dict()[name]), (number, name)
    assert torch.equal(bigger.lm_head.bias, model.lm_head.bias)


def test_a_layer_and_its_copy_learn_apart(model):
    bigger = with_layers(model, 4)
    with torch.no_grad():
        bigger.roberta.encoder.layer[2].output.dense.weight.add_(1.0)
    changed = bigger.roberta.encoder.layer
    assert not torch.equal(changed[0].output.dense.weight, changed[2].output.dense.weight)
    assert torch.equal(changed[0].output.dense.weight, model.roberta.encoder.layer[0].output.dense.weight)


def test_it_grows_by_positions_that_are_repeated(model, words, folder):
    bigger = start(RobertaForMaskedLM, str(folder), words, Sizes(positions=80), seed=0)
    assert (bigger.config.usable_length, bigger.config.max_position_embeddings) == (80, 82)
    table, had = (one.roberta.embeddings.position_embeddings.weight for one in (bigger, model))
    assert torch.equal(table[:2], had[:2]), "padding and the place before it stay where they are"
    assert torch.equal(table[2:34], had[2:])
    assert torch.equal(table[34:66], had[2:])
    assert torch.equal(table[66:], had[2:18]), "the last repetition is cut"


def test_with_more_positions_a_short_text_is_answered_as_before(model):
    bigger = with_positions(model, 64).eval()
    ids = torch.tensor([[0, 8, 9, 10, 2]])
    with torch.no_grad():
        assert torch.equal(bigger(ids).logits, model(ids).logits)
        assert bigger(torch.full((1, 64), 8)).logits.shape == (1, 64, model.config.vocab_size)


def test_the_size_it_has_is_no_change(model):
    assert with_layers(model, 2) is model
    assert with_positions(model, 32) is model


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        (Sizes(layers=3), "--layers 3: the model has 2, and grows to a multiple of that, such as 4"),
        (Sizes(layers=1), "--layers 1: the model has 2"),
        (Sizes(positions=31), "--positions 31: the model has 32; it can only grow"),
        (Sizes(hidden=16), "--hidden is for a new model; of {} only --layers and --positions may grow"),
        (Sizes(heads=2), "--heads is for a new model"),
        (Sizes(ffn=32, layers=4), "--ffn is for a new model"),
    ],
)
def test_what_cannot_grow_is_refused(words, folder, sizes, message):
    with pytest.raises(UsageError) as refused:
        start(RobertaForMaskedLM, str(folder), words, sizes, seed=0)
    assert message.format(folder) in str(refused.value)


@pytest.mark.parametrize(
    ("beginning", "message"),
    [
        (Beginning(), "a new model needs a vocabulary: --tokenizer DIR"),
        (Beginning(tokenizer=str(TINY), init="zeros"), "no way 'zeros' to start; choose from random, svd"),
        (Beginning("FOLDER", init="svd"), "--init svd is for a new model"),
    ],
)
def test_a_beginning_that_is_none_is_refused(folder, beginning, message):
    if beginning.model:
        beginning = Beginning(str(folder), init=beginning.init)
    with pytest.raises(UsageError, match=message):
        beginning.open(RobertaForMaskedLM, 0)


def test_more_words_than_the_model_has_are_refused(words, folder, tmp_path):
    small = start(RobertaForMaskedLM, None, words, THIN, seed=0)
    small.resize_token_embeddings(len(words) - 1)
    small.save_pretrained(tmp_path)
    with pytest.raises(UsageError, match=f"{len(words)} words for a model of {len(words) - 1}"):
        Beginning(str(tmp_path), str(folder)).open(RobertaForMaskedLM, 0)


def test_the_words_of_a_new_model_know_how_long_a_text_may_be():
    _, words = Beginning(tokenizer=str(TINY), sizes=THIN).open(RobertaForMaskedLM, 0)
    assert words.model_max_length == 32


def test_when_a_model_grows_its_words_know(folder):
    at_first = Beginning(str(folder)).open(RobertaForMaskedLM, 0)[1]
    grown = Beginning(str(folder), sizes=Sizes(positions=80)).open(RobertaForMaskedLM, 0)[1]
    assert (at_first.model_max_length, grown.model_max_length) == (32, 80)
