"""A small seeded multiple-choice model on disk, with the built-in model's vocabulary."""

import json
import shutil

from roberta.builtin import MINI
from tests.conftest import seeded, tiny_config
from tests.tasks.tiny_classifier import ROOM, TOKENIZER_FILES


def tiny_chooser(folder, *, seed=2):
    """A checkpoint folder of a random multiple-choice model with windows of ROOM tokens."""
    from roberta.model.models import RobertaForMultipleChoice

    words = len(json.loads((MINI / "vocab.json").read_text(encoding="utf-8")))
    sizes = {"vocab_size": words, "max_position_embeddings": ROOM + 2, "type_vocab_size": 1}
    model = seeded(RobertaForMultipleChoice, tiny_config(**sizes), seed)
    model.classifier.weight.data *= 10  # so that the choices differ
    model.save_pretrained(folder)
    for name in TOKENIZER_FILES:
        shutil.copyfile(MINI / name, folder / name)
    return folder
