"""FULL-SENTENCES packing: whole sentences, one after the other and across documents, as many as fit."""

from __future__ import annotations

import numpy as np

from roberta.training.token_file import TokenFile


def full_sentences(file: TokenFile, room: int) -> np.ndarray:
    """Where blocks of at most `room` tokens begin and end in the file: (blocks, 2) int64.

    A sentence longer than a block is cut into pieces; the last of them goes on with the sentences after it.
    """
    places = np.asarray(file.sentences, np.int64)
    if len(places) < 2:
        return np.zeros((0, 2), np.int64)
    pieces = -(-np.diff(places) // room)  # how many blocks each sentence needs
    first = np.concatenate([[0], np.cumsum(pieces)[:-1]])
    within = np.arange(pieces.sum()) - np.repeat(first, pieces)
    cuts = np.append(np.repeat(places[:-1], pieces) + within * room, places[-1])
    after = np.searchsorted(cuts, cuts + room, "right") - 1  # the cut where a block that begins here ends
    ends, place, last = [0], 0, len(cuts) - 1
    jump = after.tolist()
    while place < last:
        place = jump[place]
        ends.append(place)
    borders = cuts[ends]
    return np.stack([borders[:-1], borders[1:]], 1)
