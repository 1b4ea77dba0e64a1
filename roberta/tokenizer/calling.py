"""Calling a tokenizer: texts, pairs and batches into windows, with padding, truncation and what else was asked for."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any

from roberta.errors import InputError
from roberta.tokenizer.batch_encoding import BatchEncoding
from roberta.tokenizer.encoder import Encoder, Trace
from roberta.tokenizer.encoding import Encoding, Marks, Sequence, Stretch
from roberta.tokenizer.options import Limits, Request, check_side, resolve, round_up, warn_once
from roberta.tokenizer.special_tokens import SpecialTokens
from roberta.tokenizer.truncation import truncate

Text = str | list[str]  # as it stands, or split into words


class Calling(SpecialTokens):
    """The part of a tokenizer that turns texts into ids."""

    add_prefix_space: bool
    trim_offsets: bool
    split_special_tokens: bool
    model_max_length: int
    model_input_names: list[str]
    padding_side: str
    truncation_side: str
    _encoder: Encoder
    _words_need_prefix: bool

    def __call__(
        self,
        text: Any = None,
        text_pair: Any = None,
        text_target: Any = None,
        text_pair_target: Any = None,
        add_special_tokens: bool = True,
        padding: Any = False,
        truncation: Any = None,
        max_length: int | None = None,
        stride: int = 0,
        is_split_into_words: bool = False,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_tensors: Any = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool | None = None,
        return_overflowing_tokens: bool = False,
        return_special_tokens_mask: bool = False,
        return_offsets_mapping: bool = False,
        return_length: bool = False,
        verbose: bool = True,
        *,
        split_special_tokens: bool | None = None,
        add_prefix_space: bool | None = None,
    ) -> BatchEncoding:
        """Encode a text, a pair, or a batch of either.

        text: a string, or a list of them for a batch. With is_split_into_words a list of words, or a list of such.
        text_pair: the second texts, alike. A batch may also hold pairs itself. An empty second text is no pair.
        text_target, text_pair_target: encoded in the same way; their ids become `labels`.
        add_special_tokens: put `<s>` and `</s>` around.
        padding: True or "longest" (the longest of the batch), "max_length", False.
        truncation: True or "longest_first", "only_first", "only_second", False.
        max_length: in tokens, framing counted; without it the model's limit.
        return_overflowing_tokens: what was cut becomes further rows that share `stride` tokens with the one before;
            overflow_to_sample_mapping has the number of the text of each row.
        pad_to_multiple_of: round the length of padded rows up.
        padding_side: in place of the tokenizer's own.
        return_tensors: "pt" or "np", for torch tensors or arrays with a batch axis; else lists.
        return_attention_mask, return_token_type_ids: None means what model_input_names says.
        return_special_tokens_mask, return_offsets_mapping, return_length: also give special_tokens_mask,
            offset_mapping (start and end of each token in code points), length.
        split_special_tokens, add_prefix_space: in place of the tokenizer's own.

        >>> tokenizer(["Hello world", "Hi"], padding=True).attention_mask
        [[1, 1, 1, 1], [1, 1, 1, 0]]

        Raises InputError: what is not text, a lone surrogate, or lengths that cannot be met together.
        """
        request = Request(
            add_special_tokens,
            padding,
            truncation,
            max_length,
            stride,
            is_split_into_words,
            pad_to_multiple_of,
            padding_side,
            return_tensors,
            return_token_type_ids,
            return_attention_mask,
            return_overflowing_tokens,
            return_special_tokens_mask,
            return_offsets_mapping,
            return_length,
            verbose,
            split_special_tokens,
            add_prefix_space,
        )
        if text is None and text_target is None:
            raise InputError("nothing to encode; give text, or text_target for labels")
        if text is None:
            return self._call(text_target, text_pair_target, request)
        encoded = self._call(text, text_pair, request)
        if text_target is not None:
            encoded["labels"] = self._call(text_target, text_pair_target, request)["input_ids"]
        return encoded

    def encode(
        self,
        text: Text,
        text_pair: Text | None = None,
        add_special_tokens: bool = True,
        padding: Any = False,
        truncation: Any = None,
        max_length: int | None = None,
        stride: int = 0,
        padding_side: str | None = None,
        return_tensors: Any = None,
        **options: Any,
    ) -> list[int]:
        """The input_ids of one text or pair; the arguments are those of a call."""
        request = Request(
            add_special_tokens=add_special_tokens,
            padding=padding,
            truncation=truncation,
            max_length=max_length,
            stride=stride,
            padding_side=padding_side,
            return_tensors=return_tensors,
            **options,
        )
        return self._call_one(text, text_pair, request)["input_ids"]

    def encode_plus(self, text: Text, text_pair: Text | None = None, **options: Any) -> BatchEncoding:
        """One text or pair; the options are those of a call."""
        return self._call_one(text, text_pair, Request(**options))

    def batch_encode_plus(self, batch_text_or_text_pairs: list, **options: Any) -> BatchEncoding:
        """A list of texts or pairs; the options are those of a call."""
        return self._call_batch(batch_text_or_text_pairs, None, Request(**options))

    def tokenize(
        self, text: Text, pair: Text | None = None, add_special_tokens: bool = False, **options: Any
    ) -> list[str]:
        """The tokens of a text, as the vocabulary spells them.

        >>> tokenizer.tokenize("Hello world")
        ['Hello', 'Ġworld']
        """
        return self.encode_plus(text, pair, add_special_tokens=add_special_tokens, **options).tokens()

    def encode_ids(self, text: str) -> list[int]:
        """Ids of `text` and nothing else: no framing, nothing cut. The shortest way.

        >>> tokenizer.encode_ids(" Hello world")
        [20920, 232]

        Raises InputError: not a str, or a lone surrogate in it.
        """
        return self._ids(text, self.add_prefix_space, self.split_special_tokens)

    def encode_decimals(self, text: str) -> str:
        """What `encode_ids` gives, written with commas between, for who only writes it: in less time.

        >>> tokenizer.encode_decimals(" Hello world")
        '20920,232'

        Raises InputError: as `encode_ids`.
        """
        return self._ids(text, self.add_prefix_space, self.split_special_tokens, self._encoder.decimals)

    def pieces(self, text: str) -> Encoding:
        """Ids of `text` with their tokens, spans and words; no framing, nothing cut.

        >>> tokenizer.pieces("Hello world").offsets
        [(0, 5), (6, 11)]

        Raises InputError: not a str, or a lone surrogate in it.
        """
        sequence = self._sequence(text, Request())
        return Encoding([Stretch(sequence, 0, len(sequence.ids))])

    def _call(self, text: Any, pair: Any, request: Request) -> BatchEncoding:
        batched = isinstance(text, (list, tuple))
        if batched and request.is_split_into_words:
            batched = bool(text) and isinstance(text[0], (list, tuple))
        return self._call_batch(text, pair, request) if batched else self._call_one(text, pair, request)

    def _call_one(self, text: Any, pair: Any, request: Request) -> BatchEncoding:
        batch = self._encode([(text, pair) if pair else (text,)], request)
        if request.return_tensors is None and not request.return_overflowing_tokens:
            for name, rows in batch.data.items():
                if isinstance(rows[0], list):
                    batch.data[name] = rows[0]
        return batch

    def _call_batch(self, texts: Any, pairs: Any, request: Request) -> BatchEncoding:
        if not isinstance(texts, (list, tuple)):
            raise InputError(f"a batch is a list of texts, not a {type(texts).__name__}")
        if pairs is None:
            return self._encode([_split_pair(text, request.is_split_into_words) for text in texts], request)
        if isinstance(pairs, str) or len(pairs) != len(texts):
            given = "one string" if isinstance(pairs, str) else f"{len(pairs)} texts"
            raise InputError(f"text_pair is {given} beside {len(texts)} texts; give as many second texts as first ones")
        return self._encode(list(zip(texts, pairs)), request)

    def _encode(self, items: list[tuple], request: Request) -> BatchEncoding:
        """items: one or two texts for each row."""
        limits = resolve(
            request.padding, request.truncation, request.max_length, request.pad_to_multiple_of, self.model_max_length
        )
        if limits.truncation and 0 <= limits.max_length - 2 < request.stride:
            raise InputError(
                f"stride {request.stride} leaves no step forward in windows of {limits.max_length} tokens, of which "
                f"the framing takes 2; choose a stride below {limits.max_length - 2}",
                code="overlap",
            )
        if request.is_split_into_words and self._words_need_prefix and not self.add_prefix_space:
            raise InputError(
                "text split into words needs a tokenizer built with add_prefix_space=True, so that every word "
                "but the first does not lose its blank; RobertaTokenizer takes it as it is"
            )
        windows = [self._window([self._sequence(text, request) for text in texts], limits, request) for texts in items]
        if limits.padding and windows:
            windows = self._pad_windows(windows, limits, request)
        rows = windows
        if request.return_overflowing_tokens:
            rows = [row for window in windows for row in (window, *window.overflowing)]
        data = self._columns(rows, request)
        if request.return_overflowing_tokens:
            data["overflow_to_sample_mapping"] = [
                number for number, window in enumerate(windows) for _ in range(1 + len(window.overflowing))
            ]
        if limits.max_length is None and request.verbose:
            self._warn_of_length(data["input_ids"])
        return BatchEncoding(data, rows, request.return_tensors)

    def _window(self, sequences: list[Sequence], limits: Limits, request: Request) -> Encoding:
        """The window of one text or pair, and those that overflow."""
        if limits.truncation is None:
            return Encoding(self._framed([Stretch(s, 0, len(s.ids), n) for n, s in enumerate(sequences)], request))
        framing = (2 if len(sequences) == 1 else 4) if request.add_special_tokens else 0
        kept = truncate(
            tuple(len(sequence.ids) for sequence in sequences),
            limits.max_length - framing,
            limits.truncation,
            request.stride,
            from_start=self.truncation_side == "left",
        )
        stretches = [
            [Stretch(sequence, start, end, number) for start, end in spans]
            for number, (sequence, spans) in enumerate(zip(sequences, kept))
        ]
        if len(sequences) == 1:
            combined = [[stretch] for stretch in stretches[0]]
        else:  # the order of the reference: what the first text overflows goes before what the second does
            firsts, seconds = stretches
            later = [[first, second] for first in firsts[1:] for second in seconds]
            combined = [[firsts[0], seconds[0]], *later, *([firsts[0], second] for second in seconds[1:])]
        window, *overflowing = (Encoding(self._framed(stretches, request)) for stretches in combined)
        window.overflowing = overflowing
        return window

    def _framed(self, stretches: list[Stretch], request: Request) -> list[Stretch | Marks]:
        if not request.add_special_tokens:
            return stretches
        cls, sep = Marks(self.cls_token, self.cls_token_id), Marks(self.sep_token, self.sep_token_id)
        if len(stretches) == 1:
            return [cls, stretches[0], sep]
        return [cls, stretches[0], sep, sep, stretches[1], sep]

    def _pad_windows(self, windows: list[Encoding], limits: Limits, request: Request) -> list[Encoding]:
        if self.pad_token is None:
            raise InputError("padding needs a pad_token, and this tokenizer has none; set tokenizer.pad_token")
        length = limits.max_length if limits.padding == "max_length" else max(map(len, windows))
        length = round_up(length, request.pad_to_multiple_of)
        side = check_side("padding_side", request.padding_side or self.padding_side)
        return [window.padded(length, side, self.pad_token, self.pad_token_id) for window in windows]

    def _columns(self, rows: list[Encoding], request: Request) -> dict[str, list]:
        def wanted(name: str, asked: bool | None) -> bool:
            return name in self.model_input_names if asked is None else asked

        data: dict[str, list] = {"input_ids": [row.ids for row in rows]}
        if wanted("token_type_ids", request.return_token_type_ids):
            data["token_type_ids"] = [row.type_ids for row in rows]
        if wanted("attention_mask", request.return_attention_mask):
            data["attention_mask"] = [row.attention_mask for row in rows]
        if request.return_special_tokens_mask:
            data["special_tokens_mask"] = [row.special_tokens_mask for row in rows]
        if request.return_offsets_mapping:
            data["offset_mapping"] = [row.offsets for row in rows]
        if request.return_length:
            data["length"] = [len(row) for row in rows]
        return data

    def _warn_of_length(self, rows: list[list[int]]) -> None:
        longest = max(map(len, rows), default=0)
        if longest > self.model_max_length:
            warn_once(f"a text has {longest} tokens, more than the {self.model_max_length} that the model can take")

    def _sequence(self, text: Any, request: Request) -> Sequence:
        blank = self.add_prefix_space if request.add_prefix_space is None else request.add_prefix_space
        split = self.split_special_tokens if request.split_special_tokens is None else request.split_special_tokens
        if not request.is_split_into_words:
            ids = self._ids(text, blank, split)

            def trace() -> Trace:
                return self._encoder.trace(text, blank_before=blank, split_special_tokens=split)
        else:
            blank = True
            if not isinstance(text, (list, tuple)):
                raise InputError(f"text split into words is a list of strings, not a {type(text).__name__}")
            ids = list(chain.from_iterable(self._ids(word, True, split) for word in text))

            def trace() -> Trace:
                return self._trace_words(text, split)

        return Sequence(ids, trace, trim=self.trim_offsets, keeps_first_blank=blank)

    def _trace_words(self, words: list[str], split_special_tokens: bool) -> Trace:
        whole = Trace([], [], [])
        for number, word in enumerate(words):
            found = self._encoder.trace(word, blank_before=True, split_special_tokens=split_special_tokens)
            whole.tokens.extend(found.tokens)
            whole.spans.extend(found.spans)
            whole.words.extend([number] * len(found.tokens))
        return whole

    def _ids(self, text: str, blank_before: bool, split_special_tokens: bool, encode: Callable | None = None) -> Any:
        """What `encode` makes of the text; the encoder's `ids` if it is not given."""
        if not isinstance(text, str):
            raise InputError(
                f"a text is a str, not a {type(text).__name__}; a batch is a list of them", code="not_text"
            )
        try:
            encode = encode or self._encoder.ids
            return encode(text, blank_before=blank_before, split_special_tokens=split_special_tokens)
        except UnicodeEncodeError:
            place = next(place for place, character in enumerate(text) if "\ud800" <= character <= "\udfff")
            raise InputError(
                f"character {place} of the text is a lone surrogate (U+{ord(text[place]):04X}), half a character "
                "without a UTF-8 form; read the text with errors='replace'",
                code="surrogate",
            ) from None


def _split_pair(item: Any, words: bool) -> tuple:
    """The one or two texts of a row of a batch."""
    if isinstance(item, str) or not isinstance(item, (list, tuple)):
        return (item,)
    if words and all(isinstance(word, str) for word in item):
        return (item,)
    if len(item) != 2:
        raise InputError(
            f"a row of the batch is a list of {len(item)}; give a text or a pair, or is_split_into_words=True for words"
        )
    return tuple(item)
