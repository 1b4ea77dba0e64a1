"""What a user meets: texts in, ids out, and back."""

import pickle
import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from roberta.errors import InputError
from roberta.tokenizer import AddedToken, AutoTokenizer, RobertaTokenizer, RobertaTokenizerFast
from tests.shared import needs_shared
from tests.tokenizer.conftest import PUBLISHED, TINY
from tests.tokenizer.odd_texts import odd_texts

TEXTS = st.one_of(st.text(), st.text("ab 'st\n\t.1é日👍"))


@needs_shared
def test_the_published_ids_of_hello_world():
    for kind in (RobertaTokenizer, RobertaTokenizerFast):
        tokenizer = kind.from_pretrained(PUBLISHED)
        assert tokenizer("Hello world").input_ids == [0, 31414, 232, 2]
        assert tokenizer(" Hello world").input_ids == [0, 20920, 232, 2]
        assert tokenizer.decode([2201]) == " Paris"


@given(TEXTS)
def test_decoding_gives_the_text_back(shared_tokenizer, text):
    assert shared_tokenizer.decode(shared_tokenizer.encode_ids(text)) == text


@given(TEXTS)
def test_the_slices_at_the_offsets_are_the_tokens(shared_tokenizer, text):
    pieces = shared_tokenizer.pieces(text)
    for token, (start, end) in zip(pieces.tokens, pieces.offsets):
        decoded = shared_tokenizer.convert_tokens_to_string([token])
        if "\ufffd" not in decoded:  # else a part of a character, whose span is the whole of it
            assert text[start:end] == decoded.strip(" ")
    untrimmed = pieces.parts[0].sequence.found.spans
    assert not text or (untrimmed[0][0], untrimmed[-1][1]) == (0, len(text))
    assert all(last[1] >= start[0] and last[0] <= start[0] for last, start in pairwise(untrimmed))


@example("a\t \tb", False)
@example("a  b   c", True)
@given(TEXTS, st.booleans())
def test_chunks_and_words_give_the_same_ids(shared_tokenizer, text, blank):
    encoder = shared_tokenizer._encoder
    by_chunks = encoder.ids(text, blank_before=blank, split_special_tokens=True)
    whole = " " + text if blank and text and text[0] != " " else text
    assert by_chunks == list(encoder._ids_of_words(whole))


def test_the_fast_way_and_the_traced_way_agree_on_odd_texts(shared_tokenizer):
    for text in odd_texts(2000, seed=3):
        pieces = shared_tokenizer.pieces(text)
        assert len(pieces.tokens) == len(pieces.ids)
        assert shared_tokenizer.convert_tokens_to_ids([token.strip() for token in pieces.tokens]) == pieces.ids


def test_a_pair_is_framed_with_four_tokens(tokenizer):
    first, second = tokenizer.encode_ids("the cat"), tokenizer.encode_ids("the rat")
    assert tokenizer.encode("the cat", "the rat") == [0, *first, 2, 2, *second, 2]
    assert tokenizer.frame(first, second) == tokenizer.encode("the cat", "the rat")
    assert tokenizer.num_special_tokens_to_add(pair=True) == 4


def test_special_tokens_in_the_text_are_found_and_mask_swallows_the_blank_on_its_left(tokenizer):
    assert tokenizer.tokenize(" the <mask>.") == ["Ġthe", " <mask>", "."]
    assert tokenizer.mask_token_id in tokenizer.encode_ids("the <mask>.")
    split = tokenizer.encode_ids
    assert tokenizer("the <mask>.", split_special_tokens=True).input_ids[1:-1] == [
        *split("the"),
        *split(" <"),
        *split("mask"),
        *split(">."),
    ]


def test_split_special_tokens_may_be_a_setting():
    tokenizer = RobertaTokenizer.from_pretrained(TINY, split_special_tokens=True)
    assert tokenizer.mask_token_id not in tokenizer.encode_ids("<mask>")
    assert tokenizer.mask_token_id in tokenizer("<mask>", split_special_tokens=False).input_ids


def test_a_blank_can_be_put_before_the_text_by_setting_or_by_call(tokenizer):
    expected = tokenizer.encode(" cat")
    assert RobertaTokenizer.from_pretrained(TINY, add_prefix_space=True).encode("cat") == expected
    assert tokenizer("cat", add_prefix_space=True).input_ids == expected != tokenizer.encode("cat")


@pytest.mark.parametrize(
    "text, spans",
    [
        ("cat", [(0, 3)]),
        (" cat", [(0, 4)]),  # the blank could be the tokenizer's own, and stays
        ("   cat", [(2, 2), (3, 6)]),  # more than one blank could not
        ("a cat", [(0, 1), (2, 5)]),
        ("é", [(0, 1)]),
        ("cat</s></s>rat", [(0, 3), (3, 7), (7, 11), (12, 14)]),  # one too far after an added token
        ("cat</s>a", [(0, 3), (3, 7), (8, 8)]),
        ("cat</s> rat", [(0, 3), (3, 7), (8, 11)]),
        ("cat <mask> rat", [(0, 3), (4, 10), (11, 14)]),
    ],
)
def test_spans_with_a_blank_put_before_the_text_are_those_of_the_reference(text, spans):
    tokenizer = RobertaTokenizerFast.from_pretrained(TINY, add_prefix_space=True)
    assert [found for found, word in by_word(tokenizer.pieces(text))] == spans


