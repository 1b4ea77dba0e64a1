"""From ids back to tokens and to text."""

from __future__ import annotations

from typing import Any

from roberta.errors import InputError
from roberta.tokenizer.byte_alphabet import unspell
from roberta.tokenizer.special_tokens import SpecialTokens

# What clean_up_tokenization_spaces closes up, in this order: blanks that tokenized English has and written has not.
_CLOSED_UP = (".", "?", "!", ",", " ' ", "n't", "'m", "'s", "'ve", "'re")


class Decoding(SpecialTokens):
    """The part of a tokenizer that turns ids into tokens and text, and single tokens into ids."""

    errors: str
    clean_up_tokenization_spaces: bool

    def convert_tokens_to_ids(self, tokens: str | list[str]) -> Any:
        """The id of a token, or of each of several; the id of unk_token for those that are unknown."""
        if isinstance(tokens, str):
            id = self._id_of(tokens)
            if id is None and self.unk_token is not None:
                id = self._id_of(self.unk_token)
            return id
        return [self.convert_tokens_to_ids(token) for token in tokens]

    def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any:
        """The token of an id, or of each of several.

        Raises InputError: an id that the vocabulary has not.
        """
        ids = _plain(ids)
        if isinstance(ids, int):
            return self._name_of(ids)
        left_out = set(self.all_special_ids) if skip_special_tokens else ()
        return [self._name_of(id) for id in ids if id not in left_out]

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        """The text that tokens spell.

        >>> tokenizer.convert_tokens_to_string(["Hello", "Ġworld"])
        'Hello world'
        """
        return b"".join(map(unspell, tokens)).decode("utf-8", self.errors)

    def decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **_unused: Any,
    ) -> str:
        """The text of ids: an id, a list, an array or a tensor of one axis. A leading blank is kept.

        skip_special_tokens: leave out `<s>`, `<mask>` and whatever else is special.
        clean_up_tokenization_spaces: close up the blanks before full stops and English endings.
        Bytes that are no UTF-8, such as half an emoji, become U+FFFD, or what `errors` says.

        >>> tokenizer.decode([0, 2201, 2], skip_special_tokens=True)
        ' Paris'

        Raises InputError: an id that the vocabulary has not.
        """
        ids = _plain(token_ids)
        if isinstance(ids, int):
            ids = [ids]
        if skip_special_tokens:
            special = {id for id, token in self._added.tokens.items() if token.special}
            ids = [id for id in ids if id not in special]
        text = self.convert_tokens_to_string([self._name_of(id) for id in ids])
        clean = (
            self.clean_up_tokenization_spaces if clean_up_tokenization_spaces is None else clean_up_tokenization_spaces
        )
        return self.clean_up_tokenization(text) if clean else text

    def batch_decode(
        self,
        sequences: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **_unused: Any,
    ) -> list[str]:
        """`decode` for each row."""
        return [self.decode(ids, skip_special_tokens, clean_up_tokenization_spaces) for ids in _plain(sequences)]

    @staticmethod
    def clean_up_tokenization(out_string: str) -> str:
        """Close up the blanks before full stops and English endings.

        >>> RobertaTokenizer.clean_up_tokenization("It is n't so .")
        "It isn't so."
        """
        for ending in _CLOSED_UP:
            out_string = out_string.replace(ending if ending[0] == " " else " " + ending, ending.strip())
        return out_string

    def _id_of(self, token: str) -> int | None:
        id = self._added.ids.get(token)
        return self._vocabulary.ids.get(token) if id is None else id

    def _name_of(self, id: int) -> str:
        added = self._added.tokens.get(id)
        if added is not None:
            return added.content
        names = self._vocabulary.names
        if not isinstance(id, int) or not 0 <= id < len(names):
            raise InputError(f"no token has the id {id!r}; ids run from 0 to {len(self) - 1}", code="id_out_of_range")
        return names[id]


def _plain(values: Any) -> Any:
    """Arrays and tensors as numbers and lists."""
    if hasattr(values, "tolist"):
        return values.tolist()
    if isinstance(values, (list, tuple)):
        return [_plain(value) if hasattr(value, "tolist") else value for value in values]
    return values
