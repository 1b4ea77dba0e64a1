"""How to read a case of the proof material: build the model, make the call, compare what comes out."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

import roberta


@dataclass
class Case:
    """One recorded call of the reference implementation."""

    folder: Path
    row: dict

    def __str__(self):
        return self.row["name"]

    def arrays(self, side: str) -> dict[str, np.ndarray]:
        """ "in" or "out": the arrays given to the call, or those that it gave."""
        with np.load(self.folder / self.row["arrays"]) as stored:
            return {key.removeprefix(side + "."): stored[key] for key in stored.files if key.startswith(side + ".")}

    def inputs(self) -> dict[str, torch.Tensor]:
        return {name: torch.from_numpy(array) for name, array in self.arrays("in").items()}

    def model(self):
        """The model of the case, in eval mode, with the case's overrides."""
        kind = getattr(roberta, self.row["class"])
        path = self.folder / "checkpoints" / self.row["checkpoint"].removeprefix("checkpoints/")
        config = roberta.RobertaConfig.from_pretrained(path, **self.row["config_overrides"])
        model = kind.from_pretrained(path, config=config, **(self.row.get("init_kwargs") or {}))
        for method, arguments in self.row.get("after_load") or []:
            getattr(model, method)(**arguments)
        return model

    def compared_rows(self, name: str, array: np.ndarray):
        """Which part of an output is pinned: rows whose mask is 0 differ between attention kernels."""
        rule = self.row.get("compare_rows")
        if rule == "row 0":
            return (0,)
        mask = self.arrays("in").get("attention_mask")
        if rule is None or mask is None:
            return ...
        real = mask[:, -1] == 1 if mask.ndim == 3 else mask == 1
        length = real.shape[-1]
        if array.ndim >= 2 and array.shape[: real.ndim] == real.shape:
            return real
        if array.ndim == 4 and array.shape[2] == length and "." in name:  # (batch, heads, length, ...)
            return real[:, None, :].repeat(array.shape[1], 1)
        return ...


def cases(folder: Path, call: str, *, do_not_copy: bool = False) -> list[Case]:
    """The cases of one golden_cases.json whose call is `call`; with do_not_copy those that must not be imitated."""
    rows = json.loads((folder / "golden_cases.json").read_text())["cases"]
    return [Case(folder, row) for row in rows if row["call"] == call and bool(row.get("do_not_copy")) == do_not_copy]


def flat(output) -> dict[str, np.ndarray]:
    """Any output, a tuple or a dataclass, as the names that the goldens use."""
    from roberta.model.cache import KeyValueCache

    found: dict[str, np.ndarray] = {}

    def walk(name: str, value):
        if isinstance(value, torch.Tensor):
            found[name] = value.detach().cpu().numpy()
        elif isinstance(value, KeyValueCache):
            for number, layer in enumerate(value):
                for part, tensor in zip(("key", "value", "cross_key", "cross_value"), layer):
                    walk(f"{name}.{number}.{part}", tensor)
        elif isinstance(value, tuple | list):
            for number, part in enumerate(value):
                walk(f"{name}.{number}" if name else str(number), part)
        elif value is not None:
            for key, part in value.items():
                walk(key, part)

    walk("", output)
    return found


def assert_close(ours: np.ndarray, golden: np.ndarray, name: str, tolerance: float = 1e-5):
    """Within `tolerance` of max(1, largest golden value): sums of floats in another order differ by that much."""
    assert ours.shape == golden.shape, f"{name}: shape {ours.shape}, the reference has {golden.shape}"
    assert (np.isnan(ours) == np.isnan(golden)).all(), f"{name}: NaN in other places"
    if golden.size and not np.isnan(golden).all():
        scale = max(1.0, float(np.nanmax(np.abs(np.where(np.isinf(golden), 0, golden)))))
        same = ours == golden  # infinities
        with np.errstate(invalid="ignore"):
            difference = np.where(same, 0, np.abs(ours.astype(np.float64) - golden))
        assert np.nanmax(difference) <= tolerance * scale, f"{name}: off by {np.nanmax(difference) / scale:.2e}"
