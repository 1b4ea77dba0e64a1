"""Every flag, once: its names, its help and its limits. A command takes the flags it needs as parameters."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from roberta.version import __version__

DEBUG = "debug"  # what --debug leaves in the context's object, for the way out


class OutputFormat(StrEnum):
    """How results are written."""

    jsonl = "jsonl"
    csv = "csv"
    tsv = "tsv"
    table = "table"
    npy = "npy"
    npz = "npz"
    conll = "conll"
    squad = "squad"
    parquet = "parquet"


class Shell(StrEnum):
    """Shells that complete."""

    bash = "bash"
    zsh = "zsh"
    fish = "fish"


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"roberta {__version__}")
        raise typer.Exit


def _remember_debug(context: typer.Context, wanted: bool) -> bool:
    if wanted and context.obj is not None:
        context.obj.add(DEBUG)
    return wanted


def _print_schema(context: typer.Context, wanted: bool) -> None:
    if wanted:
        import json

        from roberta_cli.result_schema import schema_of

        print(json.dumps(schema_of(context.info_name), indent=2))
        raise typer.Exit


def _leave_files_alone(context: typer.Context, wanted: bool) -> None:
    if wanted and context.default_map is not None:
        context.default_map = context.default_map.without_files()


# Before the name of a command
Version = Annotated[
    bool, Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
]

# Every command that can be configured
NoConfig = Annotated[
    bool,
    Option(
        "--no-config",
        callback=_leave_files_alone,
        is_eager=True,
        help="Read neither ./roberta.toml nor the user's configuration.",
    ),
]

# Reading
Texts = Annotated[list[str] | None, Argument(metavar="TEXT", help="Texts to answer, one record each.")]
Input = Annotated[
    list[str] | None,
    Option(
        "--input",
        "-i",
        metavar="FILE",
        help="Read records from a file, a folder or a pattern, - for standard input; may be given repeatedly.",
    ),
]
InputFormat = Annotated[
    str | None,
    Option(
        "--input-format",
        metavar="jsonl|json|csv|tsv|txt|doc|squad|conll|parquet",
        help="What the input is: txt has a text a line, doc is one text; else the suffix tells, or the first line.",
    ),
]
Doc = Annotated[bool, Option("--doc", help="Each file is one text.")]
Encoding = Annotated[str, Option("--encoding", metavar="NAME", help="How the bytes of the input spell text.")]
NoHeader = Annotated[bool, Option("--no-header", help="The first row of a table is data; columns are 1, 2, 3 ...")]
Field = Annotated[
    list[str] | None,
    Option(
        "--field",
        metavar="NAME",
        help="The field that holds the text, or text_pair=NAME for another one; a.b reaches inside. Repeatable.",
    ),
]
Id = Annotated[
    str | None, Option("--id", metavar="FIELD", help="The field that names a record; else id, or its number.")
]
Keep = Annotated[
    str | None, Option("--keep", metavar="all|FIELD,..", help="Fields of the record to copy into its result.")
]
Limit = Annotated[int | None, Option("--limit", min=0, metavar="N", help="Stop after so many records.")]

# Model
Model = Annotated[
    str | None,
    Option(
        "--model",
        "-m",
        metavar="NAME|DIR",
        envvar="ROBERTA_MODEL",
        help="A checkpoint folder or a hub id; without it, the small built-in model.",
    ),
]
Adapter = Annotated[
    str | None,
    Option("--adapter", metavar="DIR", help="An adapter (LoRA, in PEFT's layout) to merge into the model."),
]
Revision = Annotated[
    str | None, Option("--revision", metavar="NAME", help="Branch, tag or commit of a model on the hub.")
]
Offline = Annotated[bool, Option("--offline", help="Fetch nothing: use what was downloaded before.")]
Device = Annotated[
    str, Option("--device", metavar="auto|cpu|cuda[:N]", help="Where the model runs; auto is a GPU if there is one.")
]
Dtype = Annotated[
    str,
    Option(
        "--dtype",
        metavar="auto|fp32|bf16|fp16|int8",
        help="Number type; auto is fp32 on a CPU, bf16 on a GPU. int8 is faster and less exact, on a CPU. On one"
        " without bf16 that is computed as fp32.",
    ),
]
Backend = Annotated[
    str,
    Option(
        "--backend",
        metavar="auto|numpy|torch",
        help="What computes; auto is NumPy in fp32 on a CPU, for at most 8 texts given as arguments, as it starts"
        " sooner, and for any number where it is as quick.",
    ),
]
Threads = Annotated[
    int | None,
    Option("--threads", min=1, metavar="N", help="CPU threads; without it, all cores, or one for a short text."),
]
BatchTokens = Annotated[
    int | None,
    Option("--batch-tokens", min=1, metavar="N", help="Tokens of a batch, padding counted; 1024 if not given."),
]
Engine = Annotated[
    str,
    Option(
        "--engine",
        metavar="local|ray",
        help="What runs the model: this process, or a Ray cluster that reads and writes folders of shards.",
    ),
]
Workers = Annotated[
    int | None,
    Option(
        "--workers",
        min=1,
        metavar="N",
        help="Processes of --engine ray, each with one model and --threads CPUs (1 if not given); else what has room.",
    ),
]
RayAddress = Annotated[
    str | None,
    Option(
        "--ray-address",
        metavar="HOST:PORT",
        envvar="RAY_ADDRESS",
        help="The cluster of --engine ray; without it, this machine alone.",
    ),
]

# Long texts
Long = Annotated[
    str,
    Option(
        "--long",
        metavar="window|truncate|error",
        help="A text longer than a window: read all of it in windows, read its beginning, or refuse it.",
    ),
]
Window = Annotated[
    int | None, Option("--window", min=1, metavar="N", help="Tokens of a window; without it, the model's limit.")
]
Overlap = Annotated[
    int | None, Option("--overlap", min=0, metavar="N", help="Tokens that neighbouring windows share; 64 if not given.")
]
AllowEmpty = Annotated[bool, Option("--allow-empty", help="Answer empty texts too, in place of an error.")]

# Answers
Top = Annotated[int, Option("--top", "-k", min=1, metavar="N", help="Answers to print for each question.")]
TopOrAll = Annotated[
    str | None,
    Option("--top", "-k", metavar="N|all", help="Labels to print for each record; 1, or all with a threshold."),
]
Offsets = Annotated[
    str, Option("--offsets", metavar="chars|bytes|utf16", help="What start, end and spans count in the text.")
]
Gold = Annotated[
    str | None,
    Option("--gold", metavar="FIELD", help="The field with the right answer: scores are added to the summary."),
]

# tokenize
Show = Annotated[str, Option("--show", metavar="tokens|ids|spans|words|count|all", help="What to show of the tokens.")]
Decode = Annotated[bool, Option("--decode", help="Ids in, text out.")]
NoSpecials = Annotated[bool, Option("--no-specials", help="Leave out <s>, </s> and the like.")]
Windows = Annotated[bool, Option("--windows", help="One entry for each window that a model would read.")]
Processes = Annotated[
    int,
    Option("--workers", min=1, metavar="N", help="Processes that share the work on files and pipes, JSON lines out."),
]
Stats = Annotated[bool, Option("--stats", help="End with a line of counts: records, tokens, p50, p95, longest.")]

# fill-mask
Targets = Annotated[
    str | None, Option("--targets", metavar="WORD,..|@FILE", help="Words to choose from; a file has one a line.")
]
ExactTargets = Annotated[
    bool, Option("--exact-targets", help="Take targets as they are spelt, without a blank before.")
]
PerPiece = Annotated[bool, Option("--per-piece", help="Rank words of several pieces by their mean, not their sum.")]
Fill = Annotated[
    str,
    Option(
        "--fill",
        metavar="each|greedy|joint",
        help="Judge each mask with the others left in, fill the surest first, or search over all masks together.",
    ),
]
Beams = Annotated[int, Option("--beams", min=1, metavar="N", help="How many fillings --fill joint pursues at a time.")]
Mask = Annotated[str | None, Option("--mask", metavar="STR", help="What stands for a mask in the texts.")]
Score = Annotated[bool, Option("--score", help="How likely whole texts are: each token masked in turn.")]

# classify
Activation = Annotated[
    str,
    Option("--activation", metavar="auto|softmax|sigmoid|none", help="From logits to scores; auto reads the config."),
]
Threshold = Annotated[
    float | None, Option("--threshold", min=0, max=1, metavar="P", help="Print only labels with at least this score.")
]
Labels = Annotated[
    str | None,
    Option("--labels", metavar="NAME,..|@FILE", help="Any labels, judged through an NLI model (zero-shot)."),
]
ZeroShot = Annotated[bool, Option("--zero-shot", help="Take the labels from each record's field labels.")]
Template = Annotated[
    str | None, Option("--template", metavar="STR", help="The sentence that a label completes: This example is {}.")
]
MultiLabel = Annotated[bool, Option("--multi-label", help="Any number of labels may be true, each judged on its own.")]
EntailmentLabel = Annotated[
    str | None, Option("--entailment-label", metavar="NAME", help="The model's class that means entailment.")
]
Logits = Annotated[bool, Option("--logits", help="Add each label's logit.")]

# embed
Level = Annotated[str, Option("--level", metavar="text|word|token", help="One vector for each text, word or token.")]
Pool = Annotated[
    str,
    Option(
        "--pool",
        metavar="auto|mean|cls|max|mean-sqrt-len|weighted|last",
        help="From tokens to one vector, or several with commas, joined; auto is what the folder says, else mean.",
    ),
]
Layer = Annotated[str, Option("--layer", metavar="N,..", help="Layer to read, -1 the last; the mean of several.")]
Normalize = Annotated[
    bool | None, Option("--normalize/--no-normalize", help="Scale vectors to length 1; else as the folder says.")
]
Dims = Annotated[int | None, Option("--dims", min=1, metavar="N", help="Keep the first N numbers of a vector.")]
Precision = Annotated[
    str, Option("--precision", metavar="float32|float16|int8|binary", help="How the numbers of a vector are stored.")
]
Base64 = Annotated[bool, Option("--base64", help="Vectors as base64 of their bytes, little-endian, in place of lists.")]
Prompt = Annotated[str | None, Option("--prompt", metavar="STR", help="Put this before every text.")]
PromptName = Annotated[str | None, Option("--prompt-name", metavar="NAME", help="A prompt that the folder names.")]
PairScore = Annotated[
    str | None, Option("--pair-score", metavar="FIELD", help="The cosine of text and this field, in place of vectors.")
]
NearestIn = Annotated[
    Path | None, Option("--nearest", metavar="FILE.npy", help="Search these vectors for the text's neighbours.")
]

# qa
Question = Annotated[
    list[str] | None, Option("--question", metavar="STR", help="A question on the context; may be given repeatedly.")
]
ContextFile = Annotated[
    str | None, Option("--context", metavar="FILE", help="The file in which all questions find their answers.")
]
ContextText = Annotated[
    str | None, Option("--context-text", metavar="STR", help="The text in which all questions find their answers.")
]
MaxAnswer = Annotated[int, Option("--max-answer", min=1, metavar="N", help="Tokens that an answer may have.")]
Null = Annotated[
    str,
    Option(
        "--null",
        metavar="auto|never|allow",
        help="Whether a question may have no answer; auto allows it if the model was trained with such questions.",
    ),
]
NullThreshold = Annotated[
    float | None,
    Option("--null-threshold", metavar="X", help="No answer if null_odds are above this; the model's own, else 0."),
]
QaWindow = Annotated[
    int | None,
    Option("--window", min=1, metavar="N", help="Tokens of a window, 384 or the model's limit if not given."),
]
QaOverlap = Annotated[
    int | None,
    Option("--overlap", min=0, metavar="N", help="Tokens that neighbouring windows share, 128 if not given."),
]
AnswerGold = Annotated[
    str | None,
    Option("--gold", metavar="FIELD", help="Field with the right answers; --summary has scores if it is answers."),
]

# ner
Aggregate = Annotated[
    str,
    Option(
        "--aggregate",
        metavar="none|simple|first|average|max",
        help="Labels of tokens, joined tokens, or one label a word: of its first token, their mean, the surest.",
    ),
]
WordsOf = Annotated[
    str,
    Option(
        "--words",
        metavar="auto|unit|blank",
        help="Words as runs of letters, digits or signs, or between blanks; auto is as it was trained, else unit.",
    ),
]
DecodeBy = Annotated[
    str,
    Option(
        "--decode",
        metavar="auto|argmax|legal",
        help="Each label for itself, or the likeliest sequence that is legal; auto is as it was trained, else argmax.",
    ),
]
Ignore = Annotated[str, Option("--ignore", metavar="NAME,..", help="Labels that are no answer.")]
Types = Annotated[str | None, Option("--types", metavar="NAME,..", help="Only entities of these types.")]
MinScore = Annotated[
    float | None, Option("--min-score", min=0, max=1, metavar="P", help="Only entities with at least this score.")
]
JoinSpace = Annotated[bool, Option("--join-space", help="Entities of one type with one blank between them are one.")]

# generate
Method = Annotated[
    str,
    Option("--method", metavar="auto|causal|mask", help="Add token after token, or fill masks; auto asks the model."),
]
MaxNew = Annotated[
    int | None, Option("--max-new", min=1, metavar="N", help="Tokens that are added at most; 20 if not given.")
]
Sample = Annotated[bool, Option("--sample/--greedy", help="Draw tokens, or take the likeliest each time.")]
Temperature = Annotated[
    float | None,
    Option("--temperature", metavar="T", help="Below 1 likely tokens are drawn more often; 1 if not given."),
]
SampleTopK = Annotated[
    int | None,
    Option("--sample-top-k", min=0, metavar="N", help="Draw from the N likeliest, 0: from all; 50 if not given."),
]
SampleTopP = Annotated[
    float | None, Option("--sample-top-p", max=1, metavar="P", help="Draw from the likeliest that reach P together.")
]
SearchBeams = Annotated[int, Option("--beams", min=1, metavar="N", help="How many texts to pursue at a time.")]
RepetitionPenalty = Annotated[
    float, Option("--repetition-penalty", metavar="X", help="Above 1, tokens that are in the text become less likely.")
]
NoRepeat = Annotated[
    int, Option("--no-repeat", min=0, metavar="N", help="No N tokens stand twice in the same order; 0: they may.")
]
Stop = Annotated[
    list[str] | None, Option("--stop", metavar="STR", help="End the text where this is complete. Repeatable.")
]
Num = Annotated[int, Option("--num", min=1, metavar="N", help="Texts to make of each record.")]
Seed = Annotated[
    int, Option("--seed", min=0, metavar="N", help="Where sampling starts from, mixed with the record's id.")
]

# choose
ChoiceContext = Annotated[
    str | None, Option("--context", metavar="STR", help="The text that the choices go on from, or are judged by.")
]
ChoiceQuestion = Annotated[
    str | None, Option("--question", metavar="STR", help="Stands before each choice, for records without their own.")
]
Choice = Annotated[
    list[str] | None,
    Option("--choice", metavar="STR", help="One of the choices, for records without their own; give it repeatedly."),
]
ChoiceMethod = Annotated[
    str,
    Option(
        "--method",
        metavar="auto|head|likelihood|entailment",
        help="A multiple-choice head, a masked language model, or an NLI model; auto is what the checkpoint has.",
    ),
]
PerToken = Annotated[bool, Option("--per-token", help="Divide the likelihood of a choice by its tokens.")]
ChoicesOrAll = Annotated[str, Option("--top", "-k", metavar="N|all", help="Choices to list for each record.")]
ChoiceGold = Annotated[
    str | None,
    Option("--gold", metavar="FIELD", help="Field with the right choice, its text, letter or number from 0: accuracy."),
]
LongChoice = Annotated[
    str,
    Option("--long", metavar="truncate|error", help="A context longer than a window: drop its end, or refuse it."),
]

# Writing
Output = Annotated[
    Path | None,
    Option("--output", "-o", metavar="FILE", help="Write results to a file, which is whole in the end or not there."),
]
Resume = Annotated[
    bool,
    Option("--resume", help="With --output FILE.jsonl: a job that was stopped goes on when it is run again like this."),
]
Force = Annotated[bool, Option("--force", help="Replace the output file.")]
Format = Annotated[
    OutputFormat | None,
    Option(
        "--output-format",
        help="How to write results; else as the output's suffix says, or jsonl; a table for texts on a terminal.",
    ),
]
Color = Annotated[
    str,
    Option(
        "--color",
        metavar="auto|always|never",
        help="Colours in tables: auto on a terminal, as NO_COLOR and FORCE_COLOR say.",
    ),
]
Digits = Annotated[int | None, Option("--digits", min=0, metavar="N", help="Round numbers to so many decimal places.")]
OnError = Annotated[
    str,
    Option(
        "--on-error",
        metavar="fail|skip|record",
        help="A record that cannot be answered: stop there, leave it out, or write the error in its place.",
    ),
]
MaxErrors = Annotated[
    int | None, Option("--max-errors", min=0, metavar="N", help="Stop when more records than this have failed.")
]
Progress = Annotated[bool, Option("--progress", help="Say how far the job is, also when stderr is no terminal.")]
Summary = Annotated[bool, Option("--summary", help="End with one line of JSON on stderr: counts, speed, scores.")]
Quiet = Annotated[bool, Option("--quiet", "-q", help="Nothing on stderr but errors.")]
DryRun = Annotated[
    bool,
    Option("--dry-run", help="Print the windows of the first 10 records, their batches and time; read no weights."),
]
ResultSchema = Annotated[
    bool,
    Option("--schema", callback=_print_schema, is_eager=True, help="Print the JSON Schema of results and leave."),
]
Debug = Annotated[
    bool,
    Option(
        "--debug",
        callback=_remember_debug,
        is_eager=True,
        help="Show the traceback of an error, and what is noted on the way.",
    ),
]

# man, completions, doctor
CommandNames = Annotated[list[str] | None, Argument(metavar="COMMAND", help="A command; without it, roberta itself.")]
ShellName = Annotated[Shell, Argument(metavar="bash|zsh|fish", help="The shell to complete in.")]
ShowConfig = Annotated[bool, Option("--config", help="Show what is configured, and where each value came from.")]
AsJson = Annotated[bool, Option("--json", help="One JSON object in place of lines for people.")]
