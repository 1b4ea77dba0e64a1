"""The reference itself, where it is installed: ids and spans of odd texts, whole calls, files read both ways."""

import logging
import random

import pytest

from roberta.errors import RobertaError
from roberta.tokenizer import AddedToken, RobertaTokenizer, RobertaTokenizerFast
from roberta.tokenizer.pretokenize import after_unicode_16
from tests.shared import SHARED, needs_shared
from tests.tokenizer.conftest import FOLDERS, PUBLISHED, TINY
from tests.tokenizer.odd_texts import odd_texts

transformers = pytest.importorskip("transformers")

# Texts by vocabulary, the published one last where it is there: it matters most, and gets the most.
COUNTS = {folder: 20_000 if folder == FOLDERS[-1] else 2_000 for folder in FOLDERS}
SENTENCES = ["The quick brown fox jumps over the lazy dog.", "Hello world", "a b c d e f g", "the cat's in the mat"]


@pytest.fixture(autouse=True)
def quiet(caplog):
    transformers.logging.set_verbosity(transformers.logging.CRITICAL)
    caplog.set_level(logging.CRITICAL)


def both(folder, **settings):
    ours = RobertaTokenizerFast.from_pretrained(folder, **settings)
    return ours, transformers.RobertaTokenizerFast.from_pretrained(folder, **settings)


def compare(ours, theirs, texts):
    for text, expected in zip(texts, theirs.backend_tokenizer.encode_batch(texts, add_special_tokens=False)):
        found = ours.pieces(text)
        for field in ("ids", "offsets", "tokens", "word_ids"):
            assert getattr(found, field) == getattr(expected, field), (field, text)
        assert ours.encode_ids(text) == expected.ids, text


