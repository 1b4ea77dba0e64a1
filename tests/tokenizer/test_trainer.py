import json
import lzma
import random
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roberta.errors import InputError
from roberta.tokenizer import RobertaTokenizer, RobertaTokenizerFast, trainer
from roberta.tokenizer.byte_alphabet import CHARACTERS, spell
from roberta.tokenizer.pretokenize import split_words
from roberta.tokenizer.trainer import SMALLEST, count_words, learn
from tests.shared import SHARED, needs_shared
from tests.tokenizer.odd_texts import odd_texts

ROOT = Path(__file__).parents[2]
OWN_LINES = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("\n")


def merges_of(tokenizer: RobertaTokenizer) -> list[str]:
    """The merges as they would be saved."""
    return tokenizer._vocabulary.merges.lines


def by_hand(texts: list[str], most: int, least: int) -> list[str]:
    """Count every pair of every word anew before each merge."""
    words = Counter(tuple(spell(word)) for text in texts for word in split_words(text))
    ids = {character: id for id, character in enumerate(sorted(CHARACTERS))}
    merges = []
    while len(merges) < most:
        pairs: Counter = Counter()
        for word, times in words.items():
            for pair in pairwise(word):
                pairs[pair] += times
        if not pairs or max(pairs.values()) < least:
            break
        left, right = min(pairs, key=lambda pair: (-pairs[pair], ids[pair[0]], ids[pair[1]]))
        merged: Counter = Counter()
        for word, times in words.items():
            parts: list[str] = []
            rest = list(word)
            while rest:
                parts.append(rest.pop(0))
                if parts[-1] == left and rest[:1] == [right]:
                    parts[-1] += rest.pop(0)
            merged[tuple(parts)] += times
        words = merged
        ids[left + right] = len(ids)
        merges.append(f"{left} {right}")
    return merges


def by_rust(texts: list[str], vocab_size: int, min_frequency: int):
    """The Rust tokenizer after training on the same texts, `<mask>` among its special tokens."""
    tokenizers = pytest.importorskip("tokenizers")
    rust = tokenizers.Tokenizer(tokenizers.models.BPE())
    rust.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    rust.train_from_iterator(texts, rust_trainer(vocab_size, min_frequency))
    return rust


def rust_trainer(vocab_size: int, min_frequency: int):
    from tokenizers import pre_tokenizers, trainers

    return trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=min_frequency,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
    )


def assert_as_rust(texts: list[str], *, vocab_size: int = 50_265, min_frequency: int = 2) -> int:
    """The same merges, and the same tokens in the same order but for `<mask>`; gives how many merges there are."""
    ours = learn(texts, vocab_size=vocab_size, min_frequency=min_frequency)
    model = json.loads(by_rust(texts, vocab_size, min_frequency).to_str())["model"]
    assert merges_of(ours) == [" ".join(pair) for pair in model["merges"]]
    in_order = sorted(model["vocab"], key=model["vocab"].__getitem__)
    in_order.remove("<mask>")
    assert ours.convert_ids_to_tokens(list(range(len(ours)))) == [*in_order, "<mask>"]
    return len(model["merges"])


def random_texts(draw: random.Random) -> list[str]:
    """Few letters, so that most counts are equal to others, and pairs overlap."""
    letters = draw.choice(["a", "ab", "abc", "abcd ", "aé ", "ab \n'"])
    longest, most = draw.choice([5, 20, 200]), draw.choice([3, 30])
    texts = ["".join(draw.choices(letters, k=draw.randint(0, longest))) for _ in range(draw.randint(1, most))]
    return texts * draw.choice([1, 1, 2])


def test_special_tokens_come_first_then_the_bytes_then_what_merges_make_and_the_mask_last():
    tokenizer = learn(["low lower lowest"], vocab_size=263)
    names = tokenizer.convert_ids_to_tokens(list(range(263)))
    assert names == ["<s>", "<pad>", "</s>", "<unk>", *sorted(CHARACTERS), "lo", "low", "<mask>"]
    assert (len(tokenizer), tokenizer.vocab_size, tokenizer.mask_token_id) == (263, 263, 262)
    assert tokenizer("low<mask>").input_ids == [0, 261, 262, 2]


