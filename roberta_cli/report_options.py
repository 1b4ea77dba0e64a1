"""The flags of `roberta convert` and `roberta info`, once: names, help and limits."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from typer import Argument, Option


class Form(StrEnum):
    """How the one result is written."""

    jsonl = "jsonl"
    csv = "csv"
    tsv = "tsv"
    table = "table"


Source = Annotated[
    str, Argument(metavar="SRC", help="The checkpoint: a folder, a weight file, or a hub id.", show_default=False)
]
NewFolder = Annotated[Path, Argument(metavar="DST", help="The folder to make.", show_default=False)]
Described = Annotated[
    str | None,
    Argument(metavar="MODEL", help="A folder, a weight file, or a hub id; without it, the small built-in model."),
]
FromFormat = Annotated[
    str,
    Option("--from", metavar="FORMAT", help="Which weights to read where there are several; auto takes the first."),
]
ToFormat = Annotated[
    str, Option("--to", metavar="safetensors|pytorch|tf|flax|fairseq|onnx", help="The format to write.")
]
HeadName = Annotated[
    str | None,
    Option("--head", metavar="NAME", help="Which head of a fairseq checkpoint; lm_head, or none for the encoder."),
]
MaxShard = Annotated[
    str, Option("--max-shard", metavar="SIZE", help="Write several files when one would be larger, as in 200MB.")
]
NumberType = Annotated[
    str | None,
    Option("--dtype", metavar="fp32|fp16|bf16", help="The number type to store; without it, the one that is stored."),
]
Atol = Annotated[
    float | None,
    Option(
        "--atol",
        min=0,
        metavar="F",
        help="How far outputs may be apart, in parts of their largest if that is above 1: 1e-5; 0.01 for fp16,"
        " 0.1 for bf16.",
    ),
]
NoVerify = Annotated[bool, Option("--no-verify", help="Do not compare what was written with what was read.")]
MapOnly = Annotated[bool, Option("--dry-run", help="Print what each tensor would become, and write nothing.")]
ForceFolder = Annotated[bool, Option("--force", help="Replace a checkpoint that is there.")]
ReportFormat = Annotated[
    Form | None, Option("--output-format", help="How to write the result; a table on a terminal, else jsonl.")
]
