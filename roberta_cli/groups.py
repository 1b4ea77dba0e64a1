"""Flags that many commands share, in groups: a command that takes a group as a parameter has all of its flags."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Any, get_type_hints

from roberta_cli import options

_FOR_THE_ENGINE = ("engine", "workers", "ray_address")


@dataclass(frozen=True)
class Reading:
    """Where records come from, and which field is which."""

    input: options.Input = None
    input_format: options.InputFormat = None
    doc: options.Doc = False
    encoding: options.Encoding = "utf-8"
    no_header: options.NoHeader = False
    field: options.Field = None
    id: options.Id = None
    keep: options.Keep = None
    limit: options.Limit = None
    allow_empty: options.AllowEmpty = False


@dataclass(frozen=True)
class Vocabulary:
    """Which checkpoint, for commands that need no more of it than its tokenizer."""

    engine, workers = "local", None  # text is cut faster than a cluster is started

    model: options.Model = None
    revision: options.Revision = None
    offline: options.Offline = False

    def checkpoint(self) -> dict[str, Any]:
        """As `roberta.engine.runner.open_runner` takes it."""
        given = {name: value for name, value in vars(self).items() if name not in _FOR_THE_ENGINE}
        return given | {"local_files_only": given.pop("offline")}


@dataclass(frozen=True)
class Computing(Vocabulary):
    """Which model, and where and how it runs."""

    adapter: options.Adapter = None
    device: options.Device = "auto"
    dtype: options.Dtype = "auto"
    backend: options.Backend = "auto"
    threads: options.Threads = None
    batch_tokens: options.BatchTokens = None
    engine: options.Engine = "local"
    workers: options.Workers = None
    ray_address: options.RayAddress = None


@dataclass(frozen=True)
class Writing:
    """Where results go and in which form, and what becomes of records that fail."""

    digits = None  # results without fractions have nothing to round

    output: options.Output = None
    resume: options.Resume = False
    force: options.Force = False
    output_format: options.Format = None
    color: options.Color = "auto"
    on_error: options.OnError = "fail"
    max_errors: options.MaxErrors = None
    progress: options.Progress = False
    summary: options.Summary = False
    dry_run: options.DryRun = False
    schema: options.ResultSchema = False
    quiet: options.Quiet = False
    debug: options.Debug = False


@dataclass(frozen=True)
class WritingNumbers(Writing):
    """Where results go, in which form and how exact, and what becomes of records that fail."""

    digits: options.Digits = None


def headings(command: Callable) -> dict[str, str]:
    """What the flags are about that a command takes through groups: name in Python -> what the group says of itself.

    >>> def greet(name: str, *, writing: Writing) -> None: ...
    >>> headings(greet)["output"]
    'Where results go and in which form, and what becomes of records that fail'
    """
    found: dict[str, str] = {}
    for kind in get_type_hints(command).values():
        if isinstance(kind, type) and is_dataclass(kind):
            about = re.split("[:;.]", " ".join(inspect.getdoc(kind).split()))[0]
            found |= dict.fromkeys((field.name for field in fields(kind)), about)
    return found


def spread(command: Callable, everywhere: Mapping[str, Any] | None = None) -> Callable:
    """The command with every group among its parameters spread into the group's flags, for Typer to read.

    everywhere: further flags, all switches, of which the command is told nothing.

    >>> def greet(name: str, *, writing: Writing) -> None: ...
    >>> list(inspect.signature(spread(greet)).parameters)[:3]
    ['name', 'output', 'force']
    """
    hints = get_type_hints(command, include_extras=True)
    flags: list[inspect.Parameter] = []
    groups: dict[str, type] = {}
    for name, parameter in inspect.signature(command).parameters.items():
        kind = hints[name]
        if not (isinstance(kind, type) and is_dataclass(kind)):
            flags.append(parameter.replace(annotation=kind))
            continue
        groups[name] = kind
        inner = get_type_hints(kind, include_extras=True)
        for field in fields(kind):
            default = inspect.Parameter.empty if field.default is MISSING else field.default
            flag = inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default)
            flags.append(flag.replace(annotation=inner[field.name]))

    everywhere = everywhere or {}
    for name, kind in everywhere.items():
        flags.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind))

    @functools.wraps(command)
    def call(**values) -> None:
        for name in everywhere:
            del values[name]
        for name, kind in groups.items():
            values[name] = kind(**{field.name: values.pop(field.name) for field in fields(kind)})
        command(**values)

    call.__signature__ = inspect.Signature(flags)
    call.__annotations__ = {flag.name: flag.annotation for flag in flags}
    return call
