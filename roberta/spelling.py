"""What was probably meant: the one of known names, or of files that are there, that a word is nearest to."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def near_miss(word: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `word` was probably meant to be, if any."""
    import difflib  # only on the way to an error

    folded = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(
        word.casefold(), folded, n=1, cutoff=0.66
    )  # two letters of three may change places
    return folded[close[0]] if close else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about a name that is not known; nothing where no known one is near.

    >>> did_you_mean("entailmnet", ["neutral", "entailment"])
    '; did you mean entailment?'
    """
    close = near_miss(word, known)
    return f"; did you mean {close}?" if close else ""


def near_path(path: Path) -> Path | None:
    """The path that `path`, which is not there, was probably meant to be: one of its names is spelt otherwise.

    >>> near_path(Path("checkpoints/minni"))
    PosixPath('checkpoints/mini')
    """
    there = Path(path.anchor)
    parts = path.parts[1:] if path.anchor else path.parts
    for part in parts:
        try:
            if (there / part).exists():
                there /= part
                continue
            close = near_miss(part, (entry.name for entry in there.iterdir()))
        except OSError:
            return None
        if close is None:
            return None
        there /= close
    return there if there != path and there.exists() else None