def test_the_most_frequent_pair_goes_first_and_of_equals_the_one_with_the_lower_ids():
    assert merges_of(learn(["zyzyzy", "ab", "ab"])) == ["z y", "a b", "zy zy"]
    assert merges_of(learn(["ac", "ab", "ba", "ac", "ab", "ba"])) == ["a b", "a c", "b a"]
    assert merges_of(learn(["xxz", "abz", "abz", "xxz"])) == ["a b", "x x", "ab z", "xx z"]
    # The byte alphabet is sorted by its characters: a newline (U+010A) comes after é's second byte (U+00A9).
    assert merges_of(learn(["\n\n", "éé", "\n\n", "éé"]))[:2] == ["Ã ©", "Ċ Ċ"]


def test_a_run_of_one_letter_merges_from_the_left():
    assert merges_of(learn(["aaaaa"] * 2, vocab_size=SMALLEST + 1)) == ["a a"]
    assert merges_of(learn(["aaaaa"] * 2)) == ["a a", "aa a", "aa aaa"]  # "aa aa a": equals, and "a" has a lower id


@settings(deadline=None)
@given(st.lists(st.text("ab \n", max_size=24), max_size=8), st.integers(0, 12), st.integers(1, 3))
def test_learned_as_by_hand(texts, most, least):
    learned = learn(texts, vocab_size=SMALLEST + most, min_frequency=least)
    assert merges_of(learned) == by_hand(texts, most, least)


def test_own_text_is_learned_as_by_hand():
    assert merges_of(learn(OWN_LINES, vocab_size=SMALLEST + 60)) == by_hand(OWN_LINES, 60, 2)


@pytest.mark.parametrize("seed", range(150))
def test_texts_full_of_equal_counts_as_rust(seed):
    draw = random.Random(seed)
    size, least = draw.choice([261, 262, 280, 300, 400, 1000]), draw.choice([0, 1, 2, 3, 5])
    assert_as_rust(random_texts(draw), vocab_size=size, min_frequency=least)


@pytest.mark.parametrize("least", [1, 2, 10])
@pytest.mark.parametrize("size", [300, 600, 50_265])
def test_own_text_as_rust(size, least):
    assert_as_rust(OWN_LINES, vocab_size=size, min_frequency=least)


@pytest.mark.parametrize("seed", [1, 2])
def test_odd_texts_as_rust(seed):
    assert_as_rust(list(odd_texts(3_000, seed)))


def test_more_tokens_than_fit_16_bits_as_rust():
    draw = random.Random(0)
    words = ["".join(draw.choices("abcdefghijklmnop", k=9)) for _ in range(25_000)]
    assert assert_as_rust(words * 2, vocab_size=67_000) == 67_000 - SMALLEST


@needs_shared
@pytest.mark.parametrize("size, least", [(1_000, 2), (8_000, 20), (50_265, 2)])
@pytest.mark.parametrize("name", ["gum_wiki", "product_reviews"])
def test_real_text_as_rust(name, size, least):
    with lzma.open(SHARED / "corpus" / f"{name}.txt.xz", "rt", encoding="utf-8") as file:
        assert_as_rust(file.read().split("\n"), vocab_size=size, min_frequency=least)


