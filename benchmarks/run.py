"""Times this program and every rival that is installed on the same work, and writes docs/performance.md.

    python -m benchmarks.run [WORK ...] [--texts FILE] [--lines 1000] [--rounds 5] [--threads 2]
        [--vocabulary FOLDER] [--folder FOLDER] [--write docs/performance.md]

WORK: rows of WORKS in benchmarks/works.py; all, if none is named. Every run is a process from its start to its last
answer, in interleaved rounds: each round runs everything once, so that a machine that grows slower does so for all.
Medians, and ratios round by round. Models have the sizes of roberta-base and random weights, made by
benchmarks/random_checkpoint.py. Where a rival gives the same kind of answers, they are compared with ours.

--texts: a text a line. --folder: where models and what rivals make of them are kept; a temporary one if not named.
--write: a page that is there already keeps its sections on works that are not measured now.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.plot import bars
from benchmarks.works import WORKS, Rival, Work

ROOT = Path(__file__).resolve().parents[1]
OURS = "roberta"
PACKAGES = (
    "torch",
    "numpy",
    "transformers",
    "sentence-transformers",
    "onnxruntime",
    "openvino",
    "nncf",
    "ctranslate2",
    "tokenizers",
    "tiktoken",
)
SPEEDUPS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_tile")  # of processors


@dataclass
class Measured:
    """The rounds of one runner. ready: seconds until the first text was taken up, where it says so."""

    seconds: list[float] = field(default_factory=list)
    ready: list[float] = field(default_factory=list)
    peak: float = 0.0  # bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("works", nargs="*", metavar="WORK", help=", ".join(WORKS))
    parser.add_argument("--texts", type=Path, help="a text a line; this repository's own Markdown if not named")
    for name, value in (("lines", 1000), ("rounds", 5), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--vocabulary", help="a folder with vocab.json and merges.txt")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    unknown = set(options.works) - WORKS.keys()
    if unknown:
        parser.error(f"no work {', '.join(sorted(unknown))}; choose from {', '.join(WORKS)}")
    with tempfile.TemporaryDirectory() as temporary:
        bench = Bench(options.folder or Path(temporary), options)
        print(heading(options))
        for name in options.works or WORKS:
            found = bench.measure(WORKS[name])
            print("", found, sep="\n", flush=True)
            if options.write:  # after each, for a measurement of hours may be stopped
                write_section(options.write, heading(options), WORKS[name], found)


def write_section(page: Path, head: str, work: Work, section: str) -> None:
    """Put a section where the page has one on the same work, or where WORKS would have it."""
    _, *old = page.read_text(encoding="utf-8").split("\n## ") if page.exists() else [""]
    sections = {text.partition("\n")[0]: f"## {text.strip()}" for text in old} | {work.title: section}
    order = [sections[other.title] for other in WORKS.values() if other.title in sections]
    page.write_text("\n\n".join([head, *order]) + "\n", encoding="utf-8")


def heading(options: argparse.Namespace) -> str:
    found = [f"{name} {version(name)}" for name in PACKAGES if Rival("", name).is_installed]
    return (
        "# Performance\n\n"
        f"Measured by `python -m benchmarks.run` on {processor()}, "
        f"{options.threads} threads for everyone, Python {platform.python_version()}; {', '.join(found)}.\n\n"
        "Seconds are those of whole processes, from the start to the last answer: median of the rounds, with the least "
        "and the most. *Ratio*: the rival's time over ours, round by round, the median. *Work*: the same without what "
        "came before the first text, where the rival says when that was. A rival whose three numbers are one ran "
        "in the first round alone, for it is slow. Models have the sizes of roberta-base and random weights. On a CPU "
        "that does not list avx512_bf16 both sides of *bf16* compute in fp32."
    )


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    name = next((value.strip() for key, value in fields.items() if key.strip() == "model name"), platform.machine())
    flags = next((value.split() for key, value in fields.items() if key.strip() == "flags"), [])
    kinds = [flag for flag in SPEEDUPS if flag in flags]
    return f"{os.cpu_count()} cores of {name} ({', '.join(kinds) or 'flags unknown'})"


@dataclass
class Bench:
    """Where models and texts are kept, and how much is measured."""

    folder: Path
    options: argparse.Namespace

    def measure(self, work: Work) -> str:
        """The section of the page on one work."""
        places = self.places(work)
        rivals = [rival for rival in work.rivals if rival.is_installed]
        found = {OURS: Measured()} | {rival.name: Measured() for rival in rivals}
        answers = {}
        for number in range(self.options.rounds):
            for rival in (None, *rivals):
                if rival and rival.slow and number:
                    continue
                name = rival.name if rival else OURS
                run(self.command(work, rival, places), found[name], rival.threads if rival else None)
                if number == 0 and rival and not rival.code:
                    answers[name] = agreement(Path(places["out"]), Path(places["out"] + ".rival"))
        missing = [rival.needs for rival in work.rivals if not rival.is_installed]
        amount = amount_of(Path(places["texts"])) if "{texts}" in work.command else ""
        return section(work, amount, found, answers, missing)

    def command(self, work: Work, rival: Rival | None, places: dict[str, str]) -> list[str]:
        if rival is None:
            return [sys.executable, "-m", "roberta_cli", *(part.format(**places) for part in work.command)]
        if rival.code:
            code = rival.code.replace("{model!r}", repr(places["model"]))
            return [sys.executable, "-c", code]
        threads = str(rival.threads or self.options.threads)
        files = [places["model"], places["texts"], places["out"] + ".rival", threads, places["made"]]
        return [sys.executable, "-m", "benchmarks.rivals", rival.name, *files]

    def places(self, work: Work) -> dict[str, str]:
        """The model, the texts and where answers go; what is not there yet is made."""
        self.folder.mkdir(parents=True, exist_ok=True)
        texts, model = self.folder / "texts.txt", self.folder / str(work.model)
        texts.write_text("".join(f"{text}\n" for text in self.texts(work)), encoding="utf-8")
        if work.model and not (model / "config.json").exists():
            more = ["--vocabulary", self.options.vocabulary] if self.options.vocabulary else []
            script = str(ROOT / "benchmarks" / "random_checkpoint.py")
            subprocess.run([sys.executable, script, str(model), "--class", work.model, *more], check=True)
        made = self.folder / f"made-{work.model}"
        if any(rival.name.startswith(("classify", "embed")) for rival in work.rivals):
            prepared = [sys.executable, "-m", "benchmarks.prepare", str(model), str(made), str(texts)]
            subprocess.run(prepared, check=True, stdout=subprocess.DEVNULL)
        threads = str(self.options.threads)
        out = str(self.folder / "out.jsonl")
        return {"model": str(model), "texts": str(texts), "out": out, "threads": threads, "made": str(made)}

    def texts(self, work: Work) -> list[str]:
        if self.options.texts:
            with self.options.texts.open(encoding="utf-8", newline="\n") as file:
                texts = [line.removesuffix("\n") for line in file]
        else:
            files = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
            texts = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
        count = self.options.lines if work.lines is None else work.lines
        texts = [text for text in texts if text.strip()][: count or None]
        if not work.masked:
            return texts
        split = [text.split(" ") for text in texts]
        return [" ".join([*words[: len(words) // 2], "<mask>", *words[len(words) // 2 + 1 :]]) for words in split]


def run(command: list[str], measured: Measured, threads: int | None) -> None:
    """One process from start to end."""
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "true"}
    environment |= {"RAYON_NUM_THREADS": str(threads)} if threads else {}
    began = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, cwd=ROOT)
    printed, said = child.stdout.read(), child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    measured.seconds.append(time.perf_counter() - began)
    if child.returncode:
        sys.exit(f"{' '.join(command)}\nended with code {child.returncode}:\n{said.decode()[-2000:]}")
    measured.peak = max(measured.peak, usage.ru_maxrss * 1024)
    for line in printed.splitlines():
        if line.startswith(b'{"ready"'):
            measured.ready.append(json.loads(line)["ready"])


def agreement(ours: Path, theirs: Path) -> str:
    """How far the answers are apart, in words."""
    pairs = [
        (json.loads(one), json.loads(other))
        for one, other in zip(ours.read_text("utf-8").splitlines(), theirs.read_text("utf-8").splitlines())
    ]
    if "ids" in pairs[0][1]:
        return f"{sum(one['ids'] == other['ids'] for one, other in pairs):,} of {len(pairs):,} texts the same ids"
    if "embedding" in pairs[0][1]:
        gaps = [max(abs(a - b) for a, b in zip(one["embedding"], other["embedding"])) for one, other in pairs]
        return f"numbers within {max(gaps):.1g}"
    if "label" not in pairs[0][1]:
        return ""
    same = sum(one["label"] == other["label"] for one, other in pairs)
    gap = max(abs(one["score"] - other["score"]) for one, other in pairs if one["label"] == other["label"])
    return f"{same:,} of {len(pairs):,} labels the same, scores within {gap:.1g}"


def amount_of(texts: Path) -> str:
    """How much is measured, in words."""
    text = texts.read_bytes()
    count = text.count(b"\n")
    return f"{count:,} texts, {len(text) / 1e6:,.1f} MB. "


def section(work: Work, amount: str, found: dict[str, Measured], answers: dict[str, str], missing: list[str]) -> str:
    ours = found[OURS]
    lines = [
        f"## {work.title}",
        "",
        f"{amount}Rounds: {len(ours.seconds)}. {datetime.now(UTC):%Y-%m-%d}.",
        "",
        "| | seconds | ratio | work | peak MiB | answers |",
        "|---|---|---|---|---|---|",
    ]
    for name, measured in found.items():
        ratios = [theirs / own for theirs, own in zip(measured.seconds, ours.seconds)]
        spread = f"{min(measured.seconds):.2f} to {max(measured.seconds):.2f}"
        without = [all_ - ready for all_, ready in zip(measured.seconds, measured.ready)]
        lines.append(
            f"| {name} | {statistics.median(measured.seconds):.2f} ({spread}) | {statistics.median(ratios):.2f} |"
            f" {f'{statistics.median(without):.2f}' if without else ''} | {measured.peak / 2**20:.0f} |"
            f" {answers.get(name, '')} |"
        )
    if missing:
        lines += ["", f"Not installed, so not measured: {', '.join(sorted(set(missing)))}."]
    chart = bars({name: statistics.median(measured.seconds) for name, measured in found.items()}, "seconds")
    return "\n".join([*lines, "", chart])


if __name__ == "__main__":
    main()
