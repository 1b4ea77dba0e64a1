"""log.jsonl: what each step and each evaluation was, a line each, and TensorBoard's files where it is installed."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roberta.files import whole_or_absent

if TYPE_CHECKING:
    from roberta.training.checkpoint import State

FILE, BOARD = "log.jsonl", "tensorboard"


class RunLog:
    """The log of one run. A resumed run drops the lines after its checkpoint and goes on below them."""

    def __init__(self, folder: Path, writes: bool):
        self.path = folder / FILE
        self._writes = writes
        self._board = None

    def start(self, step: int) -> None:
        """step: how far the run is; lines of later ones are of a part that will be done again."""
        if not self._writes:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        kept = [line for line in read_log(self.path) if line["step"] <= step] if step else []
        with whole_or_absent(self.path) as beside:
            beside.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return
        self._board = SummaryWriter(str(self.path.parent / BOARD), purge_step=step)

    def close(self) -> None:
        """Let TensorBoard's last lines go out."""
        if self._board is not None:
            self._board.close()

    def step(self, state: State, *, loss: float, lr: float, norm: float) -> None:
        speed = state.tokens / state.seconds if state.seconds else 0.0
        self._write({"step": state.step, "tokens": state.tokens, "loss": loss, "lr": lr, "norm": norm}, speed=speed)

    def scores(self, state: State) -> None:
        if state.scores:
            self._write({"step": state.step, "tokens": state.tokens, "dev": state.scores})

    def _write(self, line: dict[str, Any], **more: float) -> None:
        if not self._writes:
            return
        rounded = {name: _rounded(value) for name, value in (line | more).items()}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(rounded) + "\n")
        if self._board is not None:
            numbers = line.get("dev") or {name: line[name] for name in ("loss", "lr", "norm")}
            for name, value in numbers.items():
                if isinstance(value, int | float):
                    self._board.add_scalar(f"{'dev' if 'dev' in line else 'train'}/{name}", value, line["step"])


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a log; a last one that a kill cut off is left out."""
    lines = []
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                lines.append(json.loads(line))
            except ValueError:
                break
    return lines


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
