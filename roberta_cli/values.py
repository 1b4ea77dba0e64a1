"""What is typed after a flag, as a value: read by hand, as Typer would import pydantic for it, 0.1 s of every run."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin

from typer._click.exceptions import BadParameter  # Typer carries its own Click
from typer._click.exceptions import UsageError as ParseError

if TYPE_CHECKING:
    import typer
    from typer.core import TyperArgument, TyperOption

_PLAIN = (str, int, float, bool, Path)
_NAMES = {int: "a whole number", float: "a number", bool: "yes or no"}
_ANSWERS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


class HandRead:
    """How the values of one parameter are read; it stands where Typer keeps its own reader, with the same limits."""

    def __init__(self, kind: type, least: float | None, most: float | None):
        self.kind, self.least, self.most = kind, least, most

    def coerce(self, value: Any, *, param: TyperOption | TyperArgument, ctx: typer.Context) -> Any:
        """A value for each string, a default as it is. Raises BadParameter, which names the flag."""
        if param.multiple or param.nargs == -1:
            return [self._read(item, param, ctx) for item in value or ()]
        return None if value is None else self._read(value, param, ctx)

    def _read(self, value: Any, param: TyperOption | TyperArgument, ctx: typer.Context) -> Any:
        try:
            found = _ANSWERS[str(value).lower()] if self.kind is bool else self.kind(value)
        except (ValueError, KeyError):
            wanted = _NAMES[self.kind] if self.kind in _NAMES else f"one of {', '.join(self.kind)}"
            raise BadParameter(f"{value!r} is not {wanted}", ctx, param) from None
        if self.least is not None and not found >= self.least:
            raise BadParameter(f"{found} is below {self.least}, the least there is", ctx, param)
        if self.most is not None and not found <= self.most:
            raise BadParameter(f"{found} is above {self.most}, the most there is", ctx, param)
        return found


def _no_type(ctx: typer.Context) -> None:
    """What help shows of the type of a switch or an argument, whose name and text say enough."""


class ReadsByHand:
    """A mixin for commands: every parameter of a plain type gets its HandRead, Typer reads the rest.

    An error in the arguments knows its command, so that the advice names the right help; Typer forgets it at times.
    """

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except ParseError as error:
            error.ctx = error.ctx or ctx
            raise

    def get_params(self, ctx: typer.Context) -> list[TyperOption | TyperArgument]:
        params = super().get_params(ctx)
        for param in params:
            if getattr(param, "is_flag", False) or param.param_type_name == "argument":
                param.display_type_rich = _no_type  # else help has --quiet <bool>, as if a value followed
            described = param.type_descriptor
            is_list = get_origin(described.annotation) is list
            kind = get_args(described.annotation)[0] if is_list else described.annotation
            if kind in _PLAIN or (isinstance(kind, type) and issubclass(kind, Enum)):
                limits = described.parameter_info
                param._runtime_param = HandRead(kind, limits.min, limits.max)
        return params
