"""Tokens a second of one process on some cores, for the arithmetic of docs/scale.md.

    python benchmarks/one_core.py [--cores 1] [--records 400] [--rounds 3] [-m FOLDER] [-- --dtype bf16]

`roberta classify` answers records of 64 tokens, framing counted, of words drawn from the vocabulary. Without -m the
checkpoint is random, seeded, of the size of roberta-base. Two runs of different length are subtracted, so that starting
and loading, which a large job pays once, are left out. What stands after -- goes to `roberta classify`. On a machine
that others use, trust the rate by processor time: it does not count the time in which others had the core.
"""

import argparse
import datetime
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from roberta.builtin import MINI
from roberta.tokenizer import RobertaTokenizer

TOKENS = 64  # of a record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--records", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("-m", "--model", type=Path)
    parser.add_argument("flags", nargs="*", help="for roberta classify, after --")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = options.model or random_base(folder / "base")
        short, long = (write_records(folder / f"{count}.jsonl", model, count) for count in sizes(options.records))
        rounds = [rates(model, short, long, options.cores, options.flags) for _ in range(options.rounds)]
    print(f"{datetime.date.today()}, {options.cores} of {os.cpu_count()} cores, {' '.join(cpu_features())}")
    for name, found in zip(("second", "second of processor time"), zip(*rounds)):
        shown = ", ".join(f"{one:,.0f}" for one in found)
        print(f"{statistics.median(found):,.0f} tokens a {name}, the median of {shown}")


def sizes(records: int) -> tuple[int, int]:
    return records // 4, records


def random_base(folder: Path) -> Path:
    """A classifier of the size of roberta-base with the built-in model's vocabulary."""
    import torch

    from roberta import RobertaConfig, RobertaForSequenceClassification

    torch.manual_seed(0)
    config = RobertaConfig(vocab_size=50265, max_position_embeddings=514, type_vocab_size=1, num_labels=2)
    RobertaForSequenceClassification(config).save_pretrained(folder)
    for name in ("vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(MINI / name, folder / name)
    return folder


def write_records(path: Path, model: Path, count: int) -> Path:
    tokenizer = RobertaTokenizer.from_pretrained(model)
    words = [
        word for word in tokenizer.get_vocab() if word.startswith("Ġ") and word[1:].isascii() and word[1:].isalpha()
    ]
    draw = random.Random(0)
    with path.open("w", encoding="utf-8") as lines:
        for _ in range(count):
            text = "".join(" " + word[1:] for word in draw.choices(words, k=TOKENS - 2))
            lines.write(json.dumps({"text": text}) + "\n")
    return path


def rates(model: Path, short: Path, long: Path, cores: int, flags: list[str]) -> tuple[float, float]:
    """Tokens of the part that the long file has more, by the clock and by processor time."""
    less, more = (measured(model, path, cores, flags) for path in (short, long))
    tokens, seconds, used = (after - before for after, before in zip(more, less))
    return tokens / seconds, tokens / used


def measured(model: Path, path: Path, cores: int, flags: list[str]) -> tuple[int, float, float]:
    """Tokens, seconds, and seconds of processor time of one run."""
    command = [sys.executable, "-m", "roberta_cli", "classify", "-m", str(model), "-i", str(path), "-o", os.devnull]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = subprocess.run(
        [*command, "--threads", str(cores), "--summary", *flags],
        env=os.environ | {"OMP_NUM_THREADS": str(cores)},
        preexec_fn=lambda: os.sched_setaffinity(0, range(cores)),
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    summary = json.loads(ended.stderr.splitlines()[-1])
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return summary["tokens"], summary["seconds"], used


def cpu_features() -> list[str]:
    found = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    return [name for name in ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_tile") if name in found] or [
        "no avx2"
    ]


if __name__ == "__main__":
    main()
