"""Text to ids and back: RoBERTa's byte-level byte-pair encoding. Needs neither torch nor NumPy."""

from roberta.tokenizer.added_tokens import AddedToken
from roberta.tokenizer.batch_encoding import BatchEncoding, CharSpan, TokenSpan
from roberta.tokenizer.encoding import Encoding
from roberta.tokenizer.tokenizer import AutoTokenizer, RobertaTokenizer, RobertaTokenizerFast

__all__ = [
    "AddedToken",
    "AutoTokenizer",
    "BatchEncoding",
    "CharSpan",
    "Encoding",
    "RobertaTokenizer",
    "RobertaTokenizerFast",
    "TokenSpan",
]
