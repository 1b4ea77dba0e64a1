"""A tokenizer of ten lines: one token a letter, framed as RoBERTa frames."""


class LetterTokenizer:
    """0, 2 and 1 are <s>, </s> and <pad>; a letter is its code point. Remembers what it was asked to encode."""

    def __init__(self):
        self.encoded = []

    def encode_ids(self, text):
        self.encoded.append(text)
        return [ord(letter) for letter in text]

    def frame(self, ids, pair_ids=None):
        return [0, *ids, 2] if pair_ids is None else [0, *ids, 2, 2, *pair_ids, 2]

    def num_special_tokens_to_add(self, pair=False):
        return 4 if pair else 2


def letters(window):
    """What a window holds, </s> as a bar."""
    return "".join({0: "", 2: "|"}.get(token, chr(token)) for token in window.input_ids)
