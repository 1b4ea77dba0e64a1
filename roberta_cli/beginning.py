"""What a job is begun with, so that one that goes on later is known to be the same job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer._click.globals import get_current_context  # Typer carries its own Click

from roberta.errors import UsageError
from roberta.files import sha256_of
from roberta.version import __version__
from roberta.weights.fingerprint import fingerprint

if TYPE_CHECKING:
    from roberta.engine.runner import Runner

_ON_ERROR = "--on-error"
_WITHOUT_EFFECT = {  # on results; what --model and --adapter name is compared by content
    *("--output", "--output-format", "--color", "--resume", "--force", "--max-errors", "--progress", "--summary"),
    *("--quiet", "--debug", "--model", "--adapter", "--revision", "--offline", "--engine", "--workers"),
    *("--ray-address",),
}


@dataclass(frozen=True)
class Beginning:
    """What results depend on. values: flags by their names; contents: files, by the sha256 of what was in them."""

    values: dict[str, str]
    contents: dict[str, str]

    @classmethod
    def of(cls, runner: Runner, inputs: Mapping[str, str]) -> Beginning:
        """Of the command that runs now. inputs: the files of its input, by the sha256 of what is in them."""
        flags = _flags()
        values = {"version": __version__} | {name: _shown(value) for name, value in flags.items()}
        _ = runner.tokenizer  # which fixes the commit of a repository of the hub
        return cls(values, dict(inputs) | _named_files(flags) | {"the model": fingerprint(runner.origin)})

    def check(self, wanted: Beginning, made: Path, *, failed: bool) -> None:
        """Raises UsageError: this job was begun with something else than the one that is wanted.

        made: what there is of it. failed: whether a record of it has failed; if none has, no rule for that was needed.
        """
        for name, then, now in _differences(self.values, wanted.values):
            if name == _ON_ERROR and not failed:
                continue
            raise refusal(f"{made}: was begun with {name} {then or '(not given)'}, now {now or '(not given)'}")
        for name, _, _ in _differences(self.contents, wanted.contents):
            raise refusal(f"{name} is not what it was when {made} was begun")


def refusal(difference: str) -> UsageError:
    """That a job cannot be gone on with, and what to do."""
    return UsageError(f"{difference}; run the same command again, or begin anew with --force")


def _flags() -> dict[str, Any]:
    """The flags that results depend on, by their names."""
    context = get_current_context()
    named = {max(param.opts, key=len): context.params.get(param.name) for param in context.command.params}
    return {name: value for name, value in named.items() if name not in _WITHOUT_EFFECT and value not in (None, [])}


def _named_files(flags: Mapping[str, Any]) -> dict[str, str]:
    """The files that flags name, by what is in them."""
    contents = {}
    for value in flags.values():
        path = Path(value.removeprefix("@")) if isinstance(value, str) else value
        if isinstance(path, Path) and _is_file(path):
            contents[str(path)] = sha256_of(path)
    return contents


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a text that is too long for a name
        return False


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _differences(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[tuple[str, str | None, str | None]]:
    for name in [*now, *(name for name in then if name not in now)]:
        if then.get(name) != now.get(name):
            yield name, then.get(name), now.get(name)
