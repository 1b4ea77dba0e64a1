"""Completions for zsh."""

from __future__ import annotations

from collections.abc import Iterable

from roberta_cli.shells.head import HEAD
from roberta_cli.tree import Flag, Page, Value

_SCRIPT = r"""
__roberta_models() {
  local -a folders
  folders=(${HF_HUB_CACHE:-${HF_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/huggingface}/hub}/models--*(N/:t))
  folders=(${folders#models--})
  compadd -- ${folders/--//}
}

__roberta_file_after_at() { compset -P '*@' && _files }
"""


def zsh(pages: list[Page]) -> str:
    """A file for zsh's function path, under the name _roberta; or to be sourced after compinit."""
    functions = "\n\n".join(_function(page) for page in pages)
    # Found on the function path, the file is the body of the first call; sourced, it has to say what it completes.
    start = '\nif [[ $funcstack[1] == _roberta ]]; then\n  _roberta "$@"\nelse\n  compdef _roberta roberta\nfi\n'
    return f"#compdef roberta\n{HEAD.format(shell='zsh')}\n{_SCRIPT}\n{functions}\n{start}"


def _name(names: Iterable[str]) -> str:
    return "_".join(("_roberta", *names)).replace("-", "_")


def _function(page: Page) -> str:
    specs = [_flag(flag) for flag in page.flags]
    if page.inner:
        choices = " ".join(f"{names[-1]}" for names in page.inner)
        specs += [f"'1:command:({choices})'", "'*::argument:->inner'"]
    for argument in page.arguments:
        many = "*" if argument.repeatable else ""
        specs.append(f"'{many}:{_text(argument.metavar)}:{_action(argument) or ' '}'")
    body = " \\\n    ".join(["_arguments -s -S" + (" -C" if page.inner else ""), *specs])
    lines = [f"{_name(page.names)}() {{"]
    if page.inner:
        cases = "\n".join(f"    {names[-1]}) {_name(names)} ;;" for names in page.inner)
        lines += ["  local context state state_descr line", "  typeset -A opt_args", f"  {body} && return"]
        lines += ["  [[ $state == inner ]] && case $words[1] in", cases, "  esac"]
    else:
        lines.append(f"  {body}")
    return "\n".join([*lines, "}"])


def _flag(flag: Flag) -> str:
    names = [*flag.names, *flag.off]
    value = f":{_text(flag.value.metavar)}:{_action(flag.value) or ' '}" if flag.value else ""
    before = "*" if flag.value and flag.value.repeatable else f"({' '.join(names)})" if len(names) > 1 else ""
    # --flag VALUE and --flag=VALUE
    spelt = [f"{name}=" if value and name.startswith("--") else name for name in names]
    about = f"[{_text(flag.help)}]{value}"
    if len(spelt) == 1:
        return f"'{before}{spelt[0]}{about}'"
    return f"'{before}'{{{','.join(spelt)}}}'{about}'"


def _text(text: str) -> str:
    """Text inside '...' and inside [...] or between colons."""
    for sign in "\\:[]":
        text = text.replace(sign, f"\\{sign}")
    return text.replace("'", "'\\''")


def _action(value: Value) -> str:
    wanted = value.wanted
    if wanted.models:
        return "{ __roberta_models; _files" + ("" if wanted.files else " -/") + " }"
    if wanted.files:
        return "_files"
    if wanted.folders:
        return "_files -/"
    if wanted.file_after_at:
        return "__roberta_file_after_at"
    return f"({' '.join(wanted.words)})" if wanted.words else ""
