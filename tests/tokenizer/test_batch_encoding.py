import pytest

from roberta.errors import InputError
from roberta.tokenizer import BatchEncoding, CharSpan, TokenSpan


@pytest.fixture
def pair(shared_tokenizer):
    return shared_tokenizer("The cat sat.", "The other rat")


def test_values_come_by_key_and_by_attribute(pair):
    assert pair["input_ids"] is pair.input_ids is pair.data["input_ids"]
    assert set(pair) == {"input_ids", "attention_mask"} and "labels" not in pair
    assert {**pair} == dict(pair)
    with pytest.raises(AttributeError, match="labels"):
        pair.labels  # noqa: B018 - the look-up is the test
    with pytest.raises(KeyError):
        pair["labels"]


def test_an_integer_gives_a_window_and_without_windows_a_slice_gives_rows(pair):
    assert pair[0].ids == pair.input_ids and pair.is_fast and pair.n_sequences == 2
    assert BatchEncoding({"input_ids": [[1], [2], [3]]})[1:] == {"input_ids": [[2], [3]]}
    with pytest.raises(KeyError):
        BatchEncoding({"input_ids": [[1]]})[0]


def test_maps_lead_from_characters_and_words_to_tokens_and_back(pair):
    texts = ("The cat sat.", "The other rat")
    for place, number in enumerate(pair.sequence_ids()):
        if number is None:
            assert pair.token_to_chars(place) is pair.token_to_word(place) is pair.token_to_sequence(place) is None
            continue
        span, word = pair.token_to_chars(place), pair.token_to_word(place)
        assert isinstance(span, CharSpan) and pair.token_to_sequence(place) == number
        assert pair.char_to_token(0, span.start, number) == place
        assert pair.char_to_word(0, span.end - 1, number) == word == pair.word_ids()[place]
        tokens, chars = pair.word_to_tokens(0, word, number), pair.word_to_chars(0, word, number)
        assert isinstance(tokens, TokenSpan) and tokens.start <= place < tokens.end
        assert chars.start <= span.start and span.end <= chars.end
        assert " " not in texts[number][chars.start : chars.end]


def test_what_is_not_there_is_none(pair):
    assert pair.char_to_token(3) is None  # the blank, trimmed
    assert pair.char_to_token(99) is pair.word_to_tokens(99) is pair.word_to_chars(0, 99, 1) is None
    assert pair.token_to_word(99) is pair.char_to_word(0, 0, 5) is None


def test_without_windows_the_maps_say_so():
    with pytest.raises(InputError, match="no windows"):
        BatchEncoding({"input_ids": [1]}).tokens()


def test_arrays_and_tensors_are_int64_with_a_batch_axis(shared_tokenizer):
    numpy, torch = pytest.importorskip("numpy"), pytest.importorskip("torch")
    one = shared_tokenizer("The cat", return_tensors="np", return_offsets_mapping=True)
    assert one.input_ids.shape == (1, 4) and one.offset_mapping.shape == (1, 4, 2)
    assert {value.dtype for value in one.values()} == {numpy.dtype("int64")}
    batch = shared_tokenizer(["The cat", "The"], return_tensors="pt", padding=True, return_length=True)
    assert batch.input_ids.shape == (2, 4) and batch.length.shape == (2,)
    assert {value.dtype for value in batch.values()} == {torch.int64}
    empty = shared_tokenizer("", add_special_tokens=False, return_tensors="pt")
    assert empty.input_ids.shape == (1, 0) and empty.input_ids.dtype == torch.int64


def test_rows_of_different_lengths_make_no_tensor(shared_tokenizer):
    for kind in ("pt", "np"):
        pytest.importorskip({"pt": "torch", "np": "numpy"}[kind])
        with pytest.raises(InputError, match="padding=True"):
            shared_tokenizer(["The cat", "The"], return_tensors=kind)


def test_tensors_move_and_lists_stay(shared_tokenizer):
    torch = pytest.importorskip("torch")
    batch = shared_tokenizer(["The cat"], return_tensors="pt")
    batch["note"] = "text"
    assert batch.to("meta") is batch
    assert batch.input_ids.device == torch.device("meta") and batch.note == "text"


def test_lists_become_tensors_afterwards(shared_tokenizer):
    pytest.importorskip("numpy")
    batch = shared_tokenizer("The cat").convert_to_tensors("np", prepend_batch_axis=True)
    assert batch.input_ids.shape == (1, 4)
