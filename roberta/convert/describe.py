"""What a checkpoint is, from its config and the headers of its files: no weights are loaded, and no torch."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from roberta.config import CONFIG_FILE, RobertaConfig
from roberta.convert.beside import WORDS
from roberta.convert.plan import Plan, make_plan
from roberta.convert.source import AUTO, ONNX, Source, open_source
from roberta.files import read_json
from roberta.hub import Origin
from roberta.model.parameters import BODY, HEADS
from roberta.weights import adapter, onnx_file
from roberta.weights.names import published
from roberta.weights.sentence_folder import read_sentence_folder

_ADAPTERS = "adapters"  # the folder in which a model keeps some
_LABELLED = ("sequence_classification", "token_classification")


def describe(origin: Origin, wanted: str = AUTO, head: str | None = None) -> dict[str, Any]:
    """Format, class, heads, labels, sizes, limits, files and what is missing, ready for JSON.

    wanted, head: as in `open_source`. An adapter of the origin is merged; a folder that is one is described as one.

    >>> describe(Origin("roberta-base"))["usable_length"]
    510

    Raises CheckpointError: no checkpoint, or one that cannot be read.
    """
    if origin.file(adapter.SETTINGS) is not None and origin.adapter is None:
        return _adapter(origin)
    source = open_source(origin, wanted, head)
    plan, _ = make_plan(source.config, source.weights)
    found = {
        "model": str(origin),
        "format": source.format,
        "class": plan.architecture,
        "heads": _heads(source, plan),
        "labels": list(source.config.id2label.values()) if plan.head in _LABELLED else None,
        "dtype": plan.config.dtype,
        "parameters": plan.parameters,
        "tensors": len(plan.rows),
        **_sizes(source.config),
        "pooling": _pooling(origin),
        "tokenizer": [name for name in WORDS if source.encoder.file(name) is not None],
        **_files(source.files),
        "missing": plan.missing,
        "unused": plan.unused,
        "adapters": _adapters(origin),
        "notes": source.notes,
    }
    return found | (_graph(source.files[0]) if source.format == ONNX else {})


def _heads(source: Source, plan: Plan) -> list[str]:
    """The heads whose weights are there: that of the class, and any others."""
    found = [plan.head] if plan.head else []
    modules = {HEADS[plan.head].module} if plan.head else set()
    for name in map(published, source.weights.tensors):
        module, _, rest = name.partition(".")
        if name.startswith(BODY) or module in modules:
            continue
        fits = [head for head, row in HEADS.items() if row.module == module and rest in row.shapes(source.config)]
        if fits:
            modules.add(module)
            found.append(fits[0])
    return found


def _sizes(config: RobertaConfig) -> dict[str, Any]:
    return {
        "layers": config.num_hidden_layers,
        "hidden_size": config.hidden_size,
        "attention_heads": config.num_attention_heads,
        "intermediate_size": config.intermediate_size,
        "vocab_size": config.vocab_size,
        "usable_length": config.usable_length,
        "positions": config.position_embedding_type,
        "activation": str(config.hidden_act),
        "tied": config.tie_word_embeddings,
        "decoder": config.is_decoder,
    }


def _pooling(origin: Origin) -> dict[str, Any] | None:
    modules = read_sentence_folder(origin)
    if modules is None:
        return None
    return {
        "modes": list(modules.poolings),
        "normalize": modules.normalize,
        "dense": [list(dense.weight.shape[::-1]) for dense in modules.dense],
        "length": modules.room,
        "prompts": modules.prompts,
    }


def _files(paths: list[Path]) -> dict[str, Any]:
    """The weight files with their sizes, and one hash: of the file, or of the lines that sha256sum prints for them."""
    sums = {path.name: _sha256(path) for path in paths}
    lines = "".join(f"{digest}  {name}\n" for name, digest in sums.items())
    digest = next(iter(sums.values())) if len(sums) == 1 else hashlib.sha256(lines.encode()).hexdigest()
    files = [{"name": path.name, "bytes": path.stat().st_size} for path in paths]
    return {"files": files, "bytes": sum(file["bytes"] for file in files), "hash": f"sha256:{digest}"}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _adapters(origin: Origin) -> list[str]:
    folder = origin.folder
    if folder is None:
        return []
    return sorted(path.parent.name for path in (folder / _ADAPTERS).glob(f"*/{adapter.SETTINGS}"))


def _graph(path: Path) -> dict[str, Any]:
    graph = onnx_file.read(path)
    return {"inputs": graph.inputs, "outputs": graph.outputs, "opset": graph.opset}


def _adapter(origin: Origin) -> dict[str, Any]:
    """An adapter alone: what it goes with, and what it changes."""
    settings = read_json(origin.need(adapter.SETTINGS))
    tensors = adapter.read_tensors(origin)
    config = RobertaConfig.from_pretrained(origin) if origin.file(CONFIG_FILE) else None
    return {
        "model": str(origin),
        "format": "lora",
        "class": (config.architectures or [None])[0] if config else None,
        "base": settings.get("base_model_name_or_path"),
        "rank": settings.get("r"),
        "alpha": settings.get("lora_alpha"),
        "layers": settings.get("target_modules"),
        "labels": list(config.id2label.values()) if config else None,
        "parameters": sum(array.size for array in tensors.values()),
        "tensors": len(tensors),
        **_files([origin.need(*adapter.WEIGHTS)]),
    }
