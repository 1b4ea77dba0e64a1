"""roberta completions"""

from __future__ import annotations

from roberta_cli import options


def completions(shell: options.ShellName) -> None:
    """Print what lets a shell complete commands, flags, files and models of the cache.

    Nothing is installed: save it where your shell looks, as in ~/.local/share/bash-completion/completions/roberta,
    a folder of zsh's $fpath under the name _roberta, or ~/.config/fish/completions/roberta.fish.

    Examples:

    roberta completions bash

    roberta completions zsh

    roberta completions fish
    """
    from roberta_cli.shells import SHELLS
    from roberta_cli.tree import pages

    print(SHELLS[shell](list(pages())), end="")
