"""What a flag is when it is not given: ROBERTA_<FLAG>, ./roberta.toml, the user's file; the first that says something.

A key is a flag without its dashes. In a file it stands in the table of its command, [fill-mask] or [train.mlm], in
[train] for all kinds of training, or above all tables for every command that has such a flag.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roberta.errors import RobertaError, UsageError
from roberta.spelling import did_you_mean

if TYPE_CHECKING:
    from typer import Context
    from typer.core import TyperArgument, TyperOption

PROJECT_FILE = Path("roberta.toml")
NOT_KEYS = ("help", "version", "schema", "no-config")  # asked of one run
# Flags that mean another thing in one command, which what is said for all does not reach: --dtype is what is computed
# in, but of a conversion what is stored, and it must not lose digits because somebody computes in bf16.
OF_ITS_OWN = {("convert", "dtype")}


@dataclass(frozen=True)
class Setting:
    """A value as it would be typed, or several of a flag that may be given repeatedly; and where it was found."""

    value: str | list[str]
    origin: str


def user_file() -> Path:
    """~/.config/roberta/config.toml, or where XDG_CONFIG_HOME has it."""
    folder = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(folder).expanduser() / "roberta" / "config.toml"


def key_of(param: TyperOption | TyperArgument) -> str | None:
    """The name of a flag in files, such as "top"; None for what cannot be configured."""
    name = max(param.opts, key=len)
    key = name.removeprefix("--")
    return key if name.startswith("--") and key not in NOT_KEYS else None


def variable_of(key: str) -> str:
    """ROBERTA_BATCH_TOKENS for "batch-tokens"."""
    return f"ROBERTA_{key.upper().replace('-', '_')}"


@dataclass
class Configured:
    """What Click asks for the values of flags that were not given; it reads no file before it is asked.

    names: of the command, such as ("train", "mlm"); params: its flags.
    """

    context: Context
    names: tuple[str, ...]
    params: list[TyperOption | TyperArgument]
    files: bool = True

    def get(self, name: str) -> str | list[str] | None:
        """By the name of a parameter in Python. Help shows what is built in, whatever the files say."""
        settings = () if self.context.resilient_parsing else self.settings.get(name, ())
        return settings[0].value if settings else None

    @cached_property
    def settings(self) -> dict[str, list[Setting]]:
        """All that was found for each parameter, what counts in front.

        Raises UsageError: a file that cannot be read, or a key or table that means nothing.
        """
        by_key = {key: param for param in self.params if (key := key_of(param))}
        found: dict[str, list[Setting]] = {}
        for key, value, origin in self._found(by_key.keys()):
            if key in by_key:
                setting = Setting(_typed(value, by_key[key].multiple, origin), origin)
                found.setdefault(by_key[key].name, []).append(setting)
        return found

    def without_files(self) -> Configured:
        return replace(self, files=False)

    def explain(self, error: RobertaError) -> None:
        """Add to an error where the values that it is about were configured."""
        words = set(re.split(r"[^\w./-]+", str(error)))
        for param in self.params:
            settings, source = self.settings.get(param.name), self.context.get_parameter_source(param.name)
            if not settings or (source and source.name == "COMMANDLINE"):
                continue
            key, value = key_of(param), settings[0].value
            telling = {one for one in ([value] if isinstance(value, str) else value) if not _says_little(one)}
            if f"--{key}" in words or telling & words:
                error.args = (f"{error} (--{key} comes from {settings[0].origin})", *error.args[1:])

    def _found(self, keys: Iterable[str]) -> Iterator[tuple[str, Any, str]]:
        """Key, value and origin, in the order in which they count."""
        own = {key for key in keys if (self.names[-1], key) in OF_ITS_OWN}
        for key in keys:
            if key not in own and (value := os.environ.get(variable_of(key))):
                yield key, value, variable_of(key)
        for path in (PROJECT_FILE, user_file()) if self.files else ():
            for table, place, names in _tables(path, self.names):
                for key, value in table.items():
                    if key not in keys:
                        _refuse_unknown(key, place, names)
                    if names or key not in own:
                        yield key, value, f"{key} in {place}"


def _tables(path: Path, names: tuple[str, ...]) -> Iterator[tuple[dict[str, Any], str, tuple[str, ...]]]:
    """The tables of a file that are about a command, the nearest first: keys, place, the commands that it is about."""
    from roberta_cli.app import COMMANDS, INNER

    found = [(read_file(path), str(path), ())]
    for depth, name in enumerate(names, start=1):
        table = found[-1][0].get(name, {})
        if not isinstance(table, dict):
            raise UsageError(f"{found[-1][1]}: {name} is a command; write its flags in a table: [{name}]")
        found.append((table, f"{path} [{'.'.join(names[:depth])}]", names[:depth]))
    for table, place, about in reversed(found):
        known = INNER.get(about[0], ()) if about else COMMANDS
        for key, value in table.items():
            if isinstance(value, dict) and key not in known:
                raise UsageError(f"{place}: no command {key!r}{did_you_mean(key, known) or f'; see {_help(about)}'}")
        yield {key: value for key, value in table.items() if not isinstance(value, dict)}, place, about


def read_file(path: Path) -> dict[str, Any]:
    """A file of settings; {} if there is none. Raises UsageError: one that cannot be read, or is no TOML."""
    if not path.is_file():
        return {}
    import tomllib

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"{path}: cannot be read ({why}); mend it, or go without it: --no-config") from None


def _refuse_unknown(key: str, place: str, names: tuple[str, ...]) -> None:
    """Raises UsageError: no command that the place is about has such a flag."""
    if not names and key not in NOT_KEYS and f"--{key}" in _declared():
        return
    from roberta_cli.tree import pages  # late: it makes all flags of all commands

    about = [page for page in pages() if page.names[: len(names)] == names]
    known = {flag.long.removeprefix("--") for page in about for flag in page.flags} - {*NOT_KEYS}
    if key not in known:
        raise UsageError(f"{place}: no flag {key!r}{did_you_mean(key, known) or f'; see {_help(names)}'}")


def _declared() -> set[str]:
    """The names of nearly all flags, at once: those in the lists of flags."""
    from roberta_cli import options, report_options, train_options

    aliases = [alias for module in (options, report_options, train_options) for alias in vars(module).values()]
    declared = [about for alias in aliases for about in getattr(alias, "__metadata__", ())]
    # In Annotated[...] the first name stands where Option has its default.
    return {name for about in declared for name in (about.default, *(about.param_decls or ()))}


def _says_little(value: str) -> bool:
    """Whether a value may well stand in a sentence that is about something else."""
    return value.isdigit() or value in ("true", "false")


def _help(names: tuple[str, ...]) -> str:
    return " ".join(("roberta", *names, "--help"))


def _typed(value: Any, several: bool, origin: str) -> str | list[str]:
    """A value of a file or of the environment as it would be typed; a variable has a line for each of several."""
    if isinstance(value, list) and several:
        return [_typed(one, False, origin) for one in value]
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        raise UsageError(f"{origin}: {value!r} is not one value; write it as it stands after --{origin.split()[0]}")
    return str(value).split("\n") if several else str(value)
