"""Ids that are only written are those that are made."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roberta.builtin import MINI
from roberta.tokenizer import RobertaTokenizer

TOKENIZERS = [RobertaTokenizer.from_pretrained(MINI, add_prefix_space=blank) for blank in (False, True)]
ODD = st.sampled_from([" ", "  ", "\t", "<mask>", "</s>", " the", "it's", "12,5", "é", "日本", "\x1c", "x" * 200])


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@given(st.lists(ODD | st.text(max_size=5), max_size=8).map("".join))
def test_decimals_are_the_ids_with_commas(tokenizer, text):
    assert tokenizer.encode_decimals(text) == ",".join(map(str, tokenizer.encode_ids(text)))
