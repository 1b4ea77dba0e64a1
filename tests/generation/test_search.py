"""The searches against slow twins that read one text at a time, without padding and without a cache."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from roberta.generation import generate
from tests.generation import reference_search
from tests.generation.fakes import EOS, PAD, WordChain, tiny_decoder

PROMPTS = [[0, 5, 7, 9], [0, 6], [0, 8, 4]]


def padded(prompts, side):
    width = max(map(len, prompts))
    fill = [[PAD] * (width - len(prompt)) for prompt in prompts]
    rows = [prompt + pads if side == "right" else pads + prompt for prompt, pads in zip(prompts, fill)]
    masks = [
        [1] * len(prompt) + [0] * len(pads) if side == "right" else [0] * len(pads) + [1] * len(prompt)
        for prompt, pads in zip(prompts, fill)
    ]
    return torch.tensor(rows), torch.tensor(masks)


def new_words(row, width, end):
    """The words after the prompt's columns, up to and with the ending one."""
    new = row[width:].tolist()
    return next((new[: place + 1] for place, word in enumerate(new) if word in end), new)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("use_cache", [True, False])
@pytest.mark.parametrize("positions", ["absolute", "relative_key", "relative_key_query"])
def test_greedy_equals_forward_on_the_whole_text_at_each_step(side, use_cache, positions):
    model = tiny_decoder(seed=3, position_embedding_type=positions)
    end = {EOS, 11, 23, 30}
    ids, mask = padded(PROMPTS, side)
    found = generate(model, ids, attention_mask=mask, max_new_tokens=12, eos_token_id=sorted(end), use_cache=use_cache)
    after = reference_search.log_probabilities_of(model)
    for row, prompt in zip(found, PROMPTS):
        assert new_words(row, ids.shape[1], end) == reference_search.greedy(after, prompt, eos=end, steps=12)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("use_cache", [True, False])
def test_beams_of_a_padded_batch_equal_those_of_each_text_alone(side, use_cache):
    model = tiny_decoder(seed=4)
    end = {EOS, 11, 23, 30}
    ids, mask = padded(PROMPTS, side)
    found = generate(
        model,
        ids,
        attention_mask=mask,
        max_new_tokens=8,
        num_beams=3,
        num_return_sequences=3,
        eos_token_id=sorted(end),
        use_cache=use_cache,
        return_dict_in_generate=True,
    )
    after = reference_search.log_probabilities_of(model)
    for number, prompt in enumerate(PROMPTS):
        expected = reference_search.beam(after, prompt, beams=3, eos=end, steps=8)
        for place, (score, words) in enumerate(expected):
            text = 3 * number + place
            assert new_words(found.sequences[text], ids.shape[1], end) == words
            assert found.sequences_scores[text].item() == pytest.approx(score, rel=1e-5)
            assert found.lengths[text] == len(words)


def assert_beams_equal_the_slow_twins(
    seed, *, beams, enders, steps, spread, push, length_penalty, early_stopping, use_cache=True
):
    """spread: of the random scores; push: how much the ends are above other words."""
    model = WordChain.random(seed, spread=spread)
    end = set(range(2, 2 + enders))
    model.table[..., sorted(end)] += push
    found = generate(
        model,
        [[0, 5, 6], [PAD, 0, 9]],
        max_new_tokens=steps,
        num_beams=beams,
        num_return_sequences=beams,
        eos_token_id=sorted(end),
        length_penalty=length_penalty,
        early_stopping=early_stopping,
        use_cache=use_cache,
        return_dict_in_generate=True,
    )
    after = reference_search.log_probabilities_of(model)
    for number, prompt in enumerate([[0, 5, 6], [0, 9]]):
        expected = reference_search.beam(
            after,
            prompt,
            beams=beams,
            eos=end,
            steps=steps,
            length_penalty=length_penalty,
            early_stopping=early_stopping,
        )
        texts = range(beams * number, beams * (number + 1))
        assert [new_words(found.sequences[text], 3, end) for text in texts] == [words for _, words in expected]
        scores = [found.sequences_scores[text].item() for text in texts]
        assert scores == pytest.approx([score for score, _ in expected], rel=1e-5, abs=1e-5)


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    beams=st.integers(2, 4),
    enders=st.integers(0, 2),
    steps=st.integers(1, 8),
    spread=st.sampled_from([0.2, 2.0]),
    push=st.sampled_from([0.0, 1.5, 4.0]),
    length_penalty=st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.5]),
    early_stopping=st.sampled_from([True, False, "never"]),
    use_cache=st.booleans(),
)
def test_beam_search_finds_what_the_slow_twin_finds(seed, **options):
    assert_beams_equal_the_slow_twins(seed, **options)


