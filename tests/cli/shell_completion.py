"""What real shells offer when TAB is pressed behind a line, with our completions loaded."""

import contextlib
import os
import pty
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

# zsh gives its matches to compadd; this one writes them down on their way.
_ZSHRC = r"""
unsetopt beep; PS1=; autoload -Uz compinit; compinit -u -d $ZDOTDIR/dump
compadd() {
  local -a seen
  [[ " ${@[1,(i)--]} " == *" -"[OAD]" "* ]] || { builtin compadd -O seen "$@"; print -rl -- $seen >>$ZDOTDIR/offers }
  builtin compadd "$@"
}
note() { zle list-choices; print -r -- END >>$ZDOTDIR/offers }
zle -N note; bindkey '^I' note
print -r -- END >>$ZDOTDIR/offers
"""


def bash_offers(script: Path, line: str, folder: Path, hub: Path) -> list[str]:
    """Calls the function as bash does: the words, split where bash splits them, the last one unfinished."""
    words = re.findall(r"[^\s=@]+|[=@]+", line) + [""] * line.endswith(" ")
    quoted = " ".join(f"'{word}'" for word in words)
    at_tab = f"COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _roberta"
    ask = f'source "{script}"; {at_tab}; printf "%s\\n" "${{COMPREPLY[@]}}"'
    ran = subprocess.run(
        ["bash", "--norc", "-c", ask], cwd=folder, env=_environment(hub), capture_output=True, text=True, check=True
    )
    assert ran.stderr == ""
    return list(filter(None, ran.stdout.split("\n")))


def fish_offers(script: Path, line: str, folder: Path, hub: Path) -> list[str]:
    ask = f'source "{script}"; complete -C "{line}"'
    ran = subprocess.run(
        ["fish", "--no-config", "-c", ask],
        cwd=folder, env=_environment(hub), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stderr == ""
    return [offer.split("\t")[0].rstrip("/") for offer in ran.stdout.splitlines()]


class Zsh:
    """An interactive zsh on a terminal of its own, with the completions on its function path."""

    def __init__(self, script: Path, folder: Path, hub: Path, home: Path):
        self._offers = home / "offers"
        (home / ".zshrc").write_text(f"fpath=({script.parent} $fpath)\n{_ZSHRC}", encoding="utf-8")
        self._ours, theirs = pty.openpty()
        environment = _environment(hub) | {"ZDOTDIR": str(home), "TERM": "dumb"}
        self._process = subprocess.Popen(
            ["zsh", "-i"],
            cwd=folder,
            env=environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self._read_until_end()

    def offers(self, line: str) -> list[str]:
        self._offers.write_text("", encoding="utf-8")
        os.write(self._ours, f"\x15{line}\t".encode())  # Ctrl-U first
        return self._read_until_end()

    def _read_until_end(self) -> list[str]:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            self._drain()
            found = self._offers.read_text(encoding="utf-8").splitlines() if self._offers.exists() else []
            if "END" in found:
                return [offer.rstrip("=") for offer in found if offer not in ("", "END")]
            time.sleep(0.05)
        raise TimeoutError("zsh did not answer")

    def _drain(self) -> None:
        os.set_blocking(self._ours, False)
        with contextlib.suppress(BlockingIOError):
            os.read(self._ours, 65536)
        os.set_blocking(self._ours, True)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)


@contextlib.contextmanager
def open_zsh(*where: Path) -> Iterator[Zsh]:
    shell = Zsh(*where)
    try:
        yield shell
    finally:
        shell.close()


def _environment(hub: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | {"HF_HUB_CACHE": str(hub), "LC_ALL": "C.UTF-8"}
