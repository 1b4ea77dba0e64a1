"""What a person sees of a result: views of it, their plain form, and when painting.py shows them on a terminal.

A view is what a result says, without colours or widths; a command makes views of its results and knows no terminal.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from roberta.errors import UsageError

if TYPE_CHECKING:
    from roberta.engine.runner import Answer
    from roberta.records import Record

COLORS = ("auto", "always", "never")
_LEAST_WIDTH = 20  # columns; a narrower terminal breaks the lines itself
# What a terminal would obey, not show: control characters, and marks that turn or break the line.
_OBEYED = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "\u2421"}
_OBEYED |= {code: f"\\x{code:02x}" for code in range(0x80, 0xA0)}
_OBEYED |= {code: f"\\u{code:04x}" for code in (0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))}
_OBEYED_IN_PROSE = {code: shown for code, shown in _OBEYED.items() if chr(code) not in "\n\t"}


def in_figures(score: float) -> str:
    """Three decimals, or the power of ten of what they would show as nothing: words that are weighed among the whole
    vocabulary are all small, and still more or less likely.

    >>> in_figures(0.3791), in_figures(0.0000214)
    ('0.379', '2e-05')
    """
    return f"{score:.0e}" if 0 < abs(score) < 0.0005 else f"{score:.3f}"


@dataclass(frozen=True)
class Bars:
    """What was weighed, with scores from 0 to 1: (score, what). labels: one a row, where a row is of some kind."""

    rows: Sequence[tuple[float, str]]
    labels: Sequence[str] = ()

    def plain(self) -> str:
        labels = self.labels or [""] * len(self.rows)
        rows = [(in_figures(score), label, what) for (score, what), label in zip(self.rows, labels)]
        return "\n".join("  ".join(on_one_line(cell) for cell in row if cell) for row in rows)


@dataclass(frozen=True)
class Lines:
    """Rows that are aligned already."""

    rows: Sequence[str]

    def plain(self) -> str:
        return "\n".join(on_one_line(row) for row in self.rows)


@dataclass(frozen=True)
class Prose:
    """A text, whose lines are its own. new_from: where what was added to it begins."""

    text: str
    new_from: int | None = None

    def plain(self) -> str:
        return in_prose(self.text)


@dataclass(frozen=True)
class Marked:
    """A text with spans of it marked: (start, end, label), in code points; of two that overlap the first counts.

    near: only so many characters around the spans are shown. For a terminal only.
    """

    text: str
    spans: Sequence[tuple[int, int, str]]
    near: int | None = None

    def plain(self) -> None:
        return None


@dataclass(frozen=True)
class Pieces:
    """A text cut up; the pieces stand side by side. framing: numbers of pieces that are not of the text. For a terminal
    only."""

    pieces: Sequence[str]
    framing: frozenset[int] = field(default_factory=frozenset)

    def plain(self) -> None:
        return None


def marked(
    text: str, spans: Sequence[tuple[int, int, str]], slices: Sequence[str], near: int | None = None
) -> list[View]:
    """`Marked`, if the spans are code points of this text, so that they cut out `slices`; no view where they count
    something else."""
    fits = all(text[start:end] == cut for (start, end, _), cut in zip(spans, slices))
    return [Marked(text, spans, near)] if spans and fits else []


View = Bars | Lines | Prose | Marked | Pieces


def on_one_line(text: str) -> str:
    """A text as one line of a table, with what a terminal would obey made visible.

    >>> on_one_line("a\\x1b[2Jb\\n")
    'a␛[2Jb␊'
    """
    return text.translate(_OBEYED)


def in_prose(text: str) -> str:
    """The same for a text that keeps its lines and tabs."""
    return text.translate(_OBEYED_IN_PROSE)


@dataclass(frozen=True)
class Screen:
    """A terminal that results are painted for. width: in columns."""

    width: int
    colors: bool

    @classmethod
    def of(cls, color: str, *, to_stdout: bool) -> Screen | None:
        """None where results stay plain: in a file or a pipe, and on a terminal that knows nothing else.

        color: one of COLORS. With auto, NO_COLOR in the environment takes colours away, FORCE_COLOR gives them to
        pipes as well, and a terminal called dumb has none.

        Raises UsageError: none of them.
        """
        if color not in COLORS:
            raise UsageError(f"--color {color!r} is not one of {', '.join(COLORS)}")
        # What counts is whether they are set to something: https://no-color.org, https://force-color.org
        environment = {name for name in ("NO_COLOR", "FORCE_COLOR") if os.environ.get(name)}
        forced = color == "always" or (color == "auto" and "FORCE_COLOR" in environment)
        is_dumb = os.environ.get("TERM", "") in ("dumb", "unknown")
        if not forced and (not to_stdout or not sys.stdout.isatty() or is_dumb):
            return None
        width = max(_LEAST_WIDTH, shutil.get_terminal_size().columns)
        return cls(width, colors=color == "always" or (color == "auto" and "NO_COLOR" not in environment))


class Display:
    """Results as text for people. view: what a result says, given its record."""

    def __init__(self, view: Callable[[dict[str, Any], Record], list[View]], screen: Screen | None):
        self._view, self._screen = view, screen
        self._record: Record | None = None

    def watch(self, answered: Answer) -> None:
        """The record of the result that comes next."""
        self._record = answered.record

    def text(self, result: dict[str, Any]) -> str:
        """Of one result, without a line end."""
        if "error" in result:
            return on_one_line(result["error"]["message"])
        views = self._view(result, self._record)
        if self._screen is None:
            return plain(views)
        from roberta_cli.painting import painted  # late: it loads rich

        return painted(views, self._screen)


def plain(views: Sequence[View]) -> str:
    """Without colours, bars or widths; a blank line stands between two views.

    >>> print(plain([Bars([(0.5, "a"), (0.25, "b")]), Prose("a.")]))
    0.500  a
    0.250  b
    <BLANKLINE>
    a.
    """
    return "\n\n".join(text for text in (view.plain() for view in views) if text is not None)
