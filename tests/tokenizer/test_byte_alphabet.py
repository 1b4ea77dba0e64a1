from hypothesis import given
from hypothesis import strategies as st

from roberta.tokenizer.byte_alphabet import BLANK, CHARACTERS, spell, unspell


def test_every_byte_has_its_own_printable_character():
    assert len(CHARACTERS) == len(set(CHARACTERS)) == 256
    assert CHARACTERS.isprintable() and not any(character.isspace() for character in CHARACTERS)


def test_the_characters_are_those_of_gpt2():
    assert (BLANK, spell("\n"), spell("\t"), spell("\x00"), spell("\x7f"), spell("a~")) == (
        "\u0120",
        "\u010a",
        "\u0109",
        "\u0100",
        "\u0121",
        "a~",
    )
    assert spell("é") == "Ã©"
    assert spell("\xa0") == "\u00c2\u0142"


@given(st.text())
def test_spelling_is_one_character_a_byte_and_reversible(text):
    spelled = spell(text)
    assert len(spelled) == len(text.encode())
    assert unspell(spelled) == text.encode()


def test_a_token_outside_the_alphabet_is_ordinary_text():
    assert unspell("日é") == "日é".encode()
