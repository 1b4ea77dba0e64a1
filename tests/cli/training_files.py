"""The files that the examples of `roberta train` name: small, made by chance from a seed, fit to learn from."""

import csv
import gzip
import json
import random
from pathlib import Path

NAMES = ("Ada", "Jan", "Zoë", "Ravi", "Mei", "Otto", "Ines", "Noor")
THINGS = ("film", "book", "song", "play", "meal", "walk", "game", "talk")
GOOD, BAD = ("warm", "lovely", "funny", "fresh"), ("dull", "bleak", "loud", "slow")


def write_training_files(folder: Path, words: Path) -> None:
    """words: a folder with a vocabulary, which becomes `my-words`."""
    draw = random.Random(0)
    rows = [row(draw, number) for number in range(60)]
    texts = [each["text"] for each in rows]
    (folder / "my-words").symlink_to(words)
    (folder / "corpus.txt").write_text("\n".join(texts) + "\n\n" + "\n".join(reversed(texts)) + "\n", encoding="utf-8")
    (folder / "stories.txt").write_text("\n".join(texts[:9]) + "\n", encoding="utf-8")
    write_lines(folder / "stories.jsonl", [{"body": text} for text in texts])
    with gzip.open(folder / "reports.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps({"body": text}) + "\n" for text in texts)
    write_lines(folder / "train.jsonl", rows[:40])
    write_lines(folder / "dev.jsonl", rows[40:])
    write_lines(
        folder / "topics.jsonl", [{"text": r["text"], "label": r["topics"], "topics": r["topics"]} for r in rows]
    )
    write_lines(folder / "pairs.jsonl", [{"premise": r["text"], "hypothesis": r["a"]} for r in rows])
    write_table(folder / "train.csv", rows, ("text", "label"))
    write_table(folder / "scores.csv", rows, ("text", "a", "b", "score"))
    write_table(folder / "reviews.csv", [{"review": r["text"], "stars": r["score"]} for r in rows], ("review", "stars"))
    quiz = [{"question": r["text"], "choices": [r["a"], r["b"], "Nothing."], "label": r["score"] % 2} for r in rows]
    write_lines(folder / "quiz.jsonl", quiz)
    for name, part in (("train", rows[:40]), ("dev", rows[40:])):
        tagged = ["".join(f"{word} {tag}\n" for word, tag in zip(r["words"], r["labels"])) for r in part]
        (folder / f"{name}.conll").write_text("\n".join(tagged), encoding="utf-8")
        squad = {"data": [{"title": name, "paragraphs": [paragraph(r) for r in part]}]}
        (folder / f"{name}.json").write_text(json.dumps(squad), encoding="utf-8")


def row(draw: random.Random, number: int) -> dict:
    """One record with fields for every kind of training. number: makes its texts unlike all others."""
    name, thing, good = draw.choice(NAMES), draw.choice(THINGS), number % 2
    kind = draw.choice(GOOD if good else BAD)
    words = [name, "saw", "a", kind, thing, "number", str(number), "."]
    return {
        "text": f"{name} saw a {kind} {thing} number {number}.",
        "label": ("negative", "positive")[good],
        "topics": sorted({thing, ("bad", "good")[good]} & {"film", "book", "bad", "good"}),
        "a": f"The {thing} was {kind}, says number {number}.",
        "b": f"{name} left at {number}.",
        "score": number % 5 + 1,
        "words": words,
        "labels": ["B-PER", *("O" for _ in words[1:])],
    }


def paragraph(row: dict) -> dict:
    name = row["words"][0]
    number = row["words"][-2]
    answers = [{"text": name, "answer_start": 0}]
    return {"context": row["text"], "qas": [{"id": f"q{number}", "question": "Who saw it?", "answers": answers}]}


def write_lines(path: Path, rows: list[dict]) -> None:
    path.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in rows), encoding="utf-8")


def write_table(path: Path, rows: list[dict], columns: tuple[str, ...]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, columns, extrasaction="ignore")
        table.writeheader()
        table.writerows(rows)
