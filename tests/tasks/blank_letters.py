"""A tokenizer of letters that carry the blank before them, with a mask; and a model that answers by rule."""

import re
from types import SimpleNamespace

import numpy as np

from roberta.records import Record
from roberta.tasks.base import Again


class BlankLetters:
    """A letter is its code point, 128 more with a blank before it; `<mask>` swallows the white space on its left."""

    mask_token, mask_token_id = "<mask>", 3
    all_special_ids = (0, 2, 3)
    pattern = r"\s*<mask>| ?[^ ]| "

    def __len__(self):
        return 256

    def pieces(self, text):
        found = list(re.finditer(self.pattern, text))
        words = [piece.group() for piece in found]
        ids = [3 if word.endswith("<mask>") else ord(word[-1]) + 128 * (len(word) == 2) for word in words]
        spans = [(piece.end() - len(word.strip() or word), piece.end()) for piece, word in zip(found, words)]
        return SimpleNamespace(ids=ids, offsets=spans, word_ids=list(range(len(ids))))

    def encode_ids(self, text):
        return self.pieces(text).ids

    def convert_ids_to_tokens(self, ids):
        if isinstance(ids, int):
            return {0: "<s>", 2: "</s>", 3: "<mask>"}.get(ids) or self.decode([ids]).replace(" ", "Ġ")
        return [self.convert_ids_to_tokens(id) for id in ids]

    def decode(self, ids, skip_special_tokens=False, clean_up_tokenization_spaces=False):
        return "".join(" " + chr(id - 128) if id >= 128 else chr(id) for id in ids)

    def frame(self, ids, pair_ids=None):
        return [0, *ids, 2] if pair_ids is None else [0, *ids, 2, 2, *pair_ids, 2]

    def num_special_tokens_to_add(self, pair=False):
        return 4 if pair else 2


def logits_by_rule(input_ids, row):
    """(256,) float32, different for every window and row, the same every time."""
    return np.random.default_rng([*input_ids, row]).normal(scale=3.0, size=256).astype(np.float32)


def answer(task, text="a <mask>", logits=logits_by_rule, **fields):
    """What the task makes of one record, with a model that is a function of a window's ids and a row."""
    record = Record(0, "argument 1", {"text": text, **fields})
    windows = task.prepare(record)
    found = task.decode(record, windows, _outputs(task, record, windows, logits))
    while isinstance(found, Again):
        found = found.decode(_outputs(task, record, found.windows, logits))
    return found


def _outputs(task, record, windows, logits):
    assert windows
    return [
        task.condense(record, window, np.array([logits(window.input_ids, row) for row in window.rows]))
        for window in windows
    ]


def favouring(*ids):
    """A model that finds the n-th of `ids` likeliest at the n-th row it is asked about in a window, and again."""

    def logits(input_ids, row):
        masks = [place for place, id in enumerate(input_ids) if id == 3]
        found = np.zeros(256, np.float32)
        found[ids[masks.index(row) % len(ids)]] = 9.0
        return found

    return logits
