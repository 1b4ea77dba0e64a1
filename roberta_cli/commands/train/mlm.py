"""roberta train mlm"""

from __future__ import annotations

from roberta_cli import options, train_options
from roberta_cli.train_options import Looping, Running
from roberta_cli.training import Session


def mlm(
    texts: train_options.Train,
    *,
    dev: train_options.Dev = None,
    model: train_options.Start = None,
    tokenizer: train_options.Vocabulary = None,
    layers: train_options.Layers = None,
    hidden: train_options.Hidden = None,
    heads: train_options.Heads = None,
    ffn: train_options.Ffn = None,
    positions: train_options.Positions = None,
    length: train_options.Length = None,
    init: train_options.Init = "random",
    mask_prob: train_options.MaskProb = 0.15,
    whole_words: train_options.WholeWords = False,
    shift_positions: train_options.ShiftPositions = False,
    input_format: options.InputFormat = None,
    encoding: options.Encoding = "utf-8",
    field: options.Field = None,
    looping: Looping,
    running: Running,
) -> None:
    """Pre-train a masked language model, from scratch or from a checkpoint.

    Examples:

    roberta train mlm corpus.txt -o my-model --tokenizer my-words --layers 6 --hidden 256

    roberta train mlm corpus.txt -o my-model --resume --tokenizer my-words --layers 6 --hidden 256

    roberta train mlm reports.jsonl.gz -o adapted -m FacebookAI/roberta-base --field body --epochs 1
    """
    session = Session(running)
    from roberta.records import Fields
    from roberta.training.pretrain import DEFAULTS, open_mlm
    from roberta.training.start import Sizes

    settings = looping.settings(DEFAULTS)
    session.train(
        lambda: open_mlm(
            texts,
            running.output,
            settings,
            dev=dev,
            fields=Fields.parse(field or ()),
            model=model,
            tokenizer=tokenizer,
            sizes=Sizes(layers, hidden, heads, ffn, positions),
            length=length,
            init=init,
            mask_prob=mask_prob,
            whole_words=whole_words,
            shift_positions=shift_positions,
            resuming=running.resume,
            report=session.say_tokens,
            format=input_format,
            encoding=encoding,
        ),
        settings,
    )
