"""The program `roberta`: its list of commands, each imported when it is wanted."""

import contextlib
import inspect
import os
import sys
import threading
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path

import typer
from typer._click.exceptions import UsageError as ParseError  # Typer carries its own Click
from typer.core import TyperCommand, TyperGroup

from roberta_cli import options
from roberta_cli.endings import ExitCode, end, raise_on_sigterm
from roberta_cli.groups import spread
from roberta_cli.values import ReadsByHand

# `fill-mask` is the function fill_mask of commands/fill_mask.py; its docstring is the help.
COMMANDS = ("tokenize", "fill-mask", "classify", "embed", "ner", "qa", "choose", "generate")
_SETTINGS = {"help_option_names": ["-h", "--help"]}


class Command(ReadsByHand, TyperCommand):
    """One command."""


class CommandList(ReadsByHand, TyperGroup):
    """The commands by name. Making every flag of every command would take longer than all the rest of `--help`."""

    def list_commands(self, ctx: typer.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Command | None:
        """What the list shows of a command: its name and what it does."""
        return Command(cmd_name, help=inspect.getdoc(_function(cmd_name))) if cmd_name in COMMANDS else None

    def resolve_command(self, ctx: typer.Context, args: list[str]) -> tuple[str, Command, list[str]]:
        name, *rest = args
        if name not in COMMANDS:
            near = get_close_matches(name, COMMANDS)
            raise ParseError(f"no such command {name!r}" + (f"; did you mean {near[0]}?" if near else ""), ctx)
        return name, build(name), rest


def _function(name: str) -> Callable:
    word = name.replace("-", "_")
    return getattr(import_module(f"roberta_cli.commands.{word}"), word)


def build(name: str) -> Command:
    """The whole command: flags, help and the function that runs it."""
    alone = typer.Typer(add_completion=False, context_settings=_SETTINGS)
    alone.command(name, cls=Command)(spread(_function(name)))
    return typer.main.get_command(alone)


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
