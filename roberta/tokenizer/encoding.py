"""One window as the model gets it, and how its tokens lie in the text: what the reference calls an Encoding."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain

from roberta.tokenizer.byte_alphabet import BLANK
from roberta.tokenizer.encoder import Trace
from roberta.tokenizer.pretokenize import WHITE_SPACE

_BLANKS = WHITE_SPACE | {BLANK}


class Sequence:
    """The ids of one text; its tokens, spans and words once someone asks for them.

    ids: nothing added around them.
    trace: gives as many tokens, spans and words as there are ids.
    trim: leave the blanks around a token out of its span.
    keeps_first_blank: the first blank of a token at the start was put there by the tokenizer and is no part of the
        text, so that it is not to be trimmed.
    """

    __slots__ = ("_found", "_trace", "ids", "keeps_first_blank", "trim")

    def __init__(self, ids: list[int], trace: Callable[[], Trace], *, trim: bool, keeps_first_blank: bool):
        self.ids = ids
        self.trim = trim
        self.keeps_first_blank = keeps_first_blank
        self._trace = trace
        self._found: Trace | None = None

    def __reduce__(self):
        found, trim, keeps = self.found, self.trim, self.keeps_first_blank
        return _restore, (self.ids, found, trim, keeps)

    @property
    def found(self) -> Trace:
        if self._found is None:
            self._found = self._trace()
            assert len(self._found.tokens) == len(self.ids), "the two ways to encode disagree"
        return self._found


def _restore(ids: list[int], found: Trace, trim: bool, keeps_first_blank: bool) -> Sequence:
    sequence = Sequence(ids, found._replace, trim=trim, keeps_first_blank=keeps_first_blank)
    sequence._found = found
    return sequence


class Stretch:
    """A run of tokens of one text within a window. number: 0 for the first text of a pair, 1 for the second."""

    __slots__ = ("end", "number", "sequence", "start")
    special = 0
    visible = 1

    def __init__(self, sequence: Sequence, start: int, end: int, number: int = 0):
        self.sequence = sequence
        self.start = start
        self.end = end
        self.number: int | None = number

    def __len__(self) -> int:
        return self.end - self.start

    @property
    def ids(self) -> list[int]:
        return self.sequence.ids[self.start : self.end]

    @property
    def tokens(self) -> list[str]:
        return self.sequence.found.tokens[self.start : self.end]

    @property
    def words(self) -> list[int]:
        return self.sequence.found.words[self.start : self.end]

    @property
    def spans(self) -> list[tuple[int, int]]:
        found = self.sequence.found.spans[self.start : self.end]
        if not self.sequence.trim:
            return found
        return [
            _trimmed(token, span, self.sequence.keeps_first_blank and (place == 0 or span[0] == 0))
            for place, (token, span) in enumerate(zip(self.tokens, found))
        ]


class Marks:
    """Tokens that are no text: one of the framing, or `count` times the padding, which is not visible."""

    __slots__ = ("count", "id", "token", "visible")
    special = 1
    number = None

    def __init__(self, token: str, id: int, count: int = 1, *, visible: int = 1):
        self.token = token
        self.id = id
        self.count = count
        self.visible = visible

    def __len__(self) -> int:
        return self.count

    @property
    def ids(self) -> list[int]:
        return [self.id] * self.count

    @property
    def tokens(self) -> list[str]:
        return [self.token] * self.count

    @property
    def words(self) -> list[None]:
        return [None] * self.count

    @property
    def spans(self) -> list[tuple[int, int]]:
        return [(0, 0)] * self.count


class Encoding:
    """The tokens of one window. All lists have one entry for each token; spans count code points of the own text.

    overflowing: the windows that the rest of the text fills.
    """

    def __init__(self, parts: Iterable[Stretch | Marks], overflowing: list[Encoding] | None = None):
        self.parts = list(parts)
        self.overflowing = overflowing or []

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def __repr__(self) -> str:
        return f"Encoding(tokens={self.tokens})"

    @property
    def ids(self) -> list[int]:
        return list(chain.from_iterable(part.ids for part in self.parts))

    @property
    def tokens(self) -> list[str]:
        """As the vocabulary spells them; `<mask>` and other added tokens as they stood in the text, blanks included."""
        return list(chain.from_iterable(part.tokens for part in self.parts))

    @property
    def offsets(self) -> list[tuple[int, int]]:
        """Start and end of each token; (0, 0) for framing and padding."""
        return list(chain.from_iterable(part.spans for part in self.parts))

    @property
    def word_ids(self) -> list[int | None]:
        """Number of the word that each token belongs to; with text given as words, which of those."""
        return list(chain.from_iterable(part.words for part in self.parts))

    words = word_ids

    @property
    def sequence_ids(self) -> list[int | None]:
        """0 for tokens of the first text, 1 for those of the second, None for framing and padding."""
        return self._for_each(lambda part: part.number)

    @property
    def special_tokens_mask(self) -> list[int]:
        """1 for framing and padding. A special token that stood in the text is text."""
        return self._for_each(lambda part: part.special)

    @property
    def attention_mask(self) -> list[int]:
        """0 for padding."""
        return self._for_each(lambda part: part.visible)

    @property
    def type_ids(self) -> list[int]:
        """All zero: RoBERTa has one token type."""
        return [0] * len(self)

    def _for_each(self, say: Callable) -> list:
        return [value for part in self.parts for value in [say(part)] * len(part)]

    @property
    def n_sequences(self) -> int:
        return len({part.number for part in self.parts} - {None}) or 1

    def padded(self, length: int, side: str, token: str, id: int) -> Encoding:
        """This window, its overflowing ones too, filled up to `length` tokens on the side "left" or "right"."""
        overflowing = [window.padded(length, side, token, id) for window in self.overflowing]
        missing = length - len(self)
        if missing <= 0:
            return Encoding(self.parts, overflowing)
        padding = [Marks(token, id, missing, visible=0)]
        return Encoding(padding + self.parts if side == "left" else self.parts + padding, overflowing)

    def sequence_range(self, number: int) -> range:
        """Places of the tokens of text `number`; empty when there is no such text."""
        done = 0
        for part in self.parts:
            if part.number == number:
                return range(done, done + len(part))
            done += len(part)
        return range(0)

    def token_to_sequence(self, place: int) -> int | None:
        """Which text the token comes from; None for framing, padding, and places outside."""
        ids = self.sequence_ids
        return ids[place] if -len(ids) <= place < len(ids) else None

    def token_to_word(self, place: int) -> int | None:
        """The word that the token belongs to, or None."""
        return None if self.token_to_sequence(place) is None else self.word_ids[place]

    def token_to_chars(self, place: int) -> tuple[int, int] | None:
        """The span of the token in its text, or None."""
        return None if self.token_to_sequence(place) is None else self.offsets[place]

    def char_to_token(self, character: int, sequence_index: int = 0) -> int | None:
        """The first token whose span holds the character; None where no token does, as with a trimmed blank."""
        spans = self.offsets
        for place in self.sequence_range(sequence_index):
            start, end = spans[place]
            if start <= character < end:
                return place
        return None

    def char_to_word(self, character: int, sequence_index: int = 0) -> int | None:
        """The word of that token."""
        place = self.char_to_token(character, sequence_index)
        return None if place is None else self.token_to_word(place)

    def word_to_tokens(self, word: int, sequence_index: int = 0) -> tuple[int, int] | None:
        """Places of the word's tokens, as (first, one past the last)."""
        words = self.word_ids
        places = [place for place in self.sequence_range(sequence_index) if words[place] == word]
        return (places[0], places[-1] + 1) if places else None

    def word_to_chars(self, word: int, sequence_index: int = 0) -> tuple[int, int] | None:
        """The span of the word in its text."""
        places = self.word_to_tokens(word, sequence_index)
        if places is None:
            return None
        spans = self.offsets
        return spans[places[0]][0], spans[places[1] - 1][1]


def _trimmed(token: str, span: tuple[int, int], keeps_first_blank: bool) -> tuple[int, int]:
    """The span without the blanks at the token's ends. It follows the reference step by step, its oddities included."""
    start, end = span
    if token[:1] in _BLANKS:
        leading = next((i for i, character in enumerate(token) if character not in _BLANKS), len(token))
        # More than one blank at the start cannot be the tokenizer's own.
        start = min(start + (0 if keeps_first_blank and leading == 1 else leading), end)
    if token[-1:] in _BLANKS:
        trailing = next((i for i, character in enumerate(reversed(token)) if character not in _BLANKS), len(token))
        if end >= trailing:
            end = max(end - trailing, start)
    return start, end
