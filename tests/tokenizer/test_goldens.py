"""Every recorded answer of the reference, for its tiny vocabulary and for the published one."""

import gzip
import json

import pytest

from roberta.errors import InputError
from roberta.tokenizer import RobertaTokenizer, RobertaTokenizerFast
from tests.shared import SHARED, needs_shared

pytestmark = needs_shared

FOLDERS = {"tiny": "tokenizer/tiny", "roberta-base": "roberta-base-vocab"}


@pytest.fixture(scope="module", params=FOLDERS)
def vocabulary(request):
    return request.param


@pytest.fixture(scope="module")
def goldens(vocabulary):
    with gzip.open(SHARED / "oracle" / "tokenizer" / f"golden_{vocabulary}.json.gz") as file:
        return json.load(file)


@pytest.fixture(scope="module")
def load(vocabulary, goldens):
    cache = {}

    def load(kind=RobertaTokenizerFast, fresh=False, **settings):
        key = (kind, *sorted(settings.items()))
        if fresh or key not in cache:
            folder = SHARED / "oracle" / FOLDERS[vocabulary]
            cache[key] = kind.from_pretrained(folder, model_max_length=goldens["model_max_length"], **settings)
        return cache[key]

    return load


def lists(value):
    """Tuples as the lists that JSON has."""
    return json.loads(json.dumps(value))


def test_single_texts(goldens, load):
    for case in goldens["single"]:
        text = case["text"]
        encoded = load()(text, return_offsets_mapping=True)
        assert encoded.input_ids == case["ids"], text
        assert encoded.tokens() == case["tokens"], text
        assert lists(encoded.offset_mapping) == case["offsets"], text
        assert encoded.word_ids() == case["word_ids"], text
        untrimmed = load(trim_offsets=False)(text, return_offsets_mapping=True).offset_mapping
        assert lists(untrimmed) == (case["no_trim_offsets"] or case["offsets"]), text


def test_single_texts_with_a_blank_put_before_them(goldens, load):
    for case in goldens["single"]:
        text, expected = case["text"], case["prefix"] or case
        encoded = load(add_prefix_space=True)(text, return_offsets_mapping=True)
        assert encoded.input_ids == expected["ids"], text
        assert lists(encoded.offset_mapping) == expected["offsets"], text
        assert encoded.word_ids() == expected["word_ids"], text
        untrimmed = load(add_prefix_space=True, trim_offsets=False)(text, return_offsets_mapping=True).offset_mapping
        assert lists(untrimmed) == (case["prefix_no_trim_offsets"] or expected["offsets"]), text


def test_single_texts_decoded(goldens, load):
    for case in goldens["single"]:
        text = case["text"]
        assert load().decode(case["ids"]) == case["decoded"].replace("=text", text), text
        skipped = load().decode(case["ids"], skip_special_tokens=True)
        assert skipped == (text if case["decoded_skip"] == "=text" else case["decoded_skip"]), text
        assert case["slow_decoded"] == "same"


def test_where_fast_and_slow_agree_robertatokenizer_agrees_with_both(goldens, load):
    for case in goldens["single"]:
        assert case["slow_ids"] == "same"
        assert load(RobertaTokenizer).encode(case["text"]) == case["ids"], case["text"]
        if case["slow_prefix_ids"] == "same":
            expected = (case["prefix"] or case)["ids"]
            assert load(RobertaTokenizer, add_prefix_space=True).encode(case["text"]) == expected, case["text"]


def test_without_framing(goldens, load):
    for case in goldens["no_special"]:
        assert load().encode(case["text"], add_special_tokens=False) == case["ids"], case["text"]
        assert load().encode_ids(case["text"]) == case["ids"], case["text"]
        assert load().tokenize(case["text"]) == case["fast_tokens"], case["text"]
        assert load().convert_ids_to_tokens(case["ids"]) == case["slow_tokens"], case["text"]


def test_decoding(goldens, load):
    for case in goldens["decode"]:
        assert load().decode(case["ids"], clean_up_tokenization_spaces=True) == case["clean"]
        assert load().decode(case["ids"]) == case["raw"]
        assert load().decode(case["ids"], skip_special_tokens=True) == case["skip"]
        if "tokens" in case:
            assert load().convert_ids_to_tokens(case["ids"]) == case["tokens"]


def windows_as_recorded(encoded):
    fields = {"ids": "ids", "tokens": "tokens", "offsets": "offsets", "word_ids": "word_ids"}
    same = ("sequence_ids", "special_tokens_mask", "attention_mask", "type_ids")
    return lists(
        [{name: getattr(window, name) for name in (*fields, *same)} for window in encoded.encodings],
    )


