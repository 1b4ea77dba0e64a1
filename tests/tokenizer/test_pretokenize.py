import pytest
from hypothesis import given
from hypothesis import strategies as st

from roberta.tokenizer.pretokenize import WHITE_SPACE, _words, split_words


@pytest.mark.parametrize(
    "text, words",
    [
        ("Hello world", ["Hello", " world"]),
        (" Hello", [" Hello"]),
        ("I'll say it's 5pm, o'clock", ["I", "'ll", " say", " it", "'s", " 5", "pm", ",", " o", "'", "clock"]),
        ("IT'S", ["IT", "'", "S"]),
        ("a   b", ["a", "  ", " b"]),
        ("a   ", ["a", "   "]),
        ("a \n b", ["a", " \n", " b"]),
        ("a\n\nb", ["a", "\n", "\n", "b"]),
        ("a\xa0b", ["a", "\xa0", "b"]),
        ("\x1ca", ["\x1c", "a"]),
        ("½ Ⅷ ٣", ["½", " Ⅷ", " ٣"]),
        ("日本語です。", ["日本語です", "。"]),
        ("e\u0301a", ["e", "\u0301", "a"]),
        ("...!?", ["...!?"]),
        ("", []),
    ],
)
def test_words(text, words):
    assert split_words(text) == words


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from(" \t\n'stre.\xa0"))))
def test_words_joined_are_the_text(text):
    assert "".join(split_words(text)) == text


@given(st.text(alphabet=st.one_of(st.characters(max_codepoint=127), st.sampled_from(" \t\n\x1c'stre.1"))))
def test_ascii_text_is_cut_alike_by_both_engines(text):
    assert split_words(text) == _words()(text)


def test_letters_after_unicode_16_are_signs_whatever_the_regex_package_knows():
    assert split_words("a\U000323b0b \U00010940") == ["a", "\U000323b0", "b", " \U00010940"]


def test_white_space_is_the_unicode_property():
    assert len(WHITE_SPACE) == 25
    assert "\x1c" not in WHITE_SPACE and "\u200b" not in WHITE_SPACE


def test_every_code_point_is_of_the_class_that_the_reference_gives_it():
    splitters = pytest.importorskip("tokenizers").pre_tokenizers
    reference = splitters.ByteLevel(add_prefix_space=False)
    points = [code for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF]
    for start in range(0, len(points), 1 << 16):
        # After a letter, a digit, a sign and a blank: each class joins just one of them.
        text = "".join(
            f"a{chr(code)}1{chr(code)}.{chr(code)} {chr(code)}\n" for code in points[start : start + (1 << 16)]
        )
        spans, place = [], 0
        for word in split_words(text):
            spans.append((place, place := place + len(word)))
        assert spans == [span for _, span in reference.pre_tokenize_str(text)]
