"""One training command run: its processes and device, what is said meanwhile, how it is stopped, its result line."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from roberta.errors import ReadError, UsageError
from roberta_cli.endings import ExitCode, Terminated
from roberta_cli.train_options import Looping, Running, Tuning, Writings

if TYPE_CHECKING:
    from roberta.training.loop import Progress
    from roberta.training.objective import Objective
    from roberta.training.open_fine_tuning import Request
    from roberta.training.provenance import Provenance
    from roberta.training.settings import Settings

_RENEWED = 0.2  # seconds between two progress lines on a terminal
_REPEATED = 30.0  # elsewhere
_HOW_TO_READ = ("input_format", "encoding", "no_header")  # what was read tells more
_FEW_STEPS = 50  # after fewer a new head may well answer by chance
_ONE_SIGNAL = 1.0  # seconds in which a second signal says the same as the first


class StatusLine:
    """What is said on stderr while something learns: a line that renews itself on a terminal, elsewhere, if it was
    asked for, one each half minute."""

    def __init__(self, progress: bool, quiet: bool):
        self.terminal = sys.stderr.isatty()
        self.shown = progress or (self.terminal and not quiet)
        self._said = 0.0

    def say(self, text: str) -> None:
        """Say it, if it is time to."""
        now = time.monotonic()
        if not self.shown or now - self._said < (_RENEWED if self.terminal else _REPEATED):
            return
        self._said = now
        if self.terminal:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
        else:
            print(text, file=sys.stderr, flush=True)

    def end(self) -> None:
        """Take the line away: what comes next begins a line of its own."""
        if self.terminal and self.shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


class Session:
    """What all kinds of training do around the loop."""

    def __init__(self, running: Running):
        self.running = running
        self.status = StatusLine(running.progress, running.quiet)
        self._signal: int | None = None
        self._require = dict(_parse_requirement(text) for text in running.require or ())

    def tune(self, kind: str, texts: list[str], tuning: Tuning, looping: Looping, **details) -> None:
        """Fine-tune a head. details: of the kind; `label_names` and `class_weights` go into the request."""
        from roberta.training.data_check import notes_on
        from roberta.training.open_fine_tuning import DEFAULTS, LORA_DEFAULTS, open_fine_tuning

        shared = {name: details.pop(name) for name in ("label_names", "class_weights") if name in details}
        request = tuning.request(texts, looping, **shared)
        settings = looping.settings(LORA_DEFAULTS if tuning.lora else DEFAULTS)
        if self.running.check:
            self._check(kind, request, details)
            return
        provenance = self.provenance(texts, tuning, **shared, **details)
        self.train(lambda: open_fine_tuning(kind, request, **details), settings, provenance, notes_on)

    def provenance(self, texts: list[str], chosen: Tuning | Writings, **asked) -> Provenance:
        """What the model will come from. asked: the values of the command's own flags."""
        from roberta.training.provenance import Provenance

        values = {name: value for name, value in asdict(chosen).items() if name not in _HOW_TO_READ} | asked
        running, dev, model = self.running, values.pop("dev"), values.pop("model")
        return Provenance(texts, dev, model, values, running.license, _text_of(running.data_note))

    def train(
        self,
        open_objective: Callable[[], Objective | tuple[Objective, frozenset[str]]],
        settings: Settings,
        provenance: Provenance,
        notes_on: Callable[[Objective], list[str]] = lambda objective: [],
    ) -> None:
        """Open the data, train, print the result line. Raises what a signal means once a checkpoint is written.

        open_objective: gives the objective, and where there is a new head the names of its parameters. notes_on:
        what should be looked at before the first step.
        """
        import torch

        from roberta.engine.choose_backend import choose_device
        from roberta.training.processes import Processes, own_device
        from roberta.training.run import plan, prepare_output, train

        running = self.running
        if running.threads:
            torch.set_num_threads(running.threads)
        device = own_device(torch.device(choose_device(running.device)))
        processes = Processes.join(device)
        try:

            def opening() -> Objective | tuple[Objective, frozenset[str]]:
                if processes.writes and not (running.check or running.dry_run):
                    prepare_output(running.output, resume=running.resume, force=running.force)
                return open_objective()

            opened = processes.first_then_others(opening)
            objective, head = opened if isinstance(opened, tuple) else (opened, frozenset())
            if processes.writes and not (running.quiet or running.resume):
                for note in notes_on(objective):
                    print(f"note: {note}", file=sys.stderr)
            if running.check or running.dry_run:
                if processes.writes:
                    print(json.dumps(plan(objective, settings)))
                return
            with self._stopping_softly():
                result = train(
                    objective,
                    settings,
                    running.output,
                    device=device,
                    processes=processes,
                    head=head,
                    resume=running.resume,
                    require=self._require,
                    provenance=provenance,
                    watch=self.say if processes.writes else lambda progress: None,
                    stop=lambda: self._signal is not None,
                )
        finally:
            self.status.end()
            processes.leave()
        if result.get("stopped"):
            if processes.writes:
                done = result["steps"]
                print(f"stopped after step {done}; go on with the same command and --resume", file=sys.stderr)
            raise KeyboardInterrupt if self._signal == signal.SIGINT else Terminated
        if processes.writes:
            if settings.steps is None and result["steps"] < _FEW_STEPS and not running.quiet:
                print(
                    f"note: it learned for {result['steps']} steps only; for more steps on the same data lower"
                    " --batch-tokens or raise --epochs",
                    file=sys.stderr,
                )
            print(json.dumps(result))

    def _check(self, kind: str, request: Request, details: dict) -> None:
        """Print what was found. Raises typer.Exit: the data cannot be trained on."""
        from roberta.training.data_check import check_data

        found = check_data(kind, request, **details)
        print(json.dumps({"task": kind} | found.to_dict(), ensure_ascii=False))
        if found.problems:
            raise typer.Exit(ExitCode.RECORD_FAILED)

    def say(self, progress: Progress) -> None:
        """step 1,200 of 9,000, loss 3.214, lr 4.1e-04, 3,450 tokens/s, 1:02:03 left"""
        left = round(progress.seconds / progress.step * (progress.steps - progress.step))
        speed = progress.tokens / max(progress.seconds, 1e-9)
        self.status.say(
            f"step {progress.step:,} of {progress.steps:,}, loss {progress.loss:.3f}, lr {progress.lr:.1e},"
            f" {speed:,.0f} tokens/s, {left // 3600}:{left // 60 % 60:02}:{left % 60:02} left"
        )

    def say_tokens(self, tokens: int) -> None:
        self.status.say(f"{tokens:,} tokens of text prepared")

    @contextmanager
    def _stopping_softly(self) -> Iterator[None]:
        """The first Ctrl-C or SIGTERM ends the run after its step, with a checkpoint; a second one at once.

        Those within a second are one: torchrun passes on a Ctrl-C that the terminal has sent to everybody already.
        """
        noted = 0.0

        def note(number, frame):
            nonlocal noted
            if self._signal is None:
                self._signal, noted = number, time.monotonic()
            elif time.monotonic() - noted > _ONE_SIGNAL:
                raise Terminated if number == signal.SIGTERM else KeyboardInterrupt

        former = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)


def _text_of(given: str | None) -> str | None:
    """The text itself, or that of the file after an @."""
    if given is None or not given.startswith("@"):
        return given
    try:
        return Path(given[1:]).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ReadError(f"{given[1:]}: cannot be read ({getattr(error, 'strerror', None) or 'not UTF-8'})") from None


def _parse_requirement(text: str) -> tuple[str, float]:
    name, _, least = text.partition("=")
    try:
        return name, float(least)
    except ValueError:
        raise UsageError(f"--require {text!r}; write a metric and the least it may be, such as accuracy=0.9") from None