def test_whole_calls(goldens, load):
    for case in goldens["calls"]:
        tokenizer = load(add_prefix_space=case["tokenizer"] == "prefix")
        tokenizer.truncation_side = case.get("truncation_side") or "right"
        try:
            if case.get("error"):
                with pytest.raises(InputError):
                    tokenizer(*case["args"], **case["kwargs"])
                continue
            encoded = tokenizer(*case["args"], **case["kwargs"])
        finally:
            tokenizer.truncation_side = "right"
        expected = dict(case["result"])
        windows = expected.pop("encodings")
        assert lists(dict(encoded)) == expected, case["name"]
        assert list(encoded) == list(expected), case["name"]
        assert windows_as_recorded(encoded) == windows, case["name"]


def test_robertatokenizer_takes_words_without_add_prefix_space(goldens, load):
    cases = [case for case in goldens["calls"] if case["name"].startswith("words_") and case["tokenizer"] == "plain"]
    assert len(cases) == 3
    for case in cases:
        encoded = load(RobertaTokenizer)(*case["args"], **case["kwargs"])
        assert dict(encoded) == case["slow"], case["name"]


def test_framing_helpers(goldens, load):
    for kind in (RobertaTokenizer, RobertaTokenizerFast):
        tokenizer, expected = load(kind), goldens["build"]
        assert tokenizer.build_inputs_with_special_tokens([10, 11]) == expected["single"]
        assert tokenizer.build_inputs_with_special_tokens([10, 11], [12]) == expected["pair"]
        assert tokenizer.get_special_tokens_mask([10, 11]) == expected["mask_single"]
        assert tokenizer.get_special_tokens_mask([10, 11], [12]) == expected["mask_pair"]
        assert tokenizer.create_token_type_ids_from_sequences([10, 11], [12]) == expected["types_pair"]
        assert tokenizer.num_special_tokens_to_add() == expected["num_added_single"]
        assert tokenizer.num_special_tokens_to_add(pair=True) == expected["num_added_pair"]


def test_maps_between_characters_words_and_tokens(goldens, load):
    expected = goldens["maps"]
    first, second = expected["first"], expected["second"]
    encoded = load()(first, second)
    assert [encoded.char_to_token(i) for i in range(len(first))] == expected["char_to_token_first"]
    assert [encoded.char_to_token(0, i, 1) for i in range(len(second))] == expected["char_to_token_second"]
    recorded = expected["word_to_tokens_first"]
    assert lists([encoded.word_to_tokens(i) for i in range(len(recorded))]) == recorded
    assert lists([encoded.token_to_chars(i) for i in range(len(encoded.input_ids))]) == expected["token_to_chars"]
    assert [encoded.token_to_word(i) for i in range(len(encoded.input_ids))] == expected["token_to_word"]


def test_added_tokens(goldens, load):
    expected = goldens["added"]
    for kind in (RobertaTokenizerFast, RobertaTokenizer):
        tokenizer = load(kind, fresh=True)
        assert tokenizer.add_tokens(expected["added"]) == len(expected["added"])
        added = tokenizer.add_special_tokens({"additional_special_tokens": expected["special"]})
        assert added == len(expected["special"])
        assert len(tokenizer) == expected["size"]
        for case in expected["cases"]:
            encoded = tokenizer(case["text"], return_offsets_mapping=True)
            assert encoded.input_ids == case["ids"] == case["slow_ids"], case["text"]
            assert encoded.tokens() == case["tokens"], case["text"]
            assert lists(encoded.offset_mapping) == case["offsets"], case["text"]
            assert tokenizer.decode(case["ids"], skip_special_tokens=True) == case["decoded_skip"], case["text"]


def test_fairseq_files_give_the_same_ids_as_fairseq():
    tokenizer = RobertaTokenizer.from_pretrained(SHARED / "oracle" / "fairseq" / "bpe")
    recorded = json.loads((SHARED / "oracle" / "fairseq" / "golden_encode.json").read_text())
    assert (tokenizer.mask_token_id, len(tokenizer)) == (recorded["mask_index"], recorded["size"])
    compared = 0
    for case in recorded["encode"]:
        if case["ids"] is None:
            continue
        pair = case.get("second")
        # fairseq does not look for <mask> and its like when it encodes.
        assert tokenizer.encode(case["text"], pair, split_special_tokens=True) == case["ids"], case["text"]
        compared += 1
    assert compared > 8
