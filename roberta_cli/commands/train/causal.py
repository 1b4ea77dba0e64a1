"""roberta train causal"""

from __future__ import annotations

from roberta_cli import train_options
from roberta_cli.train_options import Looping, Running, Writings
from roberta_cli.training import Session


def causal(texts: train_options.Train, *, writings: Writings, looping: Looping, running: Running) -> None:
    """Train a decoder that continues texts word by word, for roberta generate.

    Examples:

    roberta train causal corpus.txt -o my-author --tokenizer my-words --layers 2 --hidden 64 --positions 64

    roberta train causal stories.jsonl -o my-author -m FacebookAI/roberta-base --field body --epochs 1

    roberta train causal corpus.txt -o my-author --tokenizer my-words --layers 2 --hidden 64 --positions 64 --dry-run
    """
    session = Session(running)
    from roberta.training.pretrain import DEFAULTS, open_causal

    settings = looping.settings(DEFAULTS)
    session.train(
        lambda: open_causal(
            writings.texts(texts, running.output, session.say_tokens),
            writings.beginning,
            seed=settings.seed,
            resuming=running.resume,
        ),
        settings,
        session.provenance(texts, writings),
    )
