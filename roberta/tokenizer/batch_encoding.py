"""What a call of the tokenizer gives back: a mapping of lists or tensors, and the windows behind them."""

from __future__ import annotations

from collections import UserDict
from typing import Any, NamedTuple

from roberta.errors import InputError
from roberta.tokenizer.encoding import Encoding


class CharSpan(NamedTuple):
    """start and end in code points of a text."""

    start: int
    end: int


class TokenSpan(NamedTuple):
    """start and end as places in a window."""

    start: int
    end: int


class BatchEncoding(UserDict):
    """input_ids, attention_mask and what else was asked for, by key or as attributes; an integer gives a window.

    data: lists of numbers for one text, lists of lists for a batch.
    encodings: the windows behind them; the methods that map characters, words and tokens need them.
    tensor_type: "pt" or "np", to have tensors or arrays in place of lists.
    prepend_batch_axis: make a batch of one of each value when it becomes a tensor.

    >>> BatchEncoding({"input_ids": [0, 31414, 2]}).input_ids
    [0, 31414, 2]
    """

    def __init__(
        self,
        data: dict[str, Any] | None = None,
        encoding: Encoding | list[Encoding] | None = None,
        tensor_type: Any = None,
        prepend_batch_axis: bool = False,
        n_sequences: int | None = None,
    ):
        super().__init__(data)
        self._encodings = [encoding] if isinstance(encoding, Encoding) else encoding
        self._n_sequences = self._encodings[0].n_sequences if n_sequences is None and self._encodings else n_sequences
        self.convert_to_tensors(tensor_type, prepend_batch_axis)

    def __getitem__(self, key: str | int | slice) -> Any:
        if isinstance(key, str):
            return self.data[key]
        if self._encodings is not None:
            return self._encodings[key]
        if isinstance(key, slice):
            return {name: value[key] for name, value in self.data.items()}
        raise KeyError(f"{key!r}: this batch has no windows; give the name of a value, or a slice")

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["data"][name]
        except KeyError:
            raise AttributeError(
                f"no {name!r} in this batch, only {', '.join(self.__dict__.get('data', ()))}"
            ) from None

    @property
    def encodings(self) -> list[Encoding] | None:
        """The windows, one for each row."""
        return self._encodings

    @property
    def n_sequences(self) -> int | None:
        """1 for texts, 2 for pairs, None when not known."""
        return self._n_sequences

    @property
    def is_fast(self) -> bool:
        """Whether the windows are there, and with them the methods that map characters, words and tokens."""
        return self._encodings is not None

    def tokens(self, batch_index: int = 0) -> list[str]:
        """Tokens of a row, as the vocabulary spells them."""
        return self._window(batch_index).tokens

    def word_ids(self, batch_index: int = 0) -> list[int | None]:
        """Number of the word of each token of a row; None for framing and padding."""
        return self._window(batch_index).word_ids

    words = word_ids

    def sequence_ids(self, batch_index: int = 0) -> list[int | None]:
        """0 or 1 for each token of a row: the text it comes from; None for framing and padding."""
        return self._window(batch_index).sequence_ids

    # In all that follow, the row may be left out when there is one.

    def token_to_sequence(self, batch_or_token_index: int, token_index: int | None = None) -> int | None:
        """The text that a token comes from."""
        window, place = self._place(batch_or_token_index, token_index)
        return window.token_to_sequence(place)

    def token_to_word(self, batch_or_token_index: int, token_index: int | None = None) -> int | None:
        """The word that a token belongs to."""
        window, place = self._place(batch_or_token_index, token_index)
        return window.token_to_word(place)

    def token_to_chars(self, batch_or_token_index: int, token_index: int | None = None) -> CharSpan | None:
        """The span of a token in its text; None for framing and padding."""
        window, place = self._place(batch_or_token_index, token_index)
        return _span(CharSpan, window.token_to_chars(place))

    def word_to_tokens(
        self, batch_or_word_index: int, word_index: int | None = None, sequence_index: int = 0
    ) -> TokenSpan | None:
        """The places of a word's tokens."""
        window, word = self._place(batch_or_word_index, word_index)
        return _span(TokenSpan, window.word_to_tokens(word, sequence_index))

    def word_to_chars(
        self, batch_or_word_index: int, word_index: int | None = None, sequence_index: int = 0
    ) -> CharSpan | None:
        """The span of a word in its text."""
        window, word = self._place(batch_or_word_index, word_index)
        return _span(CharSpan, window.word_to_chars(word, sequence_index))

    def char_to_token(
        self, batch_or_char_index: int, char_index: int | None = None, sequence_index: int = 0
    ) -> int | None:
        """The token that holds a character; None for a blank that no token's span holds."""
        window, character = self._place(batch_or_char_index, char_index)
        return window.char_to_token(character, sequence_index)

    def char_to_word(
        self, batch_or_char_index: int, char_index: int | None = None, sequence_index: int = 0
    ) -> int | None:
        """The word that holds a character."""
        window, character = self._place(batch_or_char_index, char_index)
        return window.char_to_word(character, sequence_index)

    def convert_to_tensors(self, tensor_type: Any = None, prepend_batch_axis: bool = False) -> BatchEncoding:
        """Turn the lists into torch tensors ("pt") or NumPy arrays ("np"), in place; int64.

        Raises InputError: another tensor_type, or rows of different lengths.
        """
        if tensor_type is None:
            return self
        kind = getattr(tensor_type, "value", tensor_type)
        make = {"pt": _torch_tensor, "np": _numpy_array}.get(kind)
        if make is None:
            raise InputError(f"return_tensors is {kind!r}; choose 'pt' for torch tensors or 'np' for NumPy arrays")
        for name, value in self.data.items():
            if not hasattr(value, "shape"):
                self.data[name] = make(name, [value] if prepend_batch_axis else value)
        return self

    def to(self, device: Any, *, non_blocking: bool = False) -> BatchEncoding:
        """Move every tensor to `device`, in place."""
        for name, value in self.data.items():
            if callable(getattr(value, "to", None)):
                self.data[name] = value.to(device=device, non_blocking=non_blocking)
        return self

    def _window(self, row: int) -> Encoding:
        if not self._encodings:
            raise InputError("this batch has no windows behind it; take the one that the tokenizer gave")
        return self._encodings[row]

    def _place(self, row_or_index: int, index: int | None) -> tuple[Encoding, int]:
        if index is None:
            return self._window(0), row_or_index
        return self._window(row_or_index), index


def _span(kind: type, found: tuple[int, int] | None) -> Any:
    return None if found is None else kind(*found)


def _torch_tensor(name: str, value: list):
    import torch

    try:
        return torch.tensor(value, dtype=None if _holds_numbers(value) else torch.int64)
    except (ValueError, TypeError, RuntimeError):
        raise _ragged(name) from None


def _numpy_array(name: str, value: list):
    import numpy

    try:
        return numpy.array(value, dtype=None if _holds_numbers(value) else numpy.int64)
    except (ValueError, TypeError):
        raise _ragged(name) from None


def _holds_numbers(value: Any) -> bool:
    return any(map(_holds_numbers, value)) if isinstance(value, (list, tuple)) else True


def _ragged(name: str) -> InputError:
    return InputError(f"{name}: rows of different lengths make no tensor; add padding=True and truncation=True")
