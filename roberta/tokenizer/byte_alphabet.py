"""The 256 bytes as 256 printable characters, both ways: how a byte-level vocabulary spells its tokens.

Source: GPT-2, whose merges RoBERTa uses. Bytes that are printable in Latin-1 stand for themselves; the others, blank
and control characters among them, are numbered from U+0100 in their order: a blank is U+0120, a newline U+010A.
"""


def _alphabet() -> str:
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    stand_ins = iter(range(0x100, 0x200))
    return "".join(chr(byte if byte in printable else next(stand_ins)) for byte in range(256))


CHARACTERS = _alphabet()  # CHARACTERS[byte] is its character
BLANK = CHARACTERS[0x20]
_CHARACTER_OF_BYTE = dict(enumerate(CHARACTERS))
_BYTE_OF_CHARACTER = {character: byte for byte, character in enumerate(CHARACTERS)}


def spell(text: str) -> str:
    """One printable character for each byte of the UTF-8 form of `text`.

    >>> spell(" é")
    'ĠÃ©'

    Raises UnicodeEncodeError: a lone surrogate, which has no UTF-8 form.
    """
    if text.isascii() and text.isprintable():
        return text.replace(" ", BLANK)
    return text.encode("utf-8").decode("latin-1").translate(_CHARACTER_OF_BYTE)


def unspell(token: str) -> bytes:
    """The bytes that a token stands for; a token with a character outside the alphabet is taken as ordinary text.

    >>> unspell("ĠÃ©"), unspell("日")
    (b' \\xc3\\xa9', b'\\xe6\\x97\\xa5')
    """
    try:
        return bytes([_BYTE_OF_CHARACTER[character] for character in token])
    except KeyError:
        return token.encode("utf-8")
