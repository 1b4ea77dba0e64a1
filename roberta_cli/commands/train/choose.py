"""roberta train choose"""

from __future__ import annotations

from roberta_cli import train_options
from roberta_cli.train_options import Looping, Running, Tuning
from roberta_cli.training import Session


def choose(
    texts: train_options.Train,
    *,
    tuning: Tuning,
    looping: Looping,
    running: Running,
) -> None:
    """Train a model that picks the right one of several choices.

    Examples:

    roberta train choose quiz.jsonl -o my-choices --dev 10%

    roberta train choose quiz.jsonl -o my-choices --dev 10% --lora 8 --head-lr 1e-3

    roberta train choose quiz.jsonl -o my-choices --dev 10% --check
    """
    Session(running).tune("choose", texts, tuning, looping)
