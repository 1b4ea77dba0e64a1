"""Completions for fish."""

from __future__ import annotations

from collections.abc import Iterator

from roberta_cli.shells.head import HEAD
from roberta_cli.tree import Flag, Page, Wanted

_SCRIPT = r"""
# The command so far: train/mlm for roberta train mlm; nothing before there is one.
function __roberta_command
    set -l found
    for word in (commandline -opc)[2..-1]
        switch $word
            case '--'
                echo --
                return
            case '-*'
            case '*'
                set -a found $word
                contains -- $word @GROUPS@; or break
                test (count $found) -eq 2; and break
        end
    end
    string join / $found
end

function __roberta_at
    set -l command (__roberta_command)
    contains -- "$command" $argv
end

function __roberta_models
    set -l folder $HF_HUB_CACHE
    set -l cache $XDG_CACHE_HOME
    test -n "$cache"; or set cache ~/.cache
    test -n "$folder"; or test -z "$HF_HOME"; or set folder $HF_HOME/hub
    test -n "$folder"; or set folder $cache/huggingface/hub
    for path in $folder/models--*/
        string replace -- -- / (string replace -r -- '.*/models--([^/]*)/$' '$1' $path)
    end
end

# @FILE: the files behind the sign, with it.
function __roberta_file_after_at
    set -l token (string replace -r -- '^--[^=]*=' '' (commandline -ct))
    string match -q -- '@*' $token; or return
    for path in (string sub -s 2 -- $token)*
        echo @$path
    end
end

complete -c roberta -f
"""


def fish(pages: list[Page]) -> str:
    """A file for fish's completions folder, under the name roberta.fish."""
    places: dict[str, list[str]] = {}  # what is offered -> after which commands
    for page in pages:
        for offer in _offers(page):
            places.setdefault(offer, []).append("/".join(page.names) or "''")
    groups = " ".join(page.names[0] for page in pages if page.inner and page.names)
    lines = [f'complete -c roberta -n "__roberta_at {" ".join(where)}" {offer}' for offer, where in places.items()]
    return HEAD.format(shell="fish") + _SCRIPT.replace("@GROUPS@", groups) + "\n".join(lines) + "\n"


def _offers(page: Page) -> Iterator[str]:
    """The arguments of `complete` for all that may stand behind a command."""
    for names, says in page.inner.items():
        yield f"-a {names[-1]} -d {_text(says.rstrip('.'))}"
    for flag in page.flags:
        yield from _flag(flag)
    for argument in page.arguments:
        offered = _offered(argument.wanted)
        if offered or argument.wanted.files:
            yield " ".join((["-F"] if argument.wanted.files else []) + ([f"-a {_text(offered)}"] if offered else []))


def _flag(flag: Flag) -> Iterator[str]:
    longs = [name[2:] for name in (*flag.names, *flag.off) if name.startswith("--")]
    shorts = "".join(f" -s {name[1:]}" for name in flag.names if not name.startswith("--"))
    value = f" {_value(flag.value.wanted)}" if flag.value else ""
    for number, long in enumerate(longs):
        yield f"-l {long}{shorts if number == 0 else ''}{value} -d {_text(flag.help)}"


def _value(wanted: Wanted) -> str:
    if wanted.files:
        return "-r -F"
    offered = _offered(wanted)
    return f"-x -a {_text(offered)}" if offered else "-x"


def _offered(wanted: Wanted) -> str:
    found = ["(__roberta_models)"] if wanted.models else []
    found += ["(__fish_complete_directories)"] if wanted.folders else []
    found += ["(__roberta_file_after_at)"] if wanted.file_after_at else []
    return " ".join([*found, *wanted.words])


def _text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
