"""Options of generate: documented names, bounds, files."""

import json
import warnings

import pytest

from roberta.errors import CheckpointError, InputError
from roberta.generation import GenerationConfig, GenerationSettings
from tests.generation.fakes import tiny_config


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"num_beams": 0}, "num_beams is 0; it must be a whole number, 1 or more"),
        ({"num_beams": 2.0}, "num_beams is 2.0"),
        ({"num_beams": True}, "num_beams is True"),
        ({"max_new_tokens": 0}, "max_new_tokens is 0"),
        ({"top_k": -1}, "top_k is -1"),
        ({"temperature": 0.0}, "leave do_sample out"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"top_p": 1.5}, "top_p is 1.5; it must be a number from 0 to 1"),
        ({"min_p": -0.1}, "min_p is -0.1"),
        ({"typical_p": 0}, "typical_p is 0"),
        ({"epsilon_cutoff": 1}, "epsilon_cutoff is 1"),
        ({"repetition_penalty": 0.0}, "repetition_penalty is 0.0"),
        ({"length_penalty": float("inf")}, "length_penalty is inf"),
        ({"length_penalty": "long"}, "length_penalty is 'long'"),
        ({"early_stopping": "always"}, 'choose from True, False and "never"'),
        ({"do_sample": "yes"}, "do_sample is 'yes'; give True or False"),
        ({"eos_token_id": -1}, "eos_token_id is -1"),
        ({"eos_token_id": "</s>"}, "eos_token_id is '</s>'; give token ids"),
        ({"suppress_tokens": 2.5}, "suppress_tokens is 2.5"),
        ({"bad_words_ids": [[]]}, "bad_words_ids holds an empty word"),
        ({"bad_words_ids": [["x"]]}, "bad_words_ids is 'x'"),
        ({"stop_strings": ["a", ""]}, "none of them empty"),
        ({"num_beams": 2, "num_return_sequences": 3}, "num_return_sequences 3 is more than num_beams 2"),
        ({"num_return_sequences": 2}, "all be the same"),
        ({"min_new_tokens": 5, "max_new_tokens": 4}, "min_new_tokens 5 is more than max_new_tokens 4"),
        ({"min_length": 5, "max_length": 4}, "min_length 5 is more than max_length 4"),
        ({"num_beam": 3}, "no option num_beam; did you mean num_beams?"),
        ({"max_tokens": 3}, "did you mean max_new_tokens?"),
        ({"inputs_ids": 3}, "did you mean input_ids?"),
        ({"zzz": 3}, "generate() has no option zzz"),
        ({"sequence_bias": {}}, "does not offer sequence_bias"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(options, said):
    with pytest.raises(InputError) as error:
        GenerationSettings().with_options(options)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_none_means_as_if_not_given():
    assert GenerationSettings(top_k=None, eos_token_id=None, temperature=None) == GenerationSettings()
    assert GenerationSettings(top_k=7).with_options({"top_k": None}).top_k == 7


def test_special_ids_come_from_the_model_where_none_are_named():
    config = tiny_config(eos_token_id=[2, 9])
    assert GenerationSettings().for_model(config).eos_ids == (2, 9)
    assert GenerationSettings(eos_token_id=4).for_model(config).eos_ids == (4,)
    assert GenerationSettings(eos_token_id=[]).for_model(config).eos_ids == ()
    assert GenerationSettings().for_model(config).pad_token_id == 1


@pytest.mark.parametrize("name", ["eos_token_id", "suppress_tokens", "forced_eos_token_id", "bad_words_ids"])
def test_an_id_outside_the_vocabulary_is_refused(name):
    value = [[3, 40]] if name == "bad_words_ids" else [40]
    with pytest.raises(InputError, match=f"{name} names id 40; the model's vocabulary has ids 0 to 39"):
        GenerationSettings(**{name: value}).for_model(tiny_config())


def test_sampling_options_without_sampling_are_named_in_a_warning():
    with pytest.warns(UserWarning, match=r"temperature, top_p: without effect unless do_sample=True"):
        GenerationSettings().with_options({"top_p": 0.5, "temperature": 0.7})


def test_settings_come_back_from_the_file_they_were_saved_in(tmp_path):
    settings = GenerationSettings(num_beams=4, early_stopping="never", eos_token_id=[2, 5], bad_words_ids=[[3, 4]])
    settings.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "generation_config.json").read_text()) == {
        "num_beams": 4,
        "early_stopping": "never",
        "eos_token_id": [2, 5],
        "bad_words_ids": [[3, 4]],
    }
    assert GenerationConfig.from_pretrained(tmp_path) == settings
    assert GenerationConfig.from_pretrained(tmp_path, num_beams=2).num_beams == 2


def test_a_published_file_is_read_and_what_it_holds_besides_is_left_aside(tmp_path):
    values = {
        "_from_model_config": True,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "pad_token_id": 1,
        "max_length": 30,
        "diversity_penalty": 0.0,
        "guidance_scale": None,
        "transformers_version": "4.57.6",
    }
    (tmp_path / "generation_config.json").write_text(json.dumps(values))
    expected = GenerationSettings(bos_token_id=0, eos_token_id=2, pad_token_id=1, max_length=30)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert GenerationSettings.from_pretrained(tmp_path) == expected


def test_an_option_of_a_file_that_would_change_the_text_is_named_in_a_warning(tmp_path):
    (tmp_path / "generation_config.json").write_text('{"diversity_penalty": 0.5}')
    with pytest.warns(UserWarning, match="does not offer diversity_penalty"):
        GenerationSettings.from_pretrained(tmp_path)


@pytest.mark.parametrize("text", ['{"num_beams": 0}', '{"top_p": "x"}', "[]", "{", '{"top_k": 1, "top_k": 2}'])
def test_a_file_that_does_not_fit_is_a_checkpoint_error_that_names_it(tmp_path, text):
    path = tmp_path / "generation_config.json"
    path.write_text(text)
    with pytest.raises(CheckpointError, match=r"generation_config\.json"):
        GenerationSettings.from_pretrained(tmp_path)
