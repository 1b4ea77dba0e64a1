"""roberta info"""

from __future__ import annotations

from roberta_cli import options, report_options
from roberta_cli.report import columns, show


def info(
    model: report_options.Described = None,
    *,
    from_format: report_options.FromFormat = "auto",
    head: report_options.HeadName = None,
    adapter: options.Adapter = None,
    revision: options.Revision = None,
    offline: options.Offline = False,
    output_format: report_options.ReportFormat = None,
    schema: options.ResultSchema = False,
    debug: options.Debug = False,
) -> None:
    """Say what a checkpoint holds: heads, labels, sizes, limits, files.

    Examples:

    roberta info

    roberta info my-ner-model --output-format table

    roberta info my-sentiment-model/model.safetensors
    """
    from roberta.builtin import MINI
    from roberta.convert.describe import describe
    from roberta.hub import Origin

    origin = Origin(model or MINI, revision=revision, local_files_only=offline, adapter=adapter)
    show(describe(origin, from_format, head), output_format, as_text)


def as_text(result: dict) -> str:
    """A line for each thing that there is to say.

    >>> print(as_text({"parameters": 7470080, "files": [{"name": "model.safetensors", "bytes": 64}], "labels": None}))
    parameters  7,470,080
    files       model.safetensors (64 bytes)
    """
    return columns(
        [[name.replace("_", " "), _said(value)] for name, value in result.items() if value not in (None, [])]
    )


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list):
        return ", ".join(f"{x['name']} ({x['bytes']:,} bytes)" if isinstance(x, dict) else _said(x) for x in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_said(inner)}" for name, inner in value.items() if inner not in (None, [], {}))
    return str(value)
