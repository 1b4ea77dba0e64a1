"""generate as its callers see it: lengths, padding, ends, outputs, errors."""

import warnings

import pytest
import torch

from roberta.errors import InputError
from roberta.generation import GenerateOutput, GenerationSettings, generate
from roberta.generation.continuation import Continuation, left_aligned_padding
from tests.generation.fakes import EOS, PAD, PieceTokenizer, WordChain, tiny_decoder


def test_twenty_new_tokens_unless_told_and_no_more_than_there_is_room_for():
    model = tiny_decoder(max_position_embeddings=40)
    assert generate(model, [[0, 5]], eos_token_id=[]).shape == (1, 22)
    assert generate(model, [[0] * 30], eos_token_id=[]).shape == (1, 38)  # 40 positions less those up to the padding's


def test_max_length_counts_the_prompt_and_max_new_tokens_does_not():
    model = WordChain.random(0)
    assert generate(model, [[0, 5, 6]], max_length=7, eos_token_id=[]).shape == (1, 7)
    assert generate(model, [[0, 5, 6]], max_new_tokens=7, eos_token_id=[]).shape == (1, 10)
    assert generate(model, [[0, 5, 6]], max_length=4, max_new_tokens=7, eos_token_id=[]).shape == (1, 10)


@pytest.mark.parametrize(
    ("ids", "options", "said"),
    [
        ([[0, 5]], {"max_new_tokens": 31}, "ask for at most 30 new tokens"),
        ([[0, 5]], {"max_length": 33}, "max_length 33 after a prompt of 2 tokens is more than the model takes, 32"),
        ([[0] * 32], {}, "leaves no room for new ones"),
        ([[0, 5, 6]], {"max_length": 3}, "max_length 3 counts the prompt, which has 3 tokens already"),
        ([0, 5], {}, "input_ids of shape (2,)"),
        ([[]], {}, "input_ids of shape (1, 0)"),
        ([[0, 5], [0]], {}, "pad the prompts to one length"),
        ([[0.5]], {}, "torch.float32"),
        ([[PAD, PAD], [0, 5]], {}, "row 0 of the prompts is nothing but padding"),
        ([[0, 5]], {"attention_mask": [[1]]}, "attention_mask of shape (1, 1) for input_ids of shape (1, 2)"),
        ([[0, 5]], {"encoder_hidden_states": torch.zeros(2, 3, 16)}, "encoder_hidden_states has 2 rows for 1 prompts"),
        ([[0, 5]], {"stop_strings": "x"}, "stop_strings need the tokenizer"),
        ([[0, 5]], {"num_beams": 2, "on_token": print}, "on_token needs num_beams=1"),
        ([[0, 5]], {"suppress_tokens": list(range(40))}, "no token can follow in row 0"),
        ([[0, 5]], {"do_sample": True, "seed": -1}, "seed is -1"),
        ([[0, 5]], {"do_sample": True, "seed": [1, 2]}, "2 seeds for 1 prompts"),
        ([[0, 5]], {"do_sample": True, "seed": "x"}, "seed is 'x'"),
        ([[0, 5]], {"do_sample": True, "seed": 1, "generator": torch.Generator()}, "give one of them"),
        ([[0, 5]], {"max_new_token": 3}, "did you mean max_new_tokens?"),
    ],
)
def test_what_cannot_be_continued_is_refused_in_one_sentence(ids, options, said):
    with pytest.raises(InputError) as error:
        generate(tiny_decoder(), ids, **options)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_room_is_counted_in_tokens_not_in_padding():
    model = tiny_decoder()  # room for 32
    ids = torch.tensor([[PAD] * 30 + [0, 5]])
    found = generate(model, ids, max_new_tokens=30, eos_token_id=[])
    assert found[0, 30:].tolist() == generate(model, [[0, 5]], max_new_tokens=30, eos_token_id=[])[0].tolist()


def test_the_prompt_comes_back_as_it_was_given_with_new_tokens_after_its_last_column():
    ids = torch.tensor([[0, 5, PAD, PAD], [0, 5, 6, 7]])
    found = generate(WordChain.script([3, 3, 8, 9, 10, 11]), ids, max_new_tokens=2)
    assert found.tolist() == [[0, 5, PAD, PAD, 8, 9], [0, 5, 6, 7, 10, 11]]


def test_padding_is_hidden_unless_its_id_ends_a_text():
    model = WordChain.random(2)
    given = torch.tensor([[PAD, 0, 5]])
    alone = generate(model, [[0, 5]], max_new_tokens=5, eos_token_id=[])
    assert generate(model, given, max_new_tokens=5, eos_token_id=[])[0, 1:].tolist() == alone[0].tolist()
    assert generate(model, given, max_new_tokens=5, eos_token_id=[PAD]).tolist() == (
        generate(model, given, attention_mask=torch.ones(1, 3), max_new_tokens=5, eos_token_id=[PAD]).tolist()
    )


