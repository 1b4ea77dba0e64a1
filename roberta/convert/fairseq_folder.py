"""A checkpoint of fairseq's as a whole: the model with one of its heads, its words, and what there is to say of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roberta.config import RobertaConfig
from roberta.convert.fairseq_config import ENCODER, config_of, has_lm_head, is_ranking, settings_of
from roberta.errors import CheckpointError, UsageError
from roberta.hub import Origin
from roberta.model.parameters import BODY, HEADS, Shapes, body_shapes, head_shapes
from roberta.tokenizer import RobertaTokenizer
from roberta.tokenizer.fairseq_files import DICTIONARY_FILE, ENCODER_FILE, FAIRSEQ_MERGES_FILE, save_fairseq
from roberta.tokenizer.fairseq_files import read_fairseq as read_vocabulary
from roberta.tokenizer.loading import SINGLE_FILE, VOCAB_FILE
from roberta.weights import fairseq_file
from roberta.weights.arrays import dtype_name, from_float32, is_float, to_float32
from roberta.weights.fairseq_names import fairseq_naming, head_names, modern
from roberta.weights.folder import Weights
from roberta.weights.names import DECODER, WORD_TABLE, check_equal, published
from roberta.weights.naming import Naming

FAIRSEQ_FILE = "model.pt"
FILES = (FAIRSEQ_FILE, "checkpoint_best.pt", "checkpoint_last.pt")
NEW_HEAD = "sentence_classification_head"  # fairseq's own name where none is given
LM_HEAD, NO_HEAD = "lm_head", "none"  # words that choose no classification head
_POSITIONS = f"{BODY}embeddings.position_embeddings.weight"
_TYPES = f"{BODY}embeddings.token_type_embeddings.weight"
_SENTENCE_PIECES = "sentencepiece.bpe.model"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint of another program as one of ours.

    config: as it will be saved. weights: by the published names, and what has no place in the class by its own.
    naming: of the names in the file. tokenizer: None where the files of its words are not beside it. notes: sentences
    for the user: what is not as they may expect.
    """

    config: RobertaConfig
    weights: Weights
    naming: Naming
    tokenizer: RobertaTokenizer | None
    notes: list[str]


def read_fairseq(path: Path | str | Origin, *, head: str | None = None) -> Checkpoint:
    """Read a folder of fairseq's, or the checkpoint file in one; neither fairseq nor torch is needed.

    head: the classification head that is meant, "lm_head" for the language model, "none" for the encoder alone. None:
    the only classification head, or the language model where there is none.

    >>> read_fairseq("roberta.large.mnli", head="mnli").config.architectures
    ['RobertaForSequenceClassification']

    Raises UsageError: no such head, or several, of which none is chosen; the sentence names them.
    CheckpointError: no checkpoint, a file that is damaged or unsafe, or a model that RoBERTa's classes cannot hold.
    """
    origin = path if isinstance(path, Origin) else Origin(path)
    file = origin.need(origin.chosen) if origin.chosen else origin.need(*FILES)
    if origin.file(_SENTENCE_PIECES):
        raise CheckpointError(f"{origin}: {_SENTENCE_PIECES} is of an XLM-R or CamemBERT, not of RoBERTa")
    found = fairseq_file.read(file)
    kind, chosen = _choose_head(found, head, str(file))
    naming = fairseq_naming(kind, chosen)
    tensors = naming.to_published(found.tensors, source=str(file))
    config = config_of(found.settings, tensors, kind, source=str(file))
    _make_whole(tensors, config, kind, str(file))
    _check(tensors, config, kind, naming, str(file))
    weights = Weights(tensors, str(file))
    config.dtype = weights.dtype
    tokenizer, notes = _read_words(origin, config)
    return Checkpoint(config, weights, naming, tokenizer, notes)


