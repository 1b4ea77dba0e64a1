"""Learning a vocabulary from text, against the Rust trainer: interleaved rounds, medians, peak memory.

    python benchmarks/tokenizer_training.py [TEXT_FILE ...] [--size 50265] [--min-frequency 2] [--rounds 3]

TEXT_FILE: UTF-8, a text a line; the default is this repository's own Markdown, which is small. Every run has a process
of its own and reads the files line by line. "rust" is given the same lines and must learn the same merges; "rust, from
files" reads them itself, with their line breaks, so that its merges may differ. Rust uses every core that it wants
(RAYON_NUM_THREADS says otherwise), ours one.
"""

import argparse
import hashlib
import json
import os
import resource
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]


class Run(NamedTuple):
    seconds: float
    peak: int  # bytes
    merges: int
    digest: str  # of the merges
    counting: float = 0.0  # seconds of it


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", nargs="*", type=Path)
    parser.add_argument("--size", type=int, default=50_265)
    parser.add_argument("--min-frequency", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    files = options.texts or sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("docs/**/*.md"))
    total = sum(path.stat().st_size for path in files)
    print(
        f"{total / 1e6:.2f} MB, {options.size:,} tokens, pairs from {options.min_frequency} on, {os.cpu_count()} cores"
    )
    trainers = {"ours": ours, "rust": rust, "rust, from files": rust_from_files}
    runs: dict[str, list[Run]] = {name: [] for name in trainers}
    for _ in range(options.rounds):
        for name, train in trainers.items():
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                runs[name].append(pool.submit(train, files, options.size, options.min_frequency).result())
        assert runs["ours"][-1].digest == runs["rust"][-1].digest, "the merges differ"
    report(runs, total)


def report(runs: dict[str, list[Run]], total: int) -> None:
    def median(name: str, field: str) -> float:
        return statistics.median(getattr(run, field) for run in runs[name])

    for name, made in runs.items():
        seconds, peak = median(name, "seconds"), median(name, "peak")
        print(
            f"{name:17} {seconds:7.1f} s  {total / 1e6 / seconds:6.2f} MB/s  {peak / 1e6:6.0f} MB at most  "
            f"{made[0].merges:,} merges, {seconds / median('ours', 'seconds'):.2f} x the time of ours"
            + (f", {median(name, 'counting'):.1f} s of it counting" if made[0].counting else "")
        )


def ours(files: list[Path], size: int, min_frequency: int) -> Run:
    from roberta.tokenizer.trainer import learn

    start = time.perf_counter()
    counting = 0.0

    def say(stage: str, done: int, in_all: int) -> None:
        nonlocal counting
        if stage == "counting":
            counting = time.perf_counter() - start

    learned = learn(lines(files), vocab_size=size, min_frequency=min_frequency, report=say)
    return measured(time.perf_counter() - start, learned._vocabulary.merges.lines, counting)


def rust(files: list[Path], size: int, min_frequency: int) -> Run:
    tokenizer, trainer = untrained(size, min_frequency)
    start = time.perf_counter()
    tokenizer.train_from_iterator(lines(files), trainer)
    return measured(time.perf_counter() - start, merges_of(tokenizer))


def rust_from_files(files: list[Path], size: int, min_frequency: int) -> Run:
    tokenizer, trainer = untrained(size, min_frequency)
    start = time.perf_counter()
    tokenizer.train([str(path) for path in files], trainer)
    return measured(time.perf_counter() - start, merges_of(tokenizer))


def lines(files: list[Path]) -> Iterator[str]:
    for path in files:
        with path.open(encoding="utf-8", newline="\n") as file:
            for line in file:
                yield line.removesuffix("\n")


def untrained(size: int, min_frequency: int):
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=min_frequency,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
    )
    return tokenizer, trainer


def merges_of(tokenizer) -> list[str]:
    return [" ".join(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]


def measured(seconds: float, merges: list[str], counting: float = 0.0) -> Run:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    digest = hashlib.sha256("\n".join(merges).encode()).hexdigest()
    return Run(seconds, peak, len(merges), digest, counting)


if __name__ == "__main__":
    main()
