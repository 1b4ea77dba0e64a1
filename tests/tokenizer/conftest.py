"""Tokenizers of the small vocabulary that this repository brings, and of the published one where it lies near."""

from pathlib import Path

import pytest

from roberta.tokenizer import RobertaTokenizer, RobertaTokenizerFast
from tests.shared import SHARED

TINY = Path(__file__).parents[1] / "data" / "tiny_vocabulary"
PUBLISHED = SHARED and SHARED / "oracle" / "roberta-base-vocab"
FOLDERS = [TINY, *([PUBLISHED] if PUBLISHED else [])]


@pytest.fixture
def tokenizer():
    """A fresh tokenizer, which a test may change."""
    return RobertaTokenizer.from_pretrained(TINY)


@pytest.fixture(scope="session")
def shared_tokenizer():
    """One for tests that change nothing, hypothesis among them."""
    return RobertaTokenizerFast.from_pretrained(TINY)
