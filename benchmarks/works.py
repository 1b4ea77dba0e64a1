"""What is measured: our command line for each kind of work, and who does the same."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

BARE_APP = """
import typer
app = typer.Typer()
for name in ("one", "two"):
    app.command(name)(lambda: None)
app(["--help"])
"""


@dataclass(frozen=True)
class Rival:
    """name: a row of benchmarks.rivals, or a title; needs: the package that runs it; code: Python in place of a row;
    slow: so slow that one round will do."""

    name: str
    needs: str
    code: str | None = None
    slow: bool = False
    threads: int | None = None  # in place of those of all

    @property
    def is_installed(self) -> bool:
        try:
            version(self.needs)
        except PackageNotFoundError:
            return False
        return True


@dataclass(frozen=True)
class Work:
    """One thing to do. command: our arguments behind `roberta`; {model}, {texts}, {out}, {threads} are filled in.

    model: the class of the checkpoint, None for none.
    """

    title: str
    model: str | None
    command: tuple[str, ...]
    rivals: tuple[Rival, ...]
    lines: int | None = None  # in place of --lines
    masked: bool = False  # each text gets a <mask>


# Filled in by `benchmarks.run`.
_FILE = ("-m", "{model}", "-i", "{texts}", "-o", "{out}", "--force", "-q", "--threads", "{threads}")
_TOKENIZE = ("tokenize", *_FILE[:-2], "--show", "ids")
CLASSIFIER = "RobertaForSequenceClassification"
_ONE_SHOT = "The capital of France is <mask>."
_PIPELINE = (
    "from transformers import pipeline\n"
    "print(pipeline('fill-mask', model={model!r})('" + _ONE_SHOT + "')[0]['token_str'])"
)

WORKS = {
    "classify": Work(
        "classify, fp32",
        CLASSIFIER,
        ("classify", *_FILE),
        (
            Rival("classify_pipeline", "transformers", slow=True),
            Rival("classify_pipeline_sorted", "transformers"),
            Rival("classify_onnxruntime", "onnxruntime"),
            Rival("classify_openvino", "openvino"),
            Rival("classify_ctranslate2", "ctranslate2"),
        ),
    ),
    "classify-bf16": Work(
        "classify, bf16",
        CLASSIFIER,
        ("classify", *_FILE, "--dtype", "bf16"),
        (Rival("classify_openvino_bf16", "openvino"),),
    ),
    "classify-int8": Work(
        "classify, int8",
        CLASSIFIER,
        ("classify", *_FILE, "--dtype", "int8"),
        (
            Rival("classify_onnxruntime_int8", "onnxruntime"),
            Rival("classify_openvino_int8", "nncf"),
            Rival("classify_ctranslate2_int8", "ctranslate2"),
        ),
    ),
    "embed": Work(
        "embed, mean, fp32",
        "RobertaModel",
        ("embed", *_FILE, "--pool", "mean"),
        (
            Rival("embed_sentence_transformers", "sentence-transformers"),
            Rival("embed_onnxruntime", "onnxruntime"),
            Rival("embed_openvino", "openvino"),
            Rival("embed_ctranslate2", "ctranslate2"),
        ),
    ),
    "fill-mask": Work(
        "fill-mask, fp32",
        "RobertaForMaskedLM",
        ("fill-mask", *_FILE, "--top", "1"),
        (Rival("fill_mask_pipeline", "transformers", slow=True),),
        lines=200,
        masked=True,
    ),
    "one-shot": Work(
        "one fill-mask, whole process",
        "RobertaForMaskedLM",
        ("fill-mask", "-m", "{model}", "-q", _ONE_SHOT),
        (Rival("pipeline", "transformers", code=_PIPELINE),),
    ),
    "help": Work("--help", None, ("--help",), (Rival("two-command Typer app", "typer", code=BARE_APP),)),
    "tokenize-one": Work(
        'tokenize "…"',
        None,
        ("tokenize", "-q", "Hello world"),
        (Rival("import typer, rich", "typer", code="import typer, rich"),),
    ),
    "tokenize": Work(
        "ids of a large file",
        CLASSIFIER,
        _TOKENIZE,
        (Rival("tokenize_tokenizers", "tokenizers", threads=1), Rival("tokenize_tiktoken", "tiktoken", threads=1)),
        lines=0,  # all
    ),
    "tokenize-2": Work(
        "ids of a large file, two workers",
        CLASSIFIER,
        (
            "tokenize",
            "-m",
            "{model}",
            "-i",
            "{texts}",
            "-o",
            "{out}",
            "--force",
            "-q",
            "--show",
            "ids",
            "--workers",
            "2",
        ),
        (Rival("tokenize_tokenizers", "tokenizers"), Rival("tokenize_tiktoken", "tiktoken")),
        lines=0,
    ),
}
