"""roberta train tokenizer"""

from __future__ import annotations

import json
import time

from roberta_cli import options, train_options
from roberta_cli.training import StatusLine


def tokenizer(
    texts: train_options.Train,
    *,
    size: train_options.VocabSize = 50265,
    min_frequency: train_options.MinFrequency = 2,
    field: options.Field = None,
    input_format: options.InputFormat = None,
    encoding: options.Encoding = "utf-8",
    no_header: options.NoHeader = False,
    output: train_options.Output,
    force: train_options.Force = False,
    progress: options.Progress = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Learn a byte-level vocabulary from text, for train mlm --tokenizer.

    Examples:

    roberta train tokenizer corpus.txt -o my-words --size 1000

    roberta train tokenizer reports.jsonl.gz -o my-words --field body --size 16384 --min-frequency 5

    roberta train tokenizer corpus.txt corpus.txt stories.txt -o my-words --size 2000
    """
    from roberta.errors import InputError
    from roberta.records import Fields
    from roberta.tokenizer.trainer import SMALLEST, learn
    from roberta.training.run import prepare_output
    from roberta.training.token_file import read_texts

    began = time.monotonic()
    prepare_output(output, force=force)
    status = StatusLine(progress, quiet)

    def say(stage: str, done: int, total: int) -> None:
        status.say(f"{stage}: {done:,}" + (f" of {total:,} tokens" if total else " texts"))

    try:
        read = read_texts(
            texts, Fields.parse(field or ()), format=input_format, encoding=encoding, header=not no_header
        )
        words = learn(read, vocab_size=size, min_frequency=min_frequency, report=say)
    finally:
        status.end()
    if len(words) == SMALLEST < size:
        raise InputError(
            f"{', '.join(texts)}: no two letters stand together {min_frequency} times; give more text, or a lower"
            " --min-frequency"
        )
    words.save_pretrained(output)
    seconds = round(time.monotonic() - began, 1)
    print(json.dumps({"task": "tokenizer", "tokens": len(words), "seconds": seconds, "output": str(output)}))
