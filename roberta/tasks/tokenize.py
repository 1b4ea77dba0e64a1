"""tokenize: tokens, ids, spans and words of a text. Needs no model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any

from roberta.errors import UsageError
from roberta.records.offsets import convert_spans
from roberta.tasks.base import Result, Task, Window
from roberta.tasks.long_text import LongText

if TYPE_CHECKING:
    from roberta.records import Record
    from roberta.tokenizer import RobertaTokenizer
    from roberta.tokenizer.encoding import Encoding

SHOW = {  # the keys of a result
    "tokens": ("tokens", "ids", "spans", "count"),
    "ids": ("ids",),
    "spans": ("spans",),
    "words": ("words",),
    "count": ("count",),
    "all": ("tokens", "ids", "spans", "words", "count"),
}


@dataclass(frozen=True)
class Tokenize(Task):
    """What the tokenizer makes of a text, or of a text and its text_pair.

    All lists have an entry for each token. spans and words are None for the tokens of the framing. words: number of the
    word, counted from 0 in each text. texts: for pairs, beside spans or words: 0 for a token of text, 1 of text_pair.

    show: a row of SHOW.
    specials: whether the framing, <s> and </s>, is shown and counted.
    long: cut the text into the windows that the model would read, one entry of "windows" each; None: in one piece.
    offsets: "chars", "bytes" or "utf16", the unit of spans.

    >>> Tokenize(tokenizer).decode(Record(0, "argument 1", {"text": "Hello world"}), [], [])
    {'tokens': ['<s>', 'Hello', 'Ġworld', '</s>'], 'ids': [0, 31414, 232, 2], 'spans': [None, [0, 5], [6, 11], None], \
'count': 4}

    Raises UsageError: nothing is shown by that name, or an unknown unit.
    """

    tokenizer: RobertaTokenizer
    show: str = "tokens"
    specials: bool = True
    long: LongText | None = None
    offsets: str = "chars"
    allow_empty: bool = False

    def __post_init__(self):
        if self.show not in SHOW:
            raise UsageError(f"nothing to show is called {self.show!r}; choose from {', '.join(SHOW)}")
        convert_spans("", [], self.offsets)

    def prepare(self, record: Record) -> list[Window]:
        return []

    def decode(self, record: Record, windows: list[Window], outputs: list) -> Result:
        texts = [record.string("text", allow_empty=self.allow_empty)]
        if record.fields.get("text_pair") is not None:
            texts.append(record.string("text_pair", allow_empty=self.allow_empty))
        found = _Found(self.tokenizer, texts, self.offsets)
        # A stand-in for each token travels through the framing and the cutting: negative, so that no id is like it.
        stand_ins = [range(-1 - start, -1 - end, -1) for start, end in found.bounds]
        whole = self.tokenizer.frame(*stand_ins)
        if self.long is None:
            return self._entry(found, whole)
        from roberta.tasks.text_windows import what_was_cut, windows_of_pair, windows_of_text  # late: it needs NumPy

        cut = (windows_of_text if len(texts) == 1 else windows_of_pair)(self.tokenizer, self.long, *stand_ins)
        entries = [self._entry(found, window.input_ids) for window in cut]
        left_out = what_was_cut(cut).get("truncated")
        return {
            "windows": entries,
            "count": len(self._shown(whole)),
            **({"truncated": left_out} if left_out else {}),
        }

    def ids_as_written(self, record: Record) -> str | None:
        """What `decode` puts into "ids", written as JSON: "[0,31414,2]", in less time; None where results hold more.

        Raises InputError: as `decode`.
        """
        if self.show != "ids" or self.long is not None or record.fields.get("text_pair") is not None:
            return None
        inner = self.tokenizer.encode_decimals(record.string("text", allow_empty=self.allow_empty))
        if not self.specials:
            return f"[{inner}]"
        first, last = self.tokenizer.frame([])
        return f"[{first},{inner},{last}]" if inner else f"[{first},{last}]"

    def _shown(self, framed: Sequence[int]) -> list[int]:
        return [place for place in framed if self.specials or place < 0]

    def _entry(self, found: _Found, framed: Sequence[int]) -> Result:
        """framed: stand-ins of tokens, and ids of the framing."""
        places = self._shown(framed)
        entry: Result = {}
        for key in SHOW[self.show]:
            entry[key] = len(places) if key == "count" else found.column(key, places)
        if len(found.bounds) == 2 and ("spans" in entry or "words" in entry):
            entry["texts"] = found.column("texts", places)
        return entry


class _Found:
    """The tokens of all texts of a record, in columns that are made when they are asked for."""

    def __init__(self, tokenizer: RobertaTokenizer, texts: Sequence[str], unit: str):
        self._tokenizer = tokenizer
        self._texts = texts
        self._unit = unit
        self._encodings = [tokenizer.pieces(text) for text in texts]
        self._columns: dict[str, list] = {}
        ends = [0]
        for encoding in self._encodings:
            ends.append(ends[-1] + len(encoding.ids))
        self.bounds = list(pairwise(ends))

    def column(self, name: str, framed: Sequence[int]) -> list:
        """One entry for each of `framed`: of a token, or of the framing token with that id."""
        if name not in self._columns:
            parts = [self._column(name, number, encoding) for number, encoding in enumerate(self._encodings)]
            self._columns[name] = list(chain.from_iterable(parts))
        column = self._columns[name]
        return [column[-1 - place] if place < 0 else self._framing(name, place) for place in framed]

    def _column(self, name: str, number: int, encoding: Encoding) -> Sequence:
        match name:
            case "tokens":
                return self._tokenizer.convert_ids_to_tokens(encoding.ids)
            case "spans":
                return [list(span) for span in convert_spans(self._texts[number], encoding.offsets, self._unit)]
            case "words":
                return encoding.word_ids
            case "texts":
                return [number] * len(encoding.ids)
        assert name == "ids", name
        return encoding.ids

    def _framing(self, name: str, id: int) -> Any:
        return {"ids": id, "tokens": self._tokenizer.convert_ids_to_tokens(id)}.get(name)