def by_word(pieces):
    """Span and number of each word, from its tokens' spans."""
    words = {}
    for (start, end), word in zip(pieces.offsets, pieces.word_ids):
        words[word] = (min(start, words.get(word, (start,))[0]), end)
    return [(span, word) for word, span in words.items()]


def test_overflowing_windows_of_a_pair_come_in_the_order_of_the_reference(tokenizer):
    encoded = tokenizer("12345", "67890", truncation=True, max_length=8, return_overflowing_tokens=True)
    texts = [tokenizer.decode(row, skip_special_tokens=True) for row in encoded.input_ids]
    assert texts == ["1267", "3467", "3489", "340", "567", "589", "50", "1289", "120"]
    assert encoded.overflow_to_sample_mapping == [0] * 9


def test_words_get_a_blank_each_and_the_fast_class_wants_to_be_told(tokenizer):
    words = ["cat", " rat", "", "oat's"]
    encoded = tokenizer(words, is_split_into_words=True)
    assert encoded.input_ids == tokenizer.encode(" cat rat oat's")
    assert set(encoded.word_ids()) == {None, 0, 1, 3}
    with pytest.raises(InputError, match="add_prefix_space=True"):
        RobertaTokenizerFast.from_pretrained(TINY)(words, is_split_into_words=True)
    fast = RobertaTokenizerFast.from_pretrained(TINY, add_prefix_space=True)
    assert fast(words, is_split_into_words=True).input_ids == encoded.input_ids


def test_a_batch_of_pairs_comes_as_two_lists_or_as_pairs(tokenizer):
    expected = tokenizer(["a", "b"], ["c", "d"]).input_ids
    assert tokenizer([("a", "c"), ("b", "d")]).input_ids == expected
    assert tokenizer.batch_encode_plus([["a", "c"], ["b", "d"]]).input_ids == expected


def test_labels_come_from_text_target(tokenizer):
    encoded = tokenizer("the cat", text_target="the rat")
    assert encoded.labels == tokenizer.encode("the rat")
    assert tokenizer(text_target="the rat").input_ids == encoded.labels


def test_an_empty_batch_is_an_empty_batch(tokenizer):
    assert dict(tokenizer([])) == {"input_ids": [], "attention_mask": []}


def test_added_tokens_get_ids_after_the_last_and_are_never_split(tokenizer):
    size = len(tokenizer)
    assert tokenizer.add_tokens(["catrat", AddedToken("oat", lstrip=True), "at"]) == 3
    assert tokenizer.add_tokens("catrat") == 0
    assert (len(tokenizer), tokenizer.vocab_size) == (size + 2, size)
    ids = tokenizer.encode_ids("xcatraty  oat")
    assert size in ids and ids[-1] == size + 1
    assert tokenizer.decode(ids) == "xcatratyoat"
    assert tokenizer.get_vocab()["catrat"] == size
    assert tokenizer.get_added_vocab()["oat"] == size + 1


def test_special_tokens_can_be_named_and_are_skipped_when_decoding(tokenizer):
    assert tokenizer.add_special_tokens({"cls_token": "<c>", "additional_special_tokens": ["<e>", "</e>"]}) == 3
    assert tokenizer.cls_token == "<c>" and tokenizer.encode("cat")[0] == tokenizer.cls_token_id == tokenizer.vocab_size
    assert tokenizer.additional_special_tokens == ["<e>", "</e>"]
    assert tokenizer.decode(tokenizer.encode("<e>cat</e>"), skip_special_tokens=True) == "cat"
    assert tokenizer.add_special_tokens({"additional_special_tokens": ["<f>"]}, False) == 1
    assert tokenizer.additional_special_tokens == ["<e>", "</e>", "<f>"]
    assert {"<c>", "<e>", "</e>", "<f>", "<mask>"} <= tokenizer.special_tokens.keys()
    with pytest.raises(InputError, match="head_token"):
        tokenizer.add_special_tokens({"head_token": "<h>"})


def test_named_tokens_can_be_set_by_text_and_by_id(tokenizer):
    tokenizer.pad_token = "</s>"
    assert tokenizer.pad_token_id == 2
    tokenizer.pad_token_id = 1
    assert tokenizer.pad_token == "<pad>"
    tokenizer.pad_token = None
    assert tokenizer.pad_token_id is None
    with pytest.raises(InputError, match="pad_token"):
        tokenizer(["a", "bb cc"], padding=True)


def test_unknown_tokens_have_the_id_of_unk(tokenizer):
    assert tokenizer.convert_tokens_to_ids(["<s>", "no such token"]) == [0, 3]


def test_half_an_emoji_decodes_as_the_errors_setting_says(tokenizer):
    half = tokenizer.encode_ids("🚀")[:-1]
    assert tokenizer.decode(half) == "\ufffd"
    assert RobertaTokenizer.from_pretrained(TINY, errors="ignore").decode(half) == ""


