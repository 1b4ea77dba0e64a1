"""The split pattern: text into words, each with the one blank before it. Merges never cross a word's edge."""

import re
from collections.abc import Callable
from functools import cache

# Source: GPT-2. English endings, then runs of letters, of digits, of other signs, each with at most one blank before
# it, then white space, the last blank of which goes to the following word.
_WORD = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
# What it means for ASCII text, spelt for Python's own engine: that is there at once, `regex` takes a while to import.
# U+001C to U+001F are white space to that engine and not to the pattern.
_ASCII_WORD = (
    _WORD.replace(r"\s\p{L}\p{N}", r"\t-\r A-Za-z0-9")
    .replace(r"\p{L}", "[A-Za-z]")
    .replace(r"\p{N}", "[0-9]")
    .replace(r"\S", r"[^\t-\r ]")
    .replace(r"\s", r"[\t-\r ]")
)
_ascii_words = re.compile(_ASCII_WORD).findall

# Letters, digits and marks that joined Unicode after version 16. The reference knows 16 and takes them for other signs;
# what the `regex` package knows depends on its release, so they are named here.
_AFTER_UNICODE_16 = (
    "\u0558\u058b-\u058c\u05c8-\u05c9\u088f\u0b53-\u0b54\u0c5c\u0cdc\u1acf-\u1af0\u208f\u209d-\u209f\ua7ce-\ua7cf"
    "\ua7d2\ua7d4\ua7dd\ua7e2\ua7f1\uab6c-\uab6d\U000107bb-\U000107bf\U00010940-\U00010959\U00010ec5-\U00010ec7"
    "\U00010ecb-\U00010ecf\U00010ed9-\U00010eee\U00010ef0-\U00010efb\U00011b0a\U00011b60-\U00011b67"
    "\U00011db0-\U00011ddb\U00011de0-\U00011de9\U00011df0-\U00011df1\U0001246f\U00012475-\U0001247f"
    "\U00012550-\U00012686\U00016ea0-\U00016eb8\U00016ebb-\U00016ed3\U00016ff2-\U00016ff6\U000187f8-\U000187ff"
    "\U00018cd6-\U00018cda\U00018d09-\U00018d20\U00018d80-\U00018df2\U00018e00-\U00019191\U000191a0-\U000191d2"
    "\U0001b123-\U0001b128\U0001b168\U0001d127-\U0001d128\U0001d250-\U0001d252\U0001d25b-\U0001d25c\U0001d25f"
    "\U0001d280-\U0001d281\U0001d6a6\U0001df1f-\U0001df24\U0001df2b-\U0001df81\U0001df90-\U0001df96"
    "\U0001dfcd-\U0001dfff\U0001e6c0-\U0001e6de\U0001e6e0-\U0001e6f5\U0001e6fe-\U0001e6ff\U0002b73a-\U0002b73f"
    "\U0002b81e\U0002cea2-\U0002cead\U000323b0-\U00033479\U0003d000-\U0003fc3f"
)
_OTHER_SIGN = "\ufffd"

# The Unicode property White_Space. str.isspace() also takes U+001C to U+001F, which the pattern does not.
WHITE_SPACE = frozenset("\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000") | frozenset(
    map(chr, range(0x2000, 0x200B))
)


@cache
def after_unicode_16() -> re.Pattern:
    """Finds a letter, digit or mark that the reference does not know."""
    return re.compile(f"[{_AFTER_UNICODE_16}]")


@cache
def _words() -> Callable[[str], list[str]]:
    import regex

    return regex.compile(_WORD).findall


def split_words(text: str) -> list[str]:
    """Cut `text` into words; joined again they are the text, character for character.

    >>> split_words("It's  2 p.m.")
    ['It', "'s", ' ', ' 2', ' p', '.', 'm', '.']
    """
    if text.isascii():
        return _ascii_words(text)
    if not after_unicode_16().search(text):
        return _words()(text)
    words, start = [], 0
    for shape in _words()(after_unicode_16().sub(_OTHER_SIGN, text)):
        words.append(text[start : start + len(shape)])
        start += len(shape)
    return words
