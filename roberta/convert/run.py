"""One conversion: open, plan, ask the source, write, ask what was written, and only then put it in its place."""

from __future__ import annotations

import gc
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from roberta.convert.beside import Words
from roberta.convert.new_folder import check_place, new_folder
from roberta.convert.plan import Plan, as_type, make_plan
from roberta.convert.probe import probes
from roberta.convert.source import AUTO, open_source
from roberta.convert.targets import TARGETS, Target
from roberta.errors import CheckFailed, CheckpointError, UsageError
from roberta.hub import Origin
from roberta.weights.arrays import dtype_name, raw_bytes
from roberta.weights.folder import SHARD_SIZE, parse_size
from roberta.weights.formats import FORMATS
from roberta.weights.mapped_file import give_back
from roberta.weights.names import published, some

DTYPES = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
ATOL = 1e-5
# What rounding every weight may change, in parts of the largest output. The rounded weights are compared exactly.
ROUNDED_ATOL = {"float16": 0.01, "bfloat16": 0.1}
_HOLDS = {  # type -> types of which it holds all numbers
    "float64": ("float64", "float32", "float16", "bfloat16"),
    "float32": ("float32", "float16", "bfloat16"),
    "float16": ("float16",),
    "bfloat16": ("bfloat16",),
}


@dataclass(frozen=True)
class Options:
    """wanted: the format to read, where there are several. head: the one to take of a fairseq checkpoint. to: a row of
    TARGETS. dtype: a word of DTYPES; None keeps the types. max_shard: bytes, or text such as "2GB". atol: how far
    outputs may be apart, in parts of max(1, the largest number of the output); None: ATOL, or ROUNDED_ATOL where
    weights are rounded."""

    wanted: str = AUTO
    head: str | None = None
    to: str = "safetensors"
    dtype: str | None = None
    max_shard: int | str = SHARD_SIZE
    atol: float | None = None
    verify: bool = True
    force: bool = False


@dataclass(frozen=True)
class _Work:
    """An opened source, without the weights that are not used. tensors: by published names, as they are stored.
    dtype: what they become, None: what they are. is_rounded: whether that changes numbers."""

    format: str
    plan: Plan
    tensors: dict[str, np.ndarray]
    dtype: str | None
    is_rounded: bool
    source: str
    words: Words
    notes: list[str]

    def let_go(self) -> None:
        """Give back the memory that the source's pages take."""
        for array in self.tensors.values():
            give_back(array)


def convert(origin: Origin, folder: Path, options: Options) -> dict[str, Any]:
    """Convert a checkpoint, with the adapter of its origin merged in, into a new folder; gives the result line.

    >>> convert(Origin("roberta-base"), Path("as-onnx"), Options(to="onnx"))["verified"]
    True

    Raises CheckFailed: what was written is not what was read, or does not answer as it does; UsageError: options that
    do not go together, or something is in the way; CheckpointError: the source cannot be read; ResourceError: no room.
    In each case there is no new folder, and the one that was there is as it was.
    """
    target = _target(options)
    target.check_packages(verify=options.verify)
    parse_size(options.max_shard)
    _check_apart(origin, folder)
    check_place(folder, force=options.force)
    work = _open(origin, options)
    atol = options.atol
    if atol is None:
        atol = ROUNDED_ATOL[work.dtype] if work.is_rounded else ATOL
    line = _line(work, options)
    with new_folder(folder) as building:
        inside = work.words.place(building)
        asked = probes(work.plan.config)
        before = _answers_before(work, asked, target) if options.verify else None
        work.let_go()  # it is read once more, a tensor at a time
        work.plan.config.save_pretrained(inside)
        work.words.save(building)
        rounded = as_type(work.tensors, work.dtype)
        sums = _checksums(target.held(work.plan, rounded)) if options.verify else {}
        facts = target.write(inside, work.plan, rounded, options.max_shard)
        del rounded
        work.tensors.clear()  # and so their pages: what was written takes as much memory when it is asked
        gc.collect()  # a writer may have left them in a cycle, as that of zip files does
        if options.verify:
            line |= _verify(inside, target, asked, before, sums, atol)
    line["notes"] = work.notes + facts.pop("notes", [])
    return line | {"atol": atol} | facts | {"output": str(folder)}


