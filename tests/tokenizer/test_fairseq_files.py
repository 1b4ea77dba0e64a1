import json
import random
import shutil

import pytest

from roberta.errors import CheckpointError, RobertaError
from roberta.tokenizer import RobertaTokenizer
from roberta.tokenizer.byte_alphabet import CHARACTERS
from roberta.tokenizer.fairseq_files import numbering, read_fairseq, save_fairseq
from tests.shared import SHARED, needs_shared
from tests.tokenizer.conftest import TINY
from tests.weights.fuzzing import ROUNDS

NUMBERED = [*sorted(CHARACTERS), "ab", "<|endoftext|>"]  # by the merge "a b"
EVERY_NUMBER = [f"{number} 7" for number in range(len(NUMBERED))]


def encoder_of(tokens) -> str:
    return json.dumps({token: number for number, token in enumerate(tokens)})


def fairseq_files(folder, lines, *, encoder=None, merges="#version: 0.2\na b\n"):
    (folder / "dict.txt").write_text("\n".join(lines) + "\n")
    (folder / "encoder.json").write_text(encoder_of(NUMBERED) if encoder is None else encoder)
    (folder / "vocab.bpe").write_text(merges)
    return read_fairseq(folder / "dict.txt", folder / "encoder.json", folder / "vocab.bpe")


def test_tokens_are_numbered_through_the_dictionary(tmp_path):
    numbers = ["256", *map(str, range(256)), "257"]
    ids = fairseq_files(tmp_path, [f"{number} 7" for number in numbers] + ["madeupword0000 0"]).ids
    assert [ids[name] for name in ("<s>", "<pad>", "</s>", "<unk>", "ab", "!")] == [0, 1, 2, 3, 4, 5]
    assert list(ids)[-3:] == ["<|endoftext|>", "madeupword0000", "<mask>"]
    assert ids["<mask>"] == len(ids) - 1


def test_an_encoder_of_another_order_is_followed(tmp_path):
    ids = fairseq_files(tmp_path, EVERY_NUMBER, encoder=encoder_of(reversed(NUMBERED))).ids
    assert (ids["<|endoftext|>"], ids["ab"], ids["!"]) == (4, 5, 4 + 257)


def test_without_an_encoder_the_merges_number_the_tokens(tmp_path):
    with_encoder = fairseq_files(tmp_path, EVERY_NUMBER)
    without = read_fairseq(tmp_path / "dict.txt", None, tmp_path / "vocab.bpe")
    assert without.ids == with_encoder.ids
    (tmp_path / "encoder.json").unlink()
    assert RobertaTokenizer.from_pretrained(tmp_path).get_vocab() == with_encoder.ids


def test_tokens_that_two_merges_make_have_one_number():
    assert numbering(["a b", "b c", "ab c", "a bc"])[256:] == ["ab", "bc", "abc", "<|endoftext|>"]


def test_a_line_of_its_own_gives_the_mask_its_id(tmp_path):
    ids = fairseq_files(tmp_path, [*EVERY_NUMBER, "<mask> 0", "madeupword0000 0"]).ids
    assert list(ids)[-2:] == ["<mask>", "madeupword0000"]


def test_words_with_blanks_leading_zeros_and_marks_of_fairseq_are_words(tmp_path):
    lines = [*EVERY_NUMBER, "two words 3", "007 2", "42 1 #fairseq:overwrite", "tail 0  "]
    del lines[42]
    assert list(fairseq_files(tmp_path, lines).ids)[-5:] == ["two words", "007", NUMBERED[42], "tail", "<mask>"]


def test_bytes_that_the_dictionary_lacks_are_unknown_as_in_fairseq(tmp_path):
    fairseq_files(tmp_path, [line for line in EVERY_NUMBER if NUMBERED[int(line.split()[0])] != "q"])
    tokenizer = RobertaTokenizer.from_pretrained(tmp_path)
    assert tokenizer.tokenize("aqab") == ["a", "<unk>", "ab"]
    assert fairseq_files(tmp_path, EVERY_NUMBER).unknown is None


@pytest.mark.parametrize("lines", [["13"], ["13 x"], ["999 1"], ["13 1", "13 1"], [""], ["13 1", "", "14 1"]])
def test_a_dictionary_that_cannot_be_read_names_its_line(tmp_path, lines):
    with pytest.raises(CheckpointError, match=r"dict\.txt:\d"):
        fairseq_files(tmp_path, lines)


