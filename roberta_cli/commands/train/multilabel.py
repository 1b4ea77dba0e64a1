"""roberta train multilabel"""

from __future__ import annotations

from roberta_cli import train_options
from roberta_cli.train_options import Looping, Running, Tuning
from roberta_cli.training import Session


def multilabel(
    texts: train_options.Train,
    *,
    class_weights: train_options.ClassWeights = None,
    tuning: Tuning,
    looping: Looping,
    running: Running,
) -> None:
    """Train a classifier where any number of labels may be true; `label` holds a list.

    Examples:

    roberta train multilabel topics.jsonl -o my-topics --dev 10%

    roberta train multilabel topics.jsonl -o my-topics --dev 10% --field label=topics --class-weights balanced

    roberta train multilabel topics.jsonl -o my-topics --dev 10% --check
    """
    Session(running).tune("multilabel", texts, tuning, looping, class_weights=class_weights)
