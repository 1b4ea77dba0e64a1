import io

import pytest

from roberta.engine.job import Tally
from roberta_cli import progress
from roberta_cli.groups import Writing
from roberta_cli.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    """The time, which passes when it is told to."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


class Screen(io.StringIO):
    def __init__(self, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


def shown(monkeypatch, clock, *, terminal=False, size=None, results_on_terminal=False, **flags):
    monkeypatch.setattr(progress.sys, "stderr", Screen(terminal))
    monkeypatch.setattr(progress.sys, "stdout", Screen(results_on_terminal))
    tally = Tally()
    told = Progress.of(Writing(**flags), size, tally)
    for _ in range(60):
        clock[0] += 1
        tally.records += 10
        tally.tokens += 250
        told.tick()
    told.end()
    return progress.sys.stderr.getvalue()


def test_a_terminal_sees_a_line_that_renews_itself_and_goes_away(monkeypatch, clock):
    written = shown(monkeypatch, clock, terminal=True, size=1200)
    assert written.count("\n") == 0
    assert "\r\x1b[K600 records, 10/s, 250 tokens/s, 0:01:00 left" in written
    assert written.endswith("\r\x1b[K")


def test_elsewhere_a_line_comes_each_half_minute_and_only_if_asked(monkeypatch, clock):
    assert shown(monkeypatch, clock) == ""
    lines = shown(monkeypatch, clock, progress=True).splitlines()
    assert lines == ["300 records, 10/s, 250 tokens/s", "600 records, 10/s, 250 tokens/s"]


def test_it_keeps_silent_where_it_would_mix_with_results_or_is_not_wanted(monkeypatch, clock):
    assert shown(monkeypatch, clock, terminal=True, results_on_terminal=True) == ""
    assert shown(monkeypatch, clock, terminal=True, quiet=True) == ""


def test_what_is_said_meanwhile_stands_on_a_line_of_its_own(monkeypatch, clock):
    monkeypatch.setattr(progress.sys, "stderr", Screen(terminal=True))
    told = Progress.of(Writing(output="out.jsonl"), None, Tally(records=5))
    clock[0] += 1
    told.tick()
    told.aside("skipped: a.txt:3: text is empty")
    told.aside("skipped: a.txt:4: text is empty")
    told.end()
    _, line, sentences = progress.sys.stderr.getvalue().split("\r\x1b[K")
    assert line.startswith("5 records")
    assert sentences == "skipped: a.txt:3: text is empty\nskipped: a.txt:4: text is empty\n"


def test_failures_and_cut_tokens_are_told(clock):
    told = Progress(Tally(records=12_345, failed=2, tokens=0, truncated=40), None, True, True, started=99.0)
    assert told.line() == "12,345 records, 12,345/s, 2 failed, 40 tokens cut"
