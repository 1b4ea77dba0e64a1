"""roberta train mlm"""

from __future__ import annotations

from roberta_cli import train_options
from roberta_cli.train_options import Looping, Running, Writings
from roberta_cli.training import Session


def mlm(
    texts: train_options.Train,
    *,
    mask_prob: train_options.MaskProb = 0.15,
    whole_words: train_options.WholeWords = False,
    shift_positions: train_options.ShiftPositions = False,
    writings: Writings,
    looping: Looping,
    running: Running,
) -> None:
    """Pre-train a masked language model, from scratch or from a checkpoint.

    Examples:

    roberta train mlm corpus.txt -o my-model --tokenizer my-words --layers 2 --hidden 64 --positions 64

    roberta train mlm corpus.txt -o adapted -m FacebookAI/roberta-base --dev 5% --epochs 10 --patience 1

    roberta train mlm reports.jsonl.gz -o adapted -m FacebookAI/roberta-base --field body --epochs 1
    """
    session = Session(running)
    from roberta.training.pretrain import DEFAULTS, open_mlm

    settings = looping.settings(DEFAULTS)
    session.train(
        lambda: open_mlm(
            writings.texts(texts, running.output, session.say_tokens),
            writings.beginning,
            seed=settings.seed,
            mask_prob=mask_prob,
            whole_words=whole_words,
            shift_positions=shift_positions,
            resuming=running.resume,
        ),
        settings,
        session.provenance(
            texts, writings, mask_prob=mask_prob, whole_words=whole_words, shift_positions=shift_positions
        ),
    )
