"""What an evaluation counted, label by label, as tables for the report."""

from __future__ import annotations

from typing import Any

MATRIX = 30  # labels; the matrix of more is not looked at any more


def score_tables(summary: dict[str, Any]) -> dict[str, dict[str, list]]:
    """Title -> {"columns", "rows"}, as `Objective.tables` gives them; none for scores without labels.

    >>> score_tables({"per_label": [{"label": "a", "f1": 1.0}], "confusion": {"a": {"a": 3}}})["Confusion"]
    {'columns': ['true', 'a'], 'rows': [['a', 3]]}
    """
    by_label = summary.get("per_label")
    if not by_label:
        return {}
    tables = {"By label": {"columns": list(by_label[0]), "rows": [list(row.values()) for row in by_label]}}
    if "confusion" in summary and len(by_label) <= MATRIX:
        labels, counts = [row["label"] for row in by_label], summary["confusion"]
        rows = [[label, *(counts.get(label, {}).get(given, 0) for given in labels)] for label in labels]
        tables["Confusion"] = {"columns": ["true", *labels], "rows": rows}
    return tables
