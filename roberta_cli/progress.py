"""How far a job is, on stderr: a line that renews itself on a terminal, a line each half minute elsewhere."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roberta.engine.job import Tally
    from roberta_cli.groups import Writing

_RENEWED = 0.2  # seconds, on a terminal
_REPEATED = 30.0  # seconds, elsewhere


@dataclass
class Progress:
    """Says from time to time what the tally shows. size: records in all, where that is known. before: records and
    tokens that the tally has from former runs, which took no time of this one."""

    tally: Tally
    size: int | None
    shown: bool
    terminal: bool
    before: tuple[int, int] = (0, 0)
    started: float = field(default_factory=lambda: time.monotonic())
    _said: float = field(default_factory=lambda: time.monotonic())
    _open_line: bool = False

    @classmethod
    def of(cls, writing: Writing, size: int | None, tally: Tally) -> Progress:
        """On a terminal, unless results go to the same one; elsewhere only if asked."""
        terminal = sys.stderr.isatty()
        results_elsewhere = writing.output is not None or not sys.stdout.isatty()
        shown = writing.progress or (terminal and results_elsewhere and not writing.quiet)
        return cls(tally, size, shown, terminal, before=(tally.records, tally.tokens))

    def tick(self) -> None:
        """Say it if it is time to."""
        now = time.monotonic()
        if not self.shown or now - self._said < (_RENEWED if self.terminal else _REPEATED):
            return
        self._said = now
        if self.terminal:
            print(f"\r\x1b[K{self.line()}", end="", file=sys.stderr, flush=True)
            self._open_line = True
        else:
            print(self.line(), file=sys.stderr)

    def end(self) -> None:
        """Take the line away: what comes next begins a line of its own."""
        if self._open_line:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._open_line = False

    def aside(self, sentence: str) -> None:
        """Say something else meanwhile, on a line of its own."""
        self.end()
        print(sentence, file=sys.stderr)

    def speed(self) -> dict[str, float]:
        """seconds, records and tokens each second, for the summary."""
        seconds = max(time.monotonic() - self.started, 1e-9)
        records, tokens = (now - had for now, had in zip((self.tally.records, self.tally.tokens), self.before))
        return {
            "seconds": round(seconds, 3),
            "records_per_second": round(records / seconds, 1),
            "tokens_per_second": round(tokens / seconds, 1),
        }

    def line(self) -> str:
        """12,345 records, 410/s, 14,800 tokens/s, 2 failed, 0:01:30 left"""
        speed = self.speed()
        parts = [f"{self.tally.records:,} records", f"{speed['records_per_second']:,.0f}/s"]
        if self.tally.tokens:
            parts.append(f"{speed['tokens_per_second']:,.0f} tokens/s")
        if self.tally.failed:
            parts.append(f"{self.tally.failed:,} failed")
        if self.tally.truncated:
            parts.append(f"{self.tally.truncated:,} tokens cut")
        records = self.tally.records - self.before[0]
        if self.size and records:
            left = round(speed["seconds"] / records * max(0, self.size - self.tally.records))
            parts.append(f"{left // 3600}:{left // 60 % 60:02}:{left % 60:02} left")
        return ", ".join(parts)
