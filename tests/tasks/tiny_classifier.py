"""Small seeded classifiers on disk, with the built-in model's vocabulary, and texts to try them on."""

import json
import shutil

from roberta.builtin import MINI
from roberta.model.models import RobertaForSequenceClassification
from tests.conftest import seeded, tiny_config
from tests.shared import SHARED

TOKENIZER_FILES = ("vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json")
ROOM = 64  # tokens of a window
OWN_TEXTS = (
    "A warm and funny film.",
    "I want my money back!",
    "no",
    " leading blank",
    "Zoë's café — 3 €, don't you think?",
    "It says </s> and <mask> in the text itself.",
    "The plot is thin , the acting thinner , and the ending an insult to everybody who stayed awake for it .",
    "日本語のテキスト 🎉👩‍👩‍👧",
    "tabs\tand\nlines\r\n\r\nand   blanks   ",
    "long " * 50,
    "On and on it goes, with a word here and a word there, " * 9,
)


def tiny_classifier(folder, id2label, *, seed=0, problem_type=None):
    """A checkpoint folder of a random classifier with windows of ROOM tokens."""
    words = len(json.loads((MINI / "vocab.json").read_text(encoding="utf-8")))
    sizes = {"vocab_size": words, "max_position_embeddings": ROOM + 2, "type_vocab_size": 1}
    config = tiny_config(**sizes, id2label=id2label, problem_type=problem_type)
    seeded(RobertaForSequenceClassification, config, seed).save_pretrained(folder)
    for name in TOKENIZER_FILES:
        shutil.copyfile(MINI / name, folder / name)
    return folder


def real_rows(name, count):
    """The first rows of a jsonl file of the proof material, none where that is absent."""
    if SHARED is None:
        return []
    with (SHARED / "tasks" / name).open(encoding="utf-8") as lines:
        return [json.loads(line) for _, line in zip(range(count), lines)]


def real_lines(name, count):
    """The first lines of a text file of the proof material that are not empty, none where that is absent."""
    if SHARED is None:
        return []
    with (SHARED / "tasks" / name).open(encoding="utf-8", newline="\n") as lines:
        return [line.rstrip("\n") for _, line in zip(range(count), lines) if line != "\n"]