def test_beams_go_on_where_every_best_word_is_an_end():
    assert_beams_equal_the_slow_twins(
        0, beams=3, enders=2, steps=5, spread=0.2, push=4.0, length_penalty=2.5, early_stopping="never"
    )


@pytest.mark.parametrize("seed", [76, 136])
def test_never_hopes_for_the_present_length_where_long_texts_are_punished(seed):
    assert_beams_equal_the_slow_twins(
        seed, beams=3, enders=1, steps=9, spread=2.0, push=0.0, length_penalty=-1.0, early_stopping="never"
    )


def test_drawing_every_continuation_is_beam_search():
    # Two ends and two beams: 3 x 2 continuations are drawn, and a vocabulary of three has no more.
    model = WordChain.random(11, vocabulary=3, spread=0.5)
    options = {"attention_mask": [[1, 1]], "eos_token_id": [1, 2], "num_beams": 2, "num_return_sequences": 2}
    options |= {"max_new_tokens": 5, "top_k": 0, "early_stopping": "never", "length_penalty": 2.0}
    searched = generate(model, [[0, 0]], **{name: value for name, value in options.items() if name != "top_k"})
    for seed in range(20):
        drawn = generate(model, [[0, 0]], do_sample=True, seed=seed, **options)
        assert drawn.tolist() == searched.tolist()


def test_more_beams_than_the_first_step_can_fill_still_end():
    model = WordChain.random(1, vocabulary=4)
    found = generate(model, [[0, 3]], max_new_tokens=3, num_beams=6, return_dict_in_generate=True)
    after = reference_search.log_probabilities_of(model)
    best = reference_search.beam(after, [0, 3], beams=64, eos={EOS}, steps=3, early_stopping="never")[0]
    assert new_words(found.sequences[0], 2, {EOS}) == best[1]


def test_cross_attention_reads_the_states_of_its_own_prompt():
    model = tiny_decoder(seed=5, add_cross_attention=True)
    torch.manual_seed(0)
    states = torch.randn(2, 5, 16)
    seen = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    options = {"max_new_tokens": 8, "num_beams": 3, "num_return_sequences": 2, "eos_token_id": [EOS, 9, 12]}
    for use_cache in (True, False):
        both = generate(
            model,
            [[0, 5, 7], [0, 6, 8]],
            encoder_hidden_states=states,
            encoder_attention_mask=seen,
            use_cache=use_cache,
            **options,
        )
        for row, prompt in enumerate([[0, 5, 7], [0, 6, 8]]):
            source = {"encoder_hidden_states": states[row : row + 1], "encoder_attention_mask": seen[row : row + 1]}
            after = reference_search.log_probabilities_of(model, **source)
            expected = reference_search.beam(after, prompt, beams=3, eos={EOS, 9, 12}, steps=8)
            for place in range(2):
                assert new_words(both[2 * row + place], 3, {EOS, 9, 12}) == expected[place][1]


def test_without_is_decoder_every_step_reads_the_whole_text():
    model = tiny_decoder(seed=6, is_decoder=False)
    found = generate(model, [[0, 5, 7]], max_new_tokens=6, eos_token_id=[])
    after = reference_search.log_probabilities_of(model)
    assert found[0, 3:].tolist() == reference_search.greedy(after, [0, 5, 7], eos=set(), steps=6)


def test_scores_of_beams_are_the_log_probabilities_that_the_model_gives_to_the_text():
    model = tiny_decoder(seed=7)
    for options in ({"do_sample": True, "top_k": 0, "seed": 5}, {}, {"repetition_penalty": 1.5}):
        found = generate(
            model,
            [[0, 5]],
            max_new_tokens=6,
            num_beams=3,
            num_return_sequences=3,
            return_dict_in_generate=True,
            **options,
        )
        after = reference_search.log_probabilities_of(model)
        for text in range(3):
            ids = found.sequences[text].tolist()
            length = int(found.lengths[text])
            total = sum(after(ids[:place])[ids[place]] for place in range(2, 2 + length))
            assert found.log_probabilities[text].item() == pytest.approx(total, rel=1e-4)
            if "repetition_penalty" not in options:
                assert found.sequences_scores[text].item() == pytest.approx(total / length, rel=1e-4)


