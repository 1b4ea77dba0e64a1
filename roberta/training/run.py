"""One training run, from an output folder to a result line: what `roberta train` does once its data are open."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from roberta.errors import CheckFailed, UsageError
from roberta.training import checkpoint
from roberta.training.loop import Progress, Trainer
from roberta.training.objective import Objective
from roberta.training.processes import Processes
from roberta.training.run_log import FILE as LOG
from roberta.training.settings import Settings


def prepare_output(output: Path, *, resume: bool, force: bool) -> None:
    """Make the folder ready. Raises UsageError: it holds something that would be written over."""
    if resume:
        return
    held = (
        sorted(path.name for path in output.iterdir() if path.name not in ("tokens", "tokens-dev"))
        if output.exists()
        else []
    )
    if held and not force:
        goes_on = " go on with --resume," if checkpoint.latest(output) or LOG in held else ""
        raise UsageError(f"{output}: holds {held[0]} already;{goes_on} replace it with --force, or name another folder")
    shutil.rmtree(output / checkpoint.FOLDER, ignore_errors=True)
    (output / LOG).unlink(missing_ok=True)


def train(
    objective: Objective,
    settings: Settings,
    output: Path,
    *,
    device: torch.device | None = None,
    processes: Processes | None = None,
    head: frozenset[str] = frozenset(),
    resume: bool = False,
    require: dict[str, float] | None = None,
    watch: Callable[[Progress], None] = lambda progress: None,
    stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Train, put the best checkpoint (without development data the last) into `output`, and give the result line.

    Raises CheckFailed: a score of `require` was missed; the model is there all the same.
    """
    trainer = Trainer(
        objective,
        settings,
        output,
        device=device or torch.device("cpu"),
        head=head,
        watch=watch,
        stop=stop,
        processes=processes or Processes(),
    )
    state = trainer.run(resume=resume)
    result: dict[str, Any] = {"task": objective.name, "steps": state.step}
    if not trainer.is_done:
        return result | {"stopped": True, "output": str(output)}
    best = state.step if state.best_step is None else state.best_step
    chosen = checkpoint.path_of(output, best)
    if trainer.processes.writes:
        objective.load(chosen)
        objective.save(output)
    scores = checkpoint.read_state(chosen, trainer.identity).scores
    result |= {"best_step": best, **scores, "tokens": state.tokens, "seconds": round(state.seconds, 1)}
    result["output"] = str(output)
    for name, least in (require or {}).items():
        if name not in scores:
            raise UsageError(f"--require {name}: no such metric; there are {', '.join(scores) or 'none without --dev'}")
        if not scores[name] >= least:
            raise CheckFailed(f"{name} is {scores[name]:.4f}, less than the {least} required; the model is in {output}")
    return result
