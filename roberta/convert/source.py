"""The checkpoint that is converted, and the one that came of it: opened in the same way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from roberta.config import CONFIG_FILE, RobertaConfig
from roberta.errors import UsageError
from roberta.hub import Origin
from roberta.weights import onnx_file
from roberta.weights.adapter import merged, read_config
from roberta.weights.folder import Weights, files_of, find_weights, format_of, read_weights
from roberta.weights.formats import FLAX, FORMATS, PYTORCH, SAFETENSORS, TENSORFLOW, Format
from roberta.weights.naming import Naming
from roberta.weights.sentence_folder import MODULES, read_sentence_folder

AUTO, ONNX = "auto", "onnx"
KINDS = {"safetensors": SAFETENSORS, "pytorch": PYTORCH, "tf": TENSORFLOW, "flax": FLAX}  # word -> row of FORMATS
READABLE = (*KINDS, ONNX)  # the words of the command line, in the order in which a folder is searched


@dataclass(frozen=True)
class Source:
    """origin: of the whole folder. encoder: of the RoBERTa model in it, the same but for older sentence-transformers
    folders. format: a word of READABLE. files: of the weights. naming: of their names there, None: the published ones.
    """

    origin: Origin
    encoder: Origin
    format: str
    files: list[Path]
    config: RobertaConfig
    weights: Weights
    naming: Naming | None = None


def open_source(origin: Origin, wanted: str = AUTO) -> Source:
    """Find a checkpoint's weights and read their headers; numbers stay on the disk until they are used.

    wanted: a word of READABLE, where there are weights of several formats; otherwise the first that is there.

    >>> open_source(Origin("roberta-base")).format
    'safetensors'

    Raises UsageError: no such format, or the file that was named is of another. CheckpointError: as `read_weights`.
    """
    if wanted not in (AUTO, *READABLE):
        raise UsageError(f"no format {wanted!r} to convert from; choose {AUTO}, {', '.join(READABLE)}")
    encoder = encoder_of(origin)
    graph = _graph(encoder, wanted)
    if graph is not None:
        weights = onnx_file.published(onnx_file.read(graph).tensors)
        if encoder.adapter is not None:
            weights = merged(weights, encoder.adapter)
        return Source(origin, encoder, ONNX, [graph], read_config(encoder), Weights(weights, str(graph)))
    kinds = FORMATS if wanted == AUTO else (KINDS[wanted],)
    path = find_weights(encoder, kinds)
    kind = format_of(path)
    if kind not in kinds:
        raise UsageError(f"{path}: is of {kind.name}, not {wanted}; leave --from out")
    weights = read_weights(encoder, kinds)
    files, config = files_of(encoder, path), read_config(encoder)
    return Source(origin, encoder, _word(kind), files, config, weights, kind.naming)


def encoder_of(origin: Origin) -> Origin:
    """Where the RoBERTa model lies: older sentence-transformers folders keep it in a folder of its own."""
    if origin.file(CONFIG_FILE) is None and origin.file(MODULES) is not None:
        return read_sentence_folder(origin).encoder
    return origin


def _word(kind: Format) -> str:
    return next(word for word, row in KINDS.items() if row is kind)


def _graph(encoder: Origin, wanted: str) -> Path | None:
    """The ONNX file, if that is what was named, asked for, or all that is there."""
    if encoder.chosen:
        is_one = encoder.chosen.endswith(onnx_file.SUFFIX)
        if is_one and wanted not in (AUTO, ONNX):
            raise UsageError(f"{encoder}: is an ONNX file, not {wanted}; leave --from out")
        return encoder.need(encoder.chosen) if is_one else None
    if wanted == ONNX:
        return encoder.need(onnx_file.FILE)
    others = (name for kind in FORMATS for name in (kind.file, kind.index))
    if wanted != AUTO or any(encoder.file(name) is not None for name in others):
        return None
    return encoder.file(onnx_file.FILE)
