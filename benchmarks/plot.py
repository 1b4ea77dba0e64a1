"""Bars in text, which any reader of Markdown shows."""

from collections.abc import Mapping

WIDTH = 50


def bars(values: Mapping[str, float], unit: str) -> str:
    """A block of one bar a line, the longest WIDTH wide.

    >>> print(bars({"ours": 1.0, "theirs": 2.0}, "seconds").splitlines()[2])
    ours    █████████████████████████ 1.00
    """
    longest, most = max(map(len, values)), max(values.values())
    lines = ["```text", unit]
    for name, value in values.items():
        lines.append(f"{name:{longest}}  {'█' * max(1, round(WIDTH * value / most))} {value:.2f}")
    return "\n".join([*lines, "```"])
