"""Random texts made of what tokenizers get wrong, the same ones for the same seed."""

import random
from collections.abc import Iterator

BITS = (
    # blanks, runs of them, other white space, and what looks like white space
    *(" ", "  ", "   ", "\t", "\n", "\r\n", "\r", "\v", "\f", "\xa0", "\u3000", "\u2028", "\u200a", "\x85", "\u1680"),
    *("\x1c", "\x1d", "\x1f", "\u200b", "\u200d", "\ufeff", "\u180e", "\x00", "\x01", "\x7f", "\u00ad", "\u2060"),
    # endings, with and without what makes them endings
    *("'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'RE", "’s", "'", "''", "don't", "I'm", "it's", "'sa", " 's"),
    # special tokens, whole, broken and glued
    *("<s>", "</s>", "<pad>", "<unk>", "<mask>", " <mask>", "<mask> ", "\n<mask>", "\xa0<mask>", "<mask><mask>"),
    *("<<mask>>", "<ma", "sk>", "<", ">", "<s", "</s", "<|endoftext|>", "madeupword0000", "<MASK>"),
    # words, digits, signs
    *("Hello", "world", "the", "ing", "a", "b", "Z", "e", "THE", "3", "2024", "1,234.5", ".", ",", "...", "!?"),
    *("--", "_", "(", ")", "@user", "#tag", "https://a.b/c?d=e", "$", "€", "½", "²", "Ⅷ", "٣", "९", "〇"),
    # letters of other scripts, right to left, without blanks
    *("é", "ñ", "ß", "œ", "Ωμέγα", "привет", "日本語", "中文", "한국어", "हिन्दी", "ไทย", "שלום", "مرحبا", "ქართული"),
    *("e\u0301", "n\u0303", "\u0301", "\u0488", "a\u0300\u0301\u0302", "क्ष", "\u202e", "\u200f", "ﬁ", "ｆｕｌｌ"),
    *("ſ", "ı", "İ"),
    # emoji: single, modified, joined, flags, key caps
    *("😀", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇫🇷", "1️⃣", "❤️", "🚀🚀", "\ufe0f"),
    # other planes, private use, not characters, not assigned, after Unicode 16
    *("𝔘𝔫𝔦", "𐍈", "𒀀", "🀄", "𠀀", "\U000e0041", "\U000f0000", "\U0010fffd", "\uffff", "\ufffe", "\U0001ffff"),
    *("\u0378", "\U00011de0"),
    *("\U00010940", "\U000323b0", "\U00011de1", "\ua7d2", "\U00010d40", "\U00010d4a", "\U00016d40"),
    # the byte alphabet itself
    *("Ġ", "Ċ", "Ġthe", "Ã©", "ĠĠ"),
)
PLANES = [(plane << 16) + start for plane in range(17) for start in range(0, 0x10000, 0x400)]


def odd_texts(count: int, seed: int) -> Iterator[str]:
    """`count` texts: bits joined at random, runs of one plane, any code points, and words between blanks."""
    draw = random.Random(seed)
    yield ""
    for _ in range(count - 1):
        kind = draw.random()
        if kind < 0.6:
            yield "".join(draw.choices(BITS, k=draw.randint(1, 12)))
        elif kind < 0.75:
            start = draw.choice(PLANES)
            yield "".join(_character(draw, start, 0x400) for _ in range(draw.randint(1, 10)))
        elif kind < 0.85:
            yield "".join(_character(draw, 0, 0x110000) for _ in range(draw.randint(1, 6)))
        elif kind < 0.95:
            yield " ".join(draw.choices(BITS, k=draw.randint(1, 12)))
        else:
            yield "".join(draw.choices("ab 'st\n\t.1<>", k=draw.randint(1, 40)))


def _character(draw: random.Random, start: int, width: int) -> str:
    code = start + draw.randrange(width)
    return "\ufffd" if 0xD800 <= code <= 0xDFFF else chr(code)
