"""Curves as inline SVG: no script, no font, no colour of their own; the page that holds them says how they look."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 640, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 12, 12, 30  # room around the curve, for the numbers
_MOST = 400  # points that are drawn; neighbours beyond that are averaged
_TICKS = 5
_LEAST = 1e-300  # between two ticks: below that the powers of ten come to an end
_FINEST = 1e-10  # of the larger end: ticks are rounded to twelve digits
_MARKED = 60  # up to so many points get a dot of their own

Point = tuple[float, float]


def curve(points: Sequence[Point], title: str, *, marked: float | None = None) -> str:
    """One curve over the steps. marked: a step to point out, such as the best.

    Points with a y that is no finite number are left out; without any others the curve is a sentence.

    >>> curve([(1, 6.9), (2, 6.1)], "loss")[:19]
    '<svg class="curve" '
    """
    points = [(x, y) for x, y in points if isinstance(y, int | float) and math.isfinite(y)]
    if not points:
        return f"<p>{escape(title)}: no numbers.</p>"
    drawn = thinned(points)
    xs, ys = ticks(points[0][0], points[-1][0]), ticks(min(y for _, y in drawn), max(y for _, y in drawn))
    left, right = points[0][0], max(points[-1][0], points[0][0] + 1)
    low, high = min(ys[0], *(y for _, y in drawn)), max(ys[-1], *(y for _, y in drawn))

    def place(x: float, y: float) -> tuple[str, str]:
        across = _LEFT + (x - left) / (right - left) * (WIDTH - _LEFT - _RIGHT)
        down = HEIGHT - _BOTTOM - (y - low) / ((high - low) or 1) * (HEIGHT - _TOP - _BOTTOM)
        return f"{across:.1f}", f"{down:.1f}"

    parts = [
        f'<svg class="curve" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
        f"<title>{escape(title)}: {shown(points[0][1])} to {shown(points[-1][1])}</title>",
    ]
    for y in ys:
        _, down = place(left, y)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{down}" y2="{down}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{down}" dy="4" text-anchor="end">{shown(y)}</text>')
    for x in xs:
        across, _ = place(x, low)
        parts.append(f'<text x="{across}" y="{HEIGHT - 8}" text-anchor="middle">{shown(x)}</text>')
    places = [place(x, y) for x, y in drawn]
    parts.append(f'<polyline points="{" ".join(",".join(pair) for pair in places)}"/>')
    if len(drawn) <= _MARKED:
        for (x, y), (across, down) in zip(drawn, places):
            best = ' class="best"' if x == marked else ""
            parts.append(
                f'<circle{best} cx="{across}" cy="{down}" r="3"><title>step {shown(x)}: {shown(y)}</title></circle>'
            )
    return "".join(parts) + "</svg>"


def thinned(points: Sequence[Point], most: int = _MOST) -> list[Point]:
    """At most so many points, each the mean of its neighbours; the ends keep their steps."""
    if len(points) <= most:
        return list(points)
    found = []
    for number in range(most):
        part = points[number * len(points) // most : (number + 1) * len(points) // most]
        found.append((sum(x for x, _ in part) / len(part), sum(y for _, y in part) / len(part)))
    return [(points[0][0], found[0][1]), *found[1:-1], (points[-1][0], found[-1][1])]


def ticks(low: float, high: float, about: int = _TICKS) -> list[float]:
    """Round numbers between the two, from the lowest to the highest.

    >>> ticks(0.13, 0.88)
    [0.2, 0.4, 0.6, 0.8]
    """
    rough = (high - low) / about
    if rough < max(_LEAST, _FINEST * max(abs(low), abs(high))):
        return [low]
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{number * step:.12g}") for number in range(first, last + 1)] or [low]


def shown(number: float) -> str:
    """A number in few letters.

    >>> shown(12000.0), shown(0.00041), shown(3.14159)
    ('12,000', '0.00041', '3.142')
    """
    if float(number).is_integer() and abs(number) < 1e15:
        return f"{int(number):,}"
    return f"{number:.4g}"
