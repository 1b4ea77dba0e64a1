"""Questions on births in SQuAD's form, all made up: a model learns their one kind in half a minute."""

import random

FIRST = ("Mary", "Jane", "Anna", "Ruth", "Clara", "Emma", "John", "Paul", "Henry", "George", "Arthur", "Frank")
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
