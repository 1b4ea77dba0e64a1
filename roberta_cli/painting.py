"""Views on a terminal: bars, marked spans and cut-up texts, with rich. Loaded only where there is one to paint on."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from roberta_cli.display import Bars, Lines, Marked, Pieces, Prose, Screen, View, in_figures, in_prose, on_one_line

_KINDS = ("cyan", "magenta", "green", "yellow", "blue", "red")  # of labels, in the order in which they come
_PARTS = " ▏▎▍▌▋▊▉"  # eighths of a column
_WIDEST_BAR = 24  # columns
_NARROW = 40  # columns; a narrower terminal has none to spare for bars


def painted(views: Sequence[View], screen: Screen) -> str:
    """Views as a terminal shows them, a blank line between two views."""
    console = Console(
        file=io.StringIO(),
        force_terminal=True,
        width=screen.width,
        height=25,  # or rich takes a width of its own where TERM is dumb
        no_color=not screen.colors,
        color_system="standard" if screen.colors else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    kinds = _Kinds()
    for place, view in enumerate(views):
        if place:
            console.print()
        # What may be copied from a terminal keeps its lines, which the terminal breaks.
        console.print(_renderable(view, screen, kinds), soft_wrap=isinstance(view, Prose | Lines))
    return "\n".join(line.rstrip(" ") for line in console.file.getvalue().removesuffix("\n").split("\n"))


class _Kinds:
    """A colour for each label, the same one in all views of a result."""

    def __init__(self):
        self._colors: dict[str, str] = {}

    def __getitem__(self, label: str) -> str:
        return self._colors.setdefault(label, _KINDS[len(self._colors) % len(_KINDS)])


def _renderable(view: View, screen: Screen, kinds: _Kinds) -> RenderableType:
    match view:
        case Bars():
            return _bars(view, screen, kinds)
        case Lines():
            return Text("\n".join(on_one_line(row) for row in view.rows), overflow="fold")
        case Prose():
            kept, new = view.text[: view.new_from], "" if view.new_from is None else view.text[view.new_from :]
            return Text.assemble(in_prose(kept), (in_prose(new), "bold"), overflow="fold")
        case Marked():
            return _marked(view, screen, kinds)
        case Pieces():
            return _pieces(view, screen)


def _bars(view: Bars, screen: Screen, kinds: _Kinds) -> Table:
    columns = min(_WIDEST_BAR, screen.width // 4)
    is_narrow = screen.width < _NARROW
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    if not is_narrow:
        table.add_column(no_wrap=True, width=columns)
    if view.labels:
        table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for place, (score, what) in enumerate(view.rows):
        label = view.labels[place] if view.labels else None
        color = kinds[label] if view.labels else "green" if place == 0 else "cyan"
        cells = [in_figures(score), *([] if is_narrow else [Text(bar(score, columns), style=color)])]
        cells += [Text(on_one_line(label), style=f"bold {color}")] if view.labels else []
        table.add_row(*cells, Text(on_one_line(what), style="bold" if place == 0 and not view.labels else ""))
    return table


def bar(score: float, columns: int) -> str:
    """A bar whose length is the score, to an eighth of a column; one that is not from 0 to 1 is taken for the nearest.

    >>> bar(0.45, 10)
    '████▌'
    """
    eighths = round(min(1.0, max(0.0, score)) * columns * 8) if score == score else 0
    return "█" * (eighths // 8) + _PARTS[eighths % 8].strip()


def _marked(view: Marked, screen: Screen, kinds: _Kinds) -> RenderableType:
    spans = list(_apart(view.spans))
    text, shown_to = Text(overflow="fold"), 0
    for start, end, label in spans:
        text.append(_between(view, shown_to, start))
        # Brackets say the same where there are no colours.
        mark = in_prose(view.text[start:end]) + (f" {on_one_line(label)}" if label else "")
        text.append(mark if screen.colors else f"[{mark}]", style=f"black on {kinds[label]}")
        shown_to = end
    text.append(_between(view, shown_to, None))
    if not any(label for _, _, label in spans):
        return text
    legend = Text(overflow="fold")
    for label, count in Counter(label for _, _, label in spans).items():
        legend.append(f" {on_one_line(label)} ", style=f"black on {kinds[label]}")
        legend.append(f" {count}   ")
    legend.rstrip()
    return Group(text, Text(), legend)


def _apart(spans: Sequence[tuple[int, int, str]]) -> Iterator[tuple[int, int, str]]:
    """In the order of the text, without those that overlap an earlier one of the list."""
    kept: list[tuple[int, int, str]] = []
    for start, end, label in spans:
        if start < end and all(end <= other[0] or other[1] <= start for other in kept):
            kept.append((start, end, label))
    yield from sorted(kept)


def _between(view: Marked, start: int, end: int | None) -> str:
    """The text between two marks, its middle left out where it is too far from both."""
    text, near = view.text[start:end], view.near
    if near is None or len(text) <= 2 * near:
        return in_prose(text)
    if not view.spans:
        return in_prose(text[: 2 * near]) + " …"
    before, after = near * (start > 0), near * (end is not None)
    parts = [in_prose(text[:before]), "…", in_prose(text[len(text) - after :])]
    return " ".join(part for part in parts if part)


def _pieces(view: Pieces, screen: Screen) -> Text:
    text = Text(overflow="fold")
    for place, piece in enumerate(view.pieces):
        if place and not screen.colors:
            text.append("|")
        style = "dim" if place in view.framing else f"black on {('cyan', 'green')[place % 2]}"
        text.append(on_one_line(piece), style=style)
    return text
