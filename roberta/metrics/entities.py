"""How well entities agree with the gold ones: the numbers of seqeval, in its lenient and in its strict reading.

A tag is a prefix and a type: B-PER begins an entity, I-PER goes on with it, E-PER (L-PER) ends it, S-PER (U-PER) is one
alone, and O is none. Plain Python; memory does not grow with the number of records.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

OUTSIDE = "O"
SCHEMES = ("IO", "IOB1", "IOB2", "BIOES", "BILUO")
_LETTERS = {"B": "B", "I": "I", "E": "E", "S": "S", "L": "E", "U": "S"}
_NO_TYPE = "_"

Entity = tuple[str, int, int]  # type, first word, last word


def split_tag(tag: str) -> tuple[str, str]:
    """The prefix, as one of B, I, E, S and O, and the type. A tag without a prefix goes on: it counts as I-.

    >>> split_tag("B-creative-work"), split_tag("U-PER"), split_tag("PER"), split_tag("O"), split_tag("B")
    (('B', 'creative-work'), ('S', 'PER'), ('I', 'PER'), ('O', ''), ('B', '_'))
    """
    if tag == OUTSIDE:
        return OUTSIDE, ""
    if tag[1:2] == "-" and tag[0] in _LETTERS:
        return _LETTERS[tag[0]], tag[2:] or _NO_TYPE
    if tag in _LETTERS:
        return _LETTERS[tag], _NO_TYPE
    return "I", tag


def entities_of(tags: Iterable[str]) -> list[Entity]:
    """The lenient reading, that of conlleval: whatever is no O belongs to an entity.

    One begins at B and S, after E and S, and where the type changes.

    >>> entities_of(["I-PER", "I-PER", "O", "B-LOC", "I-ORG"])
    [('PER', 0, 1), ('LOC', 3, 3), ('ORG', 4, 4)]
    """
    found: list[Entity] = []
    before = (OUTSIDE, "")
    for place, tag in enumerate(tags):
        now = split_tag(tag)
        if now[0] != OUTSIDE:
            if begins(before, now):
                found.append((now[1], place, place))
            else:
                found[-1] = (now[1], found[-1][1], place)
        before = now
    return found


def begins(before: tuple[str, str], now: tuple[str, str]) -> bool:
    """Whether an entity begins between two split tags, the second of which is no O, in the lenient reading."""
    return now[0] in "BS" or before[0] in "ESO" or before[1] != now[1]


def strict_entities_of(tags: Iterable[str], scheme: str) -> list[Entity]:
    """Only the entities that keep to the scheme, one of SCHEMES, from their first word to their last.

    >>> strict_entities_of(["I-PER", "O", "B-LOC", "I-LOC"], "IOB2")
    [('LOC', 2, 3)]
    >>> strict_entities_of(["B-PER", "I-PER", "O", "S-LOC"], "BIOES")
    [('LOC', 3, 3)]

    IOB1 is read as seqeval reads it: there a B- is only good between two entities of one type.
    """
    assert scheme in SCHEMES, scheme
    if scheme == "IO":
        return entities_of(tags)
    split = [split_tag(tag) for tag in tags] + [(OUTSIDE, "")]
    found: list[Entity] = []
    place = 0
    before = split[-1]
    while place < len(split) - 1:
        first = split[place]
        last = place
        if _strictly_begins(before, first, scheme):
            while _goes_on(split[last], split[last + 1]):
                last += 1
            if _may_end(split[last], split[last + 1], scheme):
                found.append((first[1], place, last))
        before = split[last]
        place = last + 1
    return found


def _strictly_begins(before: tuple[str, str], now: tuple[str, str], scheme: str) -> bool:
    if scheme == "IOB1":
        if now[0] == "I":
            return before[0] in "OB" or before[1] != now[1]
        return now[0] == "B" and before[0] in "BI" and before[1] == now[1]
    return now[0] in ("B" if scheme == "IOB2" else "BS")


def _goes_on(before: tuple[str, str], now: tuple[str, str]) -> bool:
    return before[0] in "BI" and now[0] in "IE" and before[1] == now[1]


def _may_end(last: tuple[str, str], after: tuple[str, str], scheme: str) -> bool:
    if scheme == "IOB1":  # seqeval sees no end between two B- of different types
        return not (last[0] == "B" and after[0] == "B" and last[1] != after[1])
    return scheme == "IOB2" or last[0] in "ES"


class _Counts:
    """For each type: how many entities are gold, how many predicted, how many both."""

    def __init__(self):
        self.gold: Counter[str] = Counter()
        self.predicted: Counter[str] = Counter()
        self.both: Counter[str] = Counter()

    def add(self, gold: Collection[tuple], predicted: Collection[tuple]) -> None:
        gold, predicted = set(gold), set(predicted)
        self.gold.update(entity[0] for entity in gold)
        self.predicted.update(entity[0] for entity in predicted)
        self.both.update(entity[0] for entity in gold & predicted)

    def row(self, label: str) -> tuple[float, float, float]:
        return _scores(self.both[label], self.predicted[label], self.gold[label])

    def total(self) -> tuple[float, float, float]:
        return _scores(self.both.total(), self.predicted.total(), self.gold.total())


def _scores(both: int, predicted: int, gold: int) -> tuple[float, float, float]:
    """Precision, recall and F1; 0 where nothing was there, as seqeval has it."""
    return (
        both / predicted if predicted else 0.0,
        both / gold if gold else 0.0,
        2 * both / (predicted + gold) if predicted + gold else 0.0,
    )


class EntityScores:
    """Entities with their type and both ends right, over all records.

    >>> scores = EntityScores("IOB2")
    >>> scores.add_tags(["B-PER", "I-PER", "O"], ["I-PER", "I-PER", "O"])
    >>> summary = scores.summary()
    >>> summary["f1"], summary["f1_strict"]
    (1.0, 0.0)

    scheme: one of SCHEMES, for the strict reading.
    """

    def __init__(self, scheme: str):
        self.scheme = scheme
        self._records = 0
        self._lenient = _Counts()
        self._strict = _Counts()

    def add_tags(self, gold: Sequence[str], predicted: Sequence[str]) -> None:
        """Count one record by its tags, one for each word. Both read by the same scheme."""
        assert len(gold) == len(predicted), (len(gold), len(predicted))
        self.add(
            entities_of(gold),
            entities_of(predicted),
            strict_entities_of(gold, self.scheme),
            strict_entities_of(predicted, self.scheme),
        )

    def add(
        self,
        gold: Collection[tuple],
        predicted: Collection[tuple],
        strict_gold: Collection[tuple],
        strict_predicted: Collection[tuple],
    ) -> None:
        """Count one record by its entities in both readings: tuples that begin with the type."""
        self._records += 1
        self._lenient.add(gold, predicted)
        self._strict.add(strict_gold, strict_predicted)

    def summary(self) -> dict[str, Any]:
        """Scores from 0 to 1, of all entities together and for each type that occurs; support: how many are gold."""
        counts = (self._lenient, self._strict)
        labels = sorted({label for count in counts for label in (*count.gold, *count.predicted)})
        return {
            "records": self._records,
            **_named(self._lenient.total(), self._strict.total()),
            "per_label": [
                {
                    "label": label,
                    **_named(self._lenient.row(label), self._strict.row(label)),
                    "support": self._lenient.gold[label],
                }
                for label in labels
            ],
        }


def _named(lenient: tuple[float, float, float], strict: tuple[float, float, float]) -> dict[str, float]:
    names = ("precision", "recall", "f1")
    return dict(zip(names, lenient)) | {f"{name}_strict": score for name, score in zip(names, strict)}
