"""Training files for the adapters of the built-in model, made of several sets of labelled data.

python scripts/mini_tasks.py CORPUS TASKS FOLDER
"""

import gzip
import json
import lzma
import random
import re
import sys
from collections.abc import Iterable, Iterator
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
PROS_CONS = {"Pros": 1, "Cons": 0}
PAIRED, JOINED = 30_000, (" , ", " and ", " . ", " , but ")
SNLI_SCORES = {"entailment": 1.0, "neutral": 0.55, "contradiction": 0.2}  # about the means of STS-B's scores for SNLI


def lines(path: Path) -> Iterator[str]:
    openers = {".gz": gzip.open, ".xz": lzma.open}
    with openers.get(path.suffix, open)(path, "rt", encoding="utf-8") as file:
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


def sentiment(tasks: Path) -> list[dict]:
    names = ("sentiment_sst2_train.jsonl.gz", "sentiment_reviews_train.jsonl")
    return [{"text": row["text"], "label": row["label"]} for name in names for row in rows(tasks / name)]


def pros_and_cons(corpus: Path) -> Iterator[dict]:
    """A row for each sentence of the pros and the cons that buyers saw."""
    for line in lines(corpus / "pros_cons.txt.xz"):
        side, _, sentences = line.strip().partition(": ")
        for sentence in re.split(r"(?<=[.!?]) +", sentences):
            if side in PROS_CONS and len(sentence) > 3:
                yield {"text": sentence, "label": PROS_CONS[side]}


def hidden(text: str, share: float, draw: random.Random) -> str:
    """The text with a share of its words hidden, if it has more than two."""
    words = text.split(" ")
    return " ".join("<mask>" if len(words) > 2 and draw.random() < share else word for word in words)


def with_hidden_words(labelled: list[dict]) -> list[dict]:
    """Each row twice: most texts are parts of a few thousand sentences, whose words are soon known by heart."""
    draw = random.Random(0)
    both = [row | {"text": hidden(" ".join(row["text"].split()), 0.25, draw)} for row in labelled * 2]
    draw.shuffle(both)
    return both


def to_be_labelled(labelled: list[dict]) -> Iterator[dict]:
    """Texts about which classifiers may be asked: the same with hidden words, and two at a time put together."""
    draw = random.Random(1)
    for row in labelled:
        yield {"text": hidden(row["text"], 0.3, draw)}
    for one, other in zip(draw.sample(labelled, PAIRED), draw.sample(labelled, PAIRED)):
        first = hidden(one["text"], 0.1, draw).rstrip(" .")
        yield {"text": first + draw.choice(JOINED) + hidden(other["text"], 0.1, draw)}


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


def main(corpus: Path, tasks: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "entities.conll").write_text("".join(entities(tasks)), encoding="utf-8")
    labelled = sentiment(tasks)
    made: dict[str, Iterable[dict]] = {
        "sentiment": labelled,
        "sentiment-wide": [*labelled, *pros_and_cons(corpus)],
        "sentiment-hidden": with_hidden_words(labelled),
        "sentiment-more": to_be_labelled(labelled),
        "choices": choices(tasks),
        "pairs": pairs(tasks),
    }
    for name, found in made.items():
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
