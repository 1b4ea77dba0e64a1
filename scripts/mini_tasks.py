"""Training files for the adapters of the built-in model, made of several sets of labelled data.

python scripts/mini_tasks.py TASKS FOLDER
"""

import gzip
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path

ENTITY_TYPES = {  # those of other sets, as Wikigold's
    "person": "PER",
    "location": "LOC",
    "group": "ORG",
    "corporation": "ORG",
    "product": "MISC",
    "creative-work": "MISC",
}
ENTITY_FILES = {  # how often each is read
    "ner_wikigold_train.conll": 4,
    "ner_ewt_train.conll": 1,
    "ner_btc_train.conll.gz": 1,
    "ner_wnut17_train.conll": 1,
}
HIDDEN, FEW = 0.3, 2  # the share of words that are hidden, in texts of more than so many
SNLI_SCORES = {"entailment": 1.0, "neutral": 0.55, "contradiction": 0.2}  # about the means of STS-B's scores for SNLI


def lines(path: Path) -> Iterator[str]:
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
        yield from file


def rows(path: Path) -> Iterator[dict]:
    return map(json.loads, lines(path))


def entities(tasks: Path) -> Iterator[str]:
    """CoNLL lines with one set of types."""
    for name, times in ENTITY_FILES.items():
        for _ in range(times):
            for line in lines(tasks / name):
                word, _, tag = line.rstrip("\n").replace(" ", "\t").partition("\t")
                prefix, _, kind = tag.partition("-")
                yield (
                    f"{word}\t{prefix}-{ENTITY_TYPES.get(kind, kind)}\n"
                    if kind
                    else f"{word}\t{tag}\n"
                    if word
                    else "\n"
                )
            yield "\n"


def sentiment(tasks: Path) -> Iterator[dict]:
    """Each text as it is, and twice with words hidden: most texts are parts of a few thousand sentences, whose words
    are soon known by heart."""
    draw = random.Random(0)
    for hides in (False, True, True):
        for name in ("sentiment_sst2_train.jsonl.gz", "sentiment_reviews_train.jsonl"):
            for row in rows(tasks / name):
                words = row["text"].split(" ")
                if hides and len(words) > FEW:
                    words = ["<mask>" if draw.random() < HIDDEN else word for word in words]
                yield {"text": " ".join(words), "label": row["label"]}


def choices(tasks: Path) -> Iterator[dict]:
    for name in ("choice_trivia_train.jsonl.gz", "choice_commonsense_train.jsonl", "choice_hellaswag_train.jsonl.gz"):
        for row in rows(tasks / name):
            yield {"question": row["question"], "choices": row["choices"], "label": row["label"]}


def pairs(tasks: Path) -> Iterator[dict]:
    """Scores from 0 to 1."""
    for row in rows(tasks / "nli_snli_train.jsonl.gz"):
        yield {"sentence1": row["premise"], "sentence2": row["hypothesis"], "score": SNLI_SCORES[row["label"]]}
    for _ in range(4):
        for row in rows(tasks / "similarity_stsb_cc_train.jsonl"):
            yield {"sentence1": row["sentence1"], "sentence2": row["sentence2"], "score": row["score"] / 5}


if __name__ == "__main__":
    tasks, folder = Path(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "entities.conll").write_text("".join(entities(tasks)), encoding="utf-8")
    for name, made in (("sentiment", sentiment), ("choices", choices), ("pairs", pairs)):
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in made(tasks))
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
