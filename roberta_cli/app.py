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

from roberta.errors import RobertaError
from roberta.spelling import did_you_mean
from roberta_cli import options
from roberta_cli.configuration import Configured
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
HELPING = ("doctor", "man", "completions")  # about roberta itself: no records, no model, no configuration
COMMANDS = (*ANSWERING, "train", "convert", "info", *HELPING)
# Commands that stand behind another: `train mlm` is the function mlm of commands/train/mlm.py.
INNER = {"train": ("tokenizer", "mlm", "causal", "classify", "regress", "multilabel", "ner", "qa", "choose", "embed")}
LEAVES = tuple(names for name in COMMANDS for names in ([(name, inner) for inner in INNER.get(name, ())] or [(name,)]))
_SETTINGS = {"help_option_names": ["-h", "--help"]}


class Command(ReadsByHand, TyperCommand):
    """One command. What is not given may be configured, unless the command is about roberta itself."""

    names: tuple[str, ...] = ()

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:
        if self.names and self.names[0] not in HELPING:
            ctx.default_map = Configured(ctx, self.names, self.get_params(ctx))
        return super().parse_args(ctx, args)

    def invoke(self, ctx: typer.Context) -> None:
        try:
            super().invoke(ctx)
        except RobertaError as error:
            if ctx.default_map is not None:
                ctx.default_map.explain(error)
            raise


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
        _refuse_unknown(name, self.known, ctx)
        return name, build(*self.before, name), rest


def _refuse_unknown(name: str, known: Sequence[str], context: typer.Context | None = None) -> None:
    if name not in known:
        raise ParseError(f"no such command {name!r}{did_you_mean(name, known)}", context)


def known_command(names: Sequence[str]) -> tuple[str, ...]:
    """The names of a command as they were typed, such as ["train", "mlm"]. Raises ParseError: there is none."""
    for number, name in enumerate(names):
        _refuse_unknown(name, INNER.get(names[0], ()) if number == 1 else COMMANDS if number == 0 else ())
    return tuple(names)


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
    kind = type("Named", (Command,), {"names": names})
    everywhere = {} if names[0] in HELPING else {"no_config": options.NoConfig}
    alone.command(names[-1], cls=kind)(spread(function(*names), everywhere))
    return typer.main.get_command(alone)


def _inner(name: str) -> TyperGroup:
    kind = type("Inner", (CommandList,), {"known": INNER[name], "before": (name,)})
    group = typer.Typer(cls=kind, name=name, add_completion=False, context_settings=_SETTINGS)
    group.callback(help=inspect.getdoc(function(name)))(lambda: None)
    return typer.main.get_command(group)


def program() -> TyperGroup:
    """`roberta` itself: what may stand before a command's name, and the list."""
    app = typer.Typer(cls=CommandList, add_completion=False, context_settings=_SETTINGS)

    @app.callback()
    def roberta(version: options.Version = False) -> None:
        """RoBERTa for text: missing words, labels, vectors, tokens; from arguments, files or a pipe.

        Examples:

        roberta fill-mask "The capital of France is <mask>."

        printf 'one text a line\\nor JSON lines\\n' | roberta embed --dims 4

        roberta man fill-mask
        """

    return typer.main.get_command(app)


def run(args: Sequence[str]) -> ExitCode:
    """Run one command line, such as ["tokenize", "Hello world"], and say how it ended. Never raises, never exits."""
    root = program()
    asked: set[str] = set()  # flags that matter after the command has failed; options.py adds to it

    def act() -> None:
        with root.make_context("roberta", [*args, "--help"] if none_chosen else list(args), obj=asked) as context:
            root.invoke(context)

    none_chosen = not args or (len(args) == 1 and args[0] in INNER)
    if none_chosen:
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
