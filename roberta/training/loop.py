"""The loop: plan, forward, backward, step, now and then evaluate and save. Everything random depends on the seed and
the step, so that a run that was killed and resumed ends in the same weights, to the bit (same machine and threads)."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from roberta.errors import ResourceError, UsageError
from roberta.training import checkpoint
from roberta.training.checkpoint import State
from roberta.training.dropout import set_dropout, share_draws
from roberta.training.objective import Batch, Metric, Objective
from roberta.training.optimizer import make_optimizer, rate, set_rate
from roberta.training.processes import Processes
from roberta.training.provenance import Provenance
from roberta.training.run_log import RunLog
from roberta.training.sampler import Sampler
from roberta.training.settings import Settings, resolve_precision


@dataclass
class Trainer:
    """Trains `objective` into the folder `output`.

    head: names of the parameters that take `head_lr`. watch: called after each step with what it was, for a progress
    line. stop: asked after each step; true ends the run with a checkpoint from which it can be resumed. provenance:
    the data and what else was asked for.
    """

    objective: Objective
    settings: Settings
    output: Path
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    head: frozenset[str] = frozenset()
    watch: Callable[[Progress], None] = lambda progress: None
    stop: Callable[[], bool] = lambda: False
    processes: Processes = field(default_factory=Processes)
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self):
        self.model = self.objective.model
        settings = self.settings
        self.precision = resolve_precision(settings.precision, self.device)
        self.sampler = Sampler(self.objective.lengths, batch_tokens=settings.batch_tokens, seed=settings.seed)
        self.steps = settings.steps or self.sampler.steps_in(settings.epochs)
        self.metric = self._metric()
        if settings.head_lr is not None and not self.head:
            raise UsageError("head-lr is for a new head, and here the whole model learns at one rate; give --lr alone")
        self.state = State(identity=self.identity)
        self.log = RunLog(self.output, self.processes.writes)

    @property
    def identity(self) -> dict[str, Any]:
        """What a resumed run must have in common with this one, as it will be read back."""
        known = {
            **self.provenance.identity,
            **self.settings.identity,
            **self.objective.describe(),
            "steps": self.steps,
            "precision": self.precision,
            "examples": len(self.objective.lengths),
        }
        return json.loads(json.dumps(known))

    def run(self, *, resume: bool = False) -> State:
        """Train to the end, or to `stop`; returns the state reached. The folder holds a model when it is done."""
        self.model.to(self.device)
        self.optimizer = make_optimizer(self.model, self.settings, self.head)
        last = self.processes.from_first(checkpoint.latest(self.output) if resume else None)
        if last is not None:
            self._go_back_to(last)
        self.processes.share(self.model.parameters())
        self.log.start(self.state.step)
        if self.settings.gradient_checkpointing:
            self.model.gradient_checkpointing_enable()
        share_draws(self.model)
        if self.settings.dropout is not None:
            set_dropout(self.model, self.settings.dropout)
        self.model.train()
        began, before = time.monotonic(), self.state.seconds
        while not self.is_done:
            loss, norm, share = self._step(self.state.step)
            self.state.step += 1
            self.state.seconds = before + time.monotonic() - began
            lr = self.settings.lr * share
            self.watch(Progress(self.state.step, self.steps, loss, lr, self.state.tokens, self.state.seconds))
            self.log.step(self.state, loss=loss, lr=lr, norm=norm)
            if self._is_time_to_save():
                self._evaluate()
                self._save()
            # After the last step the end is as near as a checkpoint, and one without scores must not stand for it.
            if self.processes.from_first(self.stop()) and not self.is_done:
                self._save()  # without an evaluation: it would count for patience, and the next run would not have it
                break
        else:
            if not self.is_saved:
                self._evaluate()
                self._save()
        self.log.close()
        return self.state

    @property
    def is_done(self) -> bool:
        return self.state.step >= self.steps or self._has_waited_enough()

    @property
    def is_saved(self) -> bool:
        return checkpoint.path_of(self.output, self.state.step).exists()

    def _step(self, step: int) -> tuple[float, float, float]:
        """One optimizer step; its mean loss, the gradient's norm, and the share of the peak rate."""
        epoch, numbers = self.sampler.batch(step)
        parts = np.array_split(numbers, self.settings.accumulate * self.processes.size)
        mine = [part for part in parts[self.processes.rank :: self.processes.size] if len(part)]
        batches = [self.objective.batch(part, epoch) for part in mine]
        weight, tokens = self.processes.total(
            [sum(batch.weight for batch in batches), float(sum(batch.tokens for batch in batches))]
        )
        weight = weight or 1.0  # nothing to learn in the whole step: its gradient is 0, not 0/0
        summed = 0.0
        torch.manual_seed(_mixed(self.settings.seed, step, self.processes.rank))
        for batch in batches:
            loss = self._loss(batch)
            summed += float(loss.detach())
            (loss / weight).backward()
        self.processes.add_gradients(p for p in self.model.parameters() if p.requires_grad)
        (summed,) = self.processes.total([summed])
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip or math.inf)
        for name, value in (("loss", summed), ("gradient's norm", float(norm))):
            if not math.isfinite(value):  # before the weights are spoilt, and with them the next checkpoint
                raise ResourceError(
                    f"the {name} is {value} at step {step + 1}; lower --lr, or compute with --dtype fp32"
                )
        share = rate(step, self.steps, self.settings)
        set_rate(self.optimizer, share)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.state.tokens += int(tokens)
        return summed / weight, float(norm), share

    def _loss(self, batch: Batch) -> torch.Tensor:
        with self._autocast():
            return self.objective.loss(batch.to(self.device))

    def _autocast(self):
        return torch.autocast(self.device.type, torch.bfloat16) if self.precision == "bf16" else nullcontext()

    def _is_time_to_save(self) -> bool:
        if self.settings.save_every:
            return self.state.step % self.settings.save_every == 0
        step = self.state.step
        return step < self.steps and self.sampler.epoch_of(step) != self.sampler.epoch_of(step - 1)

    def _has_waited_enough(self) -> bool:
        return self.settings.patience is not None and self.state.stale >= self.settings.patience

    def _evaluate(self) -> None:
        state = self.state
        if self.processes.writes:
            self.model.eval()
            with torch.no_grad(), self._autocast():
                state.scores = self.objective.evaluate()
                state.tables = self.objective.tables()
            self.model.train()
            self._compare_with_best()
            self.log.scores(state)
        self.state = self.processes.from_first(state)

    def _save(self) -> None:
        if self.processes.writes and not self.is_saved:
            write_model = self.objective.save
            checkpoint.save(self.output, self.state, self.model, self.optimizer, write_model, self.settings.keep_last)

    def _metric(self) -> Metric:
        """By which checkpoints are compared. Raises UsageError, before hours are spent."""
        asked = self.settings.metric
        if not self.objective.has_dev and (asked or self.settings.patience):
            raise UsageError("without development data there are no scores to choose or to wait by; give --dev")
        return self.objective.metric(asked)

    def _compare_with_best(self) -> None:
        state, sign = self.state, self.metric.sign
        if not state.scores:
            return
        score = self.metric.of(state.scores)
        if not math.isnan(score) and (state.best is None or sign * score > sign * state.best):
            state.best, state.best_step, state.stale = score, state.step, 0
        else:
            state.stale += 1

    def _go_back_to(self, folder: Path) -> None:
        self.state = checkpoint.read_state(folder, self.identity)
        self.objective.load(folder)
        checkpoint.load_optimizer(folder, self.model, self.optimizer)


@dataclass(frozen=True)
class Progress:
    """One step, for who watches."""

    step: int
    steps: int
    loss: float
    lr: float
    tokens: int
    seconds: float


def _mixed(*numbers: int) -> int:
    """One seed from several numbers, far apart for near ones."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)