def test_without_a_prompt_texts_begin_with_bos():
    model = WordChain.random(3)
    assert (
        generate(model, max_new_tokens=4, bos_token_id=6).tolist() == generate(model, [[6]], max_new_tokens=4).tolist()
    )


def test_left_aligned_padding_keeps_the_order_of_the_text():
    ids = torch.tensor([[5, 6, PAD, PAD], [PAD, 5, 6, 7], [5, PAD, 6, PAD]])
    mask = torch.tensor([[1, 1, 0, 0], [0, 1, 1, 1], [1, 0, 1, 0]])
    moved, visible = left_aligned_padding(ids, mask)
    assert moved.tolist() == [[PAD, PAD, 5, 6], [PAD, 5, 6, 7], [PAD, 5, PAD, 6]]
    assert visible.tolist() == [[0, 0, 1, 1], [0, 1, 1, 1], [0, 1, 0, 1]]


def test_an_ended_row_is_filled_with_padding_and_says_why_it_ended():
    model = WordChain.script([3, 3, 3, 8, EOS, 9])
    mask = [[1, 1, 1], [0, 1, 1]]
    options = {"attention_mask": mask, "return_dict_in_generate": True, "pad_token_id": 4}
    found = generate(model, [[0, 5, 6], [PAD, 0, 5]], max_new_tokens=3, **options)
    assert found.sequences.tolist() == [[0, 5, 6, 8, EOS, 4], [PAD, 0, 5, 3, 8, EOS]]
    assert found.finish_reasons == ["eos", "eos"]
    assert found.lengths.tolist() == [2, 3]
    cut = generate(model, [[0, 5, 6], [PAD, 0, 5]], max_new_tokens=2, **options)
    assert cut.finish_reasons == ["eos", "length"]


def test_any_of_several_ends_will_do():
    model = WordChain.script([3, 3, 8, 9, 10, 11])
    assert generate(model, [[0, 5]], max_new_tokens=4, eos_token_id=[9, 10]).tolist() == [[0, 5, 8, 9]]


PIECES = PieceTokenizer(
    [b"<s>", b"<pad>", b"</s>", b"st", b"op", b"opera", b" ", b"a", b"\xc3", b"\xa9", b"stop", b"t"]
)


@pytest.mark.parametrize("beams", [1, 2])
@pytest.mark.parametrize(
    ("prompt", "words", "stop", "kept"),
    [
        ([0], [7, 3, 4, 7], "stop", 3),  # over two tokens
        ([0], [7, 3, 5, 7], "stop", 3),  # inside a longer token
        ([0], [10, 7, 7, 7], "stop", 1),
        ([0, 10], [7, 7, 7, 7], "stop", 4),  # what stood in the prompt does not count
        ([0, 3], [4, 7, 7, 7], "stop", 1),  # but it may begin there
        ([0, 10], [7, 10, 7, 7], "stop", 2),  # and come again
        ([0], [8, 9, 7, 7], "é", 2),  # a character in two tokens
        ([0], [7, 6, 7, 7], ["x", " "], 2),
        ([0], [7, 7, 7, 7], "stop", 4),
    ],
)
def test_a_stop_string_ends_the_row_with_the_token_that_completes_it(beams, prompt, words, stop, kept):
    model = WordChain.script([0] * len(prompt) + words, vocabulary=14)
    tokenizer = PieceTokenizer([*PIECES.pieces, b"y", b"z"])
    found = generate(
        model,
        [prompt],
        max_new_tokens=4,
        stop_strings=stop,
        tokenizer=tokenizer,
        num_beams=beams,
        early_stopping="never",
        eos_token_id=[],
        return_dict_in_generate=True,
    )
    length = int(found.lengths[0])
    assert found.sequences[0, len(prompt) : len(prompt) + length].tolist() == words[:kept]
    assert found.finish_reasons[0] == ("stop" if kept < 4 else "length")


def test_no_beam_goes_on_after_a_stop_string_even_where_every_word_holds_it():
    model = WordChain.random(13)
    found = generate(
        model,
        [[0]],
        max_new_tokens=4,
        stop_strings="x",
        tokenizer=PieceTokenizer([b"x"] * 14),
        num_beams=2,
        num_return_sequences=2,
        early_stopping="never",
        length_penalty=2.5,
        return_dict_in_generate=True,
    )
    assert found.lengths.tolist() == [1, 1]
    assert len(model.calls) == 1


def test_each_new_token_is_told_in_order_while_the_search_runs():
    model = WordChain.script([3, 3, 3, 8, EOS, 9])
    told = []

    def on_token(text, token):
        told.append((text, token, len(model.calls)))

    generate(model, [[0, 5, 6], [PAD, 0, 5]], max_new_tokens=5, on_token=on_token)
    assert [row[:2] for row in told] == [(0, 8), (1, 3), (0, EOS), (1, 8), (1, EOS)]
    assert [row[2] for row in told] == [1, 1, 2, 2, 3]


