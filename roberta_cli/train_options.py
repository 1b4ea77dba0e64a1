"""The flags of `roberta train`, once: names, help and limits, and the group that every kind of training shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from roberta_cli import options

if TYPE_CHECKING:
    from roberta.training.open_fine_tuning import Request
    from roberta.training.pretrain import Beginning, Texts
    from roberta.training.settings import Settings

Train = Annotated[list[str], Argument(metavar="TRAIN", help="Files to learn from; a file named twice counts twice.")]
Output = Annotated[Path, Option("--output", "-o", metavar="DIR", help="The folder for the model.")]
Force = Annotated[bool, Option("--force", help="Replace a model that is there.")]
Resume = Annotated[bool, Option("--resume", help="Go on where the run in the folder was stopped.")]
Dev = Annotated[
    str | None, Option("--dev", metavar="FILE|P%", help="Data to evaluate on: a file, or a share of the training data.")
]
Start = Annotated[
    str | None,
    Option("--model", "-m", metavar="NAME|DIR", envvar="ROBERTA_MODEL", help="The checkpoint to start from."),
]
TunedModel = Annotated[
    str | None,
    Option(
        "--model",
        "-m",
        metavar="NAME|DIR",
        envvar="ROBERTA_MODEL",
        help="The checkpoint to start from; without it, the small built-in model.",
    ),
]
Vocabulary = Annotated[
    str | None, Option("--tokenizer", metavar="DIR", help="The vocabulary of a new model, as train tokenizer makes it.")
]
VocabSize = Annotated[int, Option("--size", min=261, metavar="N", help="Tokens of the vocabulary.")]
MinFrequency = Annotated[
    int,
    Option("--min-frequency", min=1, metavar="N", help="How often a pair must stand in the text to become a token."),
]
Layers = Annotated[
    int | None,
    Option("--layers", min=1, metavar="N", help="Layers of a new model; with --model, grow to so many by stacking."),
]
Hidden = Annotated[int | None, Option("--hidden", min=1, metavar="N", help="Width of a new model; 768 if not given.")]
Heads = Annotated[
    int | None, Option("--heads", min=1, metavar="N", help="Attention heads of a new model; else a 64th of its width.")
]
Ffn = Annotated[
    int | None, Option("--ffn", min=1, metavar="N", help="Inner width of its layers; else four times its width.")
]
Positions = Annotated[
    int | None,
    Option(
        "--positions",
        min=8,
        metavar="N",
        help="Longest text in tokens; 512 for a new model; with --model, repeat the learnt positions.",
    ),
]
Length = Annotated[
    int | None, Option("--length", min=8, metavar="N", help="Tokens of a training text; without it, the model's limit.")
]
Init = Annotated[
    str,
    Option(
        "--init", metavar="random|svd", help="Word vectors of a new model: drawn, or from how words occur together."
    ),
]
MaskProb = Annotated[float, Option("--mask-prob", metavar="P", help="Share of the words that are hidden.")]
WholeWords = Annotated[bool, Option("--whole-words", help="Hide all pieces of a word together.")]
ShiftPositions = Annotated[
    bool,
    Option("--shift-positions", help="Begin each text at a random position, so that short ones train all positions."),
]
Check = Annotated[bool, Option("--check", help="Check the data, print what was found, and train nothing.")]
DryRun = Annotated[bool, Option("--dry-run", help="Print how many steps and tokens it would be, and train nothing.")]
Require = Annotated[
    list[str] | None,
    Option("--require", metavar="METRIC=F", help="End with code 8 if the score is worse than this. Repeatable."),
]

Window = Annotated[
    int | None, Option("--window", min=8, metavar="N", help="Tokens of an example; without it, the model's limit.")
]
Freeze = Annotated[
    int | None,
    Option("--freeze", min=0, metavar="N", help="Leave the embeddings and the first N layers as they are."),
]
Lora = Annotated[
    int, Option("--lora", min=0, metavar="R", help="Train a low-rank adapter of rank R in place of the model; 0: none.")
]
LoraAlpha = Annotated[
    float | None, Option("--lora-alpha", metavar="F", help="Scale of the adapter; twice its rank if not given.")
]
LoraModules = Annotated[
    str | None,
    Option(
        "--lora-modules",
        metavar="LIST",
        help="Beside which parts, with commas between: word_embeddings, and query, key, value, dense, which it is if"
        " not given.",
    ),
]
LabelNames = Annotated[
    str | None,
    Option("--label-names", metavar="LIST", help="Names for the labels 0, 1, 2 ... of the data, with commas between."),
]
ClassWeights = Annotated[
    str | None, Option("--class-weights", metavar="balanced", help="Let rare labels count as much as frequent ones.")
]
Words = Annotated[
    str, Option("--words", metavar="unit|blank", help="What is a word of a plain text; saved for roberta ner.")
]
DecodeBy = Annotated[
    str,
    Option(
        "--decode",
        metavar="argmax|legal",
        help="Each label for itself, or the likeliest sequence that is legal; saved for roberta ner.",
    ),
]
Pooling = Annotated[str, Option("--pool", metavar="mean|cls", help="How a text's vector is made of its tokens'.")]
Loss = Annotated[
    str,
    Option("--loss", metavar="simcse|cosine", help="Texts near their partners, or the cosine as a given score."),
]
Temperature = Annotated[
    float, Option("--temperature", metavar="F", help="How sharply SimCSE tells texts apart; lower is sharper.")
]
Scale = Annotated[
    float,
    Option("--scale", metavar="F", help="The score that means the same, such as 5; the cosine learns score/scale."),
]
Overlap = Annotated[int | None, Option("--overlap", min=0, metavar="N", help="Tokens that neighbouring windows share.")]

License = Annotated[
    str | None, Option("--license", metavar="NAME", help="The model's licence for its card, such as cc-by-sa-4.0.")
]
DataNote = Annotated[
    str | None, Option("--data-note", metavar="STR", help="What the card says about the data; @FILE reads it.")
]

Epochs = Annotated[float | None, Option("--epochs", metavar="F", help="Passes over the data; 3 if not given.")]
Steps = Annotated[int | None, Option("--steps", min=1, metavar="N", help="Steps, in place of passes.")]
BatchTokens = Annotated[
    int | None, Option("--batch-tokens", min=1, metavar="N", help="Most tokens in a step, padding counted.")
]
Accumulate = Annotated[
    int | None, Option("--accumulate", min=1, metavar="N", help="Compute a step in so many parts, for less memory.")
]
Lr = Annotated[float | None, Option("--lr", metavar="F", help="The highest learning rate.")]
HeadLr = Annotated[
    float | None, Option("--head-lr", metavar="F", help="The highest learning rate of a new head; else that of --lr.")
]
Warmup = Annotated[
    float | None, Option("--warmup", metavar="F", help="Steps until that rate, or a share of all; 0.06 if not given.")
]
Schedule = Annotated[
    str | None, Option("--schedule", metavar="linear|cosine|constant", help="How the rate falls afterwards.")
]
WeightDecay = Annotated[float | None, Option("--weight-decay", metavar="F", help="Decay of the weight matrices.")]
Clip = Annotated[float | None, Option("--clip", metavar="F", help="Largest norm of the gradient, 0 for any; 1.")]
Dropout = Annotated[
    float | None, Option("--dropout", metavar="F", help="Dropout while training, in place of the model's own.")
]
Dtype = Annotated[
    str | None, Option("--dtype", metavar="auto|fp32|bf16", help="Precision; auto is bf16 where the hardware has it.")
]
GradientCheckpointing = Annotated[
    bool | None,
    Option("--gradient-checkpointing", help="Compute layers twice in place of keeping them, for less memory."),
]
Seed = Annotated[int | None, Option("--seed", min=0, metavar="N", help="What all that is drawn depends on; 0.")]
SaveEvery = Annotated[
    int | None,
    Option("--save-every", min=1, metavar="N", help="Steps between checkpoints, each evaluated; else once an epoch."),
]
KeepLast = Annotated[
    int | None, Option("--keep-last", min=1, metavar="N", help="Checkpoints to keep, besides the best one; 1.")
]
Patience = Annotated[
    int | None, Option("--patience", min=1, metavar="N", help="Stop after so many evaluations without a better score.")
]
Metric = Annotated[
    str | None,
    Option("--metric", metavar="NAME", help="The score that says which checkpoint is best."),
]


@dataclass(frozen=True)
class Tuning:
    """Which data, and which model: what all kinds of fine-tuning share."""

    dev: Dev = None
    model: TunedModel = None
    window: Window = None
    freeze: Freeze = None
    lora: Lora = 0
    lora_alpha: LoraAlpha = None
    lora_modules: LoraModules = None
    field: options.Field = None
    input_format: options.InputFormat = None
    encoding: options.Encoding = "utf-8"
    no_header: options.NoHeader = False

    def request(self, texts: list[str], looping: Looping, **others) -> Request:
        """As `roberta.training.open_fine_tuning` takes it."""
        from roberta.records import Fields
        from roberta.training.open_fine_tuning import Request

        return Request(
            texts,
            self.dev,
            self.model,
            Fields.parse(self.field or ()),
            looping.seed or 0,
            self.window,
            self.freeze,
            self.lora,
            self.lora_alpha,
            None if self.lora_modules is None else tuple(name.strip() for name in self.lora_modules.split(",")),
            reading={
                "format": self.input_format,
                "encoding": self.encoding,
                "header": not self.no_header,
            },
            **others,
        )


@dataclass(frozen=True)
class Writings:
    """Which text, and where the model begins: what both kinds of pre-training share."""

    dev: Dev = None
    model: Start = None
    tokenizer: Vocabulary = None
    layers: Layers = None
    hidden: Hidden = None
    heads: Heads = None
    ffn: Ffn = None
    positions: Positions = None
    length: Length = None
    init: Init = "random"
    field: options.Field = None
    input_format: options.InputFormat = None
    encoding: options.Encoding = "utf-8"
    no_header: options.NoHeader = False

    def texts(self, files: list[str], output: Path, report: Callable[[int], None]) -> Texts:
        """As `roberta.training.pretrain` takes them."""
        from roberta.records import Fields
        from roberta.training.pretrain import Texts

        reading = {"format": self.input_format, "encoding": self.encoding, "header": not self.no_header}
        return Texts(files, output, self.dev, self.length, Fields.parse(self.field or ()), report, reading)

    @property
    def beginning(self) -> Beginning:
        from roberta.training.pretrain import Beginning
        from roberta.training.start import Sizes

        sizes = Sizes(self.layers, self.hidden, self.heads, self.ffn, self.positions)
        return Beginning(self.model, self.tokenizer, sizes, self.init)


@dataclass(frozen=True)
class Looping:
    """How the loop runs; None is the default of the kind of training."""

    epochs: Epochs = None
    steps: Steps = None
    batch_tokens: BatchTokens = None
    accumulate: Accumulate = None
    lr: Lr = None
    head_lr: HeadLr = None
    warmup: Warmup = None
    schedule: Schedule = None
    weight_decay: WeightDecay = None
    clip: Clip = None
    dropout: Dropout = None
    precision: Dtype = None
    gradient_checkpointing: GradientCheckpointing = None
    seed: Seed = None
    save_every: SaveEvery = None
    keep_last: KeepLast = None
    patience: Patience = None
    metric: Metric = None

    def settings(self, defaults: dict) -> Settings:
        """With what the kind of training takes where nothing was given."""
        from roberta.training.settings import Settings

        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return Settings(**defaults | {name: value for name, value in given.items() if value is not None})


@dataclass(frozen=True)
class Running:
    """Where the result goes, and what is said while it is made."""

    output: Output
    force: Force = False
    resume: Resume = False
    check: Check = False
    dry_run: DryRun = False
    require: Require = None
    license: License = None
    data_note: DataNote = None
    device: options.Device = "auto"
    threads: options.Threads = None
    progress: options.Progress = False
    quiet: options.Quiet = False
    debug: options.Debug = False
