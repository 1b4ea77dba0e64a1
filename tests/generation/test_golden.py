"""The recorded searches and rules of the reference implementation."""

import pytest
import torch

from roberta.generation import generate, sampling
from tests.model.golden import assert_close, cases
from tests.shared import SHARED, needs_shared

FOLDER = None if SHARED is None else SHARED / "oracle" / "pt"

# Their class and the names of its arguments, ours.
RULES = {
    "RepetitionPenaltyLogitsProcessor": (sampling.RepetitionPenalty, {"penalty": "penalty"}),
    "NoRepeatNGramLogitsProcessor": (sampling.NoRepeatNgrams, {"ngram_size": "size"}),
    "MinLengthLogitsProcessor": (sampling.MinimumLength, {"min_length": "length", "eos_token_id": "eos"}),
    "TemperatureLogitsWarper": (sampling.Temperature, {"temperature": "temperature"}),
    "TopKLogitsWarper": (sampling.TopK, {"top_k": "count"}),
    "TopPLogitsWarper": (sampling.TopP, {"top_p": "mass", "min_tokens_to_keep": "keep"}),
    "MinPLogitsWarper": (sampling.MinP, {"min_p": "share"}),
    "TypicalLogitsWarper": (sampling.Typical, {"mass": "mass"}),
    "EpsilonLogitsWarper": (sampling.Epsilon, {"epsilon": "least"}),
    "EtaLogitsWarper": (sampling.Eta, {"epsilon": "least"}),
}


def recorded(call):
    return [] if FOLDER is None else cases(FOLDER, call)


@needs_shared
def test_there_are_recorded_cases():
    assert len(recorded("generate")) >= 30 and len(recorded("logits_processor")) >= 11


@pytest.mark.parametrize("use_cache", [True, False], ids=["cache", "no_cache"])
@pytest.mark.parametrize("case", recorded("generate"), ids=str)
def test_recorded_search(case, use_cache):
    found = generate(
        case.model(),
        **case.inputs(),
        **case.row["kwargs"],
        use_cache=use_cache,
        return_dict_in_generate=True,
        output_logits=True,
    )
    golden = case.arrays("out")
    assert found.sequences.tolist() == golden["sequences"].tolist()
    if "sequences_scores" in golden:
        assert_close(found.sequences_scores.numpy(), golden["sequences_scores"], "sequences_scores")
    if "step_logits" in golden:
        assert_close(torch.stack(found.logits, 1).numpy(), golden["step_logits"], "step_logits")


@pytest.mark.parametrize("case", recorded("logits_processor"), ids=str)
def test_recorded_rule(case):
    rule, names = RULES[case.row["class"]]
    inputs = case.inputs()
    found = rule(**{names[name]: value for name, value in case.row["kwargs"].items()})(**inputs)
    assert_close(found.numpy(), case.arrays("out")["scores"], "scores")
