"""roberta man"""

from __future__ import annotations

from roberta_cli import options


def man(names: options.CommandNames = None) -> None:
    """Print the manual of roberta, or of one command, as a man page.

    Read it with `man -l`; an installed package has the pages where `man` finds them: man roberta-fill-mask.

    Examples:

    roberta man

    roberta man fill-mask

    roberta man train mlm
    """
    from roberta_cli.app import known_command
    from roberta_cli.manual import man_page
    from roberta_cli.tree import page

    print(man_page(page(*known_command(names or ()))), end="")
