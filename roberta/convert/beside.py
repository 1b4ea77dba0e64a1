"""What belongs to a checkpoint beside its weights: words, settings, the card, the modules of sentence-transformers."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from roberta.tokenizer import RobertaTokenizer

WORDS = (VOCAB_FILE, MERGES_FILE, SINGLE_FILE, SETTINGS_FILE, SPECIAL_TOKENS_FILE, ADDED_TOKENS_FILE)
_CARD = ("README.md", "LICENSE", "LICENSE.txt", "LICENSE.md", "NOTICE")


@dataclass(frozen=True)
class Words:
    """All of a checkpoint but its config and weights.

    origin: of the whole folder. encoder: of the RoBERTa model in it. tokenizer: where its files are of another kind.
    """

    origin: Origin
    encoder: Origin
    tokenizer: RobertaTokenizer | None = None

    def place(self, folder: Path) -> Path:
        """Where the RoBERTa model goes in the new folder: as deep as it lies in the old one."""
        return self._place(self.encoder, folder)

    def save(self, folder: Path) -> None:
        """Write or copy all of it into the folder of a new checkpoint."""
        inside = self.place(folder)
        if self.tokenizer is not None:
            self.tokenizer.save_pretrained(inside)
        else:
            _copy(self.encoder, inside, (*WORDS, GENERATION_FILE))
        if self.origin.adapter is None:  # the card of a base says nothing of its adapter
            _copy(self.origin, folder, _CARD)
        for part, names in files_of_modules(self.origin):
            _copy(part, self._place(part, folder), names)

    def _place(self, part: Origin, folder: Path) -> Path:
        return folder / part.subfolder.removeprefix(self.origin.subfolder).strip("/")


def _copy(origin: Origin, folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        path = origin.file(name)
        if path is not None:
            with whole_or_absent(folder / name) as beside:
                shutil.copyfile(path, beside)
