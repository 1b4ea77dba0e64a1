"""Labels for texts from several classifiers of sentiment at once, after those that people gave.

python scripts/mini_teachers.py LABELLED.jsonl TEXTS.jsonl BASE OUTPUT.jsonl TEACHER...

TEACHER: the folder of a classifier, or of an adapter beside BASE. What they say is averaged as log-odds: together they
are right more often than each, and a model that learns from it keeps some of that.
"""

import json
import sys
from pathlib import Path

import numpy as np

import roberta

LEAST = 1e-4  # a probability further from 0 and 1 than this counts no more


def log_odds(teacher: Path, base: str, texts: list[str]) -> np.ndarray:
    """(texts,) of being positive."""
    is_adapter = (teacher / "adapter_model.safetensors").exists()
    which = {"model": base, "adapter": str(teacher)} if is_adapter else {"model": str(teacher)}
    answers = roberta.run("classify", texts, **which)
    scores = [answer["score"] if answer["label"] == "positive" else 1 - answer["score"] for answer in answers]
    clipped = np.clip(scores, LEAST, 1 - LEAST)
    return np.log(clipped / (1 - clipped))


def main(labelled: str, more: str, base: str, output: str, *teachers: str) -> None:
    texts = [json.loads(line)["text"] for line in Path(more).read_text(encoding="utf-8").splitlines()]
    total = sum(log_odds(Path(teacher), base, texts) for teacher in teachers)
    taught = [{"text": text, "label": int(odds > 0)} for text, odds in zip(texts, total)]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in taught)
    Path(output).write_text(Path(labelled).read_text(encoding="utf-8") + lines, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