def as_fairseq_holds(
    config: RobertaConfig, tensors: Mapping[str, np.ndarray]
) -> tuple[RobertaConfig, dict[str, np.ndarray], list[str]]:
    """A model as it comes back from fairseq: its config, its tensors by published names, and sentences for the user.

    tensors: those of the class that config.architectures names, with or without "roberta." before the body's.
    Only token types change: fairseq has none. The one that every token has is added to every position, where both
    meet, and the row that is left is zeros.

    Raises CheckpointError: a head, a config or weights that fairseq has no place for, by name.
    """
    head = _head_of(config)
    settings_of(config, head)
    held = {published(name): array for name, array in tensors.items()}
    if config.tie_word_embeddings and DECODER in held:
        check_equal(WORD_TABLE, held[WORD_TABLE], DECODER, held.pop(DECODER), source="the weights")
    _check(held, config, head, fairseq_naming(head, NEW_HEAD), "the weights")
    types, positions = to_float32(held[_TYPES]), held[_POSITIONS]
    if (types != types[0]).any():
        raise CheckpointError(
            f"the model tells {len(types)} token types apart, and fairseq none; choose another format"
        )
    notes = []
    if types.any():
        held[_POSITIONS] = from_float32(to_float32(positions) + types[0], dtype_name(positions))
        notes = ["fairseq has no token types; theirs was added to every position, so outputs differ in the last digits"]
    held[_TYPES] = np.zeros((1, config.hidden_size), held[WORD_TABLE].dtype)
    changed = RobertaConfig.from_dict(config.to_dict() | {"type_vocab_size": 1})
    return changed, held, notes


def write_fairseq(
    folder: Path, config: RobertaConfig, tensors: Mapping[str, np.ndarray], tokenizer: RobertaTokenizer | None
) -> list[str]:
    """Write model.pt, and dict.txt, encoder.json and vocab.bpe beside it, as fairseq 0.12 loads them.

    config, tensors: as `as_fairseq_holds` takes them. Returns sentences for the user: what is not as they may expect.

    >>> write_fairseq(Path("roberta.mine"), config, read_weights(Origin("my-model")).tensors, tokenizer)
    []

    Raises CheckpointError: also a token that dict.txt has no place for; nothing is written then.
    """
    config, held, notes = as_fairseq_holds(config, tensors)
    head = _head_of(config)
    del held[_TYPES]
    theirs = fairseq_naming(head, NEW_HEAD).from_published(held, config)
    if tokenizer is None:
        notes.append(f"no {DICTIONARY_FILE} is written, which fairseq needs, since the tokenizer's files are missing")
    else:
        save_fairseq(tokenizer, folder, config.vocab_size)
        if tokenizer.add_prefix_space:
            notes.append("fairseq puts no blank before a text; put one there, as add_prefix_space did")
    if head != "masked_lm":
        notes.append("fairseq's model has a language model head too; the one written is zeros and says nothing")
    fairseq_file.write(folder / FAIRSEQ_FILE, settings_of(config, head), theirs)
    return notes


def _choose_head(found: fairseq_file.FairseqFile, wanted: str | None, source: str) -> tuple[str | None, str | None]:
    """The row of HEADS, None for the encoder alone, and the name of the classification head, if it is one."""
    heads = head_names(found.tensors)
    stored = any(modern(name).startswith(f"encoder.{LM_HEAD}.") for name in found.tensors)
    others = [LM_HEAD, NO_HEAD] if stored and has_lm_head(found.settings) else [NO_HEAD]
    listed = ", ".join(name if re.fullmatch(r"[\w+-]{1,80}", name) else repr(name) for name in [*heads, *others])
    if wanted is None and len(heads) > 1:
        raise UsageError(f"{source}: holds {len(heads)} classification heads; use --head NAME, one of {listed:.200}")
    if wanted is None:
        wanted = [*heads, *others][0]
    if wanted in heads:
        last = f"classification_heads.{wanted}.out_proj"
        if f"{last}.weight_orig" in found.tensors:
            raise CheckpointError(f"{source}: the head {wanted!r:.80} has spectral normalisation; RoBERTa's has none")
        classes = found.tensors.get(f"{last}.bias")
        one_class = classes is not None and classes.shape == (1,)
        ranking = one_class and is_ranking(found.settings)
        return "multiple_choice" if ranking else "sequence_classification", wanted
    if wanted not in others:
        raise UsageError(f"{source}: has no head {wanted!r:.80}; use --head NAME, one of {listed:.200}")
    return ("masked_lm" if wanted == LM_HEAD else None), None