@pytest.mark.parametrize("blank", [False, True], ids=["plain", "blank_before"])
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_odd_texts_give_equal_ids_tokens_words_and_spans(folder, blank):
    texts = list(odd_texts(COUNTS[folder] // (5 if blank else 1), seed=1 + blank))
    compare(*both(folder, add_prefix_space=blank), texts)


@needs_shared
@pytest.mark.parametrize("blank", [False, True], ids=["plain", "blank_before"])
@pytest.mark.parametrize("name", ["odd_text.txt", "sentences.txt"])
def test_lines_of_real_text_give_equal_ids_tokens_words_and_spans(name, blank):
    lines = (SHARED / "tasks" / name).read_bytes().decode().split("\n")
    compare(*both(PUBLISHED, add_prefix_space=blank), lines)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_line_of_a_megabyte_gives_equal_ids(folder):
    ours, theirs = both(folder)
    draw = random.Random(1)
    letters = "".join(draw.choices("etaoin日é", k=300_000))
    signs, words = "=-" * 100_000, " ".join(draw.choices(SENTENCES, k=20_000))
    line = letters + signs + " " * 5_000 + words
    assert len(line.encode()) > 1_000_000
    assert ours.encode_ids(line) == theirs.backend_tokenizer.encode(line, add_special_tokens=False).ids


def add_the_same(ours, theirs):
    for kind, tokenizer in ((AddedToken, ours), (transformers.AddedToken, theirs)):
        counts = [
            tokenizer.add_tokens([kind("the", single_word=True), kind("b", single_word=True, lstrip=True), "world"]),
            tokenizer.add_tokens([kind("ing", lstrip=True, rstrip=True, normalized=False), "<mask>x", "Hello w"]),
            tokenizer.add_special_tokens({"additional_special_tokens": ["<e>", kind("!?", lstrip=True, special=True)]}),
        ]
        assert counts == [3, 3, 2]
    assert len(ours) == len(theirs) and ours.get_added_vocab() == theirs.get_added_vocab()


def drawn_call(draw, texts):
    """Positional and keyword arguments of a call."""
    options = {
        "padding": [True, "longest", "max_length", False, "do_not_pad"],
        "truncation": [True, "longest_first", "only_first", "only_second", False, "do_not_truncate"],
        "max_length": [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24],
        "stride": [0, 1, 2, 3, 5],
        "pad_to_multiple_of": [1, 2, 4, 8],
        "padding_side": ["left", "right"],
        "return_token_type_ids": [True, False],
        "return_attention_mask": [True, False],
        "return_overflowing_tokens": [True],
        "return_special_tokens_mask": [True],
        "return_offsets_mapping": [True],
        "return_length": [True],
        "split_special_tokens": [True],
        "is_split_into_words": [True],
    }
    keywords = {name: draw.choice(values) for name, values in options.items() if draw.random() < 0.4}
    if draw.random() < 0.2 and not keywords.get("return_token_type_ids"):
        keywords["add_special_tokens"] = False  # with types the reference numbers overflowing pairs 0 and 1
    if keywords.get("is_split_into_words"):

        def text():
            return [draw.choice(texts)[:12] for _ in range(draw.randint(0, 6))]
    else:

        def text():
            return draw.choice(texts)

    size = draw.randint(1, 3)
    shapes = (
        lambda: [text()],
        lambda: [text(), text()],
        lambda: [[text() for _ in range(size)]],
        lambda: [[text() for _ in range(size)], [text() for _ in range(size)]],
    )
    return draw.choice(shapes)(), keywords


WINDOW_FIELDS = ("ids", "tokens", "offsets", "word_ids", "sequence_ids", "special_tokens_mask", "attention_mask")


def assert_equal_windows(found, expected):
    for field in (*WINDOW_FIELDS, "n_sequences"):
        assert getattr(found, field) == getattr(expected, field), field
    for place in range(len(expected.ids) + 1):
        for method in ("token_to_chars", "token_to_word", "token_to_sequence"):
            assert getattr(found, method)(place) == getattr(expected, method)(place), method
    for number in range(expected.n_sequences):
        for place in range(6):
            for method in ("char_to_token", "char_to_word", "word_to_tokens", "word_to_chars"):
                assert getattr(found, method)(place, number) == getattr(expected, method)(place, number), method


@pytest.mark.parametrize("blank", [False, True], ids=["plain", "blank_before"])
@pytest.mark.parametrize("added", [False, True], ids=["as_read", "tokens_added"])
def test_whole_calls_give_equal_results_or_both_refuse(added, blank):
    draw = random.Random(blank + 2 * added)
    texts = [*odd_texts(400, seed=5), *SENTENCES * 50]
    ours, theirs = both(TINY, add_prefix_space=blank, model_max_length=40)
    if added:
        add_the_same(ours, theirs)
    equal = 0
    for _ in range(300):
        ours.truncation_side = theirs.truncation_side = draw.choice(["left", "right"])
        arguments, keywords = drawn_call(draw, texts)
        try:
            expected = theirs(*arguments, **keywords)
        except BaseException:  # panics of the reference are no Exception
            with pytest.raises(RobertaError):
                ours(*arguments, **keywords)
            continue
        found = ours(*arguments, **keywords)
        assert list(found) == list(expected) and dict(found) == dict(expected), (arguments, keywords)
        assert len(found.encodings) == len(expected.encodings)
        for one, other in zip(found.encodings, expected.encodings):
            assert_equal_windows(one, other)
            for skip in (False, True):
                assert ours.decode(one.ids, skip) == theirs.decode(one.ids, skip)
        equal += 1
    assert equal > 120


def test_where_the_slow_class_encodes_as_the_fast_one_ours_does_too():
    slow = transformers.RobertaTokenizer.from_pretrained(TINY)
    ours = RobertaTokenizer.from_pretrained(TINY)
    for text in odd_texts(1500, seed=9):
        # Where the slow class parts from the fast one: white space that only str.isspace() knows, and letters that
        # only the regex package knows.
        if not set(text) & set("\x1c\x1d\x1e\x1f") and not after_unicode_16().search(text):
            assert ours.encode(text) == slow.encode(text), text
    for words in (["The", "cat's"], ["", " a", "b "], ["日本", "x"]):
        assert ours.encode(words, is_split_into_words=True) == slow.encode(words, is_split_into_words=True)


@pytest.mark.parametrize("changed", [False, True])
def test_what_we_save_the_reference_reads_and_the_other_way_round(tmp_path, changed):
    ours, theirs = both(TINY, model_max_length=50, add_prefix_space=changed, trim_offsets=not changed)
    if changed:
        add_the_same(ours, theirs)
    ours.save_pretrained(tmp_path / "ours")
    theirs.save_pretrained(tmp_path / "theirs")
    readers = [
        transformers.RobertaTokenizerFast.from_pretrained(tmp_path / "ours"),
        transformers.AutoTokenizer.from_pretrained(tmp_path / "ours"),
        RobertaTokenizerFast.from_pretrained(tmp_path / "theirs"),
        RobertaTokenizer.from_pretrained(tmp_path / "theirs"),
    ]
    for reader in readers:
        assert reader.model_max_length == 50 and reader.padding_side == "right"
        assert sorted(reader.all_special_tokens) == sorted(theirs.all_special_tokens)
        assert reader.special_tokens_map == theirs.special_tokens_map
        assert reader.get_vocab() == theirs.get_vocab()
        for text in odd_texts(300, seed=7):
            text += " Hello world!?<e> the ing b"
            expected = theirs(text, return_offsets_mapping=True)
            assert dict(reader(text, return_offsets_mapping=True)) == dict(expected), (type(reader), text)
    slow = transformers.RobertaTokenizer.from_pretrained(tmp_path / "ours")
    assert slow.get_vocab() == theirs.get_vocab()
    assert slow.encode("The cat sat") == theirs.encode("The cat sat")


def test_padding_afterwards_is_equal():
    ours, theirs = both(TINY)
    rows = [ours(text, return_special_tokens_mask=True, return_token_type_ids=True) for text in SENTENCES]
    for options in ({}, {"padding": "max_length", "max_length": 60}, {"pad_to_multiple_of": 8, "padding_side": "left"}):
        for given in (rows, {name: [row[name] for row in rows] for name in rows[0]}, dict(rows[0])):
            found, expected = ours.pad(given, **options), theirs.pad(given, **options)
            assert dict(found) == dict(expected)
