"""A small seeded token classifier on disk, with the built-in model's vocabulary."""

import json
import shutil

from roberta.builtin import MINI
from roberta.model.models import RobertaForTokenClassification
from tests.conftest import seeded, tiny_config
from tests.tasks.tiny_classifier import ROOM, TOKENIZER_FILES

LABELS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")


def tiny_tagger(folder, labels=LABELS, *, seed=1):
    """A checkpoint folder of a random token classifier with windows of ROOM tokens."""
    words = len(json.loads((MINI / "vocab.json").read_text(encoding="utf-8")))
    sizes = {"vocab_size": words, "max_position_embeddings": ROOM + 2, "type_vocab_size": 1}
    config = tiny_config(**sizes, id2label=dict(enumerate(labels)))
    model = seeded(RobertaForTokenClassification, config, seed)
    model.classifier.weight.data *= 3  # so that every label is found somewhere
    model.classifier.bias.data *= 0
    model.save_pretrained(folder)
    for name in TOKENIZER_FILES:
        shutil.copyfile(MINI / name, folder / name)
    return folder
