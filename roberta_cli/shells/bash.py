"""Completions for bash."""

from __future__ import annotations

from collections.abc import Iterable

from roberta_cli.shells.head import HEAD
from roberta_cli.tree import Flag, Page, Wanted

_SCRIPT = r"""
__roberta_files() { compopt -o filenames 2>/dev/null; COMPREPLY+=($(compgen "$1" -- "$cur")); }

__roberta_words() {
    local IFS=$' \n'
    COMPREPLY+=($(compgen -W "$1" -- "$cur"))
}

# Models that were fetched from the hub: .../models--ORG--NAME is ORG/NAME.
__roberta_models() {
    local folder name
    for folder in "${HF_HUB_CACHE:-${HF_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/huggingface}/hub}"/models--*; do
        name=${folder##*/models--}
        name=${name/--//}
        [[ -d $folder && $name == "$cur"* ]] && COMPREPLY+=("$name")
    done
}

_roberta() {
    local IFS=$'\n' cur=${COMP_WORDS[COMP_CWORD]} before=$((COMP_CWORD - 1)) at= command= word
    COMPREPLY=()
    # bash takes the signs of --flag=value and @FILE for words of their own.
    if [[ $cur == = || $cur == @ || $cur == =@ ]]; then
        at=${cur: -1} cur=
    else
        word=${COMP_WORDS[before]}
        [[ $word == = || $word == @ || $word == =@ ]] && at=${word: -1} before=$((before - 1))
    fi
    [[ ${COMP_WORDS[before]} == = ]] && before=$((before - 1))
    for word in "${COMP_WORDS[@]:1:COMP_CWORD - 1}"; do
        [[ $word == -- ]] && return
        [[ $word == -* ]] && continue
        case $command in
            @GROUPS@) command="$command${command:+ }$word" ;;
        esac
    done
    case $command in
@CASES@
    esac
}

complete -F _roberta roberta
"""


def bash(pages: list[Page]) -> str:
    """A file for bash 3.2 and later, to be sourced or put beside other completions."""
    groups = "|".join(f"'{' '.join(page.names)}'" for page in pages if page.inner)
    cases = "\n".join(_case(page) for page in pages)
    return HEAD.format(shell="bash") + _SCRIPT.replace("@GROUPS@", groups).replace("@CASES@", cases)


def _case(page: Page) -> str:
    """What may stand behind one command: the value of a flag, a flag, a command or an argument."""
    lines = [f"'{' '.join(page.names)}')", "    case ${COMP_WORDS[before]} in"]
    for action, names in _by_action(page.flags).items():
        lines.append(f"        {'|'.join(names)}) {action}return ;;")
    flags = [name for flag in page.flags for name in (*flag.names, *flag.off)]
    words = [names[-1] for names in page.inner]
    otherwise = _words(words) + "".join(_action(argument.wanted) for argument in page.arguments)
    lines += ["    esac", f"    if [[ $cur == -* ]]; then {_words(flags)}"]
    lines += [f"    else {otherwise}"] if otherwise else []
    return "\n".join(f"        {line}".rstrip() for line in [*lines, "    fi ;;"])


def _by_action(flags: list[Flag]) -> dict[str, list[str]]:
    """What is offered behind a flag -> the names of the flags that it is offered behind."""
    found: dict[str, list[str]] = {}
    for flag in flags:
        if flag.value:
            found.setdefault(_action(flag.value.wanted), []).extend(flag.names)
    return found


def _action(wanted: Wanted) -> str:
    actions = [_words(wanted.words)] if wanted.words else []
    actions += ["__roberta_models; "] if wanted.models else []
    actions += ["__roberta_files -f; "] if wanted.files else ["__roberta_files -d; "] if wanted.folders else []
    actions += ["[[ $at == @ ]] && __roberta_files -f; "] if wanted.file_after_at else []
    return "".join(actions)


def _words(words: Iterable[str]) -> str:
    offered = " ".join(words)
    return f"__roberta_words '{offered}'; " if offered else ""
