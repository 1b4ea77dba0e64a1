"""roberta train embed"""

from __future__ import annotations

from roberta_cli import train_options
from roberta_cli.train_options import Looping, Running, Tuning
from roberta_cli.training import Session


def embed(
    texts: train_options.Train,
    *,
    pool: train_options.Pooling = "mean",
    loss: train_options.Loss = "simcse",
    temperature: train_options.Temperature = 0.05,
    scale: train_options.Scale = 1.0,
    tuning: Tuning,
    looping: Looping,
    running: Running,
) -> None:
    """Train sentence vectors: from texts alone, from pairs, or from scores of pairs.

    Examples:

    roberta train embed sentences.txt -o my-vectors --epochs 1

    roberta train embed pairs.jsonl -o my-vectors --field text=premise --field text_pair=hypothesis

    roberta train embed scores.csv -o my-vectors --loss cosine --field text=a --field text_pair=b --scale 5 --dev 10%
    """
    Session(running).tune(
        "embed", texts, tuning, looping, pooling=pool, loss=loss, temperature=temperature, scale=scale
    )
