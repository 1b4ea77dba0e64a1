"""roberta train regress"""

from __future__ import annotations

from roberta_cli import train_options
from roberta_cli.train_options import Looping, Running, Tuning
from roberta_cli.training import Session


def regress(
    texts: train_options.Train,
    *,
    tuning: Tuning,
    looping: Looping,
    running: Running,
) -> None:
    """Train a model that gives a number for a text or a pair; the field `label` holds it.

    Examples:

    roberta train regress scores.csv -o my-scores --dev 10% --field text --field label=score

    roberta train regress train.jsonl -o my-scores --field text=a --field text_pair=b --field label=score

    roberta train regress scores.csv -o my-scores --dev 10% --field text --field label=score --check
    """
    Session(running).tune("regress", texts, tuning, looping)
