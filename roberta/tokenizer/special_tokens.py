"""The named tokens of a tokenizer (bos, eos, unk, sep, pad, cls, mask) and its added ones."""

from __future__ import annotations

from typing import Any

from roberta.errors import InputError
from roberta.tokenizer.added_tokens import AddedToken, AddedTokens
from roberta.tokenizer.vocabulary import Vocabulary

NAMES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
ADDITIONAL = "additional_special_tokens"


def _named_token(name: str) -> property:
    def read(self: SpecialTokens) -> str | None:
        token = self._named[name]
        return None if token is None else token.content

    def write(self: SpecialTokens, value: Any) -> None:
        self._named[name] = None if value is None else _named(name, value)

    return property(read, write, doc=f"The {name.replace('_', ' ')}, or None.")


def _named_id(name: str) -> property:
    def read(self: SpecialTokens) -> int | None:
        token = self._named[name]
        return None if token is None else self.convert_tokens_to_ids(token.content)

    def write(self: SpecialTokens, value: int | None) -> None:
        setattr(self, name, None if value is None else self.convert_ids_to_tokens(value))

    return property(read, write, doc=f"The id of the {name.replace('_', ' ')}, or None.")


def _named(name: str, value: Any) -> AddedToken:
    """The token as the reference makes it of a plain string: `<mask>` takes the white space on its left."""
    if isinstance(value, str):
        mask = name == "mask_token"
        return AddedToken(value, lstrip=mask, normalized=not mask, special=True)
    return AddedToken.of(value, special=True)


