"""ner: the named entities of a text, as exact slices of it, from the labels of its tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from roberta.errors import InputError, UsageError
from roberta.metrics.entities import OUTSIDE
from roberta.records.conll import LINES_FIELD, TAGS_FIELD, WORDS_FIELD, tagged_lines
from roberta.records.offsets import convert_spans
from roberta.spelling import did_you_mean
from roberta.tasks.base import Result, Task, Window
from roberta.tasks.legal_path import legal_path
from roberta.tasks.long_text import LongText, decided
from roberta.tasks.numbers import softmax
from roberta.tasks.tags import Tagset, joined
from roberta.tasks.words import WORDS, Span, blank_words, given_words, joined_places, places_in, unit_words

if TYPE_CHECKING:
    from roberta.records import Record
    from roberta.tokenizer import RobertaTokenizer

AGGREGATES = ("none", "simple", "first", "average", "max")
PATHS = ("argmax", "legal")
AUTO = "auto"  # as the model was trained
SAVED_WORDS, SAVED_PATH = "ner_words", "ner_decode"  # in config.json: with which words and which path that was


class Source(NamedTuple):
    """What a record asks about: a text, and where its words lie, if the record has them."""

    text: str
    places: list[Span] | None


class Word(NamedTuple):
    """Tokens that get one label together. number: that of the word in the record."""

    number: int
    tokens: range


@dataclass(frozen=True)
class Found:
    """An entity. words: places among those that were labelled. start, end: in the text, without white space around.
    is_rejoined: it was two, with a blank between them."""

    label: str
    kind: str
    words: list[int]
    start: int
    end: int
    is_rejoined: bool = False


@dataclass(frozen=True)
class Ner(Task):
    """Entities from the labels of tokens or words.

    aggregate: "none" gives every token its label; "simple" joins tokens; "first", "average" and "max" give a word the
        label of its first token, of the mean of its tokens' probabilities, or of its surest token, and join words.
    words: "unit", as the tokenizer splits them, or "blank", between blanks; words that a record gives go before both.
    path: "argmax" takes each label for itself; "legal" the likeliest sequence that the scheme of the labels allows.
    ignore: labels or types that are no answer. types: only these. min_score: only entities at least as sure.
    join_space: entities of one type with one blank between them are one. offsets: "chars", "bytes" or "utf16".
    tags: also give the tag of each word. conll: also give tags and the record as lines of columns.

    A record has `text`, or `tokens` (words, joined by blanks), or both. Each token is decided by the window where it
    has most context, before anything is joined.

    >>> task = Ner(tokenizer, {0: "O", 1: "B-PER", 2: "I-PER"}, LongText(room=512))
    >>> record = Record(0, "argument 1", {"text": "Zoë sings"})
    >>> task.decode(record, task.prepare(record), [logits])["entities"]
    [{'label': 'PER', 'text': 'Zoë', 'start': 0, 'end': 3, 'score': 0.99}]

    Raises UsageError: a value that is none of these, a type that the model lacks, options that do not go together;
    CheckpointError: labels that are no tags.
    """

    tokenizer: RobertaTokenizer
    id2label: dict[int, str]
    long: LongText
    aggregate: str = "first"
    words: str = "unit"
    path: str = "argmax"
    ignore: Sequence[str] = (OUTSIDE,)
    types: Sequence[str] | None = None
    min_score: float | None = None
    join_space: bool = False
    offsets: str = "chars"
    tags: bool = False
    conll: bool = False
    allow_empty: bool = False
    tagset: Tagset = field(init=False)

    head = "token_classification"

    def __post_init__(self):
        for name, value, known in (
            ("way to aggregate", self.aggregate, AGGREGATES),
            ("kind of words", self.words, WORDS),
            ("way to decode", self.path, PATHS),
        ):
            if value not in known:
                raise UsageError(f"no {name} {value!r}; choose from {', '.join(known)}")
        if self.join_space and self.aggregate == "none":
            raise UsageError("--join-space joins entities, and --aggregate none gives tokens; give one of them")
        if (self.tags or self.conll) and self.aggregate in ("none", "simple"):
            raise UsageError(
                f"--aggregate {self.aggregate} gives tokens no common tag, which conll and --gold need for each word;"
                " choose first, average or max"
            )
        convert_spans("", [], self.offsets)
        names = [self.id2label[number] for number in sorted(self.id2label)]
        object.__setattr__(self, "tagset", Tagset.of(names, self.ignore))
        for kind in self.types or ():
            if kind not in self.tagset.types:
                near = did_you_mean(kind, self.tagset.types)
                raise UsageError(f"this model has no type {kind!r}; it has {', '.join(self.tagset.types)}{near}")

    def source(self, record: Record) -> Source:
        """Raises InputError: no_field, wrong_type, empty_text, or words_differ."""
        if record.fields.get(WORDS_FIELD) is None:
            return Source(record.string("text", allow_empty=self.allow_empty), None)
        words = record.strings(WORDS_FIELD)
        if not words and LINES_FIELD not in record.fields and not self.allow_empty:
            raise InputError(f"{WORDS_FIELD} is empty; give it at least one word", code="empty_text")
        if record.fields.get("text") is None:
            return Source(" ".join(words), joined_places(words))
        text = record.string("text", allow_empty=self.allow_empty)
        return Source(text, places_in(text, words))

    def prepare(self, record: Record) -> list[Window]:
        ids = self.tokenizer.encode_ids(self.source(record).text)
        if not ids:
            return []
        spans = self.long.spans(len(ids), self.tokenizer.num_special_tokens_to_add())
        left_out = self.long.note(spans, len(ids)).get("truncated", 0)
        return [
            Window(self.tokenizer.frame(ids[start:end]), range(1 + first - start, 1 + last - start), left_out)
            for (start, end), (first, last) in zip(spans, decided(spans))
        ]

    def condense(self, record: Record, window: Window, output: np.ndarray) -> np.ndarray:
        return softmax(output)  # (rows, labels)

    def decode(self, record: Record, windows: list[Window], outputs: list[np.ndarray]) -> Result:
        source = self.source(record)
        encoding = self.tokenizer.pieces(source.text)
        words = self._words(source, encoding.offsets, encoding.word_ids)
        scores = np.concatenate(outputs) if outputs else np.zeros((0, len(self.id2label)))  # (tokens, labels)
        read = _read(words, len(scores))
        table = self._word_scores(scores, read)
        labels = self._labels(table)
        sure = table[np.arange(len(labels)), labels]
        found = [
            (entity, float(np.float32(sure[entity.words].mean())))
            for entity in self._entities(source.text, encoding.offsets, read, labels)
        ]
        found = [pair for pair in found if self.min_score is None or pair[1] >= self.min_score]
        result: Result = {"entities": self._shown(source, found, read)}
        if self.tags or self.conll:
            count = len(words) if source.places is None else len(source.places)
            result[TAGS_FIELD] = tags = self._tags(count, [entity for entity, _ in found], read, labels)
            if self.conll:
                result[LINES_FIELD] = self._lines(record, source, tags)
        if len(windows) > 1:
            result["windows"] = len(windows)
        elif windows and windows[0].note:
            result["truncated"] = windows[0].note
        return result

    def word_places(self, record: Record) -> list[Span]:
        """Where each word lies that has a tag, in code points."""
        source = self.source(record)
        if source.places is not None:
            return source.places
        encoding = self.tokenizer.pieces(source.text)
        words = self._words(source, encoding.offsets, encoding.word_ids)
        return [_without_blanks(source.text, *_ends(encoding.offsets, word.tokens)) for word in words]

    def word_tokens(self, record: Record) -> list[range]:
        """The tokens of each word that has a tag, counted in the whole text; none for a word that has no token."""
        source = self.source(record)
        encoding = self.tokenizer.pieces(source.text)
        words = self._words(source, encoding.offsets, encoding.word_ids)
        if source.places is None:
            return [word.tokens for word in words]
        by_number = dict(words)
        return [by_number.get(number, range(0)) for number in range(len(source.places))]

    def _words(self, source: Source, spans: Sequence[Span], word_ids: Sequence[int | None]) -> list[Word]:
        """What gets one label each, in order."""
        if source.places is not None:
            words = [Word(number, tokens) for number, tokens in enumerate(given_words(source.places, spans)) if tokens]
        elif self.aggregate in ("none", "simple"):
            words = [Word(token, range(token, token + 1)) for token in range(len(spans))]
        elif self.words == "blank":
            words = [Word(*pair) for pair in enumerate(blank_words(source.text, spans))]
        else:
            words = [Word(*pair) for pair in enumerate(unit_words(source.text, spans, word_ids))]
        if self.aggregate in ("none", "simple"):
            words = [Word(word.number, range(token, token + 1)) for word in words for token in word.tokens]
        return words

    def _word_scores(self, scores: np.ndarray, words: Sequence[Word]) -> np.ndarray:
        """(tokens, labels) to (words, labels)."""
        if not words:
            return np.zeros((0, scores.shape[1]))
        starts = [word.tokens.start for word in words]
        if self.aggregate == "average":
            return np.stack([scores[word.tokens.start : word.tokens.stop].mean(0) for word in words])
        if self.aggregate == "max":
            best = scores.max(1)
            starts = [word.tokens.start + int(best[word.tokens.start : word.tokens.stop].argmax()) for word in words]
        return scores[starts]

    def _labels(self, table: np.ndarray) -> list[int]:
        """The number of the label of each word; table: (words, labels) probabilities."""
        if self.path == "argmax":
            return table.argmax(1).tolist()
        first, steps, last = self.tagset.legal_steps
        with np.errstate(divide="ignore"):
            return legal_path(np.log(table), steps, first, last)

    def _entities(
        self, text: str, spans: Sequence[Span], words: Sequence[Word], labels: Sequence[int]
    ) -> Iterator[Found]:
        """Entities that are wanted, in order; what is only white space is none."""
        split = [self.tagset.split[label] for label in labels]
        groups = [range(place, place + 1) for place in range(len(words))] if self.aggregate == "none" else joined(split)
        before: Found | None = None
        for group in groups:
            name, kind = self.tagset.labels[labels[group[0]]], split[group[0]][1]
            label = name if self.aggregate == "none" or not kind else kind
            if label in self.ignore or kind in self.ignore or (self.types is not None and kind not in self.types):
                continue
            ends = _ends(spans, range(words[group[0]].tokens[0], words[group[-1]].tokens[-1] + 1))
            start, end = _without_blanks(text, *ends)
            if start == end:
                continue
            found = Found(label, kind, list(group), start, end)
            if self.join_space and before and kind and before.kind == kind and text[before.end : start] == " ":
                before = Found(label, kind, [*before.words, *group], before.start, end, is_rejoined=True)
                continue
            if before:
                yield before
            before = found
        if before:
            yield before

    def _shown(self, source: Source, found: Sequence[tuple[Found, float]], words: Sequence[Word]) -> list[Result]:
        shown = convert_spans(source.text, [(entity.start, entity.end) for entity, _ in found], self.offsets)
        rows = []
        for (entity, score), (start, end) in zip(found, shown):
            row = {"label": entity.label, "text": source.text[entity.start : entity.end], "start": start, "end": end}
            if source.places is not None:
                row |= {"first": words[entity.words[0]].number, "last": words[entity.words[-1]].number}
            rows.append({**row, "score": score})
        return rows

    def _tags(self, count: int, found: Sequence[Found], words: Sequence[Word], labels: Sequence[int]) -> list[str]:
        """One for each of `count` words; O for those that are in no entity that is shown, or have no token."""
        tags = [OUTSIDE] * count
        for entity in found:
            names = [self.tagset.labels[labels[place]] for place in entity.words]
            if entity.is_rejoined:
                names = self.tagset.written(entity.kind, len(names))
            for place, name in zip(entity.words, names):
                tags[words[place].number] = name
        return tags

    def _lines(self, record: Record, source: Source, tags: Sequence[str]) -> list[str]:
        """The sentence as CoNLL lines: as it stood, with one more column, or made of its words."""
        given = record.as_given.get(LINES_FIELD)
        if given is not None and WORDS_FIELD in record.as_given:
            return tagged_lines(given, tags)
        places = self.word_places(record)
        # A column holds no white space, and no column is empty.
        words = ["_".join(source.text[start:end].split()) or "_" for start, end in places]
        return [*(f"{word}\t{tag}" for word, tag in zip(words, tags)), ""]


def _read(words: Sequence[Word], count: int) -> list[Word]:
    """The words as far as the first `count` tokens go."""
    return [
        Word(number, range(tokens.start, min(tokens.stop, count))) for number, tokens in words if tokens.start < count
    ]


def _ends(spans: Sequence[Span], tokens: range) -> Span:
    return spans[tokens[0]][0], spans[tokens[-1]][1]


def _without_blanks(text: str, start: int, end: int) -> Span:
    """The span without white space at its edges.

    >>> _without_blanks("a b ", 1, 4)
    (2, 3)
    """
    inner = text[start:end]
    start += len(inner) - len(inner.lstrip())
    return start, max(start, start + len(inner.strip()))
