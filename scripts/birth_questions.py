"""Questions on births in SQuAD's form, all made up: enough for a model to learn one kind of question in half a minute.

python scripts/birth_questions.py COUNT OUTPUT.json
"""

import json
import random
import sys
from pathlib import Path

FIRST = (
    "Mary",
    "Jane",
    "Anna",
    "Ruth",
    "Clara",
    "Emma",
    "John",
    "Paul",
    "Henry",
    "George",
    "Arthur",
    "Frank",
    "Daniel",
)
LAST = ("Smith", "Brown", "Turner", "Walker", "Baker", "Miller", "Cooper", "Wright", "Mason", "Hill", "Wood", "Stone")
PLACES = ("Paris", "Rome", "Berlin", "Madrid", "Vienna", "Dublin", "Boston", "Chicago", "Oxford", "Athens", "Cairo")


def births(count: int) -> dict:
    """A paragraph of one sentence for each question: where, when, or who. The same for the same count."""
    draw = random.Random(0)
    paragraphs = []
    for number in range(count):
        name, place = f"{draw.choice(FIRST)} {draw.choice(LAST)}", draw.choice(PLACES)
        year = str(draw.randrange(1700, 1990))
        context = f"{name} was born in {place} in {year}."
        question, answer = draw.choice(
            [
                (f"Where was {name} born?", place),
                (f"When was {name} born?", year),
                (f"Who was born in {place}?", name),
            ]
        )
        answers = [{"text": answer, "answer_start": context.index(answer)}]
        paragraphs.append({"context": context, "qas": [{"id": str(number), "question": question, "answers": answers}]})
    return {"version": "1.1", "data": [{"title": "Births", "paragraphs": paragraphs}]}


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(births(int(sys.argv[1]))), encoding="utf-8")