class SpecialTokens:
    """The part of a tokenizer that knows its named and added tokens; it needs `_vocabulary`, a Vocabulary."""

    _vocabulary: Vocabulary

    def _set_special_tokens(self, named: dict[str, Any], additional: Any, added: dict[int, AddedToken]) -> None:
        """named: by its name each named token. additional: further special ones. added: by id, what the files say.

        The files' word counts: a named token that they list too behaves as they list it.
        """
        listed = {token.content: token for token in added.values()}
        self._named: dict[str, AddedToken | None] = {}
        for name in NAMES:
            token = None if named.get(name) is None else _named(name, named[name])
            self._named[name] = token and listed.get(token.content, token)
        further = [AddedToken.of(token, special=True) for token in additional or []]
        self._additional = [listed.get(token.content, token) for token in further]
        self._added = AddedTokens({})
        for id, token in added.items():
            self._place(id, token)
        self._insert([token for token in self.all_special_tokens_extended if token.content not in listed])

    def _place(self, id: int, token: AddedToken) -> None:
        """Give an added token the id that a file says it has."""
        names, ids = self._vocabulary.names, self._vocabulary.ids
        holder = names[id] if id < len(names) else None
        if ids.get(token.content, id) != id or holder not in (None, token.content):
            raise InputError(
                f"the added token {token.content!r} is listed with the id {id}, but {self._vocabulary.source} "
                + (f"gives that id to {holder!r}" if holder not in (None, token.content) else "gives it another")
            )
        self._added.add(id, token)

    def _insert(self, tokens: list[AddedToken]) -> int:
        """Add tokens that are not added yet; what the vocabulary lacks gets ids after the last. Gives how many."""
        count = 0
        for token in tokens:
            if not token.content or token.content in self._added.ids:
                continue
            id = self._vocabulary.ids.get(token.content)
            if id is None:
                id = max(len(self._vocabulary.names), max(self._added.tokens, default=-1) + 1)
            self._added.add(id, token)
            count += 1
        return count

    bos_token, bos_token_id = _named_token("bos_token"), _named_id("bos_token")
    eos_token, eos_token_id = _named_token("eos_token"), _named_id("eos_token")
    unk_token, unk_token_id = _named_token("unk_token"), _named_id("unk_token")
    sep_token, sep_token_id = _named_token("sep_token"), _named_id("sep_token")
    pad_token, pad_token_id = _named_token("pad_token"), _named_id("pad_token")
    cls_token, cls_token_id = _named_token("cls_token"), _named_id("cls_token")
    mask_token, mask_token_id = _named_token("mask_token"), _named_id("mask_token")
    pad_token_type_id = 0

    @property
    def additional_special_tokens(self) -> list[str]:
        """Special tokens beyond the named ones."""
        return [token.content for token in self._additional]

    @additional_special_tokens.setter
    def additional_special_tokens(self, tokens: Any) -> None:
        self._additional = [AddedToken.of(token, special=True) for token in tokens or []]

    @property
    def additional_special_tokens_ids(self) -> list[int]:
        """Their ids."""
        return self.convert_tokens_to_ids(self.additional_special_tokens)

    @property
    def special_tokens_map_extended(self) -> dict[str, AddedToken | list[AddedToken]]:
        """Name -> token with its flags, for every name that is set."""
        found: dict[str, Any] = {name: token for name, token in self._named.items() if token is not None}
        return {**found, ADDITIONAL: list(self._additional)} if self._additional else found

    @property
    def special_tokens_map(self) -> dict[str, str | list[str]]:
        """Name -> text of the token, for every name that is set."""
        extended = self.special_tokens_map_extended
        return {name: [*map(str, value)] if name == ADDITIONAL else str(value) for name, value in extended.items()}

    @property
    def all_special_tokens_extended(self) -> list[AddedToken]:
        """Named and additional tokens with their flags, each text once."""
        tokens = [token for token in self._named.values() if token is not None] + self._additional
        return list({token.content: token for token in reversed(tokens)}.values())[::-1]

    @property
    def all_special_tokens(self) -> list[str]:
        """Named and additional tokens, each text once."""
        return [token.content for token in self.all_special_tokens_extended]

    @property
    def all_special_ids(self) -> list[int]:
        """Their ids, in the same order."""
        return self.convert_tokens_to_ids(self.all_special_tokens)

    @property
    def special_tokens(self) -> dict[str, int]:
        """Every special token, named or added, and its id."""
        added = {token.content: id for id, token in self._added.tokens.items() if token.special}
        return dict(zip(self.all_special_tokens, self.all_special_ids)) | added

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """Id -> added token, by id."""
        return dict(sorted(self._added.tokens.items()))

    @property
    def added_tokens_encoder(self) -> dict[str, int]:
        """Text of an added token -> id, by id."""
        return {token.content: id for id, token in self.added_tokens_decoder.items()}

    def get_added_vocab(self) -> dict[str, int]:
        """Text of an added token -> id, by id."""
        return self.added_tokens_encoder

    def add_tokens(self, new_tokens: Any, special_tokens: bool = False) -> int:
        """Add tokens that are matched as they stand; gives how many were new.

        new_tokens: a string or AddedToken, or several. Those that the vocabulary lacks get the ids after the last, and
            the model's embeddings must grow with them: `model.resize_token_embeddings(len(tokenizer))`.
        special_tokens: leave them out where decoding skips special tokens.
        """
        several = new_tokens if isinstance(new_tokens, (list, tuple)) else [new_tokens]
        return self._insert([AddedToken.of(token, special=special_tokens) for token in several])

    def add_special_tokens(
        self, special_tokens_dict: dict[str, Any], replace_additional_special_tokens: bool = True
    ) -> int:
        """Set named tokens ("cls_token": "<c>") or "additional_special_tokens" (a list), adding what is new.

        replace_additional_special_tokens: the list replaces the one before; its tokens stay in the vocabulary.

        Gives how many were new. Raises InputError: an unknown name, or a list where one token belongs.
        """
        tokens: list[AddedToken] = []
        for name, value in special_tokens_dict.items():
            if name == ADDITIONAL and isinstance(value, (list, tuple)):
                new = [_plain_special(token) for token in value]
                if not replace_additional_special_tokens:
                    new = [token for token in new if token.content not in self.additional_special_tokens]
                self._additional = new if replace_additional_special_tokens and new else self._additional + new
                tokens += new
            elif name in NAMES and (isinstance(value, str) or hasattr(value, "content")):
                self._named[name] = _plain_special(value)
                tokens.append(self._named[name])
            else:
                raise InputError(
                    f"{name!r}: {value!r} is no special token; give {', '.join(NAMES)} a string or AddedToken each, "
                    f"or {ADDITIONAL} a list of them"
                )
        return self._insert(tokens)


def _plain_special(value: Any) -> AddedToken:
    return AddedToken.of(value, special=True)