def test_line_breaks_count_when_they_are_given_as_they_do_when_rust_reads_files(tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    lines = ["a  \n", "\n", "a  \n"]
    (tmp_path / "lines.txt").write_text("".join(lines))
    rust = tokenizers.Tokenizer(tokenizers.models.BPE())
    rust.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    rust.train([str(tmp_path / "lines.txt")], rust_trainer(300, 2))
    learned = merges_of(learn(lines, vocab_size=300))
    assert learned == [" ".join(pair) for pair in json.loads(rust.to_str())["model"]["merges"]]
    assert learned == ["Ġ Ċ", "Ġ ĠĊ"]
    assert merges_of(learn([line.rstrip("\n") for line in lines])) == ["Ġ Ġ"]


def test_the_order_of_the_texts_does_not_matter():
    shuffled = random.Random(0).sample(OWN_LINES, len(OWN_LINES))
    assert shuffled != OWN_LINES
    assert merges_of(learn(shuffled)) == merges_of(learn(OWN_LINES))


def test_texts_that_are_too_small_give_fewer_tokens_and_the_mask_is_still_last():
    tokenizer = learn(["ab ab"])
    assert (len(tokenizer), tokenizer.mask_token_id, merges_of(tokenizer)) == (262, 261, ["a b"])
    assert len(learn([])) == len(learn(["", " ", "a"])) == SMALLEST


def test_a_pair_must_stand_as_often_as_asked():
    texts = ["ab ab ab", "cd cd"]
    assert merges_of(learn(texts, min_frequency=4)) == []
    assert merges_of(learn(texts, min_frequency=3)) == ["a b"]
    assert merges_of(learn(texts, min_frequency=2))[:2] == ["a b", "c d"]
    assert merges_of(learn(["ab"], min_frequency=0)) == merges_of(learn(["ab"], min_frequency=1)) == ["a b"]


@pytest.mark.parametrize("most", [0, 1, 7, 1 << 20])
def test_words_are_counted_as_the_split_pattern_cuts_each_text(monkeypatch, most):
    monkeypatch.setattr(trainer, "_MOST_CHUNKS", most)
    texts = [
        *odd_texts(3_000, seed=3),
        *OWN_LINES,
        "a" * 50 + " b",
        "a b" * 50,
        "x ",
        " x",
        "x  y",
        "x\u2028y",
        "x y\n",
    ]
    expected = Counter(word for text in texts for word in split_words(text))
    assert count_words(iter(texts), lambda *_: None) == expected


def test_each_text_is_read_when_it_is_its_turn_and_progress_is_told(monkeypatch):
    monkeypatch.setattr(trainer, "_REPORTED", 1)
    events: list = []

    def read():
        for text in ("ab", "ab"):
            events.append(text)
            yield text

    learn(read(), vocab_size=300, report=lambda *told: events.append(told))
    first, second, end = ("counting", 1, 0), ("counting", 2, 0), ("merging", 262, 300)
    assert events == ["ab", first, "ab", second, second, end]


@pytest.mark.parametrize("kind", [RobertaTokenizer, RobertaTokenizerFast])
def test_what_was_learned_is_saved_read_and_used_as_any_tokenizer(tmp_path, kind):
    learned = learn(OWN_LINES, vocab_size=600)
    learned.save_pretrained(tmp_path)
    again = kind.from_pretrained(tmp_path)
    assert again.get_vocab() == learned.get_vocab() and merges_of(again) == merges_of(learned)
    rust = by_rust(OWN_LINES, 600, 2)
    for text in [*OWN_LINES, *odd_texts(300, seed=4)]:
        if "<" not in text:  # without special tokens, which the Rust tokenizer was not told how to match
            assert again.tokenize(text) == rust.encode(text).tokens
    assert again(" a <mask> b").input_ids == learned(" a <mask> b").input_ids


def test_the_reference_reads_what_was_learned(tmp_path):
    transformers = pytest.importorskip("transformers")
    learned = learn(OWN_LINES, vocab_size=600)
    learned.save_pretrained(tmp_path)
    for kind in (transformers.RobertaTokenizer, transformers.RobertaTokenizerFast):
        theirs = kind.from_pretrained(tmp_path)
        assert theirs.mask_token_id == len(theirs) - 1 == 599
        for text in [*OWN_LINES, "a <mask> b", "<s>x</s>"]:
            assert theirs(text).input_ids == learned(text).input_ids


@pytest.mark.parametrize("size", [-1, 0, SMALLEST - 1, trainer.LARGEST + 1])
def test_a_size_without_room_for_the_bytes_or_beyond_all_bounds_is_refused(size):
    with pytest.raises(InputError, match=f"vocab_size is {size}; .* 261 tokens, .* room for 1,114,113"):
        learn(["a"], vocab_size=size)


@pytest.mark.parametrize(
    "texts, message",
    [
        ("one text", "texts is one str; give a list"),
        (["a", b"b"], "text 2 is a bytes"),
        (["a", "é", "b \ud83d"], r"text 3: character 2 is a lone surrogate \(U\+D83D\)"),
    ],
)
def test_what_is_no_text_is_refused(texts, message):
    with pytest.raises(InputError, match=message):
        learn(texts)
