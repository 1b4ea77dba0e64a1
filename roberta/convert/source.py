"""The checkpoint that is converted, and the one that came of it: opened in the same way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from roberta.config import CONFIG_FILE, RobertaConfig
from roberta.convert.fairseq_folder import FILES, read_fairseq
from roberta.errors import CheckpointError, UsageError
from roberta.hub import Origin
from roberta.weights import fairseq_file, onnx_file
from roberta.weights.adapter import merged, read_config
from roberta.weights.folder import Weights, files_of, find_weights, format_of, read_weights
from roberta.weights.formats import FLAX, FORMATS, PYTORCH, SAFETENSORS, TENSORFLOW
from roberta.weights.names import published
from roberta.weights.naming import Naming
from roberta.weights.sentence_folder import MODULES, read_sentence_folder

if TYPE_CHECKING:
    from roberta.tokenizer import RobertaTokenizer

AUTO, FAIRSEQ, ONNX = "auto", "fairseq", "onnx"
KINDS = {"safetensors": SAFETENSORS, "pytorch": PYTORCH, "tf": TENSORFLOW, "flax": FLAX}  # word -> row of FORMATS
READABLE = (*KINDS, FAIRSEQ, ONNX)  # the words of the command line, in the order in which a folder is searched

_WITHOUT_NAME = "onnx::"  # what torch's exporter calls a matrix that it has turned


@dataclass(frozen=True)
class Source:
    """origin: of the whole folder. encoder: of the RoBERTa model in it, the same but for older sentence-transformers
    folders. format: a word of READABLE. files: of the weights. names: what the files call the weights, by the names
    that they have here, where that is something else. tokenizer: where the files of its words are of another kind
    than a published folder's. notes: sentences for the user."""

    origin: Origin
    encoder: Origin
    format: str
    files: list[Path]
    config: RobertaConfig
    weights: Weights
    names: Mapping[str, str] = field(default_factory=dict)
    tokenizer: RobertaTokenizer | None = None
    notes: list[str] = field(default_factory=list)


def open_source(origin: Origin, wanted: str = AUTO, head: str | None = None) -> Source:
    """Find a checkpoint's weights and read their headers; numbers stay on the disk until they are used.

    wanted: a word of READABLE, where there are weights of several formats; otherwise the first that is there.
    head: the one to take of a fairseq checkpoint with several.

    >>> open_source(Origin("roberta-base")).format
    'safetensors'

    Raises UsageError: no such format, the file that was named is of another, or a head that has nothing to choose.
    CheckpointError: no weights, or such as cannot be read.
    """
    if wanted not in (AUTO, *READABLE):
        raise UsageError(f"no format {wanted!r} to convert from; choose {AUTO}, {', '.join(READABLE)}")
    encoder = encoder_of(origin)
    if (file := _file(encoder, wanted, FAIRSEQ, FILES, _is_fairseq)) is not None:
        return _open_fairseq(encoder, file, head)
    if head is not None:
        raise UsageError(f"{origin}: --head chooses among the heads of a fairseq checkpoint, which this is not")
    if (file := _file(encoder, wanted, ONNX, (onnx_file.FILE,), _is_onnx)) is not None:
        tensors = onnx_file.published(onnx_file.read(file).tensors)
        if any(name.startswith(_WITHOUT_NAME) for name in tensors):
            raise CheckpointError(
                f"{file}: of another program, which has dropped the names of its weights; convert the checkpoint that"
                " it was made from"
            )
        if encoder.adapter is not None:
            tensors = merged(tensors, encoder.adapter)
        return Source(origin, encoder, ONNX, [file], read_config(encoder), Weights(tensors, str(file)))
    kinds = FORMATS if wanted == AUTO else (KINDS[wanted],)
    path = find_weights(encoder, kinds)
    kind = format_of(path)
    word = next(word for word, row in KINDS.items() if row is kind)
    if kind not in kinds:
        raise UsageError(f"{path}: is of the format {word}, not {wanted}; leave --from out")
    weights = read_weights(encoder, kinds)
    files, names = files_of(encoder, path), _names(kind.naming, weights)
    return Source(origin, encoder, word, files, read_config(encoder), weights, names)


def encoder_of(origin: Origin) -> Origin:
    """Where the RoBERTa model lies: older sentence-transformers folders keep it in a folder of its own."""
    if origin.file(CONFIG_FILE) is None and origin.file(MODULES) is not None:
        return read_sentence_folder(origin).encoder
    return origin


def _open_fairseq(origin: Origin, file: Path, head: str | None) -> Source:
    if origin.adapter is not None:
        raise UsageError(f"{origin}: an adapter is merged into published names; convert the checkpoint first")
    found = read_fairseq(origin, head=head)
    names = _names(found.naming, found.weights)
    return Source(origin, origin, FAIRSEQ, [file], found.config, found.weights, names, found.tokenizer, found.notes)


def _file(
    encoder: Origin, wanted: str, word: str, names: tuple[str, ...], recognise: Callable[[Path], bool]
) -> Path | None:
    """The file of a format that is no row of FORMATS, if that is what was named, asked for, or all that is there."""
    if encoder.chosen and not encoder.chosen.endswith(CONFIG_FILE):
        path = encoder.need(encoder.chosen)
        if recognise(path):
            if wanted not in (AUTO, word):
                raise UsageError(f"{path}: is of the format {word}, not {wanted}; leave --from out")
            return path
        if wanted == word:
            raise UsageError(f"{path}: is not of the format {word}; leave --from out")
        return None
    if wanted == word:
        return encoder.need(*names)
    others = (name for kind in FORMATS for name in (kind.file, kind.index))
    if wanted != AUTO or any(encoder.file(name) is not None for name in others):
        return None
    return next((path for name in names if (path := encoder.file(name)) is not None), None)


def _is_onnx(path: Path) -> bool:
    return path.suffix == onnx_file.SUFFIX


def _is_fairseq(path: Path) -> bool:
    return path.suffix in PYTORCH.suffixes and fairseq_file.recognise(path)


def _names(naming: Naming | None, weights: Weights) -> dict[str, str]:
    spelled = {name: naming.spell(published(name)) for name in weights.tensors} if naming else {}
    return {name: theirs[0] for name, theirs in spelled.items() if theirs}
