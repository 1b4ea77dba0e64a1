"""The merge loop of byte-pair encoding, and the bounded cache in front of it."""

from collections.abc import Callable
from functools import cached_property
from heapq import heapify, heappop, heappush
from itertools import pairwise, repeat
from operator import add

CACHE_ENTRIES = 262_144  # of a generation; 100 MB of English hold 740,000 different chunks, most of them once
CACHED_LENGTH = 128  # characters; what is longer hardly comes twice and would fill the memory
_LONG = 128  # symbols; from here on the loop that does not search the whole word for every merge is faster

# SHA-256 of merges, one a line, under which every token that a merge makes encodes to itself, and how many they are.
# The check takes a second, so it was made once (a test repeats it) and is recorded here: GPT-2's, under nearly every
# RoBERTa.
_SELF_ENCODING = {"04e3597d7996f292ca9b8b7285ca4d58a6ae171ac47d73fc7140ceb0c7a6bbc0": 50_000}


class Merges:
    """The merges of a vocabulary in the order in which they were learned.

    lines: "LEFT RIGHT" for each merge, spelled in the byte alphabet, the most important first.

    >>> Merges(["l o", "lo w"]).split("lower")
    ['low', 'e', 'r']
    """

    def __init__(self, lines: list[str]):
        self.lines = lines
        # Keyed by the line itself: building 50,000 pairs as tuples would double the time that loading takes.
        self._ranks = dict(zip(lines, range(len(lines))))
        self._never = len(lines)

    @cached_property
    def self_encoding(self) -> frozenset[str]:
        """Tokens known to encode to themselves, so that the loop can be spared; empty when nothing is known."""
        return frozenset(self.made()) if self.known else frozenset()

    @cached_property
    def known(self) -> bool:
        """Whether these are merges that were checked once and for all: each joins bytes or what an earlier one made,
        and what it makes encodes to itself."""
        return len(self.lines) in _SELF_ENCODING.values() and fingerprint(self.lines) in _SELF_ENCODING

    @cached_property
    def _ranks_of_letters(self) -> dict[str, int]:
        """Of the merges that join two letters, by the two of them: what every word begins with, without a blank."""
        return {line[0] + line[2]: rank for rank, line in enumerate(self.lines) if len(line) == 3}

    def made(self) -> list[str]:
        """The token that each merge makes."""
        return "\n".join(self.lines).replace(" ", "").split("\n") if self.lines else []

    def sides(self) -> list[str]:
        """The tokens that each merge joins, one after the other."""
        return "\n".join(self.lines).replace(" ", "\n").split("\n") if self.lines else []

    def split(self, word: str) -> list[str]:
        """Merge the characters of `word`, the earliest learned pair first and the leftmost of equals, into tokens."""
        if len(word) > _LONG:
            return self._split_long(word)
        rank, never = self._ranks.get, self._never
        parts = list(word)
        ranks = list(map(self._ranks_of_letters.get, map(add, word, word[1:]), repeat(never)))  # of parts i and i + 1
        while ranks and (best := min(ranks)) != never:
            place = ranks.index(best)
            merged = parts[place] = parts[place] + parts.pop(place + 1)
            del ranks[place]
            if place < len(ranks):
                ranks[place] = rank(f"{merged} {parts[place + 1]}", never)
            if place:
                ranks[place - 1] = rank(f"{parts[place - 1]} {merged}", never)
        return parts

    def _split_long(self, word: str) -> list[str]:
        """The same in n log n steps: places are kept by rank, and neighbours are found by links.

        A place stays in the list of a rank after its pair has changed; `ranks[place]` tells whether it still counts.
        """
        rank, never = self._ranks.get, self._never
        end = len(word)
        parts: list[str] = list(word)
        following = list(range(1, end + 1))
        before = list(range(-1, end))  # one more than parts, so that the end has a neighbour too
        ranks = [rank(f"{left} {right}", never) for left, right in pairwise(word)]
        ranks += [never, never]  # of the last part, and of the end
        places: dict[int, list[int]] = {}
        for place, found in enumerate(ranks):
            if found != never:
                places.setdefault(found, []).append(place)
        waiting = list(places)
        heapify(waiting)

        def note(place: int, found: int) -> None:
            ranks[place] = found
            if found != never:
                if found not in places:
                    places[found] = []
                    heappush(waiting, found)
                places[found].append(place)

        while waiting:
            best = heappop(waiting)
            here = places.pop(best)
            here.sort()
            for done, place in enumerate(here):
                if ranks[place] != best:
                    continue
                if waiting and waiting[0] < best:  # a merge has made a pair that was learned earlier: that one first
                    places[best] = here[done:] + places.get(best, [])
                    heappush(waiting, best)
                    break
                right = following[place]
                after = following[place] = following[right]
                before[after] = place
                merged = parts[place] = parts[place] + parts[right]
                parts[right] = ""
                ranks[right] = never
                note(place, rank(f"{merged} {parts[after]}", never) if after < end else never)
                left = before[place]
                if left >= 0:
                    note(left, rank(f"{parts[left]} {merged}", never))
        return [part for part in parts if part]


def fingerprint(lines: list[str]) -> str:
    """The SHA-256 of lines of text."""
    from hashlib import sha256  # late: it loads OpenSSL

    return sha256("\n".join(lines).encode("utf-8", "replace")).hexdigest()


class BoundedCache(dict):
    """A dict that computes what it lacks, and forgets what has not been asked for of late.

    What it holds are the keys of this generation; when they are too many, they become the generation before, in place
    of the one that was, and a key that is asked for again comes back from there. On 100 MB of English a third fewer are
    computed than by a cache that is emptied, and one that keeps the order of use would cost time with every key.

    >>> BoundedCache(str.upper)["a"]
    'A'
    """

    def __init__(self, compute: Callable):
        super().__init__()
        self._compute = compute
        self._before: dict = {}

    def __missing__(self, key):
        value = self._before.pop(key, None)
        if value is None:
            value = self._compute(key)
        if len(key) <= CACHED_LENGTH:
            if len(self) >= CACHE_ENTRIES:
                self._before = dict(self)
                self.clear()
            self[key] = value
        return value
