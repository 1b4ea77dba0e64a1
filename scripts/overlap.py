"""How much of evaluation data stands in training text: for every figure of a model card.

    python scripts/overlap.py --text CORPUS/*.txt.xz --data sst2_dev.jsonl wikigold_dev.conll ...

A line of JSON for each evaluation file: its records, how many share a run of RUN words with the training files, how
many of those in all their words. Words are compared without case and punctuation; a record of fewer words counts when
all of them stand in a row.
"""

import argparse
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from roberta.records import BrokenRecord, read_records

RUN = 8
FIELDS = ("text", "question", "context", "sentence1", "sentence2", "premise", "hypothesis")
_WORD = re.compile(r"[^\W_]+(?:'\w+)?")


def words_of(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def texts_of(fields: dict) -> Iterator[str]:
    """Everything that a record asks about, answers and choices included."""
    if fields.get("tokens"):
        yield " ".join(fields["tokens"])
    for name in FIELDS:
        if isinstance(fields.get(name), str):
            yield fields[name]
    yield from (choice for choice in fields.get("choices") or () if isinstance(choice, str))


def runs_of(words: list[str]) -> Iterator[str]:
    size = min(RUN, len(words))
    return (" ".join(words[start : start + size]) for start in range(len(words) - size + 1)) if size > 2 else iter(())


def overlap(texts: list[str], data: list[str]) -> Iterator[dict]:
    """Reads the evaluation files into memory and the training files once, line by line."""
    holders: dict[str, set[tuple[str, int]]] = defaultdict(set)  # a run of words -> file and record
    runs: dict[tuple[str, int], set[str]] = {}
    for path in data:
        for record in read_records([path]):
            if isinstance(record, BrokenRecord):
                continue
            own = {run for text in texts_of(record.fields) for run in runs_of(words_of(text))}
            runs[path, record.index] = own
            for run in own:
                holders[run].add((path, record.index))
    sizes = sorted({run.count(" ") + 1 for run in holders})
    met: set[str] = set()
    for record in read_records(texts):
        if isinstance(record, BrokenRecord):
            continue
        for text in texts_of(record.fields):
            words = words_of(text)
            for size in sizes:
                met.update(
                    run
                    for start in range(len(words) - size + 1)
                    if (run := " ".join(words[start : start + size])) in holders
                )
    for path in data:
        own = [found for (file, _), found in runs.items() if file == path]
        yield {
            "data": Path(path).name,
            "records": len(own),
            f"share_a_run_of_{RUN}": sum(1 for found in own if found & met),
            "stand_there_whole": sum(1 for found in own if found and found <= met),
        }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", nargs="+", required=True)
    parser.add_argument("--data", nargs="+", required=True)
    given = parser.parse_args()
    for line in overlap(given.text, given.data):
        print(json.dumps(line))
