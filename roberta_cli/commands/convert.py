"""roberta convert"""

from __future__ import annotations

from roberta_cli import options, report_options
from roberta_cli.report import columns, show, word_warnings


def convert(
    source: report_options.Source,
    folder: report_options.NewFolder,
    *,
    from_format: report_options.FromFormat = "auto",
    to: report_options.ToFormat = "safetensors",
    head: report_options.HeadName = None,
    adapter: options.Adapter = None,
    max_shard: report_options.MaxShard = "5GB",
    dtype: report_options.NumberType = None,
    atol: report_options.Atol = None,
    no_verify: report_options.NoVerify = False,
    dry_run: report_options.MapOnly = False,
    force: report_options.ForceFolder = False,
    revision: options.Revision = None,
    offline: options.Offline = False,
    output_format: report_options.ReportFormat = None,
    schema: options.ResultSchema = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Turn a checkpoint into another format, proven by equal outputs.

    Examples:

    roberta convert my-sentiment-model as-onnx --to onnx

    roberta convert my-ner-model half-as-large --dtype fp16

    roberta convert my-qa-model shards --to pytorch --max-shard 1MB --dry-run
    """
    word_warnings(quiet)
    from roberta.convert.run import Options, convert, tensor_map
    from roberta.hub import Origin

    origin = Origin(source, revision=revision, local_files_only=offline, adapter=adapter)
    asked = Options(
        wanted=from_format,
        head=head,
        to=to,
        dtype=dtype,
        max_shard=max_shard,
        atol=atol,
        verify=not no_verify,
        force=force,
    )
    show(tensor_map(origin, asked) if dry_run else convert(origin, folder, asked), output_format, as_text)


def as_text(result: dict) -> str:
    """What was compared; of a dry run a line for each tensor: its name in the source and in the new files if that
    is another, its shape, its type, its bytes.

    >>> row = {"theirs": "a.gamma", "ours": "a.weight", "shape": (16,), "dtype": "float32", "bytes": 64}
    >>> print(as_text({"map": [row], "unused": ["b"], "missing": []}))
    a.gamma -> a.weight  16  float32  64
    not used: b
    """
    if "map" in result:
        rows = [
            [_names(row), " x ".join(map(str, row["shape"])), row["dtype"], f"{row['bytes']:,}"]
            for row in result["map"]
        ]
        lines = [columns(rows, numbers=frozenset({3}))]
    else:
        lines = [f"{result['output']}: {result['class']} as {result['to']}, {result['tensors']} tensors"]
        if result["verified"]:
            lines.append(f"outputs differ by {result['max_abs_diff']:.2g} at most")
        else:
            lines.append("outputs were not compared")
    for name, words in (("unused", "not used"), ("missing", "not there")):
        if result[name]:
            lines.append(f"{words}: {', '.join(result[name])}")
    lines += result.get("notes", [])
    return "\n".join(lines)


def _names(row: dict) -> str:
    return row["ours"] if row["theirs"] == row["ours"] else f"{row['theirs']} -> {row['ours']}"
