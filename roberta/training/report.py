"""report.html: what a run looked like, on one page that needs nothing else, made from the run's log and state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from roberta.files import whole_or_absent
from roberta.training import checkpoint
from roberta.training.checkpoint import State
from roberta.training.curves import Point, curve, shown
from roberta.training.run_log import FILE as LOG
from roberta.training.run_log import read_log

FILE = "report.html"
_CURVES = {"loss": "training loss", "lr": "learning rate", "norm": "gradient norm", "speed": "tokens per second"}
_STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --paper: #fff; --soft: #5b6575; --line: #d8dde6; --mark: #1f6feb;
  --best: #c2410c; --cell: 31, 111, 235; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --paper: #12161d; --soft: #9aa4b5; --line: #2c3442;
  --mark: #6ea8fe; --best: #fb923c; --cell: 110, 168, 254; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 44rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: .5rem 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p, figcaption { color: var(--soft); margin: .25rem 0; } figure { margin: 0 0 1.25rem; }
svg.curve { width: 100%; height: auto; display: block; }
svg.curve text { fill: var(--soft); font: 12px system-ui, sans-serif; }
svg.curve .grid { stroke: var(--line); } svg.curve polyline { fill: none; stroke: var(--mark); stroke-width: 1.75;
  stroke-linejoin: round; } svg.curve circle { fill: var(--mark); } svg.curve .best { fill: var(--best); }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } td.right { outline: 2px solid var(--mark); outline-offset: -2px; }
"""


def write_report(output: Path, chosen: Path, task: str) -> Path:
    """Make the page of a run. chosen: the checkpoint whose scores and tables it shows; task: such as "classify"."""
    state = checkpoint.read_state(chosen)
    lines = read_log(output / LOG)
    with whole_or_absent(output / FILE) as beside:
        beside.write_text(page(task, output.resolve().name, lines, state), encoding="utf-8")
    return output / FILE


def page(task: str, name: str, lines: Sequence[dict[str, Any]], state: State) -> str:
    """The HTML of a run. lines: its log; state: of the best checkpoint."""
    steps = [line for line in lines if "loss" in line]
    evaluations = [line for line in lines if "dev" in line]
    parts = [
        f"<h1>{escape(name)}</h1><p>roberta train {escape(task)}</p>",
        table(["", ""], _summary(steps, state)),
    ]
    if evaluations:
        parts.append("<h2>Development data</h2>")
        parts += [_figure(points, name, state.step) for name, points in _scores_over_time(evaluations)]
        columns = ["step", *state.scores]
        rows = [[line["step"], *(line["dev"].get(key) for key in state.scores)] for line in evaluations]
        parts.append(f"<details><summary>as a table</summary>{table(columns, rows)}</details>")
    for title, held in state.tables.items():
        parts.append(f"<h2>{escape(title)}</h2>{table(held['columns'], held['rows'])}")
    parts.append("<h2>Training</h2>")
    for key, title in _CURVES.items():
        parts.append(_figure([(line["step"], line[key]) for line in steps if line.get(key) is not None], title))
    parts.append("<h2>Settings</h2>")
    given = [(name, value) for name, value in state.identity.items() if value is not None and value is not False]
    parts.append(table(["", ""], [(name.replace("_", " "), value) for name, value in given]))
    body = "\n".join(parts)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(name)}</title><style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def table(columns: Sequence[Any], rows: Iterable[Sequence[Any]]) -> str:
    """A table; a confusion matrix, whose rows are named as its columns, is shaded by the share of each row."""
    rows = [list(row) for row in rows]
    matrix = len(columns) > 2 and [row[0] for row in rows] == list(columns[1:])
    head = "".join(f"<th>{escape(str(name))}</th>" for name in columns)
    body = "".join(f"<tr>{''.join(_cells(row, number, matrix))}</tr>" for number, row in enumerate(rows))
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cells(row: list[Any], number: int, matrix: bool) -> Iterable[str]:
    total = sum(row[1:]) or 1 if matrix else 1
    for place, value in enumerate(row):
        more = ""
        if matrix and place:
            more = f' style="background: rgba(var(--cell), {0.6 * value / total:.3f})"'
            more += ' class="right"' if place - 1 == number else ""
        yield f"<td{more}>{escape(_text(value))}</td>"


def _text(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return shown(value) if value == value else "none"
    return "none" if value is None else str(value)


def _summary(steps: Sequence[dict[str, Any]], state: State) -> list[tuple[str, Any]]:
    last = steps[-1] if steps else {"step": state.step, "tokens": state.tokens}
    rows = [("steps", last["step"]), ("tokens seen", last["tokens"])]
    if state.best_step is not None:
        rows.append(("best step", state.best_step))
    return rows + list(state.scores.items())


def _scores_over_time(evaluations: Sequence[dict[str, Any]]) -> list[tuple[str, list[Point]]]:
    """By score: its points. Whole numbers that never change, such as how many records there are, are no scores."""
    found: dict[str, list[Point]] = {}
    for line in evaluations:
        for name, value in line["dev"].items():
            if value is not None:
                found.setdefault(name, []).append((line["step"], value))
    return [
        (name, points)
        for name, points in found.items()
        if not (all(isinstance(value, int) for _, value in points) and len({value for _, value in points}) == 1)
    ]


def _figure(points: Sequence[Point], title: str, marked: float | None = None) -> str:
    return f"<figure><figcaption>{escape(title)}</figcaption>{curve(points, title, marked=marked)}</figure>"
