"""roberta train ner"""

from __future__ import annotations

from roberta_cli import train_options
from roberta_cli.train_options import Looping, Running, Tuning
from roberta_cli.training import Session


def ner(
    texts: train_options.Train,
    *,
    words: train_options.Words = "unit",
    decode: train_options.DecodeBy = "argmax",
    tuning: Tuning,
    looping: Looping,
    running: Running,
) -> None:
    """Train a finder of named entities, from CoNLL files or records with tags.

    Examples:

    roberta train ner train.conll -o my-entities --dev dev.conll

    roberta train ner train.jsonl -o my-entities --dev 10% --field tokens=words --field tags=labels

    roberta train ner train.conll -o my-entities --dev dev.conll --check
    """
    Session(running).tune("ner", texts, tuning, looping, words=words, decode=decode)
