"""Text to ids, one thread, against the Rust tokenizers: interleaved rounds, medians and ratios.

    python benchmarks/tokenizer.py [TEXT_FILE] [-m FOLDER] [--rounds 5]

TEXT_FILE: lines of text; the default is this repository's own Markdown, which is small. -m: a folder with vocab.json
and merges.txt; the default is the built-in model. "fresh" is the first pass of a new tokenizer, "warm" the next one.
Every round checks that both sides give the same ids. Offsets are timed on the first lines only.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OFFSET_LINES = 2_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", nargs="?", type=Path)
    parser.add_argument("-m", "--model", type=Path, default=ROOT / "roberta" / "builtin" / "mini")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    os.environ |= {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}  # before `tokenizers` is imported
    files = [options.text] if options.text else sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("docs/**/*.md"))
    lines = "\n".join(path.read_text(encoding="utf-8") for path in files).split("\n")
    rates: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        for name, rate in one_round(options.model, lines).items():
            rates.setdefault(name, []).append(rate)
    report({name: statistics.median(measured) for name, measured in rates.items()}, size(lines))


def one_round(model: Path, lines: list[str]) -> dict[str, float]:
    """MB/s by name."""
    rates: dict[str, float] = {}
    ids: dict[str, list] = {}

    def measure(name: str, encode: Callable[[], list], measured: list[str] = lines) -> None:
        start = time.perf_counter()
        ids[name] = encode()
        rates[name] = size(measured) / 1e6 / (time.perf_counter() - start)

    rust = rust_tokenizer(model)
    if rust is not None:

        def by_rust() -> list:
            return [found.ids for found in rust.encode_batch_fast(lines, add_special_tokens=False)]

        measure("rust fresh", by_rust)
        measure("rust warm", by_rust)

    from roberta.tokenizer import RobertaTokenizer

    ours = RobertaTokenizer.from_pretrained(model)
    measure("ours fresh", lambda: list(map(ours.encode_ids, lines)))
    measure("ours warm", lambda: list(map(ours.encode_ids, lines)))
    measure("ours warm, called on the batch", lambda: ours(lines, add_special_tokens=False, verbose=False).input_ids)
    assert all(found == ids["ours fresh"] for found in ids.values()), "the ids differ"
    first = lines[:OFFSET_LINES]
    measure("ours warm, with offsets", lambda: [ours.pieces(line).offsets for line in first], first)
    return rates


def rust_tokenizer(model: Path):
    """The Rust tokenizer of the same files, or None where it is not installed."""
    try:
        from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
    except ImportError:
        return None
    rust = Tokenizer(models.BPE.from_file(str(model / "vocab.json"), str(model / "merges.txt")))
    rust.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    rust.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True)])
    return rust


def report(rates: dict[str, float], total: int) -> None:
    print(f"{total / 1e6:.2f} MB")
    for name, rate in rates.items():
        against = rates.get("rust fresh" if "fresh" in name else "rust warm")
        ratio = f"  {rate / against:5.2f} x rust" if against and name.startswith("ours") else ""
        print(f"{name:32} {rate:6.2f} MB/s{ratio}")


def size(lines: list[str]) -> int:
    """Bytes, line ends counted."""
    return sum(len(line.encode()) + 1 for line in lines)


if __name__ == "__main__":
    main()
