import pytest

from roberta.errors import InputError
from roberta.tokenizer import BatchEncoding


@pytest.fixture
def rows(tokenizer):
    return [tokenizer(text, return_special_tokens_mask=True) for text in ("The cat sat", "The", "")]


def test_padding_afterwards_gives_what_padding_at_once_gives(tokenizer, rows):
    texts = ["The cat sat", "The", ""]
    for options in (
        {},
        {"pad_to_multiple_of": 8},
        {"padding": "max_length", "max_length": 9},
        {"padding_side": "left"},
    ):
        at_once = tokenizer(texts, **{"padding": True, **options}, return_special_tokens_mask=True)
        assert dict(tokenizer.pad(rows, **options)) == dict(at_once)
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        assert dict(tokenizer.pad(columns, **options)) == dict(at_once)


def test_one_text_stays_one_text(tokenizer, rows):
    padded = tokenizer.pad(rows[1], padding="max_length", max_length=5)
    assert padded.input_ids[-2:] == [1, 1] and padded.attention_mask == [1, 1, 1, 0, 0]


def test_other_values_stay_as_they_are(tokenizer):
    padded = tokenizer.pad([{"input_ids": [0, 2], "label": 1}, {"input_ids": [0, 5, 2], "label": 0}])
    assert padded.label == [1, 0] and padded.attention_mask == [[1, 1, 0], [1, 1, 1]]


def test_no_padding_only_completes_the_mask(tokenizer):
    assert dict(tokenizer.pad({"input_ids": [[0, 2], [0, 5, 2]]}, padding=False)) == {
        "input_ids": [[0, 2], [0, 5, 2]],
        "attention_mask": [[1, 1], [1, 1, 1]],
    }
    assert "attention_mask" not in tokenizer.pad({"input_ids": [0, 2]}, return_attention_mask=False)


def test_arrays_and_tensors_come_back_as_such(tokenizer):
    numpy, torch = pytest.importorskip("numpy"), pytest.importorskip("torch")
    for make, kind in ((numpy.array, numpy.ndarray), (torch.tensor, torch.Tensor)):
        padded = tokenizer.pad([{"input_ids": make([0, 2])}, {"input_ids": make([0, 5, 2])}])
        assert isinstance(padded, BatchEncoding)
        assert isinstance(padded.input_ids, kind) and padded.input_ids.tolist() == [[0, 2, 1], [0, 5, 2]]
    padded = tokenizer.pad({"input_ids": [[0, 2], [0, 5, 2]]}, return_tensors="pt")
    assert padded.attention_mask.tolist() == [[1, 1, 0], [1, 1, 1]]


@pytest.mark.parametrize("values", [{}, {"attention_mask": [1]}, [], 3, {"input_ids": [[0], [0]], "x": [1]}])
def test_what_cannot_be_padded_is_refused(tokenizer, values):
    with pytest.raises(InputError):
        tokenizer.pad(values)
