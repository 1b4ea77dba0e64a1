"""What `roberta doctor --config` shows: each configured value, where it came from, and what it hides."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from typer._click.exceptions import BadParameter  # Typer carries its own Click

from roberta.errors import UsageError
from roberta.spelling import did_you_mean
from roberta_cli import app
from roberta_cli.configuration import PROJECT_FILE, Configured, Setting, key_of, user_file, variable_of

if TYPE_CHECKING:
    from typer import Context
    from typer.core import TyperOption


@dataclass
class Report:
    """files: path -> whether it is there. problems: sentences. unknown: ROBERTA_* that are no flag's."""

    files: dict[str, bool]
    rows: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def add_row(self, command: str, param: TyperOption, given: Sequence[Setting]) -> None:
        """What a flag of a command is; one row for all commands where it is the same from the same place."""
        row = {
            "flag": f"--{key_of(param)}",
            "value": given[0].value if given else getattr(param.default, "value", param.default),
            "origin": given[0].origin if given else None,
            "hides": [setting.origin for setting in given[1:]],
        }
        for other in self.rows:
            if row.items() <= other.items():
                other["commands"].append(command)
                return
        self.rows.append(row | {"commands": [command]})

    def add_problem(self, sentence: str | None) -> None:
        if sentence and sentence not in self.problems:
            self.problems.append(sentence)

    def to_dict(self) -> dict[str, Any]:
        return {
            "ok": not self.problems,
            "files": self.files,
            "settings": self.rows,
            "problems": self.problems,
            "unknown_variables": self.unknown,
        }


def report(names: Sequence[str] = ()) -> Report:
    """All that is configured; with the names of a command each flag of it, those with their defaults too.

    A row: {"flag": "--top", "value": "3", "origin": "top in roberta.toml", "hides": [], "commands": ["fill-mask"]}. The
    origin of a default is null; hides: where else the flag was found, without effect.
    """
    found = Report({str(path): path.is_file() for path in (PROJECT_FILE, user_file())})
    variables: set[str] = set()
    for leaf in app.LEAVES:
        if leaf[0] in app.HELPING:
            continue
        command = app.build(*leaf)
        context = command.make_context("roberta", [], resilient_parsing=True)
        params = [param for param in command.params if key_of(param)]
        variables |= {variable_of(key_of(param)) for param in params}
        if leaf[: len(names)] != tuple(names):
            continue
        try:
            settings = Configured(context, leaf, params).settings
        except UsageError as error:
            found.add_problem(str(error))
            continue
        for param in params:
            given = settings.get(param.name, [])
            if given:
                found.add_problem(_problem(context, param, given[0]))
            if given or names:
                found.add_row(" ".join(leaf), param, given)
    for name in sorted(os.environ):
        if name.startswith("ROBERTA_") and name not in variables:
            found.unknown.append(name + did_you_mean(name, variables))
    return found


def _problem(context: Context, param: TyperOption, setting: Setting) -> str | None:
    try:
        param.get_runtime_param().coerce(setting.value, param=param, ctx=context)
    except BadParameter as error:
        return f"{setting.origin}: {error.message}"
    return None
