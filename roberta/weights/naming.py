"""How the names of another framework become the published ones and back: a table with one row for each module.

The tables are in `foreign_names`; here is how one is read, either way. Numbers of layers stand as {} in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from roberta.errors import CheckpointError
from roberta.weights.mapped_file import give_back
from roberta.weights.names import BODY, BUFFERS, DECODER, WORD_TABLE, check_equal, published

if TYPE_CHECKING:
    from roberta.config import RobertaConfig

T = TypeVar("T")
# A layer's: a whole word as in "layer.0." and "layer/0/", or as in "layer_._0/".
_NUMBER = re.compile(r"(?:(?<=[./])|(?<=layer_\._))(?:0|[1-9][0-9]*)(?=[./])")


class Leaf(NamedTuple):
    """One weight of a module: what they call it, what the published files call it, and whether theirs is the
    transpose (torch keeps a linear layer as (out, in), other frameworks as (in, out))."""

    theirs: str
    ours: str
    turned: bool = False


class Row(NamedTuple):
    """A module: its path there, its published path, and its weights. Of two leaves for one weight the first is
    written, both are read."""

    theirs: str
    ours: str
    leaves: tuple[Leaf, ...]


@dataclass(frozen=True)
class Naming:
    """The names of one framework.

    between: what stands between the words of a path, "/" or ".".
    """

    framework: str
    between: str
    rows: tuple[Row, ...]

    def plain(self, name: str) -> str:
        """A file's name as the table spells it, without what files put in front or spell in several ways."""
        return name

    def plain_keys(self, named: Mapping[str, T], *, source: str) -> dict[str, T]:
        """The same by plain names. Raises CheckpointError: two names that mean the same."""
        found = {self.plain(name): value for name, value in named.items()}
        if len(found) < len(named):
            raise CheckpointError(f"{source}: two of its names mean the same tensor; fetch the files again")
        return found

    def recognise(self, names: Iterable[str]) -> bool:
        """Whether these are names of this framework: at least one that the table knows, and that is not the published
        one as well."""
        return any((found := self.find(name)) is not None and found[0] != published(name) for name in names)

    def find(self, name: str) -> tuple[str, bool] | None:
        """The published name for a file's, and whether the numbers are transposed; None: the table has no such name."""
        return _look_up(self._published, self.plain(name))

    def spell(self, name: str) -> tuple[str, bool] | None:
        """The other way round: the table's name for a published one (with "roberta.")."""
        return _look_up(self._theirs, name)

    def to_published(self, tensors: dict[str, np.ndarray], *, source: str) -> dict[str, np.ndarray]:
        """The tensors by their published names, and as torch keeps them; the names of a body alone lack "roberta.".

        tensors: emptied on the way, so that no more than one tensor is held twice. Names that the table does not have
        stay as they are. source: the file, for messages.

        >>> found = FLAX.to_published({"qa_outputs/kernel": np.zeros((32, 2), np.float32)}, source="x")
        >>> found["qa_outputs.weight"].shape
        (2, 32)

        Raises CheckpointError: two tensors for one weight that are not equal.
        """
        found: dict[str, np.ndarray] = {}
        sources: dict[str, str] = {}
        for name in list(tensors):
            array = tensors.pop(name)
            ours, is_turned = self.find(name) or (name, False)
            if is_turned:
                array = turned(array)
            if ours in found:
                check_equal(sources[ours], found[ours], name, array, source=source)
                give_back(array)
                continue
            found[ours], sources[ours] = array, name
        if all(name.startswith(BODY) for name in found):
            return {name.removeprefix(BODY): array for name, array in found.items()}
        return found

    def from_published(self, tensors: Mapping[str, np.ndarray], config: RobertaConfig) -> dict[str, np.ndarray]:
        """The tensors by their names here and as they are kept here: views, which a writer copies one at a time.

        tensors: just those of the class that config.architectures names, with or without "roberta." before the body's.

        >>> list(FLAX.from_published({"qa_outputs.bias": np.zeros(2, np.float32)}, config))
        ['qa_outputs/bias']

        Raises CheckpointError: a tensor that has no place here, pruned heads, or two tensors that differ where there is
        one place.
        """
        if any(config.pruned_heads.values()):  # their classes would find matrices of another size
            raise CheckpointError(f"pruned_heads: {self.framework} files have no place for it; choose another format")
        full: dict[str, np.ndarray] = {}
        sources: dict[str, str] = {}
        for name, array in tensors.items():
            if BUFFERS.fullmatch(name):
                continue
            ours = published(name)
            if ours == DECODER and config.tie_word_embeddings:
                ours = WORD_TABLE
            if ours in full:
                check_equal(sources[ours], full[ours], name, array, source=f"{self.framework} weights")
            else:
                full[ours], sources[ours] = array, name
        found = {}
        for ours, array in full.items():
            place = self.spell(ours)
            if place is None:
                raise CheckpointError(f"{ours}: {self.framework} files have no place for it; choose another format")
            theirs, is_turned = place
            found[theirs] = array.T if is_turned else array
        return found

    @cached_property
    def _published(self) -> dict[str, tuple[str, bool]]:
        return {
            f"{row.theirs}{self.between}{leaf.theirs}": (f"{row.ours}.{leaf.ours}", leaf.turned)
            for row in self.rows
            for leaf in row.leaves
        }

    @cached_property
    def _theirs(self) -> dict[str, tuple[str, bool]]:
        return {
            f"{row.ours}.{leaf.ours}": (f"{row.theirs}{self.between}{leaf.theirs}", leaf.turned)
            for row in reversed(self.rows)
            for leaf in reversed(row.leaves)
        }


def turned(array: np.ndarray) -> np.ndarray:
    """The transpose as an array of its own, after which the pages of a mapped `array` are let go."""
    if array.ndim != 2:
        return array  # its own transpose, or of a shape that no model takes
    found = np.empty(array.shape[::-1], array.dtype)
    step = 64 // array.itemsize  # rows, so that each write fills a line of the cache: twice as fast as all at once
    for row in range(0, len(array), step):
        found[:, row : row + step] = array[row : row + step].T
    give_back(array)
    return found


def _look_up(table: Mapping[str, tuple[str, bool]], name: str) -> tuple[str, bool] | None:
    numbers = _NUMBER.findall(name)
    found = table.get(_NUMBER.sub("{}", name)) if "{" not in name else None
    return None if found is None else (found[0].format(*numbers), found[1])
