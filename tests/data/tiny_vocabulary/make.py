"""Makes vocab.json and merges.txt beside it: a byte-level vocabulary in RoBERTa's layout, small enough to read.

Run it with the repository on the path; the same text gives the same files. The text was written for this purpose.
"""

from collections import Counter
from itertools import pairwise
from pathlib import Path

from roberta.tokenizer.byte_alphabet import CHARACTERS, spell
from roberta.tokenizer.pretokenize import split_words
from roberta.tokenizer.saving import save_vocabulary
from roberta.tokenizer.vocabulary import Vocabulary

MERGES = 300
TEXT = """
The harbour was quiet in the morning. The fishermen had been out since four, and their boats came home one by one.
She wasn't sure whether the letter was hers; it didn't say. "It's yours," he said, "I'll swear that it's yours."
We've read the report, they've read the report, and nobody's read the appendix. I'm told that it is the best part.
In 1969 two people walked on the Moon; in 2024 the price of bread rose by 3.5 % to 2,40 €. Prices: 10, 20, 30, 100.
The cat sat on the mat. The rat that the cat chased sat on the other mat. The other rat ate the oat that the cat hid.
Reading, writing, running, singing, thinking and walking are things that people do in the morning and in the evening.
What is the capital of the country? The capital is where the government is. The government is where the capital is.
Une fenêtre était ouverte près du café; l'été était déjà là. Grüße aus Zürich, schöne Grüße! ¿Qué pasó, señor Núñez?
Привет, мир! Это маленький текст. Γειά σου, κόσμε. 日本語の文章です。日本語は難しい。 안녕하세요 세계.
שלום עולם. مرحبا بالعالم.
Good job 👍👍 and well done 😀😀 but also 😢.    Four blanks,  two blanks,	a tab.


    if x == 1: return [x, y, z]  # code, too
    for i in range(10): print("i =", i)
"""


def learn(text: str, count: int) -> list[tuple[str, str]]:
    """The pair that stands side by side most often, the alphabetically first of equals, `count` times over."""
    words = {tuple(spell(word)): times for word, times in Counter(split_words(text)).items()}
    merges = []
    for _ in range(count):
        pairs: Counter = Counter()
        for word, times in words.items():
            for pair in pairwise(word):
                pairs[pair] += times
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        words = {merged(word, best): times for word, times in words.items()}
    return merges


def merged(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    parts, place = [], 0
    while place < len(word):
        step = 2 if word[place : place + 2] == pair else 1
        parts.append("".join(word[place : place + step]))
        place += step
    return tuple(parts)


def make(folder: Path) -> None:
    merges = learn(TEXT, MERGES)
    tokens = [*CHARACTERS, *dict.fromkeys(left + right for left, right in merges)]
    names = ["<s>", "<pad>", "</s>", "<unk>", *tokens, "<|endoftext|>", "madeupword0000", "<mask>"]
    ids = {name: id for id, name in enumerate(names)}
    save_vocabulary(Vocabulary(ids, [f"{left} {right}" for left, right in merges]), folder, None)


if __name__ == "__main__":
    make(Path(__file__).parent)
