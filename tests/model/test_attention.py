"""The model beside the slow twins of `tests.reference`, which compute one attention score at a time."""

import numpy as np
import pytest
import torch

import roberta
from roberta.errors import InputError
from tests import reference
from tests.conftest import random_ids, seeded, tiny_config
from tests.model.golden import assert_close

PADDED = torch.tensor([[0, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1]])


def padded_ids(seed: int = 0) -> torch.Tensor:
    return random_ids(3, 6, seed).masked_fill(PADDED == 0, 1)


def assert_rows_equal(output, config, weights, rows, real=None):
    """rows: for each row of the batch, the arguments of `reference.encode`. real: (batch, length), what is compared."""
    for row, arguments in enumerate(rows):
        states, attentions, crosses = reference.encode(weights, config, **arguments)
        own = slice(None) if real is None else real[row].numpy() == 1
        for number, state in enumerate(states):
            assert_close(output.hidden_states[number][row].numpy()[own], state[own], f"row {row}, state {number}")
        for number, array in enumerate(attentions):
            assert_close(output.attentions[number][row].numpy()[:, own], array[:, own], f"row {row}, layer {number}")
        for number, array in enumerate(crosses):
            found = output.cross_attentions[number][row].numpy()
            assert_close(found[:, own], array[:, own], f"row {row}, cross-attention {number}")


@pytest.mark.parametrize("decoder", [False, True])
@pytest.mark.parametrize("relative", ["absolute", "relative_key", "relative_key_query"])
@torch.no_grad()
def test_every_score_is_that_of_the_loops(relative, decoder):
    config = tiny_config(position_embedding_type=relative, is_decoder=decoder)
    model = seeded(roberta.RobertaModel, config)
    weights, ids = reference.as_arrays(model), padded_ids()
    rows = [{"ids": row.tolist(), "mask": mask.numpy()} for row, mask in zip(ids, PADDED)]
    output = model(ids, PADDED, output_attentions=True, output_hidden_states=True)
    assert_rows_equal(output, config, weights, rows, PADDED)
    # The fused kernel, which keeps no probabilities, says the same of the tokens.
    fused = model(ids, PADDED).last_hidden_state
    assert_close(fused[PADDED == 1].numpy(), output.last_hidden_state[PADDED == 1].numpy(), "fused")
    assert_close(
        output.pooler_output[2].numpy(),
        reference.pooled(output.last_hidden_state[2].double().numpy(), weights),
        "pooler",
    )


@torch.no_grad()
def test_types_positions_head_masks_and_embeddings_enter_as_the_loops_say():
    config = tiny_config()
    model = seeded(roberta.RobertaModel, config)
    weights, ids = reference.as_arrays(model), random_ids(2, 6)
    asked = {"output_attentions": True, "output_hidden_states": True}
    types = torch.tensor([[0, 0, 1, 1, 0, 1], [1, 1, 0, 0, 0, 0]])
    rows = [{"ids": row.tolist(), "types": own.tolist()} for row, own in zip(ids, types)]
    assert_rows_equal(model(ids, token_type_ids=types, **asked), config, weights, rows)
    places = torch.tensor([[5, 4, 3, 2, 1, 0], [9, 9, 9, 23, 7, 8]])
    rows = [{"ids": row.tolist(), "position_ids": own.tolist()} for row, own in zip(ids, places)]
    assert_rows_equal(model(ids, position_ids=places, **asked), config, weights, rows)
    factors = torch.rand(2, 4)
    rows = [{"ids": row.tolist(), "head_mask": factors.numpy()} for row in ids]
    assert_rows_equal(model(ids, head_mask=factors, **asked), config, weights, rows)
    rows = [{"ids": row.tolist(), "head_mask": np.stack([factors[0]] * 2)} for row in ids]
    assert_rows_equal(model(ids, head_mask=factors[0], **asked), config, weights, rows)
    embeds = torch.randn(2, 6, 16)
    rows = [{"embeds": row.double().numpy()} for row in embeds]
    assert_rows_equal(model(inputs_embeds=embeds, **asked), config, weights, rows)


