"""The mask method of generate on numbers written by hand, without torch."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roberta.errors import InputError, UsageError
from roberta.records import Record
from roberta.tasks.base import Again
from roberta.tasks.continuing import Continuing
from roberta.tasks.infill import Infill
from roberta.tasks.numbers import log_softmax
from roberta.tasks.token_choice import drawn_from, repeats, with_repetition_penalty
from tests.tasks.blank_letters import BlankLetters, answer, favouring, logits_by_rule

B = 128  # a letter with a blank before it
A, X, Y, Z = (ord(letter) for letter in "axyz")


def infill(room=64, **options):
    return Infill(BlankLetters(), room, Continuing(**options))


def test_masks_are_put_behind_a_text_that_has_none():
    [window] = infill(max_new=3).prepare(Record(0, "argument 1", {"text": "ab"}))
    assert list(window.input_ids) == [0, A, ord("b"), 3, 3, 3, 2]
    assert list(window.rows) == [3, 4, 5]


def test_the_text_goes_on_with_what_the_masks_became():
    result = answer(infill(max_new=3), "ab", favouring(X, Y + B, Z))
    # As masks are filled, those that are left are the first ones again.
    assert result["text"] == "ab" + result["new"] and len(result["new"].replace(" ", "")) == 3
    assert list(result) == ["text", "new", "tokens", "finish", "logprob", "method"]
    assert (result["tokens"], result["finish"], result["method"]) == (3, "length", "mask")


def test_the_surest_mask_is_filled_first_and_the_others_are_judged_again():
    seen = []

    def logits(ids, row):
        seen.append((list(ids), row))
        found = np.zeros(256, np.float32)
        # The last mask is the surest; the first one depends on what stands last.
        last_is_filled = ids[3] != 3
        found[Y if row == 3 else Z if last_is_filled else X] = 9.0 if row == 3 else 5.0
        return found

    result = answer(infill(), "a<mask><mask>", logits)
    assert result["text"] == "azy" and result["new"] == "zy"
    assert [row for _, row in seen] == [2, 3, 2]
    assert seen[-1][0] == [0, A, 3, Y, 2]


def test_the_leftmost_of_equally_sure_masks_comes_first():
    order = []

    def logits(ids, row):
        order.append([place for place, id in enumerate(ids) if id == 3])
        return np.where(np.arange(256) == X, 5.0, 0.0).astype(np.float32)

    answer(infill(max_new=3), "a", logits)
    assert order[0] == [2, 3, 4] and order[3] == [3, 4] and order[5] == [4]


def test_the_logprob_is_the_sum_of_those_of_each_turn():
    def logits(ids, row):
        return np.where(np.arange(256) == X, math.log(255), 0.0).astype(np.float32)  # a half, and the rest another

    assert answer(infill(max_new=4), "a", logits)["logprob"] == pytest.approx(4 * math.log(0.5), rel=1e-6)


def test_special_tokens_are_never_chosen():
    def logits(ids, row):
        found = np.zeros(256, np.float32)
        found[[0, 2, 3]] = 99.0
        found[X] = 1.0
        return found

    assert answer(infill(max_new=2), "a", logits)["new"] == "xx"


def test_runs_of_masks_in_the_text_are_filled_where_they_stand():
    result = answer(infill(max_new=9), "a <mask> <mask> b\n<mask>.", favouring(X + B))
    assert result["text"] == "a x x b\nx." and result["new"] == " x x x"
    assert result["tokens"] == 3


def test_a_letter_of_several_tokens_is_spelt_as_one():
    class Halves(BlankLetters):
        def decode(self, ids, **_):
            return {(X,): "\ufffd", (X, X): "é"}.get(tuple(ids)) or super().decode(ids)

    task = Infill(Halves(), 64, Continuing())
    assert answer(task, "c<mask><mask>.", favouring(X))["text"] == "cé."


def test_a_stop_string_ends_the_text_behind_it():
    letters = dict(zip(range(2, 9), "xy.zab.", strict=True))

    def logits(ids, row):
        return np.where(np.arange(256) == ord(letters[row]), 9.0, 0.0).astype(np.float32)

    result = answer(infill(max_new=7, stop=["."]), "a", logits)
    assert (result["new"], result["finish"], result["tokens"]) == ("xy.", "stop", 3)
    assert result["logprob"] == pytest.approx(3 * log_softmax(logits([], 2))[ord("x")], rel=1e-6)
    assert answer(infill(max_new=7), "a", logits)["finish"] == "length"


def test_the_beginning_of_a_long_prompt_is_left_out_and_counted():
    task = infill(room=10, max_new=3)
    [window] = task.prepare(Record(0, "argument 1", {"text": "abcdefghij"}))
    assert list(window.input_ids) == [0, *map(ord, "fghij"), 3, 3, 3, 2]
    result = answer(task, "abcdefghij", favouring(X))
    assert result["truncated"] == 5 and result["text"] == "abcdefghijxxx"
    assert "truncated" not in answer(task, "abcde", favouring(X))


def test_masks_of_a_long_text_are_judged_by_windows_around_them():
    text = "a" * 30 + "<mask>" + "b" * 30 + "<mask>"
    task = infill(room=12, max_new=3)
    assert all(len(window.input_ids) <= 12 for window in task.prepare(Record(0, "argument 1", {"text": text})))
    result = answer(task, text, favouring(X))
    assert result["text"] == text.replace("<mask>", "x") and result["truncated"] == 62 - 20


def test_sampling_is_seeded_by_seed_and_id():
    def texts(seed=0, **fields):
        result = answer(infill(max_new=8, sample=True, seed=seed, num=3), "abc", logits_by_rule, **fields)
        return [one["new"] for one in result["outputs"]]

    assert texts(id=5) == texts(id=5)
    assert len({*texts(id=5), *texts(id=6), *texts(seed=1, id=5)}) == 9, "all of them are different"


def test_several_texts_stand_in_outputs():
    result = answer(infill(max_new=2, sample=True, num=3), "abc", logits_by_rule)
    assert list(result) == ["outputs", "method"]
    assert [list(one) for one in result["outputs"]] == [["text", "new", "tokens", "finish", "logprob"]] * 3


def test_no_pair_of_tokens_stands_twice_under_no_repeat_2():
    new = answer(infill(max_new=20, no_repeat=2), "xx", lambda ids, row: favouring(X)(ids, row) + np.eye(256)[A] * 3)
    text = new["text"]
    pairs = [text[place : place + 2] for place in range(len(text) - 1)]
    assert len(pairs) == len(set(pairs)), text


def test_a_model_that_gives_no_numbers_and_rules_that_forbid_all_are_said():
    with pytest.raises(InputError, match="not numbers"):
        answer(infill(), "a", lambda ids, row: np.full(256, np.nan, np.float32))
    ids = "".join(chr(place) for place in range(33, 127))
    only_those = np.where((np.arange(256) > 32) & (np.arange(256) < 127), 0.0, -np.inf).astype(np.float32)
    with pytest.raises(InputError, match="forbid every one"), np.errstate(invalid="ignore"):
        answer(infill(room=256, max_new=1, no_repeat=1), ids, lambda *_: only_those)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"max_new": 0}, "at least one new token"),
        ({"num": 3}, "would all be the same"),
        ({"num": 3, "beams": 2}, "no more texts than it has beams"),
        ({"temperature": 0.5}, "--temperature has no effect"),
        ({"top_k": 5}, "--sample-top-k has no effect"),
        ({"sample": True, "temperature": 0.0}, "above 0"),
        ({"sample": True, "temperature": math.nan}, "above 0"),
        ({"sample": True, "top_p": 1.5}, "above 0, up to 1"),
        ({"repetition_penalty": -1.0}, "above 0"),
        ({"no_repeat": -1}, "0 or more"),
        ({"seed": -1}, "0 or more"),
        ({"stop": [""]}, "none of them empty"),
        ({"stop": "x"}, "list of texts"),
        ({"beams": 2}, "needs a causal model"),
        ({"max_new": 62}, "at most 61 new ones"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, said):
    with pytest.raises(UsageError, match=said):
        infill(**options)


LINES = st.lists(st.integers(0, 3), min_size=1, max_size=12)


@given(LINES, st.data(), st.integers(1, 4))
def test_repeats_are_the_tokens_that_would_make_a_sequence_stand_twice(line, data, length):
    place = data.draw(st.integers(0, len(line) - 1))

    def stands_twice(token):
        filled = [*line[:place], token, *line[place + 1 :]]
        grams = [tuple(filled[start : start + length]) for start in range(len(filled) - length + 1)]
        through = {grams[start] for start in range(len(grams)) if start <= place < start + length}
        return bool(through & {grams[start] for start in range(len(grams)) if not start <= place < start + length})

    assert repeats(line, place, length) == {token for token in range(4) if stands_twice(token)}


def test_no_repeat_0_forbids_nothing():
    assert repeats([1, 1, 1], 1, 0) == set()


@given(
    st.lists(st.floats(-5, 5), min_size=1, max_size=9),
    st.floats(0.1, 5),
    st.integers(0, 10),
    st.floats(0.05, 1),
)
def test_shares_are_those_of_the_fewest_best_that_reach_top_p(scores, temperature, top_k, top_p):
    shares = drawn_from(np.array(scores), temperature, top_k, top_p)
    assert shares.sum() == pytest.approx(1) and (shares >= 0).all()
    kept = np.flatnonzero(shares)
    assert len(kept) <= (top_k or 10)
    dropped = np.delete(np.array(scores), kept)
    assert not len(dropped) or np.array(scores)[kept].min() >= dropped.max()


def test_forbidden_tokens_are_never_drawn():
    shares = drawn_from(np.array([0.0, -np.inf, 1.0, -np.inf]), 1.0, 0, 1.0)
    assert shares[[1, 3]].tolist() == [0, 0] and shares.sum() == pytest.approx(1)


def test_the_penalty_lowers_scores_on_either_side_of_0():
    assert with_repetition_penalty(np.array([4.0, -4.0, 4.0]), {0, 1, 99}, 2.0).tolist() == [2.0, -8.0, 4.0]


def test_a_round_asks_about_all_texts_at_once():
    task = infill(max_new=2, sample=True, num=3)
    record = Record(0, "argument 1", {"text": "a"})
    windows = task.prepare(record)
    outputs = [task.condense(record, window, np.zeros((2, 256), np.float32)) for window in windows]
    again = task.decode(record, windows, outputs)
    assert isinstance(again, Again) and len(windows) == len(again.windows) == 3
