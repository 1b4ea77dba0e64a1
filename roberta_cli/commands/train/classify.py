"""roberta train classify"""

from __future__ import annotations

from roberta_cli import stream, train_options
from roberta_cli.train_options import Looping, Running, Tuning
from roberta_cli.training import Session


def classify(
    texts: train_options.Train,
    *,
    label_names: train_options.LabelNames = None,
    class_weights: train_options.ClassWeights = None,
    tuning: Tuning,
    looping: Looping,
    running: Running,
) -> None:
    """Train a classifier of texts or pairs of texts; the field `label` holds the answer.

    Examples:

    roberta train classify reviews.csv -o my-sentiment --dev 10% --field review --field label=stars

    roberta train classify train.jsonl -o my-sentiment --dev dev.jsonl --label-names negative,positive --lora 8

    roberta train classify train.jsonl -o my-sentiment --dev dev.jsonl --epochs 5 --patience 1 --metric macro_f1
    """
    Session(running).tune(
        "classify", texts, tuning, looping, label_names=stream.words_of(label_names), class_weights=class_weights
    )
