"""Entities in sentences that nobody labelled: what two taggers both say of them, after the sentences people labelled.

python scripts/mini_silver.py LABELLED.conll CORPUS BASE OUTPUT.conll TAGGER TAGGER

TAGGER: an adapter beside BASE. Kept are the sentences of Wikipedia of which both say the same, if that names anything.
"""

import itertools
import lzma
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import roberta

ASKED = 24_000  # sentences
WORDS = re.compile(r"\w+(?:[-'’.]\w+)*|[^\w\s]")
FEWEST, MOST = 6, 32  # words of a sentence
FILES = ("wikipedia_articles", "wikipedia_people", "wikipedia_vital", "wikipedia_a_articles")


def sentences(corpus: Path) -> Iterator[list[str]]:
    """Words of sentences that have a capital besides the first."""
    for name in FILES:
        with lzma.open(corpus / f"{name}.txt.xz", "rt", encoding="utf-8") as file:
            for line in file:
                for sentence in re.split(r"(?<=[a-z)][.!?]) +(?=[A-Z])", line.strip()):
                    words = WORDS.findall(sentence)
                    if FEWEST <= len(words) <= MOST and any(word[0].isupper() for word in words[1:]):
                        yield words


def tags(tagger: str, base: str, asked: list[list[str]]) -> list[list[str]]:
    rows = [{"tokens": words} for words in asked]
    return [answer["tags"] for answer in roberta.run("ner", rows, model=base, adapter=tagger, tags=True)]


def main(labelled: str, corpus: str, base: str, output: str, one: str, other: str) -> None:
    found = list(itertools.islice(sentences(Path(corpus)), 20 * ASKED))
    asked = random.Random(0).sample(found, min(ASKED, len(found)))
    kept = [
        "".join(f"{word}\t{tag}\n" for word, tag in zip(words, first)) + "\n"
        for words, first, second in zip(asked, tags(one, base, asked), tags(other, base, asked))
        if first == second and set(first) != {"O"}
    ]
    print(f"{len(kept):,} of {len(asked):,} sentences kept")
    Path(output).write_text(Path(labelled).read_text(encoding="utf-8") + "".join(kept), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
