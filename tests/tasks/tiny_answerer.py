"""A small seeded question-answering model on disk, with the built-in model's vocabulary."""

import json
import shutil

from roberta.builtin import MINI
from tests.conftest import seeded, tiny_config
from tests.tasks.tiny_classifier import TOKENIZER_FILES

ROOM = 512  # tokens of the longest window


def tiny_answerer(folder, *, seed=0, **config):
    """A checkpoint folder of a random question answerer. config: further entries of its config.json."""
    from roberta.model.models import RobertaForQuestionAnswering

    words = len(json.loads((MINI / "vocab.json").read_text(encoding="utf-8")))
    sizes = {"vocab_size": words, "max_position_embeddings": ROOM + 2, "type_vocab_size": 1}
    seeded(RobertaForQuestionAnswering, tiny_config(**sizes | config), seed).save_pretrained(folder)
    for name in TOKENIZER_FILES:
        shutil.copyfile(MINI / name, folder / name)
    return folder
