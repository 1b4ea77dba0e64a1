"""A small seeded language model on disk, with the built-in model's vocabulary."""

import json
import shutil

from roberta.builtin import MINI
from tests.conftest import seeded, tiny_config
from tests.tasks.tiny_classifier import TOKENIZER_FILES

ROOM = 64  # tokens of the longest text


def tiny_author(folder, *, seed=0, kind=None, **config):
    """A checkpoint folder of a random model. kind: its class, a causal one if not given; config: further entries of
    its config.json."""
    from roberta.generation.causal import RobertaForCausalLM

    words = len(json.loads((MINI / "vocab.json").read_text(encoding="utf-8")))
    sizes = {"vocab_size": words, "max_position_embeddings": ROOM + 2, "type_vocab_size": 1, "is_decoder": True}
    seeded(kind or RobertaForCausalLM, tiny_config(**sizes | config), seed).save_pretrained(folder)
    for name in TOKENIZER_FILES:
        shutil.copyfile(MINI / name, folder / name)
    return folder
