"""The program `roberta`: its list of commands, each imported when it is wanted."""

import contextlib
import inspect
import os
import sys
import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

import typer
from typer._click.exceptions import UsageError as ParseError  # Typer carries its own Click
from typer.core import TyperCommand, TyperGroup

from roberta_cli import options
from roberta_cli.endings import ExitCode, end, raise_on_sigterm
from roberta_cli.groups import spread
from roberta_cli.values import ReadsByHand

# `fill-mask` is the function fill_mask of commands/fill_mask.py; its docstring is the help.
ANSWERING = (
    "tokenize",
    "fill-mask",
    "classify",
    "embed",
    "ner",
    "qa",
    "choose",
    "generate",
)  # a result for each record
COMMANDS = (*ANSWERING, "train")
# Commands that stand behind another: `train mlm` is the function mlm of commands/train/mlm.py.
INNER = {"train": ("tokenizer", "mlm", "causal", "classify", "regress", "multilabel", "ner", "qa", "choose", "embed")}
LEAVES = tuple(names for name in COMMANDS for names in ([(name, inner) for inner in INNER.get(name, ())] or [(name,)]))
_SETTINGS = {"help_option_names": ["-h", "--help"]}


class Command(ReadsByHand, TyperCommand):
    """One command."""


class CommandList(ReadsByHand, TyperGroup):
    """The commands by name. Making every flag of every command would take longer than all the rest of `--help`."""

    known = COMMANDS
    before: tuple[str, ...] = ()  # the commands that these stand behind

    def list_commands(self, ctx: typer.Context) -> list[str]:
        return list(self.known)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Command | None:
        """What the list shows of a command: its name and what it does."""
        if cmd_name not in self.known:
            return None
        return Command(cmd_name, help=inspect.getdoc(function(*self.before, cmd_name)))

    def resolve_command(self, ctx: typer.Context, args: list[str]) -> tuple[str, Command | TyperGroup, list[str]]:
        name, *rest = args
        if name not in self.known:
            from difflib import get_close_matches  # only on the way to an error

            near = get_close_matches(name, self.known)
            raise ParseError(f"no such command {name!r}" + (f"; did you mean {near[0]}?" if near else ""), ctx)
        return name, build(*self.before, name), rest


def function(*names: str) -> Callable | ModuleType:
    """The function of a command, such as function("train", "mlm"), or the package of one that has commands of its own.

    Its docstring is the help.
    """
    words = [name.replace("-", "_") for name in names]
    module = import_module(".".join(["roberta_cli.commands", *words]))
    return module if names[-1] in INNER and len(names) == 1 else getattr(module, words[-1])


def build(*names: str) -> Command | TyperGroup:
    """The whole command, such as build("train", "mlm"): flags, help and the function that runs it."""
    if names in {(name,) for name in INNER}:
        return _inner(*names)
    alone = typer.Typer(add_completion=False, context_settings=_SETTINGS)
    alone.command(names[-1], cls=Command)(spread(function(*names)))
    return typer.main.get_command(alone)


def _inner(name: str) -> TyperGroup:
    kind = type("Inner", (CommandList,), {"known": INNER[name], "before": (name,)})
    group = typer.Typer(cls=kind, name=name, add_completion=False, no_args_is_help=True, context_settings=_SETTINGS)
    group.callback(help=inspect.getdoc(function(name)))(lambda: None)
    return typer.main.get_command(group)


def program() -> TyperGroup:
    """`roberta` itself: what may stand before a command's name, and the list."""
    app = typer.Typer(cls=CommandList, add_completion=False, context_settings=_SETTINGS)

    @app.callback()
    def roberta(version: options.Version = False) -> None:
        """RoBERTa for text: missing words, labels, vectors, tokens; from arguments, files or a pipe."""

    return typer.main.get_command(app)


def run(args: Sequence[str]) -> ExitCode:
    """Run one command line, such as ["tokenize", "Hello world"], and say how it ended. Never raises, never exits."""
    root = program()
    asked: set[str] = set()  # flags that matter after the command has failed; options.py adds to it

    def act() -> None:
        with root.make_context("roberta", list(args) or ["--help"], obj=asked) as context:
            root.invoke(context)

    if not args:
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for results
            end(act)
        return ExitCode.WRONG_USE
    return end(act, wants_traceback=lambda: options.DEBUG in asked)


def main() -> None:
    """The entry point: the streams and signals of the process, then `run`."""
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for as long as the program runs
    if sys.stdout is None:
        print("error: standard output is closed, so there is nowhere to write; give it a file", file=sys.stderr)
        sys.exit(ExitCode.WRONG_USE)
    sys.stdout.reconfigure(encoding="utf-8")  # whatever the locale says
    raise_on_sigterm()
    code = run(sys.argv[1:])
    if threading.active_count() > 1:
        # A thread that waits for standard input would hold it, and Python aborts when it cannot take it back.
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
