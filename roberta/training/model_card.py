"""README.md of a trained model: what it is, what it learnt from, how, how well, and how to use it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roberta.files import whole_or_absent
from roberta.training.checkpoint import State
from roberta.training.curves import shown
from roberta.training.provenance import DataFile, Provenance
from roberta.training.report import FILE as REPORT
from roberta.version import __version__

FILE = "README.md"
_SAID_ELSEWHERE = {"steps", "examples", "model", "dev", "training_data", "development_data", "training_text"}
_MARK = "<!-- Made by roberta train. Take this line out, and a run that is resumed leaves the file as it is. -->"


@dataclass(frozen=True)
class Use:
    """What a kind of training makes. pipeline: its name on the hub; command: the one that uses it, with a text."""

    pipeline: str
    what: str
    command: str


USES = {
    "mlm": Use("fill-mask", "masked language model", 'fill-mask -m {} "The capital of France is <mask>."'),
    "causal": Use("text-generation", "causal language model", 'generate -m {} "Once upon a time"'),
    "classify": Use("text-classification", "classifier of texts", 'classify -m {} "A text."'),
    "regress": Use("text-classification", "model that rates texts", 'classify -m {} "A text."'),
    "multilabel": Use("text-classification", "classifier of any number of labels", 'classify -m {} "A text."'),
    "ner": Use("token-classification", "finder of entities", 'ner -m {} "Ada Lovelace was in London."'),
    "qa": Use("question-answering", "finder of answers", 'qa -m {} "Who sang?" --context-text "Ada Lovelace sang."'),
    "choose": Use("multiple-choice", "chooser", 'choose -m {} --context "It rained." --choice "Wet." --choice "Dry."'),
    "embed": Use("sentence-similarity", "encoder of texts into vectors", 'embed -m {} "A text."'),
}


def write_card(
    output: Path, task: str, state: State, provenance: Provenance, *, parameters: int, adapter: bool, keep_foreign: bool
) -> None:
    """Write the card. state: of the checkpoint that the folder holds; keep_foreign: leave one that somebody wrote."""
    path = output / FILE
    if keep_foreign and path.exists() and _MARK not in path.read_text(encoding="utf-8", errors="replace"):
        return
    with whole_or_absent(path) as beside:
        beside.write_text(
            card(output, task, state, provenance, parameters=parameters, adapter=adapter), encoding="utf-8"
        )


def card(
    output: Path, task: str, state: State, provenance: Provenance, *, parameters: int, adapter: bool = False
) -> str:
    """The text of the card."""
    use = USES[task]
    name = output.resolve().name
    kind = f"{'an adapter that makes a' if adapter else 'a'} {use.what}"
    sections = [
        _front_matter(task, provenance, adapter),
        _MARK,
        f"# {_plain(name)}",
        f"{kind[0].upper()}{kind[1:]} in the RoBERTa layout, {_beginning(task, provenance)}.",
        "```sh\nroberta " + use.command.format(shlex.quote(name)) + "\n```",
        "## Data",
        _data(provenance, state),
        provenance.note or "Nothing was said about the data; whoever shares the model should say where they are from.",
        "## Scores",
        _scores(state),
        "## Training",
        _table(("", ""), _training(state, parameters)),
        f"Curves and tables are in [{REPORT}]({REPORT}), every step in `log.jsonl`.",
        "## Licence",
        f"{provenance.license}." if provenance.license else "None was named.",
    ]
    return "\n\n".join(sections) + "\n"


def _front_matter(task: str, provenance: Provenance, adapter: bool) -> str:
    """YAML for the hub: JSON's strings are YAML's too, so nothing in a name can break out."""
    entries: dict[str, Any] = {}
    if provenance.license:
        entries["license"] = provenance.license.lower()
    if provenance.base and not Path(provenance.base).exists():  # a folder of this machine says nothing elsewhere
        entries["base_model"] = provenance.base
    library = "sentence-transformers" if task == "embed" else "transformers"
    entries["library_name"] = "peft" if adapter else library
    entries["pipeline_tag"] = USES[task].pipeline
    entries["tags"] = ["roberta", *(["lora"] if adapter else [])]
    return "\n".join(["---", *(f"{key}: {json.dumps(value)}" for key, value in entries.items()), "---"])


def _beginning(task: str, provenance: Provenance) -> str:
    if provenance.base:
        return f"fine-tuned from `{provenance.base}`" if task not in ("mlm", "causal") else f"from `{provenance.base}`"
    return "trained from scratch" if task in ("mlm", "causal") else "fine-tuned from the built-in model of roberta"


def _data(provenance: Provenance, state: State) -> str:
    rows = [("training", file) for file in provenance.training_files]
    rows += [("development", file) for file in provenance.development_files]
    held = _table(("for", "file", "bytes", "read", "SHA-256"), [_file_row(use, file) for use, file in rows])
    share = provenance.dev
    if share and share.endswith("%"):
        held += f"\n\nFor development {share} of the training data were set apart, drawn by chance."
    return f"{shown(state.identity.get('examples', 0))} examples to learn from.\n\n{held}"


def _file_row(use: str, file: DataFile) -> Sequence[Any]:
    digest = f"`{file.sha256}`" if file.sha256 else "a pipe"
    times = "once" if file.times == 1 else f"{file.times} times"
    return use, Path(file.path).name, "" if file.size is None else shown(file.size), times, digest


def _scores(state: State) -> str:
    if not state.scores:
        return "There were no development data."
    rows = [(name.replace("_", " "), "none" if value is None else shown(value)) for name, value in state.scores.items()]
    return f"On the development data, after step {shown(state.step)}:\n\n{_table(('score', 'value'), rows)}"


def _training(state: State, parameters: int) -> list[tuple[str, str]]:
    steps = f"{shown(state.step)} of {shown(state.identity.get('steps', state.step))}"
    rows = [("steps", steps), ("tokens seen", shown(state.tokens)), ("parameters", shown(parameters))]
    for name, value in state.identity.items():
        if value is not None and value is not False and name not in _SAID_ELSEWHERE:
            # Where a vocabulary lay on this machine says nothing elsewhere.
            shown_value = Path(value).name if name == "tokenizer" else _value(value)
            rows.append((name.replace("_", " "), shown_value))
    return [*rows, ("roberta", __version__)]


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return shown(value)
    return "yes" if value is True else str(value)


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_plain(str(cell)) for cell in line) + " |" for line in lines)


def _plain(text: str) -> str:
    """What a cell or a heading cannot hold."""
    return " ".join(text.replace("|", "\\|").split())
