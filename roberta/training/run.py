"""One training run, from an output folder to a result line: what `roberta train` does once its data are open."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from roberta.errors import CheckFailed, UsageError
from roberta.files import whole_or_absent
from roberta.training import checkpoint
from roberta.training.loop import Progress, Trainer
from roberta.training.model_card import write_card
from roberta.training.objective import Objective
from roberta.training.processes import Processes
from roberta.training.provenance import Provenance
from roberta.training.report import write_report
from roberta.training.run_log import BOARD
from roberta.training.run_log import FILE as LOG
from roberta.training.sampler import Sampler
from roberta.training.settings import Settings

_KEPT = {"tokens", "tokens-dev"}  # folders that say themselves what they are of, for any run
_OF_A_RUN = {LOG, checkpoint.FOLDER, BOARD}  # what a run has written before its first checkpoint


def prepare_output(output: Path, *, resume: bool = False, force: bool = False) -> None:
    """Look before the data are opened, which may take long, and change nothing yet.

    Raises UsageError: it holds something that would be written over.
    """
    if output.exists() and not output.is_dir():
        raise UsageError(f"{output}: is a file; name a folder for the model")
    if resume and force:
        raise UsageError("--resume goes on with a run and --force begins it again; give one of them")
    held = sorted(path.name for path in output.iterdir()) if output.exists() else []
    held = [name for name in held if name not in _KEPT and not name.startswith(".")]
    # A run that was killed before its first checkpoint begins again; a model that is no run's is not written over.
    goes_on = checkpoint.latest(output) is not None or set(held) <= _OF_A_RUN
    if held and not force and not (resume and goes_on):
        advice = " go on with --resume," if goes_on else ""
        raise UsageError(f"{output}: holds {held[0]} already;{advice} replace it with --force, or name another folder")


def remove_former_run(output: Path) -> None:
    """What a run that is begun again must not find."""
    for name in _OF_A_RUN - {LOG}:
        shutil.rmtree(output / name, ignore_errors=True)
    (output / LOG).unlink(missing_ok=True)


def remove_half_written(output: Path) -> None:
    """Files that a run was killed over; the one that goes on writes them again."""
    for leftover in output.glob(".*.part"):
        leftover.unlink(missing_ok=True)


def export(checkpoint_folder: Path, output: Path) -> None:
    """Copy the model of a checkpoint into the output folder, each file whole or absent, the weights last: a folder
    with new weights has the config and words that belong to them."""
    files = [path for path in checkpoint_folder.rglob("*") if path.is_file() and path.name not in checkpoint.OWN_FILES]
    for path in sorted(files, key=lambda path: (path.suffix in (".safetensors", ".bin"), path)):
        with whole_or_absent(output / path.relative_to(checkpoint_folder)) as beside:
            shutil.copyfile(path, beside)


def plan(objective: Objective, settings: Settings) -> dict[str, Any]:
    """What a run would be, without running it; seconds are guessed from one step."""
    sampler = Sampler(objective.lengths, batch_tokens=settings.batch_tokens, seed=settings.seed)
    steps = settings.steps or sampler.steps_in(settings.epochs)
    epoch, numbers = sampler.batch(0)
    batch = objective.batch(numbers, epoch)
    began = time.monotonic()
    (objective.loss(batch) / batch.weight).backward()
    seconds = time.monotonic() - began
    objective.model.zero_grad(set_to_none=True)
    trained = objective.model.num_parameters(only_trainable=True)
    return {
        "task": objective.name,
        "examples": len(objective.lengths),
        "tokens": int(objective.lengths.sum()),
        "steps": steps,
        "tokens_in_a_step": batch.tokens,
        "parameters": objective.model.num_parameters(),
        "trained_parameters": trained,
        "seconds": round(steps * seconds, 1),
    }


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
    provenance: Provenance | None = None,
    watch: Callable[[Progress], None] = lambda progress: None,
    stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Train, put the best checkpoint (without development data the last) into `output`, and give the result line.

    Raises CheckFailed: a score of `require` was missed; the model is there all the same. UsageError, before the first
    step: `require` names what is no metric here.
    """
    if require and not objective.has_dev:
        raise UsageError("without development data there are no scores to require; give --dev")
    bounds = {objective.metric(name): bound for name, bound in (require or {}).items()}
    trainer = Trainer(
        objective,
        settings,
        output,
        device=device or torch.device("cpu"),
        head=head,
        watch=watch,
        stop=stop,
        processes=processes or Processes(),
        provenance=provenance or Provenance(),
    )
    if trainer.processes.writes:
        remove_half_written(output)
        if not resume:
            remove_former_run(output)
    state = trainer.run(resume=resume)
    result: dict[str, Any] = {"task": objective.name, "steps": state.step}
    if not trainer.is_done:
        return result | {"stopped": True, "output": str(output)}
    best = state.step if state.best_step is None else state.best_step
    chosen = checkpoint.path_of(output, best)
    if not trainer.processes.writes:
        return result  # the first process, whose disk has the checkpoints, says the rest
    export(chosen, output)
    of_chosen = checkpoint.read_state(chosen)
    write_report(output, chosen, objective.name)
    write_card(
        output,
        objective.name,
        of_chosen,
        trainer.provenance,
        parameters=objective.model.num_parameters(),
        adapter=getattr(objective, "adapter", None) is not None,
        keep_foreign=resume,
    )
    scores = of_chosen.scores
    result |= {"best_step": best, **scores, "tokens": state.tokens, "seconds": round(state.seconds, 1)}
    result = {name: value if _is_json(value) else None for name, value in result.items()}
    result["output"] = str(output)
    for metric, bound in bounds.items():
        score = metric.of(scores)
        if math.isnan(score):
            raise CheckFailed(f"{metric.name} cannot be told of this development data; the model is in {output}")
        if not metric.sign * score >= metric.sign * bound:  # so that no score reaches a bound of NaN
            found = f"{metric.name} is {score:.4f}, {'less' if metric.sign > 0 else 'more'} than the {bound} required"
            raise CheckFailed(f"{found}; the model is in {output}")
    return result


def _is_json(value: Any) -> bool:
    """JSON has no NaN, which some scores are where nothing can be compared."""
    return not isinstance(value, float) or math.isfinite(value)