@torch.no_grad()
def test_a_mask_for_each_query_is_taken_as_it_is():
    squares = torch.tril(torch.ones(2, 6, 6)).flip(1)
    for decoder in (False, True):
        config = tiny_config(is_decoder=decoder)
        model = seeded(roberta.RobertaModel, config)
        ids = random_ids(2, 6)
        rows = [{"ids": row.tolist(), "mask": mask.numpy()} for row, mask in zip(ids, squares)]
        output = model(ids, squares, output_attentions=True, output_hidden_states=True)
        assert_rows_equal(output, config, reference.as_arrays(model), rows)
        for_all_heads = model(ids, squares[:, None]).last_hidden_state
        assert_close(for_all_heads.numpy(), output.last_hidden_state.numpy(), "with an axis for the heads")


@pytest.mark.parametrize("relative", ["absolute", "relative_key_query"])
@torch.no_grad()
def test_cross_attention_is_that_of_the_loops(relative):
    config = tiny_config(is_decoder=True, add_cross_attention=True, position_embedding_type=relative)
    model = seeded(roberta.RobertaModel, config)
    ids, source, source_mask = padded_ids(), torch.randn(3, 4, 16), torch.tensor([[1, 1, 1, 0], [0, 1, 1, 1], [1] * 4])
    rows = [
        {"ids": row.tolist(), "mask": mask.numpy(), "source": own.double().numpy(), "source_mask": seen.numpy()}
        for row, mask, own, seen in zip(ids, PADDED, source, source_mask)
    ]
    output = model(
        ids,
        PADDED,
        encoder_hidden_states=source,
        encoder_attention_mask=source_mask,
        output_attentions=True,
        output_hidden_states=True,
    )
    assert_rows_equal(output, config, reference.as_arrays(model), rows, PADDED)


@pytest.mark.parametrize("splits", [[1] * 6, [4, 1, 1], [2, 3, 1], [6]])
@pytest.mark.parametrize("relative", ["absolute", "relative_key", "relative_key_query"])
@torch.no_grad()
def test_with_a_cache_each_token_gets_what_the_whole_text_gives_it(relative, splits):
    config = tiny_config(is_decoder=True, add_cross_attention=True, position_embedding_type=relative)
    model = seeded(roberta.RobertaForCausalLM, config)
    ids, cross = padded_ids(), {"encoder_hidden_states": torch.randn(3, 4, 16)}
    whole = model(ids, PADDED, use_cache=False, **cross)
    assert whole.past_key_values is None
    for as_tuples in (False, True):
        past, done, logits = None, 0, []
        for count in splits:
            seen = slice(done, done + count)
            output = model(ids[:, seen], PADDED[:, : done + count], past_key_values=past, **cross)
            past, done = output.past_key_values, done + count
            logits.append(output.logits)
            assert past.get_seq_length() == past.length == done
            if as_tuples:
                past = tuple(past)
        found = torch.cat(logits, 1)[PADDED == 1]
        assert_close(found.numpy(), whole.logits[PADDED == 1].numpy(), f"splits {splits}, tuples: {as_tuples}")


@torch.no_grad()
def test_a_call_leaves_the_cache_it_was_given_as_it_was_and_rows_can_be_chosen():
    model = seeded(roberta.RobertaForCausalLM, tiny_config(is_decoder=True))
    ids = padded_ids()
    first = model(ids[:, :4], PADDED[:, :4]).past_key_values
    before = [tuple(part.clone() for part in layer) for layer in first]
    once = model(ids[:, 4:], PADDED, past_key_values=first).logits
    again = model(ids[:, 4:], PADDED, past_key_values=first).logits
    assert torch.equal(once, again)
    assert all(torch.equal(a, b) for old, new in zip(before, first) for a, b in zip(old, new))
    rows = torch.tensor([2, 0, 0])
    chosen = model(ids[rows, 4:], PADDED[rows], past_key_values=first.reorder(rows)).logits
    assert_close(chosen.numpy(), once[rows].numpy(), "reordered")
    assert len(first) == len(list(first)) == 2
    assert [part.shape for part in first[0]] == [(3, 4, 4, 4)] * 2


