"""Whether two checkpoints are the same, without their names: to the byte on disk, by the commit on the hub."""

from __future__ import annotations

import hashlib

from roberta.files import sha256_of
from roberta.hub import Origin
from roberta.weights.formats import FORMATS
from roberta.weights.sentence_folder import MODULES

# Config, vocabulary, merges and weights; a folder may hold results and notes besides, which change no answer.
_SUFFIXES = (".json", ".txt", *(suffix for kind in FORMATS for suffix in kind.suffixes))


def fingerprint(origin: Origin) -> str:
    """One line that is another one when a file of the checkpoint, or of its adapter, has another byte.

    A folder is read as a whole, a gigabyte in about a second. A repository of the hub is its commit, known once a file
    of it was asked for.

    >>> fingerprint(Origin("checkpoints/mini"))[:12]
    '3c1c4c5d2f6a'

    Raises ReadError: a file that cannot be read.
    """
    own = origin.commit or str(origin) if origin.folder is None else _of_folder(origin)
    return own if origin.adapter is None else f"{own} with {fingerprint(origin.adapter)}"


def _of_folder(origin: Origin) -> str:
    files = list(origin.folder.glob("*"))
    if origin.file(MODULES):  # a sentence-transformers folder, which keeps its modules one step below
        files += origin.folder.glob("*/*")
    kept = sorted(file for file in files if file.suffix in _SUFFIXES and file.is_file())
    held = [(str(file.relative_to(origin.folder)), sha256_of(file)) for file in kept]
    return hashlib.sha256(repr((origin.chosen, held)).encode()).hexdigest()
