"""embed: one vector for a text, or for each of its words or tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from roberta.errors import UsageError
from roberta.records.offsets import convert_spans
from roberta.tasks.base import Result, Task, Window
from roberta.tasks.long_text import LongText, decided
from roberta.tasks.numbers import gelu, sigmoid
from roberta.tasks.pooling import normalized, pool
from roberta.tasks.precision import PRECISIONS, as_base64, stored

if TYPE_CHECKING:
    from roberta.records import Record
    from roberta.tokenizer import RobertaTokenizer
    from roberta.weights.sentence_folder import Dense

LEVELS = ("text", "word", "token")
ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": lambda x: x,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": sigmoid,
    "gelu": gelu,
}


@dataclass(frozen=True, slots=True)
class _Piece:
    """Which part of which text a window reads: the first token and the one after the last, the prompt not counted."""

    field: str
    start: int
    end: int


@dataclass(frozen=True)
class Embed(Task):
    """Vectors from the hidden states.

    level: "text" pools all tokens, <s> and </s> included, as sentence-transformers does; "word" gives the mean of each
        word's tokens (words as the tokenizer splits them), "token" each token's own state.
    poolings: rules of `pooling.POOLINGS`; several are concatenated. layers: averaged; -1 is the last.
    dense, module_normalizes: the layers that a sentence-transformers folder adds.
    dims: keep the first so many numbers. normalize: None leaves it to the folder; True also after cutting to dims.
    prompt: put before the text; its tokens, and <s>, are pooled only if pools_prompt.
    base64: vectors as text, the base64 of their bytes, little-endian.
    pair_field: give the cosine with that field's text in place of vectors.
    offsets: "chars", "bytes" or "utf16", the unit of start and end.

    >>> Embed(tokenizer, LongText(room=512)).prepare(Record(0, "argument 1", {"text": "Hello"}))[0].input_ids
    [0, 31414, 2]

    Raises UsageError: an unknown level or precision, or a pair of texts at another level than "text".
    """

    tokenizer: RobertaTokenizer
    long: LongText
    level: str = "text"
    poolings: Sequence[str] = ("mean",)
    layers: tuple[int, ...] = (-1,)
    dense: Sequence[Dense] = ()
    module_normalizes: bool = False
    normalize: bool | None = None
    dims: int | None = None
    precision: str = "float32"
    base64: bool = False
    prompt: str = ""
    pools_prompt: bool = True
    lower_case: bool = False
    pair_field: str | None = None
    offsets: str = "chars"
    allow_empty: bool = False

    head = "hidden_states"

    def __post_init__(self):
        if self.level not in LEVELS:
            raise UsageError(f"no level {self.level!r}; choose from {', '.join(LEVELS)}")
        if self.precision not in PRECISIONS:
            raise UsageError(f"no precision {self.precision!r}; choose from {', '.join(PRECISIONS)}")
        if self.pair_field is not None and self.level != "text":
            raise UsageError("a pair score compares whole texts; leave --level at text")
        convert_spans("", [], self.offsets)

    def prepare(self, record: Record) -> list[Window]:
        fields = ["text"] if self.pair_field is None else ["text", self.pair_field]
        return [window for name in fields for window in self.windows_of(record, name)]

    def windows_of(self, record: Record, name: str) -> Iterator[Window]:
        """The windows of the text in one field."""
        prompt = self.tokenizer.encode_ids(self.prompt) if self.prompt else []
        ids = self.tokenizer.encode_ids(self.prompt + self._text(record, name))
        head, ids = ids[: len(prompt)], ids[len(prompt) :]
        framing = self.tokenizer.num_special_tokens_to_add() + len(head)
        spans = self.long.spans(len(ids), framing)
        for (start, end), (first, last) in zip(spans, decided(spans)):
            framed = self.tokenizer.frame([*head, *ids[start:end]])
            at = 1 + len(head)  # where the window's own tokens begin
            if self.level != "text":
                yield Window(framed, range(at + first - start, at + last - start), _Piece(name, first, last))
            else:
                rows = None if self.pools_prompt or not self.prompt else range(at, len(framed))
                yield Window(framed, rows, _Piece(name, start, end))

    def _text(self, record: Record, name: str) -> str:
        text = record.string(name, allow_empty=self.allow_empty)
        return text.lower() if self.lower_case else text

    def condense(self, record: Record, window: Window, output: np.ndarray) -> np.ndarray:
        return pool(output, self.poolings) if self.level == "text" else output

    def decode(self, record: Record, windows: list[Window], outputs: list[np.ndarray]) -> Result:
        by_field = {
            name: list(pairs) for name, pairs in groupby(zip(windows, outputs), key=lambda pair: pair[0].note.field)
        }
        if self.pair_field is not None:
            one, other = (normalized(self.vector(pairs)) for pairs in by_field.values())
            return {"score": float(np.float32(one @ other)), **self.notes(record, windows)}
        pairs = by_field["text"]
        if self.level == "text":
            return self._embedding(self.vector(pairs)) | self.notes(record, windows)
        states = np.concatenate([output for _, output in pairs])
        units = list(self._units(record, states))
        return {f"{self.level}s": units} | self.notes(record, windows)

    def vector(self, pairs: Sequence[tuple[Window, np.ndarray]]) -> np.ndarray:
        """(dims,) float32: the windows' mean, weighted by their tokens, through the folder's further layers."""
        weights = [max(1, window.note.end - window.note.start) for window, _ in pairs]
        vector = np.average(np.stack([output for _, output in pairs]), axis=0, weights=weights).astype(np.float32)
        for layer in self.dense:
            vector = vector @ layer.weight.T
            vector = ACTIVATIONS[layer.activation](vector if layer.bias is None else vector + layer.bias)
        return self._finished(vector)

    def _finished(self, vector: np.ndarray) -> np.ndarray:
        if self.module_normalizes and self.normalize is not False:
            vector = normalized(vector)
        vector = vector[: self.dims]
        return normalized(vector) if self.normalize else vector

    def _units(self, record: Record, states: np.ndarray) -> Iterator[Result]:
        """The words or tokens with their spans and vectors. states: (tokens, width)."""
        text = self._text(record, "text")
        encoding = self.tokenizer.pieces(text)
        spans = encoding.offsets
        shown = convert_spans(text, spans, self.offsets)
        groups: list[list[int]] = [[place] for place in range(len(states))]
        if self.level == "word":
            words = encoding.word_ids[: len(states)]
            groups = [list(places) for _, places in groupby(range(len(states)), key=words.__getitem__)]
        for places in groups:
            vector = self._finished(states[places].mean(0))
            unit = text[spans[places[0]][0] : spans[places[-1]][1]]
            found: Result = {"text": unit, "start": shown[places[0]][0], "end": shown[places[-1]][1]}
            yield found | self._embedding(vector)

    def _embedding(self, vector: np.ndarray) -> Result:
        """The vector as it is stored, and its dims."""
        kept = stored(vector, self.precision)
        return {"embedding": as_base64(kept) if self.base64 else kept, "dims": len(vector)}

    def notes(self, record: Record, windows: list[Window]) -> dict[str, Any]:
        """How many windows were read, or how many tokens were left out of all texts of the record."""
        if self.long.long == "truncate":
            fields = dict.fromkeys(window.note.field for window in windows)
            counts = {name: len(self.tokenizer.encode_ids(self._text(record, name))) for name in fields}
            cut = sum(counts.values()) - sum(window.note.end - window.note.start for window in windows)
            return {"truncated": cut} if cut > 0 else {}
        texts = len({window.note.field for window in windows})
        return {"windows": len(windows)} if len(windows) > texts else {}
