"""A checkpoint as model.onnx: written by our own graph, answered by onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from roberta.config import RobertaConfig
from roberta.convert.plan import Plan, find_head
from roberta.weights import onnx_file

if TYPE_CHECKING:
    from roberta.convert.compare import Outputs
    from roberta.convert.probe import Probe


def write(folder: Path, plan: Plan, tensors: Mapping[str, np.ndarray], max_shard: int | str) -> dict[str, Any]:
    """Write model.onnx into a folder; says which operator set it needs.

    Raises CheckpointError: a model that has no graph here.
    """
    from roberta.convert.onnx_graph import OPSET, Graph  # late: it needs the package onnx

    graph = Graph(plan, tensors)
    onnx_file.write(folder / onnx_file.FILE, *graph.serialize(), graph.weights)
    return {"opset": OPSET}


def read(folder: Path) -> dict[str, np.ndarray]:
    """The tensors by their published names, as `write` got them."""
    return onnx_file.published(onnx_file.read(folder / onnx_file.FILE).tensors)


def outputs(folder: Path, probes: Sequence[Probe]) -> Outputs:
    """What onnxruntime answers."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False  # for three runs
    options.add_session_config_entry("session.disable_prepacking", "1")
    session = onnxruntime.InferenceSession(str(folder / onnx_file.FILE), options, providers=["CPUExecutionProvider"])
    head = find_head(RobertaConfig.from_pretrained(folder), ())
    names = [output.name for output in session.get_outputs()]
    found = []
    for probe in probes:
        arrays = session.run(names, probe.inputs(head))
        found.append({name: probe.kept(array) for name, array in zip(names, arrays)})
    return found
