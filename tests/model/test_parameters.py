"""What is known without torch holds for the torch model: names, shapes, positions."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import roberta
from roberta.errors import InputError
from roberta.model.parameters import HEADS, body_shapes, head_shapes, position_ids
from tests import reference
from tests.conftest import tiny_config

CONFIGS = [
    tiny_config(),
    tiny_config(num_labels=2, type_vocab_size=1, num_hidden_layers=3, position_embedding_type="relative_key"),
    tiny_config(tie_word_embeddings=False, pruned_heads={0: [1], 1: [0, 2]}, num_labels=2),
    tiny_config(is_decoder=True, add_cross_attention=True, position_embedding_type="relative_key_query"),
]


def shapes_of(model) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("config", CONFIGS, ids=range(len(CONFIGS)))
def test_names_and_shapes_are_those_of_the_torch_models(config):
    for pooler in (True, False):
        assert body_shapes(config, pooler=pooler) == shapes_of(roberta.RobertaModel(config, add_pooling_layer=pooler))
    for name, head in HEADS.items():
        model = getattr(roberta, head.architecture)(config)
        assert model.head == name
        assert head_shapes(config, name) == shapes_of(model)


@settings(deadline=None)  # a busy machine may pause for longer than any promise about speed
@given(st.integers(0, 4), st.lists(st.lists(st.integers(0, 6), min_size=5, max_size=5), min_size=1, max_size=4))
def test_positions_count_the_real_tokens_of_each_row_and_nothing_else(padding, rows):
    config = tiny_config(pad_token_id=padding)
    expected = [reference.positions(row, padding) for row in rows]
    assert position_ids(np.array(rows), config).tolist() == expected
    assert position_ids(torch.tensor(rows), config).tolist() == expected
    # In two steps, each row goes on from its own count.
    first, rest = np.array(rows)[:, :2], np.array(rows)[:, 2:]
    before = (first != padding).sum(1, keepdims=True)
    assert position_ids(rest, config, before).tolist() == [row[2:] for row in expected]


def test_the_longest_text_fills_the_table_and_one_token_more_is_refused():
    config = tiny_config()  # 24 rows; 0 and 1 are never a token's
    assert position_ids(np.full((1, 22), 5), config).max() == 23
    padded = np.concatenate([np.full((1, 30), 1), np.full((1, 22), 5)], 1)
    assert position_ids(padded, config).max() == 23
    for text, before in ((np.full((1, 23), 5), 0), (np.full((1, 3), 5), 20), (np.full((1, 3), 5), np.array([[20]]))):
        with pytest.raises(InputError, match="a text of 23 tokens, and the model has room for 22") as caught:
            position_ids(text, config, before)
        assert caught.value.code == "too_long"
        with pytest.raises(InputError):
            position_ids(torch.from_numpy(text), config, torch.as_tensor(before))


def test_no_rows_or_columns_have_no_positions():
    for shape in ((0, 5), (2, 0)):
        assert position_ids(np.zeros(shape, int), tiny_config()).shape == shape
        assert position_ids(torch.zeros(shape, dtype=torch.long), tiny_config()).shape == shape


def test_this_knowledge_loads_no_torch():
    code = "import sys, roberta.model.parameters; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
