"""The labels of a token classifier as tags: which scheme they keep to, what may follow what, which words they join."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from roberta.errors import CheckpointError
from roberta.metrics.entities import OUTSIDE, begins, split_tag

_PREFIXES = frozenset("BIESLU")
_BEGINNINGS = frozenset("BI")


@dataclass(frozen=True)
class Tagset:
    """The labels of a model in the order of its outputs.

    outside: the labels that mean no entity.

    >>> tagset = Tagset.of(["O", "B-PER", "I-PER"])
    >>> tagset.scheme, tagset.types
    ('IOB2', ['PER'])
    """

    labels: tuple[str, ...]
    outside: frozenset[str] = frozenset({OUTSIDE})

    @classmethod
    def of(cls, labels: Sequence[str], ignore: Collection[str] = (OUTSIDE,)) -> Tagset:
        """Raises CheckpointError: labels with no prefix among them, nor one that means no entity."""
        tagset = cls(tuple(labels), frozenset({OUTSIDE, *ignore}) & frozenset(labels))
        if not tagset.outside and not tagset.has_prefixes:
            shown = ", ".join(labels[:8]) + (", ..." if len(labels) > 8 else "")
            raise CheckpointError(
                f"labels of this model have no B-/I- scheme (found: {shown}); it is a classifier: use roberta classify,"
                " or name the label that means no entity with --ignore"
            )
        return tagset

    @cached_property
    def _given_prefixes(self) -> set[str]:
        """The letters before a hyphen, or alone; E-MAIL beside PHONE is no prefix, as nothing begins with B- or I-."""
        found = {label[0] for label in self.labels if label[:1] in _PREFIXES and label[1:2] in ("", "-")}
        return found if found & _BEGINNINGS else set()

    @property
    def has_prefixes(self) -> bool:
        return bool(self._given_prefixes)

    @cached_property
    def split(self) -> list[tuple[str, str]]:
        """The prefix (B, I, E or S, or O) and the type of each label."""
        return [
            (OUTSIDE, "")
            if label == OUTSIDE or (label in self.outside and split_tag(label) == ("I", label))
            else split_tag(label)
            if self.has_prefixes
            else ("I", label)
            for label in self.labels
        ]

    @cached_property
    def types(self) -> list[str]:
        """The types of entity, in the order of the labels."""
        return list(dict.fromkeys(kind for prefix, kind in self.split if prefix != OUTSIDE))

    @cached_property
    def scheme(self) -> str:
        """One of roberta.metrics.entities.SCHEMES.

        IOB1 and IOB2 have the same prefixes; a type that has an I- and no B- can only be begun by I-, as in IOB1.
        """
        prefixes = self._given_prefixes
        if prefixes & set("LU"):
            return "BILUO"
        if prefixes & set("ES"):
            return "BIOES"
        if "B" not in prefixes:
            return "IO"
        begun = {kind for prefix, kind in self.split if prefix == "B"}
        return "IOB2" if all(kind in begun for prefix, kind in self.split if prefix == "I") else "IOB1"

    @cached_property
    def legal_steps(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What the scheme allows at the start (labels,), from one label to the next (labels, labels), at the end
        (labels,): booleans."""
        edge = (OUTSIDE, "")
        first = np.array([self._may_follow(edge, now) for now in self.split])
        steps = np.array([[self._may_follow(before, now) for now in self.split] for before in self.split])
        last = np.array([self._may_follow(before, edge) for before in self.split])
        return first, steps, last

    def _may_follow(self, before: tuple[str, str], now: tuple[str, str]) -> bool:
        same = before[1] == now[1]
        if self.scheme == "IO":
            return True
        if self.scheme == "IOB1":
            return now[0] != "B" or (before[0] in "BI" and same)
        if self.scheme == "IOB2":
            return now[0] != "I" or (before[0] in "BI" and same)
        return (now[0] in "IE" and same) if before[0] in "BI" else now[0] in "OBS"

    def written(self, kind: str, count: int) -> list[str]:
        """The tags of one entity of `count` words that follows no other of its type.

        >>> Tagset.of(["O", "B-PER", "I-PER"]).written("PER", 3)
        ['B-PER', 'I-PER', 'I-PER']
        """
        if not self.has_prefixes:
            return [kind] * count
        if self.scheme in ("BIOES", "BILUO"):
            end, alone = ("L", "U") if self.scheme == "BILUO" else ("E", "S")
            letters = alone if count == 1 else "B" + "I" * (count - 2) + end
        else:
            letters = ("B" if self.scheme == "IOB2" else "I") + "I" * (count - 1)
        return [f"{letter}-{kind}" for letter in letters]


def joined(split: Sequence[tuple[str, str]]) -> list[range]:
    """The places of split tags that belong together; neighbouring O are one group too.

    >>> joined([("B", "PER"), ("I", "PER"), ("O", ""), ("I", "LOC")])
    [range(0, 2), range(2, 3), range(3, 4)]
    """
    starts = [
        place
        for place, now in enumerate(split)
        if place == 0 or (split[place - 1][0] != OUTSIDE if now[0] == OUTSIDE else begins(split[place - 1], now))
    ]
    return [range(start, end) for start, end in zip(starts, [*starts[1:], len(split)])]
