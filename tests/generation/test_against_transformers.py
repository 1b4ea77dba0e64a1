"""Rules and searches against the reference implementation itself, where it is installed."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from roberta.generation import generate, sampling
from tests.generation.fakes import EOS, PAD, tiny_decoder

reference = pytest.importorskip("transformers")
theirs = pytest.importorskip("transformers.generation.logits_process")

VOCABULARY = 30
BAD = [[3], [4, 5], [6, 7, 8], [9, 9]]

# Built from one number between 0 and 1: our rule, their rule, how their arguments are made of the number.
PAIRS = {
    "repetition": lambda x: (sampling.RepetitionPenalty(0.5 + x), theirs.RepetitionPenaltyLogitsProcessor(0.5 + x)),
    "ngrams": lambda x: (
        sampling.NoRepeatNgrams(1 + int(4 * x)),
        theirs.NoRepeatNGramLogitsProcessor(1 + int(4 * x)),
    ),
    "bad_words": lambda x: (
        sampling.BadWords(tuple(map(tuple, BAD))),
        theirs.NoBadWordsLogitsProcessor(BAD, eos_token_id=EOS),
    ),
    "min_length": lambda x: (
        sampling.MinimumLength(int(20 * x), (2, 5)),
        theirs.MinLengthLogitsProcessor(int(20 * x), [2, 5]),
    ),
    "min_new_tokens": lambda x: (
        sampling.MinimumLength(4 + int(8 * x), (2, 5)),
        theirs.MinNewTokensLengthLogitsProcessor(4, int(8 * x), [2, 5]),
    ),
    "forced_bos": lambda x: (sampling.ForcedAt(1, (3,)), theirs.ForcedBOSTokenLogitsProcessor(3)),
    "forced_eos": lambda x: (
        sampling.ForcedAt(int(12 * x), (2, 5)),
        theirs.ForcedEOSTokenLogitsProcessor(int(12 * x) + 1, [2, 5]),
    ),
    "suppress": lambda x: (sampling.Suppress((1, 7)), theirs.SuppressTokensLogitsProcessor([1, 7])),
    "begin_suppress": lambda x: (
        sampling.Suppress((1, 7), only_at=int(12 * x)),
        theirs.SuppressTokensAtBeginLogitsProcessor([1, 7], int(12 * x)),
    ),
    "temperature": lambda x: (sampling.Temperature(0.1 + x), theirs.TemperatureLogitsWarper(0.1 + x)),
    "top_k": lambda x: (sampling.TopK(1 + int(40 * x)), theirs.TopKLogitsWarper(1 + int(40 * x))),
    "top_k_keep": lambda x: (sampling.TopK(1, 3), theirs.TopKLogitsWarper(1, min_tokens_to_keep=3)),
    "top_p": lambda x: (sampling.TopP(x), theirs.TopPLogitsWarper(x)),
    "top_p_keep": lambda x: (sampling.TopP(x, 3), theirs.TopPLogitsWarper(x, min_tokens_to_keep=3)),
    "min_p": lambda x: (sampling.MinP(x), theirs.MinPLogitsWarper(x)),
    "min_p_keep": lambda x: (sampling.MinP(x, 3), theirs.MinPLogitsWarper(x, min_tokens_to_keep=3)),
    "typical": lambda x: (sampling.Typical(0.01 + 0.98 * x), theirs.TypicalLogitsWarper(0.01 + 0.98 * x)),
    "typical_keep": lambda x: (sampling.Typical(0.01, 3), theirs.TypicalLogitsWarper(0.01, min_tokens_to_keep=3)),
    "epsilon": lambda x: (sampling.Epsilon(0.001 + 0.5 * x), theirs.EpsilonLogitsWarper(0.001 + 0.5 * x)),
    "epsilon_keep": lambda x: (sampling.Epsilon(0.9, 3), theirs.EpsilonLogitsWarper(0.9, min_tokens_to_keep=3)),
    "eta": lambda x: (sampling.Eta(0.001 + 0.5 * x), theirs.EtaLogitsWarper(0.001 + 0.5 * x)),
    "eta_keep": lambda x: (sampling.Eta(0.9, 3), theirs.EtaLogitsWarper(0.9, min_tokens_to_keep=3)),
}


@pytest.mark.parametrize("name", PAIRS)
@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    number=st.floats(0.0, 1.0, exclude_max=True, width=16),
    length=st.integers(4, 12),
    some_forbidden=st.booleans(),
)
def test_each_rule_equals_the_reference(name, seed, number, length, some_forbidden):
    source = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, 12, (3, length if name != "forced_bos" else 1 + length % 2), generator=source)
    scores = torch.randn(3, VOCABULARY, generator=source) * 4
    if some_forbidden:
        scores[:, 20:] = -torch.inf
    mine, other = PAIRS[name](number)
    torch.testing.assert_close(mine(ids, scores), other(ids, scores.clone()), rtol=1e-6, atol=1e-6)


@pytest.fixture(scope="module")
def pair():
    """Our model and theirs with the same random weights; theirs numbers positions by its own forward's rule."""

    class Right(reference.RobertaForCausalLM):
        def prepare_inputs_for_generation(self, input_ids, attention_mask=None, **others):
            return {"input_ids": input_ids, "attention_mask": attention_mask, "use_cache": False}

    ours = tiny_decoder(seed=12)
    sizes = {name: value for name, value in ours.config.to_dict().items() if name not in ("dtype", "architectures")}
    other = Right(reference.RobertaConfig(**sizes, attn_implementation="eager")).eval()
    other.load_state_dict(ours.state_dict(), strict=False)
    with torch.no_grad():
        ids = torch.tensor([[0, 5, 7, 9]])
        torch.testing.assert_close(ours(input_ids=ids).logits, other(input_ids=ids).logits, rtol=1e-5, atol=1e-5)
    return ours, other


