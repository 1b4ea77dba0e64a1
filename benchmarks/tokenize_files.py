"""`roberta tokenize --show ids` over a file, against the Rust tokenizers writing the same JSON lines: whole processes.

    python benchmarks/tokenize_files.py TEXT_FILE [-m FOLDER] [--rounds 3] [--workers 1,2]

TEXT_FILE: a text a line. -m: a folder with vocab.json and merges.txt; the default is the built-in model. --workers:
processes here, threads there. Rounds are interleaved; medians of the wall time and of the processor time, which says
more on a machine that others use too. The output files are compared byte for byte.
"""

import argparse
import filecmp
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from tokenizer import ROOT, rust_tokenizer

BATCH = 1000  # lines that the Rust side encodes at a time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path)
    parser.add_argument("-m", "--model", type=Path, default=ROOT / "roberta" / "builtin" / "mini")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--rust", type=Path, help=argparse.SUPPRESS)  # the other side, in a process of its own
    options = parser.parse_args()
    if options.rust:
        write_by_rust(options.text, options.model, options.rust)
        return
    megabytes = options.text.stat().st_size / 1e6
    print(f"{megabytes:.1f} MB, {options.rounds} rounds")
    for workers in map(int, options.workers.split(",")):
        measured: dict[str, list[tuple[float, float]]] = {"ours": [], "rust": []}
        with tempfile.TemporaryDirectory() as folder:
            outputs = {name: Path(folder) / f"{name}.jsonl" for name in measured}
            for _ in range(options.rounds):
                for name, output in outputs.items():
                    measured[name].append(run(command(name, options, workers, output), workers))
            assert filecmp.cmp(*outputs.values(), shallow=False), "the files differ"
        medians = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in measured.items()}
        for name, (wall, processor) in medians.items():
            print(
                f"{name}, {workers} workers  {wall:7.2f} s  {megabytes / wall:6.2f} MB/s  processor {processor:7.2f} s"
            )
        ratios = [rust / ours for ours, rust in zip(*medians.values())]
        print(f"ratio              {ratios[0]:7.2f} x{'':22}{ratios[1]:7.2f} x")


def command(name: str, options: argparse.Namespace, workers: int, output: Path) -> list[str]:
    common = [str(options.text), "-m", str(options.model)]
    if name == "rust":
        return [sys.executable, __file__, *common, "--rust", str(output)]
    ours = ["tokenize", "--show", "ids", "--force", "--workers", str(workers), "-o", str(output), "-i"]
    return [sys.executable, "-m", "roberta_cli", *ours, *common]


def run(command: list[str], workers: int) -> tuple[float, float]:
    """Seconds on the wall and of the processors."""
    environment = os.environ | {"RAYON_NUM_THREADS": str(workers), "TOKENIZERS_PARALLELISM": str(workers > 1).lower()}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, env=environment, stderr=subprocess.DEVNULL)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def write_by_rust(text: Path, model: Path, output: Path) -> None:
    import json

    rust = rust_tokenizer(model)
    first, last = rust.token_to_id("<s>"), rust.token_to_id("</s>")
    number = 0
    with text.open(encoding="utf-8", newline="\n") as lines, output.open("w", encoding="utf-8") as out:
        batch = [line.removesuffix("\n").removesuffix("\r") for _, line in zip(range(BATCH), lines)]
        while batch:
            for found in rust.encode_batch_fast(batch, add_special_tokens=False):
                number += 1
                ids = json.dumps([first, *found.ids, last], separators=(",", ":"))
                out.write(f'{{"id":{number},"ids":{ids}}}\n')
            batch = [line.removesuffix("\n").removesuffix("\r") for _, line in zip(range(BATCH), lines)]


if __name__ == "__main__":
    main()