def test_scores_and_logits_of_each_step_come_on_request():
    model = WordChain.random(5)
    found = generate(
        model,
        [[0, 5]],
        max_new_tokens=3,
        suppress_tokens=[4],
        eos_token_id=[],
        output_scores=True,
        output_logits=True,
        return_dict_in_generate=True,
    )
    assert isinstance(found, GenerateOutput)
    assert len(found.scores) == len(found.logits) == 3
    for step, (scores, logits) in enumerate(zip(found.scores, found.logits)):
        assert scores[0, 4] == -torch.inf and logits[0, 4] > -torch.inf
        whole = model(found.sequences[:, : 2 + step], torch.ones(1, 2 + step), None, False).logits[:, -1]
        assert torch.equal(logits, whole)
        assert int(scores.argmax()) == found.sequences[0, 2 + step]
    plain = generate(model, [[0, 5]], max_new_tokens=3, return_dict_in_generate=True)
    assert plain.scores is None and plain.logits is None and "scores" not in plain


def test_rows_that_ended_have_zeros_in_the_scores_of_later_steps():
    model = WordChain.script([3, 3, 3, 8, EOS, 9, 9])
    found = generate(
        model, [[0, 5, 6], [PAD, 0, 5]], max_new_tokens=3, output_logits=True, return_dict_in_generate=True
    )
    assert found.logits[2][0].eq(0).all() and found.logits[2][1].ne(0).any()


def test_log_probabilities_are_those_of_the_model_whatever_the_rules_do():
    model = WordChain.random(6)
    found = generate(
        model, [[0, 5]], max_new_tokens=4, repetition_penalty=3.0, eos_token_id=[], return_dict_in_generate=True
    )
    logits = model(found.sequences, torch.ones(1, 6), None, False).logits[0, 1:-1].log_softmax(-1)
    total = logits.gather(1, found.sequences[0, 2:, None]).sum()
    assert found.log_probabilities[0].item() == pytest.approx(total.item(), rel=1e-5)


def test_own_rules_act_after_the_built_in_ones():
    def only_seven(input_ids, scores):
        assert scores[0, 7] == -torch.inf  # suppressed before
        return torch.full_like(scores, -torch.inf).index_fill(1, torch.tensor([7]), 0.0)

    found = generate(
        WordChain.random(7), [[0, 5]], max_new_tokens=2, suppress_tokens=[7], logits_processor=[only_seven]
    )
    assert found.tolist() == [[0, 5, 7, 7]]


def test_settings_of_the_call_win_over_given_ones_and_those_over_the_models():
    model = WordChain.random(8)
    model.generation_config = GenerationSettings(max_new_tokens=3, eos_token_id=[])
    assert generate(model, [[0, 5]]).shape == (1, 5)
    assert generate(model, [[0, 5]], GenerationSettings(max_new_tokens=4, eos_token_id=[])).shape == (1, 6)
    assert generate(model, [[0, 5]], max_new_tokens=5).shape == (1, 7)


def test_renormalized_scores_are_log_probabilities():
    options = {"output_scores": True, "return_dict_in_generate": True, "max_new_tokens": 2, "suppress_tokens": [4]}
    found = generate(WordChain.random(9), [[0, 5]], renormalize_logits=True, **options)
    assert found.scores[0].exp().sum().item() == pytest.approx(1.0, rel=1e-5)


def test_what_comes_out_can_be_trained_on():
    model = tiny_decoder()
    found = generate(model, [[0, 5]], max_new_tokens=4, num_beams=2, return_dict_in_generate=True, output_logits=True)
    assert not found.sequences.is_inference() and not found.logits[0].is_inference()
    model(input_ids=found.sequences, labels=found.sequences).loss.backward()


def test_a_step_keeps_the_scores_of_the_last_column_only():
    step = Continuation(WordChain.random(0), torch.ones(2, 50, dtype=torch.long), use_cache=True)
    scores = step.scores(torch.full((2, 50), 5))
    assert scores.untyped_storage().nbytes() == 2 * 14 * 4


def test_only_the_last_column_of_a_prompt_meets_the_vocabulary():
    model = tiny_decoder()
    shapes = []
    model.lm_head.register_forward_hook(lambda module, inputs, output: shapes.append(tuple(output.shape)))
    generate(model, [[0, 5, 6, 7]] * 2, max_new_tokens=3, eos_token_id=[])
    assert shapes == [(2, 40)] * 3


def test_a_model_in_half_precision_is_scored_in_single():
    model = tiny_decoder().to(torch.bfloat16)
    found = generate(model, [[0, 5]], max_new_tokens=3, output_logits=True, return_dict_in_generate=True)
    assert found.logits[0].dtype == torch.float32


def test_no_warning_in_ordinary_use():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        generate(tiny_decoder(), torch.tensor([[0, 5]]), max_new_tokens=3, do_sample=True, top_k=5, seed=0)
        generate(tiny_decoder(), torch.tensor([[0, 5]]), max_new_tokens=3, num_beams=2)


def test_the_model_class_generates():
    model = tiny_decoder()
    assert torch.equal(
        model.generate(torch.tensor([[0, 5]]), max_new_tokens=3), generate(model, [[0, 5]], max_new_tokens=3)
    )