def test_decoding_can_close_up_the_blanks_of_tokenized_english(tokenizer):
    ids = tokenizer.encode_ids("It 's n't so , they 've said . ' x ' I 'm !")
    assert tokenizer.decode(ids, clean_up_tokenization_spaces=True) == "It'sn't so, they've said.'x'I'm!"
    assert "n't so ," in tokenizer.decode(ids)
    tokenizer.clean_up_tokenization_spaces = True
    assert tokenizer.decode(tokenizer.encode_ids("so .")) == "so."


def test_decoding_takes_arrays_and_single_ids(tokenizer):
    numpy = pytest.importorskip("numpy")
    ids = tokenizer("the cat").input_ids
    assert tokenizer.decode(numpy.array(ids)) == tokenizer.decode(ids) == "<s>the cat</s>"
    assert tokenizer.batch_decode(numpy.array([ids, ids])) == ["<s>the cat</s>"] * 2
    assert tokenizer.decode(0) == "<s>"
    assert tokenizer.convert_ids_to_tokens(numpy.int64(0)) == "<s>"


@pytest.mark.parametrize("id", [-1, -100, 10**6, 1.5, "3"])
def test_an_id_that_the_vocabulary_has_not_is_an_error(tokenizer, id):
    with pytest.raises(InputError, match="ids run from 0 to"):
        tokenizer.decode([id])
    with pytest.raises(InputError, match="ids run from 0 to"):
        tokenizer.convert_ids_to_tokens([id])


@pytest.mark.parametrize("text", ["\ud800", "a b\udfffc", "the <mask>\ud83d", "  \ud83d"])
def test_a_lone_surrogate_is_refused_with_its_place(tokenizer, text):
    place = next(i for i, character in enumerate(text) if "\ud800" <= character <= "\udfff")
    for encode in (tokenizer.encode_ids, tokenizer, tokenizer.pieces):
        with pytest.raises(InputError, match=f"character {place} of the text is a lone surrogate"):
            encode(text)


@pytest.mark.parametrize("text", [3, b"bytes", {"text": "a"}, [1, 2], ["a", None], [["a", "b", "c"]]])
def test_what_is_not_text_is_refused(tokenizer, text):
    with pytest.raises(InputError):
        tokenizer(text)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"truncation": True, "max_length": 8, "stride": 7}, "stride 7"),
        ({"truncation": "only_second", "max_length": 4}, "text_pair"),
        ({"truncation": "shortest"}, "truncation is 'shortest'"),
        ({"padding": "much"}, "padding is 'much'"),
        ({"padding": True, "padding_side": "up"}, "padding_side is 'up'"),
        ({"padding": True, "truncation": True, "max_length": 9, "pad_to_multiple_of": 8}, "multiple"),
        ({"max_length": -1, "truncation": True}, "max_length is -1"),
        ({"return_tensors": "tf"}, "'pt'"),
    ],
)
def test_arguments_that_cannot_be_met_are_refused(tokenizer, arguments, message):
    with pytest.raises(InputError, match=message):
        tokenizer("the cat sat on the mat and the rat", **arguments)


def test_a_batch_and_its_second_texts_are_of_one_length(tokenizer):
    with pytest.raises(InputError, match="2 texts"):
        tokenizer(["a", "b"], ["c"])
    with pytest.raises(InputError, match="one string"):
        tokenizer(["a", "b"], "c")


def test_padding_and_truncation_without_a_length_take_the_models(tokenizer):
    tokenizer.model_max_length = 10
    encoded = tokenizer(["the cat sat on the mat and the other rat", "a"], truncation=True, padding="max_length")
    assert [len(row) for row in encoded.input_ids] == [10, 10]
    assert sum(encoded.attention_mask[0]) == 10 and sum(encoded.attention_mask[1]) == 3
    tokenizer.model_max_length = int(1e30)
    assert len(tokenizer("a", truncation=True, padding="max_length").input_ids) == 3


def test_a_tokenizer_can_be_sent_to_another_process(tokenizer):
    tokenizer.add_tokens("catrat")
    encoded = tokenizer("the catrat", return_offsets_mapping=True)
    again = pickle.loads(pickle.dumps(tokenizer))
    assert again("the catrat", return_offsets_mapping=True) == encoded
    assert pickle.loads(pickle.dumps(encoded)).word_ids() == encoded.word_ids()


def test_autotokenizer_gives_the_class_that_is_asked_for():
    assert type(AutoTokenizer.from_pretrained(TINY)) is RobertaTokenizerFast
    assert type(AutoTokenizer.from_pretrained(TINY, use_fast=False)) is RobertaTokenizer


def test_encoding_loads_neither_torch_nor_numpy():
    code = (
        "import sys; from roberta import RobertaTokenizer;"
        f"RobertaTokenizer.from_pretrained({str(TINY)!r})('the cat');"
        "print([name for name in ('torch', 'numpy', 'transformers', 'tokenizers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
