"""Completions for shells, from the command tree: static, so that no Python starts when TAB is pressed."""

from __future__ import annotations

from collections.abc import Callable

from roberta_cli.shells.bash import bash
from roberta_cli.shells.fish import fish
from roberta_cli.shells.zsh import zsh
from roberta_cli.tree import Page

SHELLS: dict[str, Callable[[list[Page]], str]] = {"bash": bash, "zsh": zsh, "fish": fish}
