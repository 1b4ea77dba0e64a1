import numpy as np
import pytest

from roberta.errors import CheckpointError
from roberta.weights.names import match

WORDS = "roberta.embeddings.word_embeddings.weight"
NORM = "roberta.encoder.layer.0.output.LayerNorm"
TIES = {"lm_head.decoder.weight": WORDS}


def ones(*shape):
    return np.ones(shape, np.float32)


def test_names_that_agree_are_taken_as_they_are():
    tensors = {WORDS: ones(2), "lm_head.bias": ones(1)}
    result = match(tensors, [WORDS, "lm_head.bias"], source="x")
    assert result.found[WORDS] is tensors[WORDS]
    assert (list(result.found), result.missing, result.unexpected) == ([WORDS, "lm_head.bias"], [], [])


def test_gamma_and_beta_at_a_names_end_mean_weight_and_bias():
    result = match({f"{NORM}.gamma": ones(1), f"{NORM}.beta": ones(2)}, [f"{NORM}.weight", f"{NORM}.bias"], source="x")
    assert result.found[f"{NORM}.weight"].size == 1
    assert result.found[f"{NORM}.bias"].size == 2
    other = "lm_head.layer_norm.gamma"
    assert match({other: ones(1)}, [], source="x").unexpected == [other]
    longer = match({f"{NORM}.gamma_scale": ones(1)}, [f"{NORM}.weight_scale"], source="x")
    assert (longer.missing, longer.unexpected) == ([f"{NORM}.weight_scale"], [f"{NORM}.gamma_scale"])


@pytest.mark.parametrize("in_file", ["roberta.", ""])
@pytest.mark.parametrize("in_model", ["roberta.", ""])
def test_the_bodys_prefix_is_added_and_removed_as_the_model_has_it(in_file, in_model):
    modules = ["embeddings.LayerNorm.weight", "encoder.layer.11.output.dense.bias", "pooler.dense.weight"]
    tensors = {in_file + name: ones(1) for name in modules}
    result = match(tensors, [in_model + name for name in modules], source="x")
    assert list(result.found) == [in_model + name for name in modules]
    assert result.missing == result.unexpected == []


def test_a_bare_body_beside_a_head_gets_its_prefix_back():
    tensors = {"encoder.layer.0.output.dense.bias": ones(1), "lm_head.bias": ones(2)}
    expected = ["roberta.encoder.layer.0.output.dense.bias", "lm_head.bias"]
    assert list(match(tensors, expected, source="x").found) == expected


def test_buffers_of_other_versions_are_ignored_and_the_rest_is_listed():
    tensors = {
        "roberta.embeddings.position_ids": np.arange(5),
        "embeddings.token_type_ids": np.arange(5),
        "lm_head.bias": ones(1),
        "roberta.pooler.dense.weight": ones(1),
    }
    result = match(tensors, [WORDS], source="x")
    assert result.unexpected == ["lm_head.bias", "roberta.pooler.dense.weight"]
    assert result.missing == [WORDS]


@pytest.mark.parametrize("held", ["lm_head.bias", "lm_head.decoder.bias"])
def test_the_heads_bias_is_found_under_either_of_its_names(held):
    expected = ["lm_head.bias", "lm_head.decoder.bias"]
    result = match({held: ones(3)}, expected, source="x")
    assert list(result.found) == expected
    assert not result.missing


def test_a_tied_decoder_is_found_in_the_embeddings_and_an_untied_one_is_not():
    expected = [WORDS, "lm_head.decoder.weight"]
    tied = match({WORDS: ones(3)}, expected, source="x", ties=TIES)
    assert tied.found["lm_head.decoder.weight"] is tied.found[WORDS]
    assert match({WORDS: ones(3)}, expected, source="x").missing == ["lm_head.decoder.weight"]
    own = {WORDS: ones(3), "lm_head.decoder.weight": ones(3) * 2}
    assert match(own, expected, source="x").found["lm_head.decoder.weight"][0] == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("lm_head.bias", "lm_head.decoder.bias"),
        (f"{NORM}.gamma", f"{NORM}.weight"),
        ("roberta.pooler.dense.bias", "pooler.dense.bias"),
        (WORDS, "lm_head.decoder.weight"),
    ],
)
def test_two_sources_of_one_parameter_must_be_equal(one, other):
    expected = ["lm_head.bias", f"{NORM}.weight", "roberta.pooler.dense.bias", WORDS]
    equal = match({one: ones(2), other: ones(2)}, expected, source="x", ties=TIES)
    assert len(equal.found) == 1
    assert not equal.unexpected
    for wrong in (ones(2) * 2, ones(3), np.ones(2, np.float16)):
        with pytest.raises(CheckpointError, match="mean the same parameter but differ") as error:
            match({one: ones(2), other: wrong}, expected, source="file.bin", ties=TIES)
        assert one in str(error.value)
        assert str(error.value).startswith("file.bin: ")


def test_large_equal_tensors_are_compared_to_their_end():
    big = np.zeros(1 << 19, np.float32)
    wrong = big.copy()
    wrong[-1] = 1
    with pytest.raises(CheckpointError):
        match({"lm_head.bias": big, "lm_head.decoder.bias": wrong}, ["lm_head.bias"], source="x")


def test_whole_numbers_are_refused_for_a_parameter_but_not_for_a_stranger():
    with pytest.raises(CheckpointError, match="int8 numbers where a parameter has floating point"):
        match({WORDS: np.ones(3, np.int8)}, [WORDS], source="x")
    assert match({"other": np.ones(3, np.int8)}, [WORDS], source="x").unexpected == ["other"]


def test_scalars_and_empty_tensors_compare_too():
    tensors = {"lm_head.bias": np.float32([]), "lm_head.decoder.bias": np.float32([])}
    assert match(tensors, ["lm_head.bias"], source="x").found["lm_head.bias"].shape == (0,)
    scalars = {name: np.array(1, np.float32) for name in tensors}
    assert match(scalars, ["lm_head.bias"], source="x").found["lm_head.bias"].shape == ()