def test_ended_texts_and_prompts_take_no_part_in_later_passes():
    rows, width = 3, 2
    table = torch.zeros(20, 14, 14, 14)
    table[..., 5] = 5.0
    table[:, :, 6, EOS] = 9.0  # after 6 comes the end
    model = WordChain(table)
    generate(model, [[0, 5], [0, 6], [0, 7]], max_new_tokens=4)
    assert model.calls == [(rows, 2), (2, 1), (2, 1), (2, 1)]

    model.calls.clear()
    generate(model, [[0, 6], [0, 6]], max_new_tokens=4)
    assert model.calls == [(2, 2)]  # all have ended: no further pass

    model.calls.clear()
    generate(
        model, [[0, 5], [0, 6], [0, 7]], max_new_tokens=4, num_beams=width, early_stopping=True, length_penalty=0.0
    )
    # The prompt is read once, not once for each beam.
    assert model.calls[0] == (rows, 2)
    assert all(columns == 1 for _, columns in model.calls[1:])


def test_sampling_is_in_proportion_to_the_probabilities():
    from roberta.generation.draws import RowDraws

    wanted = torch.tensor([0.5, 0.3, 0.15, 0.05, 0.0])
    rows = 4000
    drawn = RowDraws(range(rows)).one_each(wanted.log().repeat(rows, 1), torch.arange(rows))
    shares = drawn.bincount(minlength=5) / rows
    # Four standard deviations of a share of 4,000 draws.
    assert ((shares - wanted).abs() <= 4 * (wanted * (1 - wanted) / rows).sqrt()).all()
    assert shares[4] == 0


def test_several_draws_are_different_and_the_first_is_in_proportion():
    from roberta.generation.draws import RowDraws

    wanted = torch.tensor([0.5, 0.3, 0.15, 0.05, 0.0])
    rows = 4000
    drawn = RowDraws(range(rows)).several_each(wanted.log().repeat(rows, 1), torch.arange(rows), 4)
    assert all(len(set(row)) == 4 and 4 not in row for row in drawn.tolist())
    shares = drawn[:, 0].bincount(minlength=5) / rows
    assert ((shares - wanted).abs() <= 4 * (wanted * (1 - wanted) / rows).sqrt()).all()


def test_the_same_seed_gives_the_same_text_and_another_seed_another():
    model = tiny_decoder(seed=8)
    options = {"do_sample": True, "max_new_tokens": 12, "eos_token_id": []}
    first, again, other = (generate(model, [[0, 5]], seed=seed, **options).tolist() for seed in (1, 1, 2))
    assert first == again != other
    by_generator = [
        generate(model, [[0, 5]], generator=torch.Generator().manual_seed(3), **options).tolist() for _ in range(2)
    ]
    assert by_generator[0] == by_generator[1]
    torch.manual_seed(4)
    by_torch = generate(model, [[0, 5]], **options).tolist()
    torch.manual_seed(4)
    assert generate(model, [[0, 5]], **options).tolist() == by_torch


@pytest.mark.parametrize("beams", [1, 3])
def test_a_sampled_text_does_not_depend_on_its_neighbours(beams):
    model = tiny_decoder(seed=9)
    options = {"do_sample": True, "max_new_tokens": 10, "num_beams": beams, "eos_token_id": [EOS, 11, 23]}
    ids, mask = padded(PROMPTS, "left")
    together = generate(model, ids, attention_mask=mask, seed=[7, 8, 9], **options)
    for row, prompt in enumerate(PROMPTS):
        alone = generate(model, [prompt], seed=[7 + row], **options)
        end = {EOS, 11, 23}
        assert new_words(together[row], ids.shape[1], end) == new_words(alone[0], len(prompt), end)


def test_returned_samples_of_one_prompt_differ_and_the_first_is_that_of_a_single_return():
    model = tiny_decoder(seed=10)
    options = {"do_sample": True, "max_new_tokens": 12, "seed": 3, "eos_token_id": []}
    several = generate(model, [[0, 5], [0, 6]], num_return_sequences=3, **options)
    single = generate(model, [[0, 5], [0, 6]], **options)
    assert several.shape == (6, 14)
    assert several[0::3].tolist() == single.tolist()
    assert len({tuple(row) for row in several.tolist()}) == 6
    assert several[:3, :2].tolist() == [[0, 5]] * 3