def _shapes(config: RobertaConfig, head: str | None) -> Shapes:
    """Name and shape of every tensor of the class, each parameter once, without what fairseq has no place for."""
    shapes = head_shapes(config, head) if head else {}
    shapes |= {BODY + name: shape for name, shape in body_shapes(config, pooler=False).items()}
    for second in ["lm_head.decoder.bias", *([DECODER] if config.tie_word_embeddings else [])]:
        shapes.pop(second, None)
    return shapes


def _make_whole(tensors: dict[str, np.ndarray], config: RobertaConfig, head: str | None, source: str) -> None:
    """What fairseq does without, token types, is zeros; what it holds twice, a tied decoder, is held once."""
    words = tensors[WORD_TABLE]
    tensors[_TYPES] = np.zeros((1, words.shape[1]), words.dtype)
    if head == "masked_lm" and config.tie_word_embeddings and DECODER in tensors:
        check_equal(WORD_TABLE, words, DECODER, tensors.pop(DECODER), source=source)


def _check(
    tensors: Mapping[str, np.ndarray], config: RobertaConfig, head: str | None, naming: Naming, source: str
) -> None:
    """Raises CheckpointError: a tensor of the class is missing, of another shape, or holds whole numbers."""
    for name, shape in _shapes(config, head).items():
        array = tensors.get(name)
        theirs = (naming.spell(name) or [name])[0]
        if array is None:
            raise CheckpointError(f"{source}: no weights for {theirs!r:.120}; the file is incomplete")
        if array.shape != shape or not is_float(array):
            held = f"{array.shape} {dtype_name(array)}"
            raise CheckpointError(
                f"{source}: {theirs!r:.120} is {held}, and RoBERTa's classes need {shape} real numbers"
            )


def _read_words(origin: Origin, config: RobertaConfig) -> tuple[RobertaTokenizer | None, list[str]]:
    """The tokenizer, from fairseq's own files first."""
    dictionary, merges = origin.file(DICTIONARY_FILE), origin.file(FAIRSEQ_MERGES_FILE)
    settings = {"model_max_length": config.usable_length}
    if dictionary and merges:
        vocabulary = read_vocabulary(dictionary, origin.file(ENCODER_FILE), merges)
        tokenizer = RobertaTokenizer(vocabulary=vocabulary, **settings)
    elif origin.file(VOCAB_FILE) or origin.file(SINGLE_FILE):
        tokenizer = RobertaTokenizer.from_pretrained(origin, **settings)
    else:
        return None, [
            f"no tokenizer is written, since {FAIRSEQ_MERGES_FILE if dictionary else DICTIONARY_FILE} is not beside "
            f"the checkpoint; put fairseq's {DICTIONARY_FILE}, {ENCODER_FILE} and {FAIRSEQ_MERGES_FILE} there"
        ]
    if len(tokenizer) > config.vocab_size:
        raise CheckpointError(
            f"{origin}: the tokenizer has {len(tokenizer)} tokens and the model only {config.vocab_size} rows for"
            " them; they belong to different models"
        )
    return tokenizer, []


def _head_of(config: RobertaConfig) -> str | None:
    name = config.architectures[0] if config.architectures else ENCODER
    heads = {row.architecture: head for head, row in HEADS.items()}
    if name != ENCODER and name not in heads:
        raise CheckpointError(f"architectures names {name!r:.80}, which is no class of RoBERTa; set it in config.json")
    return heads.get(name)
