"""roberta train qa"""

from __future__ import annotations

from roberta_cli import train_options
from roberta_cli.train_options import Looping, Running, Tuning
from roberta_cli.training import Session


def qa(
    texts: train_options.Train,
    *,
    overlap: train_options.Overlap = None,
    tuning: Tuning,
    looping: Looping,
    running: Running,
) -> None:
    """Train a model that finds answers in a context, from SQuAD files.

    Examples:

    roberta train qa train.json -o my-answers --dev dev.json

    roberta train qa train.json -o my-answers --dev 10% --window 128 --overlap 32 --lora 16

    roberta train qa train.json -o my-answers --dev dev.json --check
    """
    Session(running).tune("qa", texts, tuning, looping, overlap=overlap)