def tensor_map(origin: Origin, options: Options) -> dict[str, Any]:
    """What `convert` would do, without doing it: the beginning of its line, and a row for each tensor. Needs no torch.

    >>> tensor_map(Origin("roberta-base"), Options())["map"][0]["theirs"]
    'roberta.embeddings.word_embeddings.weight'
    """
    _target(options)
    work = _open(origin, options)
    line = _line(work, options)
    del line["max_abs_diff"], line["verified"]
    return line | {"notes": work.notes, "map": [asdict(row) for row in work.plan.rows]}


def _target(options: Options) -> Target:
    if options.to not in TARGETS:
        raise UsageError(f"no format {options.to!r} to convert to; choose {', '.join(TARGETS)}")
    if options.dtype is not None and options.dtype not in DTYPES:
        raise UsageError(f"no number type {options.dtype!r} to convert to; choose {', '.join(DTYPES)}")
    target = TARGETS[options.to]
    if options.dtype is not None and DTYPES[options.dtype] in target.lacks:
        raise UsageError(f"{options.to} has no {options.dtype}; choose fp32, which holds the same numbers")
    return target


def _check_apart(origin: Origin, folder: Path) -> None:
    """Raises UsageError: the new folder is that of a source, or one that holds it and would be replaced."""
    for part in (origin, origin.adapter):
        if part is not None and part.folder is not None and part.folder.resolve().is_relative_to(folder.resolve()):
            raise UsageError(f"{folder}: holds what is converted, {part}; name another folder")
    suffix = folder.suffix
    if suffix and any(suffix in kind.suffixes for kind in FORMATS):
        raise UsageError(f"{folder}: a checkpoint is a folder of files; name it without {suffix}")


def _open(origin: Origin, options: Options) -> _Work:
    source = open_source(origin, options.wanted, options.head)
    dtype = DTYPES[options.dtype] if options.dtype else None
    target = TARGETS[options.to]
    # What an adapter changes is merged in float32, and the rest shall not be of another type.
    unfit = source.weights.dtype in target.lacks or target.adds(source.weights.tensors)
    if dtype is None and (origin.adapter is not None or unfit):
        dtype = "float32"
    plan, tensors = make_plan(source.config, source.weights, dtype, source.names)
    is_rounded = dtype is not None and any(dtype_name(array) not in _HOLDS[dtype] for array in tensors.values())
    words = Words(source.origin, source.encoder, source.tokenizer)
    return _Work(source.format, plan, tensors, dtype, is_rounded, source.weights.source, words, source.notes)


def _line(work: _Work, options: Options) -> dict[str, Any]:
    plan = work.plan
    return {
        "from": work.format,
        "to": options.to,
        "class": plan.architecture,
        "tensors": len(plan.rows),
        "parameters": plan.parameters,
        "dtype": plan.config.dtype,
        "bytes": sum(row.bytes for row in plan.rows),
        "unused": plan.unused,
        "missing": plan.missing,
        "max_abs_diff": None,
        "verified": False,
    }


def _answers_before(work: _Work, asked: Sequence, target: Target) -> list[dict[str, np.ndarray]]:
    from roberta.convert.compare import build, outputs_of

    return outputs_of(build(work.plan, work.tensors, work.source), asked, whole=target.whole)


def _verify(folder: Path, target: Target, asked: Sequence, before: list, sums: dict[str, int], atol: float) -> dict:
    """Read back what was written, and compare. Raises CheckFailed."""
    from roberta.convert.compare import difference

    try:
        found = _checksums(target.read(folder))
        wrong = [name for name in {**sums, **found} if found.get(name) != sums.get(name)]
        if wrong:
            raise CheckFailed(f"{some(wrong)}: read back, they are not what was written; nothing was kept, report it")
        apart = difference(before, target.outputs(folder, asked))
    except CheckpointError as error:
        raise CheckFailed(f"what was written cannot be read back ({error}); nothing was kept, report it") from None
    if not apart.scaled <= atol:
        raise CheckFailed(
            f"the outputs differ by {apart.largest:.2g}, {apart.scaled:.2g} of the largest number, where {atol:g} of it"
            " is allowed; nothing was kept, and --atol sets the limit"
        )
    return {"max_abs_diff": apart.largest, "verified": True, "scaled_diff": apart.scaled}


def _checksums(tensors: Mapping[str, np.ndarray]) -> dict[str, int]:
    """A checksum of each tensor's type, shape and numbers, by the name that it has in a class with a head."""
    return {
        published(name): zlib.crc32(raw_bytes(array), zlib.crc32(f"{dtype_name(array)}{array.shape}".encode()))
        for name, array in tensors.items()
    }
