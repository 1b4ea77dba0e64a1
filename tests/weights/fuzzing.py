"""Files changed at random, and how many of them: for the tests that every file is read or refused in one sentence."""

import os
import random

ROUNDS = int(os.environ.get("ROBERTA_FUZZ_ROUNDS", "200"))  # for each format; by hand with thousands
SECONDS = 5  # for one file of a few KB; it takes milliseconds, and a busy machine some more


def mutated(good: bytes, chance: random.Random) -> bytes:
    """A few bits flipped, bytes set, a piece cut, doubled or moved; where headers are, at the two ends, most often."""
    content = bytearray(good)

    def place() -> int:
        which = chance.random()
        edge = min(len(content), 1500)
        if which < 0.4:
            return chance.randrange(edge)
        if which < 0.7:
            return len(content) - 1 - chance.randrange(edge)
        return chance.randrange(len(content))

    for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
        if not content:
            break
        at, length = place(), chance.choice((1, 2, 4, 8, 100))
        match chance.randrange(7):
            case 0 | 1:
                content[at] ^= 1 << chance.randrange(8)
            case 2:
                content[at] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, *b".R(", chance.randrange(256)])
            case 3:
                del content[at : len(content) if chance.random() < 0.3 else at + length]
            case 4:
                content[at:at] = content[place() :][:length]
            case 5:
                content[at : at + length] = chance.randbytes(length)
            case 6:
                piece = chance.choice((1, 2, 4, 8))
                extreme = chance.choice((0, (1 << 8 * piece) - 1, 1 << (8 * piece - 1)))
                content[at : at + piece] = extreme.to_bytes(piece, "little")
    return bytes(content)