@torch.no_grad()
def test_a_row_that_sees_nothing_averages_over_all_and_stays_finite():
    for kind in (torch.float32, torch.bfloat16, torch.float64):
        model = seeded(roberta.RobertaModel, tiny_config()).to(kind)
        mask = torch.tensor([[0, 0, 0, 0, 0], [1, 1, 1, 1, 1]])
        output = model(random_ids(2, 5), mask, output_attentions=True)
        assert torch.allclose(
            output.attentions[0][0], torch.tensor(0.2, dtype=kind), atol=1e-2 if kind == torch.bfloat16 else 1e-6
        )
        assert output.last_hidden_state.isfinite().all()
        assert model(random_ids(2, 5), mask).last_hidden_state.isfinite().all()


@pytest.mark.parametrize("cross", [False, True])
def test_rows_that_see_nothing_have_the_gradients_of_an_average(cross):
    """A fused kernel's backward pass may get these wrong; asking for attentions takes the plain steps."""
    model = seeded(roberta.RobertaModel, tiny_config(is_decoder=True, add_cross_attention=cross))
    inputs = {"attention_mask": torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]])}
    if cross:
        source_mask = torch.tensor([[0, 0, 0], [1, 1, 1]])
        inputs = {"encoder_hidden_states": torch.randn(2, 3, 16), "encoder_attention_mask": source_mask}
    embeds, weight = torch.randn(2, 4, 16), torch.randn(2, 4, 16)
    gradients = []
    for attending in (False, True):
        x = embeds.clone().requires_grad_()
        output = model(inputs_embeds=x, output_attentions=attending, **inputs)
        (output.last_hidden_state * weight).sum().backward()
        gradients.append(x.grad)
    assert_close(gradients[0].numpy(), gradients[1].numpy(), "gradient")


@torch.no_grad()
def test_half_precision_by_autocast_survives_left_padding():
    model = seeded(roberta.RobertaForCausalLM, tiny_config(is_decoder=True))
    ids = padded_ids()
    exact = model(ids, PADDED).logits
    with torch.autocast("cpu", torch.bfloat16):
        rough = model(ids, PADDED).logits
    # bfloat16 keeps 8 bits; a few roundings in each of two layers. Padding, which sees nothing, is an average here too.
    assert_close(rough.float().numpy(), exact.numpy(), "autocast", tolerance=0.1)


@torch.no_grad()
def test_pruned_heads_are_as_if_masked():
    """A head whose probabilities are 0 adds nothing; pruning removes it with the same result."""
    model = seeded(roberta.RobertaModel, tiny_config())
    ids, mask = random_ids(2, 6), torch.ones(2, 4)
    mask[0, 1] = mask[1, 0] = mask[1, 3] = 0
    masked = model(ids, head_mask=mask).last_hidden_state
    model.prune_heads({0: [1], 1: [0, 3]})
    output = model(ids, output_attentions=True)
    assert [layer.shape[1] for layer in output.attentions] == [3, 2]
    assert_close(output.last_hidden_state.numpy(), masked.numpy(), "pruned")
    assert_close(model(ids).last_hidden_state.numpy(), masked.numpy(), "pruned, fused")
    again = model(ids, head_mask=mask).last_hidden_state  # a mask still counts heads as before pruning
    assert_close(again.numpy(), masked.numpy(), "pruned, masked")


@torch.no_grad()
def test_relative_positions_reach_over_the_whole_table_and_no_further():
    model = seeded(roberta.RobertaModel, tiny_config(position_embedding_type="relative_key"))
    assert model(random_ids(1, 24)).last_hidden_state.shape == (1, 24, 16)
    with pytest.raises(InputError, match=r"25 tokens.* within 24") as caught:
        model(random_ids(1, 25))
    assert caught.value.code == "too_long"


@pytest.mark.parametrize("shape", [(3,), (2, 5), (3, 6), (2, 1, 1, 5), (2, 6, 5), (1, 1, 1, 6, 6)])
def test_a_mask_of_another_shape_is_refused_with_both_shapes(shape):
    model = seeded(roberta.RobertaModel, tiny_config())
    with pytest.raises(InputError, match=r"attention mask of shape \(.*\(2, 6\)"):
        model(random_ids(2, 6), torch.ones(shape))
