"""Man pages, from the command tree."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from roberta.version import RELEASED, __version__
from roberta_cli.endings import ExitCode
from roberta_cli.tree import OWN_FLAGS, Flag, Page

ENVIRONMENT = {
    "ROBERTA_FLAG": "The value of a flag that is not given, for every command that has it: ROBERTA_MODEL, "
    "ROBERTA_BATCH_TOKENS; yes or no for a switch, a line for each value of a flag that may be repeated.",
    "HF_HUB_OFFLINE": "1: fetch nothing, as with --offline.",
    "HF_HUB_CACHE, HF_HOME": "Where models of the hub are kept; see FILES.",
    "XDG_CONFIG_HOME": "Where the folder roberta with your configuration lies; see FILES.",
    "HTTPS_PROXY": "The way to the hub.",
    "OMP_NUM_THREADS": "CPU threads, where --threads says nothing.",
}
FILES = {
    "./roberta.toml": "Values of flags that neither the command line nor the environment gives, such as top = 3. "
    "A key is a flag without dashes; it stands in the table of its command, [fill-mask] or [train.mlm], or above all "
    "tables for every command that has it. roberta doctor --config shows what counts; --no-config leaves it alone.",
    "~/.config/roberta/config.toml": "The same for all folders, for what ./roberta.toml does not say.",
    "~/.cache/huggingface/hub": "Models that were fetched from the hub.",
}
_ROFF = {
    "\\": r"\e",
    "-": r"\-",
    "'": r"\(aq",
    "`": r"\(ga",
    "^": r"\(ha",
    "~": r"\(ti",
    '"': r"\(dq",
}


def man_page(page: Page) -> str:
    """The page of one command in the language of man(7), for `man -l`."""
    name = _hyphened(page.names)
    lines = [
        f'.TH {name.upper()} 1 {RELEASED} "roberta {__version__}" "User Commands"',
        ".nh",  # a flag or a file name that is broken at a line's end cannot be copied
        ".SH NAME",
        *_filled(f"{_plain(name)} \\- {_plain(page.summary.rstrip('.'))}"),
        ".SH SYNOPSIS",
        _synopsis(page),
        ".SH DESCRIPTION",
        *_filled(_plain(page.summary)),
        *_paragraphs(page.paragraphs),
    ]
    if page.inner:
        lines += [".SH COMMANDS", *_commands(page)]
    if page.arguments:
        lines += [".SH ARGUMENTS"]
        lines += _entries((_italic(argument.metavar), _plain(argument.help)) for argument in page.arguments)
    lines += [".SH OPTIONS"]
    for heading in dict.fromkeys((OWN_FLAGS, *(flag.heading for flag in page.flags))):
        lines += [f'.SS "{_plain(heading)}"'] if heading != OWN_FLAGS else []
        lines += _entries((_names(flag), _help(flag)) for flag in page.flags if flag.heading == heading)
    lines += [".SH EXIT STATUS", *_entries((str(code.value), _plain(code.meaning)) for code in ExitCode)]
    lines += [".SH ENVIRONMENT", *_entries((_bold(name), _plain(says)) for name, says in ENVIRONMENT.items())]
    lines += [".SH FILES", *_entries((_italic(name), _plain(says)) for name, says in FILES.items())]
    if page.examples:
        lines += [".SH EXAMPLES", *_examples(page.examples)]
    lines += [".SH SEE ALSO", _see_also(page)]
    return "\n".join(lines) + "\n"


def file_name(page: Page) -> str:
    """roberta-train-mlm.1, as `man roberta-train-mlm` looks for it."""
    return f"{_hyphened(page.names)}.1"


def _hyphened(names: Iterable[str]) -> str:
    return "-".join(("roberta", *names))


def _synopsis(page: Page) -> str:
    parts = [_bold(page.command), "[" + _italic("OPTIONS") + "]"]
    for argument in page.arguments:
        name = _italic(argument.metavar.removesuffix("...")) + ("..." if argument.repeatable else "")
        parts.append(name if argument.required else f"[{name}]")
    if page.inner:
        parts += [_italic("COMMAND"), "[" + _italic("ARGS") + "]..."]
    return " ".join(parts)


def _paragraphs(texts: list[str]) -> Iterator[str]:
    for text in texts:
        yield from (".PP", *_filled(_plain(text)))


def _commands(page: Page) -> Iterator[str]:
    return _entries((_bold(_hyphened(names)) + "(1)", _plain(says)) for names, says in page.inner.items())


def _entries(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    for term, text in rows:
        yield from (".TP", term, *_filled(text))


def _names(flag: Flag) -> str:
    value = " " + _italic(flag.value.metavar) if flag.value else ""
    return ", ".join(_bold(name) + value for name in (*flag.names, *flag.off))


def _help(flag: Flag) -> str:
    return _plain(flag.help + (f" Default: {flag.default}." if flag.default else ""))


def _examples(lines: list[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield from ([".PP"] if number else [])
        yield from (".EX", _plain(line), ".EE")


def _see_also(page: Page) -> str:
    around = {page.names[:end] for end in range(len(page.names))} | {*page.inner}
    return ",\n".join(f"{_bold(_hyphened(names))}(1)" for names in sorted(around))


def _plain(text: str) -> str:
    """Text as it stands: no letter of it means anything to roff, whatever the terminal's alphabet."""
    spelt = "".join(_ROFF.get(letter, letter if letter < "\x7f" else f"\\[u{ord(letter):04X}]") for letter in text)
    return f"\\&{spelt}" if spelt.startswith(".") else spelt


def _filled(text: str) -> list[str]:
    """Source lines of a moderate width, none of which looks like a request."""
    lines = textwrap.wrap(text, 78, break_long_words=False, break_on_hyphens=False)
    return [f"\\&{line}" if line.startswith(".") else line for line in lines]


def _bold(text: str) -> str:
    return rf"\fB{_plain(text)}\fR"


def _italic(text: str) -> str:
    return rf"\fI{_plain(text)}\fR"
