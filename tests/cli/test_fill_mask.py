"""roberta fill-mask, on the built-in model."""

import json

import numpy as np
import pytest

from roberta.builtin import MINI
from roberta_cli.commands.fill_mask import as_views
from roberta_cli.display import plain

QUESTION = "The capital of France is <mask>."


def results(out: str) -> list[dict]:
    return [json.loads(line) for line in out.splitlines()]


def test_the_documented_shape_and_five_words(roberta):
    ended = roberta("fill-mask", QUESTION)
    assert ended.code == 0
    [result] = results(ended.out)
    assert list(result) == ["id", "masks", "filled"]
    [mask] = result["masks"]
    assert list(mask) == ["start", "end", "fills"]
    assert QUESTION[mask["start"] : mask["end"]].strip() == "<mask>"
    assert [list(fill) for fill in mask["fills"]] == [["text", "id", "score", "logprob", "pieces"]] * 5
    scores = [fill["score"] for fill in mask["fills"]]
    assert scores == sorted(scores, reverse=True) and 0 < sum(scores) <= 1


def test_the_built_in_model_knows_the_capital_of_france(roberta):
    # Its card states these three; the order of the nearly equal ones below may differ between machines.
    [result] = results(roberta("fill-mask", "-q", QUESTION).out)
    words = [fill["text"] for fill in result["masks"][0]["fills"]]
    assert words[:3] == [" Paris", " France", " French"]
    assert result["masks"][0]["fills"][0]["score"] == pytest.approx(0.71, abs=0.01)
    assert result["filled"] == "The capital of France is Paris."


def test_scores_are_written_in_their_shortest_float32_form(roberta):
    [result] = results(roberta("fill-mask", "-q", QUESTION).out)
    for fill in result["masks"][0]["fills"]:
        for number in (fill["score"], fill["logprob"]):
            assert len(repr(number).strip("-0.").replace(".", "")) <= 9
            assert float(str(np.float32(number))) == number


@pytest.mark.parametrize("count", [1, 3, 20])
def test_top_is_the_number_of_words(roberta, count):
    [result] = results(roberta("fill-mask", "-q", QUESTION, "-k", str(count)).out)
    assert len(result["masks"][0]["fills"]) == count


def test_each_mask_has_its_own_words(roberta):
    [result] = results(roberta("fill-mask", "-q", "She <mask> a letter to <mask>.").out)
    assert len(result["masks"]) == 2
    assert "<mask>" not in result["filled"]


def test_a_text_without_a_mask_is_code_1_and_says_what_to_do(roberta):
    ended = roberta("fill-mask", "-q", QUESTION, "Paris.")
    assert ended.code == 1
    assert len(results(ended.out)) == 1, "the record before it is answered"
    assert ended.err == "error: argument 2: the text has no <mask>; write <mask> where a word is missing\n"


def test_the_table_shows_words_with_their_scores_and_the_text(roberta):
    ended = roberta("fill-mask", "-q", QUESTION, "--top", "2", "--output-format", "table")
    first, second, blank, filled = ended.out.splitlines()
    assert first.startswith("0.") and second.startswith("0.") and blank == ""
    assert filled == "The capital of France is Paris."


def test_the_table_keeps_the_masks_apart():
    def mask(*words):
        return {"start": 0, "end": 6, "fills": [{"text": word, "score": 0.5} for word in words]}

    text = plain(as_views({"id": 1, "masks": [mask(" a", " b"), mask(" c")], "filled": " a c"}, None))
    assert text == "0.500   a\n0.500   b\n\n0.500   c\n\n a c"


def test_threads_and_device_are_taken_and_checked(roberta):
    plain = roberta("fill-mask", "-q", QUESTION)
    assert roberta("fill-mask", "-q", QUESTION, "--threads", "1", "--device", "cpu").code == 0
    wrong = roberta("fill-mask", "-q", QUESTION, "--device", "tpu")
    assert (wrong.code, wrong.out) == (2, "") and "tpu" in wrong.err
    missing = roberta("fill-mask", "-q", QUESTION, "--device", "cuda:99")
    assert (missing.code, missing.out) == (5, "") and "cuda:99" in missing.err
    assert plain.code == 0


def test_the_built_in_model_is_used_like_any_folder(roberta):
    assert roberta("fill-mask", "-m", str(MINI), QUESTION).out == roberta("fill-mask", QUESTION).out
