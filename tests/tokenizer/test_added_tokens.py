import pytest

from roberta.errors import InputError
from roberta.tokenizer.added_tokens import AddedToken, AddedTokens


def cut(text: str, *tokens: AddedToken, **options) -> list[str | tuple[str]]:
    """Ordinary text as strings, added tokens as tuples."""
    added = AddedTokens(dict(enumerate(tokens)))
    return [text[start:end] if id is None else (text[start:end],) for start, end, id in added.cut(text, **options)]


def test_the_longest_token_at_a_place_wins():
    tokens = AddedToken("ab"), AddedToken("abc"), AddedToken("bcd")
    assert cut("xabcdx", *tokens) == ["x", ("abc",), "dx"]


def test_lstrip_and_rstrip_swallow_all_white_space_on_their_side():
    assert cut("a \n\xa0<m> b", AddedToken("<m>", lstrip=True)) == ["a", (" \n\xa0<m>",), " b"]
    assert cut("a <m> \t b", AddedToken("<m>", rstrip=True)) == ["a ", ("<m> \t ",), "b"]
    assert cut("<m>  <m>", AddedToken("<m>", lstrip=True, rstrip=True)) == [("<m>  ",), ("<m>",)]
    assert cut("a\x1c<m>", AddedToken("<m>", lstrip=True)) == ["a\x1c", ("<m>",)]


def test_single_words_do_not_touch_letters_digits_or_marks():
    token = AddedToken("in", single_word=True)
    assert cut("in inn _in 1in in\u0301 in-in", token) == [("in",), " inn _in 1in in\u0301 ", ("in",), "-", ("in",)]


def test_tokens_that_are_not_normalized_are_looked_for_first():
    tokens = AddedToken("ab", normalized=True), AddedToken("bc", normalized=False)
    assert cut("abc", *tokens) == ["a", ("bc",)]


def test_special_tokens_can_be_split_and_others_not():
    tokens = AddedToken("<s>", special=True), AddedToken("new")
    assert cut("<s>new", *tokens, split_special_tokens=True) == ["<s>", ("new",)]


def test_a_token_is_read_from_what_looks_like_one():
    class Foreign:
        content, single_word, lstrip, rstrip, normalized, special = "x", False, True, False, False, True

    expected = AddedToken("x", lstrip=True, special=True)
    assert AddedToken.of(Foreign()) == AddedToken.of({"content": "x", "lstrip": True, "special": True}) == expected
    assert AddedToken.of(expected) == expected != AddedToken.of("x")


@pytest.mark.parametrize("value", [3, None, {}, {"content": 3}, {"content": "x", "lstrip": "yes"}])
def test_what_is_no_token_is_refused(value):
    with pytest.raises(InputError):
        AddedToken.of(value)
