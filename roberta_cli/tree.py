"""The command tree as data: every command with its flags, as man pages, completions and the configuration need them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, get_args, get_origin

from typer.core import TyperGroup

from roberta_cli import app
from roberta_cli.groups import headings

if TYPE_CHECKING:
    from typer import Context
    from typer.core import TyperArgument, TyperOption

    from roberta_cli.app import Command

OWN_FLAGS = "Options"  # the heading of flags that stand in no group
_FILES = ("FILE", "SRC", "MODEL", "TRAIN")
_MODELS = ({"NAME", "DIR"}, {"SRC"}, {"MODEL"})
_WORD = re.compile(r"[a-z][a-z0-9-]*")
_EXAMPLE = re.compile(r"(roberta|printf) ")


@dataclass(frozen=True)
class Wanted:
    """What a value may be, as its metavar says: small letters are typed as they stand, capitals stand for something.

    >>> wanted("auto|cpu|cuda[:N]").words
    ('auto', 'cpu', 'cuda')
    """

    words: tuple[str, ...] = ()
    files: bool = False
    folders: bool = False
    models: bool = False  # hub ids
    file_after_at: bool = False  # @FILE


@dataclass(frozen=True)
class Value:
    """What stands after a flag, or for itself: its name in the synopsis, and what it may be."""

    metavar: str
    help: str
    wanted: Wanted
    repeatable: bool = False
    required: bool = False


@dataclass(frozen=True)
class Flag:
    """One flag. off: the names that say the contrary; value: None for a switch; default: as it would be typed."""

    names: tuple[str, ...]
    off: tuple[str, ...]
    help: str
    value: Value | None = None
    default: str = ""
    heading: str = OWN_FLAGS

    @property
    def long(self) -> str:
        return max(self.names, key=len)


@dataclass(frozen=True)
class Page:
    """One command, or `roberta` itself, whose names are ().

    examples: command lines as they stand in the help. inner: the commands behind this one, and what each does.
    """

    names: tuple[str, ...]
    summary: str
    paragraphs: list[str]
    examples: list[str]
    arguments: list[Value]
    flags: list[Flag]
    inner: dict[tuple[str, ...], str] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """What is typed: "roberta train mlm"."""
        return " ".join(("roberta", *self.names))


def pages() -> Iterator[Page]:
    """`roberta`, then every command, each followed by those behind it."""
    yield page()
    for name in app.COMMANDS:
        yield page(name)
        for inner in app.INNER.get(name, ()):
            yield page(name, inner)


def page(*names: str) -> Page:
    """One command, such as page("train", "mlm"); page() is `roberta` itself."""
    made = app.build(*names) if names else app.program()
    context = made.make_context("roberta", [], resilient_parsing=True)
    paragraphs = _paragraphs(made)
    inner = _inner(made, context, names)
    under = headings(app.function(*names)) if names and not inner else {}
    params = made.get_params(context)
    return Page(
        names,
        paragraphs[0],
        [part for part in paragraphs[1:] if part != "Examples:" and not _EXAMPLE.match(part)],
        [part for part in paragraphs if _EXAMPLE.match(part)],
        [_value(param) for param in params if param.param_type_name == "argument"],
        [_flag(param, under.get(param.name, OWN_FLAGS)) for param in params if param.param_type_name == "option"],
        inner,
    )


def wanted(metavar: str) -> Wanted:
    """Read a metavar such as "auto|cpu|cuda[:N]", "NAME|DIR" or "WORD,..|@FILE"."""
    pieces = metavar.removesuffix("...").split("|")
    stems = [re.split(r"[.,\[%]", piece)[0] for piece in pieces]
    return Wanted(
        words=app.COMMANDS if stems == ["COMMAND"] else tuple(filter(_WORD.fullmatch, stems)),
        files=any(stem in _FILES for stem in stems),
        folders="DIR" in stems,
        models=any(names <= set(stems) for names in _MODELS),
        file_after_at="@FILE" in stems,
    )


def _paragraphs(command: Command | TyperGroup) -> list[str]:
    return [" ".join(part.split()) for part in (command.help or "").split("\n\n")]


def _inner(command: Command | TyperGroup, context: Context, names: tuple[str, ...]) -> dict[tuple[str, ...], str]:
    known = command.list_commands(context) if isinstance(command, TyperGroup) else []
    return {(*names, name): _paragraphs(command.get_command(context, name))[0] for name in known}


def _flag(param: TyperOption, heading: str) -> Flag:
    value = None if param.is_flag else _value(param)
    default = "" if param.default is None or param.is_flag else str(getattr(param.default, "value", param.default))
    names = sorted(param.opts, key=len, reverse=True)
    return Flag(tuple(names), tuple(param.secondary_opts), param.help or "", value, default, heading)


def _value(param: TyperOption | TyperArgument) -> Value:
    kind = param.type_descriptor.annotation
    kind = get_args(kind)[0] if get_origin(kind) is list else kind
    metavar = param.metavar or param.name.upper()
    if isinstance(kind, type) and issubclass(kind, Enum):
        metavar = "|".join(kind)
    found = wanted(metavar)
    if kind is Path and not found.folders:
        found = Wanted(files=True)
    many = param.multiple or param.nargs == -1
    return Value(metavar, param.help or "", found, many, param.required)