ENDS = [EOS, 11, 23, 30, 35]


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_each_search_equals_the_reference(pair, data):
    ours, other = pair
    draw = data.draw
    seed = draw(st.integers(0, 2**31))
    beams = draw(st.integers(1, 4))
    options = {
        "do_sample": False,
        "num_beams": beams,
        "num_return_sequences": draw(st.integers(1, beams)) if beams > 1 else 1,
        "max_new_tokens": draw(st.integers(1, 9)),
        "eos_token_id": ENDS[: draw(st.integers(1, len(ENDS)))],
        "pad_token_id": PAD,
        "repetition_penalty": draw(st.sampled_from([1.0, 1.4])),
        "no_repeat_ngram_size": draw(st.sampled_from([0, 2])),
    }
    if beams > 1:
        options["length_penalty"] = draw(st.sampled_from([1.0, 0.0, -0.7, 2.0]))
        options["early_stopping"] = draw(st.sampled_from([False, True, "never"]))
    extras = {
        "bad_words_ids": [[11], [9, 9]],
        "min_length": 7,
        "min_new_tokens": 4,
        "forced_eos_token_id": EOS,
        "suppress_tokens": [13, 14],
        "begin_suppress_tokens": [23, 11, 30],
        "renormalize_logits": True,
    }
    for name in draw(st.lists(st.sampled_from(sorted(extras)), max_size=3, unique=True)):
        if name != "min_new_tokens" or options["max_new_tokens"] >= 4:
            options[name] = extras[name]
    source = torch.Generator().manual_seed(seed)
    ids = torch.randint(3, 40, (3, 5), generator=source)
    mask = torch.ones_like(ids)
    for row, pads in enumerate([0, 2, 4]):
        ids[row, :pads], mask[row, :pads] = PAD, 0
    wanted = {"return_dict_in_generate": True, "output_scores": True}
    theirs_found = other.generate(ids, attention_mask=mask, **options, **wanted)
    found = generate(ours, ids, attention_mask=mask, **options, **wanted)
    assert found.sequences.shape == theirs_found.sequences.shape
    real = torch.ones(len(found.sequences), dtype=torch.bool)
    if beams > 1:
        torch.testing.assert_close(found.sequences_scores, theirs_found.sequences_scores, rtol=1e-5, atol=1e-5)
        # Where the rules leave fewer texts than beams, ties of -1e9 decide what fills the other places.
        real = found.sequences_scores > -1e8
    assert found.sequences[real].tolist() == theirs_found.sequences[real].tolist()
