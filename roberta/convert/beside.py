"""What belongs to a checkpoint beside its weights: words, settings, the card, the modules of sentence-transformers."""

from __future__ import annotations

import shutil
from pathlib import Path

from roberta.config import GENERATION_FILE
from roberta.files import whole_or_absent
from roberta.hub import Origin
from roberta.tokenizer.loading import (
    ADDED_TOKENS_FILE,
    MERGES_FILE,
    SETTINGS_FILE,
    SINGLE_FILE,
    SPECIAL_TOKENS_FILE,
    VOCAB_FILE,
)
from roberta.weights.sentence_folder import files_of_modules

WORDS = (VOCAB_FILE, MERGES_FILE, SINGLE_FILE, SETTINGS_FILE, SPECIAL_TOKENS_FILE, ADDED_TOKENS_FILE)
_CARD = ("README.md", "LICENSE", "LICENSE.txt", "LICENSE.md", "NOTICE")


def copy_beside(origin: Origin, encoder: Origin, folder: Path) -> None:
    """Copy all of it but config.json, which is written anew, into the folder of a new checkpoint.

    encoder: where the RoBERTa model lies, if that is not `origin` itself.
    """
    _copy(encoder, place_of(encoder, origin, folder), (*WORDS, GENERATION_FILE))
    _copy(origin, folder, _CARD if origin.adapter is None else ())  # a card of the base says nothing of its adapter
    for part, names in files_of_modules(origin):
        _copy(part, place_of(part, origin, folder), names)


def place_of(part: Origin, origin: Origin, folder: Path) -> Path:
    """Where a part of a checkpoint goes in the new folder: as deep as it lies in the old one."""
    return folder / part.subfolder.removeprefix(origin.subfolder).strip("/")


def _copy(origin: Origin, folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        path = origin.file(name)
        if path is not None:
            with whole_or_absent(folder / name) as beside:
                shutil.copyfile(path, beside)
