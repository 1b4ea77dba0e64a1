"""Exact resume: what a run needs to go on as if it had not stopped, in folders that are whole or absent.

`checkpoints/step-00000500/` holds a model that `-m` takes, and beside it `optimizer.safetensors` (the two moments of
each parameter) and `state.json` (how far it is, the best so far, and what the run was started with). Random numbers
need no state: all that is drawn depends on the seed and the step.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from roberta.errors import CheckpointError, ResourceError, UsageError
from roberta.files import read_json, settle, write_json
from roberta.model.loading import to_array
from roberta.weights import safetensors_file

FOLDER = "checkpoints"
_STATE, _OPTIMIZER = "state.json", "optimizer.safetensors"
OWN_FILES = (_STATE, _OPTIMIZER)  # beside the model's
_MOMENTS = ("exp_avg", "exp_avg_sq")
_STATES = (*_MOMENTS, "step")  # AdamW counts per parameter, in a tensor of its own, the steps that had a gradient


@dataclass
class State:
    """step: optimizer steps done. tokens, seconds: so far. best: the best score, and best_step where it was.
    stale: evaluations since. scores, tables: those of the last evaluation. identity: what the run was started with."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    best: float | None = None
    best_step: int | None = None
    stale: int = 0
    scores: dict[str, float] = field(default_factory=dict)
    tables: dict[str, Any] = field(default_factory=dict)
    identity: dict[str, Any] = field(default_factory=dict)


def save(
    output: Path,
    state: State,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    write_model: Callable[[Path], None],
    keep_last: int,
) -> Path:
    """Write the checkpoint of this step, then remove those that are neither the best nor among the last.

    Raises ResourceError: it cannot be written; those before it are untouched.
    """
    folder = output / FOLDER
    final = path_of(output, state.step)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.glob(".step-*"):  # of a run that was killed while it wrote
            shutil.rmtree(leftover, ignore_errors=True)
        beside = Path(tempfile.mkdtemp(dir=folder, prefix=".step-"))
        try:
            write_model(beside)
            safetensors_file.write(beside / _OPTIMIZER, _moments(model, optimizer))
            write_json(beside / _STATE, asdict(state))
            beside.chmod(0o755)
            settle(beside)
            if final.exists():  # a run that went back to an older checkpoint comes by again
                shutil.rmtree(final)
            beside.rename(final)
            settle(folder)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
    except OSError as error:
        last = latest(output)
        kept = f"; {last} is whole, free some space and go on with --resume" if last else ""
        raise ResourceError(f"{final}: the checkpoint cannot be written ({error.strerror or error}){kept}") from None
    steps = sorted(step_of(path) for path in folder.glob("step-*"))
    for step in steps[:-keep_last]:
        if step != state.best_step:
            shutil.rmtree(path_of(output, step), ignore_errors=True)
    return final


def latest(output: Path) -> Path | None:
    """The newest checkpoint of a run, None without any."""
    found = [path for path in (output / FOLDER).glob("step-*") if path.name.removeprefix("step-").isdigit()]
    return max(found, key=step_of, default=None)


def path_of(output: Path, step: int) -> Path:
    return output / FOLDER / f"step-{step:08}"


def step_of(path: Path) -> int:
    return int(path.name.removeprefix("step-"))


def read_state(folder: Path, identity: dict[str, Any] | None = None) -> State:
    """The state of a checkpoint. identity: of the run that goes on with it.

    Raises UsageError: its run was started with something else, named in the message. What the checkpoint does not
    know, since the program that wrote it did not, is not compared.
    """
    said = read_json(folder / _STATE)
    try:
        state = State(**said)
    except TypeError:
        raise CheckpointError(f"{folder / _STATE}: not the state of a run; remove the folder") from None
    for name, then in state.identity.items() if identity is not None else ():  # what was asked for before what follows
        now = identity.get(name)
        if now != then:
            flag = name.replace("_", "-")
            was = f"no {flag}" if _is_not_given(then) else f"{flag} {then}"
            got = "there is none" if _is_not_given(now) else "it is given" if now is True else f"it is {now}"
            raise UsageError(
                f"{folder.parent.parent}: was started with {was}, now {got};"
                " resume with the same, or train into another folder"
            )
    return state


def _is_not_given(value: Any) -> bool:
    return value is None or value is False


def load_optimizer(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Give the optimizer the moments that `save` wrote. Raises CheckpointError: they are of other parameters."""
    stored = safetensors_file.read(folder / _OPTIMIZER)
    names = {parameter: name for name, parameter in model.named_parameters()}
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            state = optimizer.state[parameter]
            found = {moment: stored.pop(f"{moment}.{names[parameter]}", None) for moment in _STATES}
            if all(array is None for array in found.values()):
                continue  # it has had no gradient yet
            wrong = [name for name in _MOMENTS if found[name] is None or found[name].shape != tuple(parameter.shape)]
            if wrong or found["step"] is None:
                raise CheckpointError(f"{folder / _OPTIMIZER}: does not belong to this model; remove the folder")
            for name, array in found.items():
                state[name] = torch.from_numpy(array).to(parameter.device, copy=True)
    if stored:
        raise CheckpointError(f"{folder / _OPTIMIZER}: does not belong to this model; remove the folder")


def _moments(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    tensors = {}
    for name, parameter in model.named_parameters():
        state = optimizer.state.get(parameter)
        if state:
            for moment in _STATES:
                tensors[f"{moment}.{name}"] = to_array(state[moment])
    return tensors