REFUSED = {
    "a word twice": ({"lines": [*EVERY_NUMBER, "xyz 1", "xyz 1"]}, r"dict\.txt:260: 'xyz' is given twice"),
    "a number as a word too": ({"lines": [*EVERY_NUMBER, "ab 1"]}, r"dict\.txt:259: 'ab' is given twice"),
    "a framing token again": ({"lines": [*EVERY_NUMBER, "<pad> 1"]}, "'<pad>' is given twice"),
    "a number beyond all": ({"lines": [*EVERY_NUMBER, "258 1"]}, r"258 is no number of encoder\.json"),
    "a number of a thousand digits": ({"lines": [*EVERY_NUMBER, "9" * 1000]}, "is not a word and its count"),
    "one number for two tokens": (
        {"lines": EVERY_NUMBER, "encoder": encoder_of(NUMBERED).replace('"ab": 256', '"ab": 0')},
        "share the id 0",
    ),
    "a number left out": (
        {"lines": EVERY_NUMBER, "encoder": encoder_of(NUMBERED).replace('"ab": 256', '"ab": 300')},
        r"encoder\.json: 'ab' has the id 300",
    ),
    "a number that is none": (
        {"lines": EVERY_NUMBER, "encoder": encoder_of(NUMBERED).replace('"ab": 256', '"ab": 1.5')},
        "not a whole number",
    ),
    "a token twice": ({"lines": EVERY_NUMBER, "encoder": '{"a": 0, "a": 1}'}, "'a' is given twice"),
    "an encoder that is a list": ({"lines": EVERY_NUMBER, "encoder": "[]"}, "a JSON object was expected"),
    "an empty encoder": ({"lines": EVERY_NUMBER, "encoder": "{}"}, "is empty"),
    "a merge of unknown tokens": ({"lines": EVERY_NUMBER, "merges": "a c\n"}, r"lacks 1 of the tokens that vocab\.bpe"),
    "a merge of what no merge makes": ({"lines": EVERY_NUMBER, "merges": "a b\nq a\n"}, r"lacks 1 of .* 'qa' among"),
    "a merge of an unknown part": (
        {"lines": [*EVERY_NUMBER, "xyz 1"], "merges": "a b\nxy z\n"},
        "needs the token 'xy'",
    ),
    "a merge whose token the dictionary lacks": (
        {"lines": [line for line in EVERY_NUMBER if not line.startswith("256 ")]},
        "'ab' among them, which fairseq takes for <unk>",
    ),
    "a merge of one token": ({"lines": EVERY_NUMBER, "merges": "a b\nab\n"}, "is not two tokens"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_faulty_vocabularies_are_refused_with_their_fault(tmp_path, fault):
    files, said = REFUSED[fault]
    with pytest.raises(CheckpointError, match=said):
        fairseq_files(tmp_path, **files)


@pytest.mark.parametrize("name", ["dict.txt", "encoder.json", "vocab.bpe"])
def test_files_that_are_not_utf_8_are_refused_by_name(tmp_path, name):
    fairseq_files(tmp_path, EVERY_NUMBER)
    with (tmp_path / name).open("ab") as file:
        file.write(b"\xff\xfe")
    with pytest.raises(CheckpointError, match=rf"{name}.*not UTF-8"):
        read_fairseq(tmp_path / "dict.txt", tmp_path / "encoder.json", tmp_path / "vocab.bpe")


def test_what_is_saved_is_read_back_as_the_same_tokens_and_merges(tmp_path, shared_tokenizer):
    save_fairseq(shared_tokenizer, tmp_path, len(shared_tokenizer))
    read = RobertaTokenizer.from_pretrained(tmp_path)
    assert read.get_vocab() == shared_tokenizer.get_vocab()
    text = "Le café <mask> vaut 3,50 €; the rest is 日本."
    assert read(text) == shared_tokenizer(text)
    read.save_vocabulary(tmp_path)
    for name in ("vocab.json", "merges.txt"):
        assert (tmp_path / name).read_bytes() == (TINY / name).read_bytes()
    counts = [int(line.split(" ")[-1]) for line in (tmp_path / "dict.txt").read_text().splitlines()]
    assert counts == sorted(counts, reverse=True)  # fairseq sorted by them
    assert len(counts) == len(shared_tokenizer) - 5


def test_added_tokens_and_rows_without_a_token_have_lines_of_their_own(tmp_path, tokenizer):
    tokenizer.add_tokens(["[A B]"])
    size = len(tokenizer)
    save_fairseq(tokenizer, tmp_path, size + 2)
    read = RobertaTokenizer.from_pretrained(tmp_path)
    # madeupword0000 is a token already.
    assert read.get_vocab() == tokenizer.get_vocab() | {"madeupword0001": size, "madeupword0002": size + 1}
    assert read.mask_token_id == tokenizer.mask_token_id


def test_tokenizers_that_fairseq_cannot_hold_are_refused(tmp_path, tokenizer):
    with pytest.raises(match=f"has {len(tokenizer)} tokens and the model only 5 rows"):
        save_fairseq(tokenizer, tmp_path, 5)
    for token in ("12", "two\nlines", " blank", "\ud800"):
        odd = RobertaTokenizer.from_pretrained(TINY)
        odd.add_tokens([token])
        with pytest.raises(match="no spelling"):
            save_fairseq(odd, tmp_path, len(odd))
    vocabulary = json.loads((TINY / "vocab.json").read_text())
    swapped = vocabulary | {"<s>": 1, "<pad>": 0}
    unmasked = {token: id for token, id in vocabulary.items() if token != "<mask>"}
    for ids, fault in ((swapped, "in fairseq are 0 to 3"), (unmasked, "needs the token <mask>")):
        folder = tmp_path / fault
        folder.mkdir()
        (folder / "vocab.json").write_text(json.dumps(ids))
        shutil.copy(TINY / "merges.txt", folder)
        with pytest.raises(match=fault):
            save_fairseq(RobertaTokenizer.from_pretrained(folder, mask_token="!"), tmp_path, len(vocabulary))
    assert not list(tmp_path.glob("*.*"))


@needs_shared
def test_the_published_files_come_back_but_for_their_counts(tmp_path):
    bpe = SHARED / "oracle" / "fairseq" / "bpe"
    tokenizer = RobertaTokenizer.from_pretrained(bpe)
    save_fairseq(tokenizer, tmp_path, len(tokenizer))
    for name in ("encoder.json", "vocab.bpe"):
        assert (tmp_path / name).read_bytes() == (bpe / name).read_bytes()
    ours, theirs = (
        [line.split(" ")[0] for line in (folder / "dict.txt").read_text().splitlines()] for folder in (tmp_path, bpe)
    )
    assert ours == theirs


def _mutated(good: bytes, chance: random.Random) -> bytes:
    content = bytearray(good)
    for _ in range(chance.choice((1, 1, 2, 8))):
        at = chance.randrange(len(content)) if content else 0
        match chance.randrange(4):
            case 0:
                content[at : at + 1] = bytes([chance.choice(b' \n\r"0129:,{}<\x00\x80\xff')])
            case 1:
                del content[at : at + chance.choice((1, 2, 10))]
            case 2:
                content[at:at] = content[chance.randrange(len(content) + 1) :][: chance.choice((1, 4, 20))]
            case 3:
                content[at:at] = chance.choice((b"9" * 5000, b"-1", b"1e999", "٣".encode(), b"#fairseq:overwrite"))
    return bytes(content)


@pytest.mark.parametrize("name", ["dict.txt", "encoder.json", "vocab.bpe"])
def test_changed_files_are_read_or_refused_and_nothing_else_happens(tmp_path, name):
    fairseq_files(tmp_path, EVERY_NUMBER)
    good = (tmp_path / name).read_bytes()
    outcomes = {"read": 0, "refused": 0}
    for number in range(ROUNDS):
        (tmp_path / name).write_bytes(_mutated(good, random.Random(number)))
        try:
            RobertaTokenizer.from_pretrained(tmp_path)("some text")
        except RobertaError as error:
            outcomes["refused"] += 1
            assert len(str(error)) < len(str(tmp_path)) + 400, (number, str(error))
            assert "\n" not in str(error), number
        else:
            outcomes["read"] += 1
    assert min(outcomes.values()) > ROUNDS // 50, outcomes
