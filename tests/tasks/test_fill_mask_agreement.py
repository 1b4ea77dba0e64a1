"""fill-mask and pseudo-likelihood on a real model: against the pipeline of transformers, and in batches of any size."""

import math
import random
import shutil

import pytest

from roberta.engine.runner import open_runner
from roberta.records import Record
from roberta.tasks.fill_mask import FillMask
from roberta.tasks.pseudo_likelihood import PseudoLikelihood
from tests.shared import SHARED, needs_shared

# float32 on both sides; the two attention kernels add up in different orders.
NEAR = 1e-5

OWN_TEXTS = (
    "The capital of France is <mask>.",
    "<mask> is a <mask> of the <mask>",
    "No blank here:<mask>, and\n<mask> after a line break.",
    "Zoë's café 🎉 <mask>!",
    "On and on <mask> goes, with a word here and there, " * 6,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("masked")
    for part in ("pt/checkpoints/mlm", "tokenizer/tiny"):
        for file in (SHARED / "oracle" / part).iterdir():
            shutil.copyfile(file, folder / file.name)
    return folder


@pytest.fixture(scope="module")
def runner(folder):
    return open_runner(folder, device="cpu", dtype="fp32")


@pytest.fixture(scope="module")
def pipe(folder):
    transformers = pytest.importorskip("transformers")
    transformers.logging.set_verbosity_error()
    return transformers.pipeline("fill-mask", model=str(folder), device="cpu")


@pytest.fixture(scope="module")
def texts(runner):
    """300 lines with one, two or three words replaced by a mask, all of them fitting the model."""
    return [text for number in (1, 2, 3) for text in _masked_lines(runner, number, 100)]


def _masked_lines(runner, number, wanted):
    draw = random.Random(number)
    lines = (SHARED / "tasks" / "odd_text.txt").read_text(encoding="utf-8").split("\n")[: wanted // 2]
    lines += draw.sample((SHARED / "tasks" / "sentences.txt").read_text(encoding="utf-8").split("\n"), 3 * wanted)
    found = []
    for line in lines:
        words = line.split(" ")
        for place in draw.sample(range(len(words)), min(number, len(words))):
            words[place] = "<mask>"
        if len(runner.tokenizer.encode_ids(" ".join(words))) + 2 <= runner.config.usable_length:
            found.append(" ".join(words))
    assert len(found) >= wanted
    return found[:wanted]


def answers(runner, texts, room=None, **options):
    task = FillMask(runner.tokenizer, room or runner.config.usable_length, **options)
    return [
        answer.result for answer in runner.answer(task, [Record(0, "argument 1", {"text": text}) for text in texts])
    ]


@needs_shared
def test_words_and_scores_are_those_of_the_pipeline(runner, pipe, texts):
    for text, found in zip(texts, answers(runner, texts), strict=True):
        expected = pipe(text)
        rows = expected if isinstance(expected[0], list) else [expected]
        for mask, row in zip(found["masks"], rows, strict=True):
            assert text[mask["start"] : mask["end"]] == "<mask>"
            assert [(fill["id"], fill["text"]) for fill in mask["fills"]] == [
                (fill["token"], fill["token_str"]) for fill in row
            ]
            assert [fill["score"] for fill in mask["fills"]] == pytest.approx([fill["score"] for fill in row], abs=NEAR)
        if len(rows) == 1:
            assert found["filled"] == expected[0]["sequence"]


@needs_shared
def test_targets_get_the_scores_of_the_pipeline(runner, pipe, texts):
    words = ["the", "in", "s", "right", "."]
    spelt = [runner.tokenizer.convert_ids_to_tokens(runner.tokenizer.encode_ids(" " + word)) for word in words]
    names = [name for [name] in (pieces for pieces in spelt if len(pieces) == 1)]
    assert len(names) >= 2
    exact = [name.replace("Ġ", " ") for name in names]
    some = texts[::4]
    for text, found in zip(some, answers(runner, some, targets=exact, exact_targets=True), strict=True):
        expected = pipe(text, targets=names, top_k=5)
        rows = expected if isinstance(expected[0], list) else [expected]
        for mask, row in zip(found["masks"], rows, strict=True):
            assert [fill["id"] for fill in mask["fills"]] == [fill["token"] for fill in row]
            assert [fill["score"] for fill in mask["fills"]] == pytest.approx([fill["score"] for fill in row], abs=NEAR)


@pytest.fixture(scope="module")
def batchers():
    return [open_runner(dtype="fp32", batch_tokens=batch_tokens) for batch_tokens in (1, 100, 4096)]


@pytest.mark.parametrize("fill", ["each", "greedy", "joint"])
def test_batches_do_not_matter(batchers, fill):
    options = {"room": 48, "fill": fill, "best": 3, "beams": 3}
    alone, *together = (answers(batcher, OWN_TEXTS, **options) for batcher in batchers)
    assert ["windows" in result for result in alone] == [False] * 4 + [True]
    for results in together:
        for one, other in zip(alone, results, strict=True):
            assert [one["filled"], one.get("windows")] == [other["filled"], other.get("windows")]
            for mask, same in zip(one["masks"], other["masks"], strict=True):
                assert [fill["id"] for fill in mask["fills"]] == [fill["id"] for fill in same["fills"]]
                # Relative as well: the logits behind a logprob of -6 reach 20, whose float32 digits end at 2e-6.
                assert [fill["logprob"] for fill in mask["fills"]] == pytest.approx(
                    [fill["logprob"] for fill in same["fills"]], rel=1e-5, abs=NEAR
                )


@needs_shared
def test_pseudo_likelihood_is_the_sum_of_what_the_reference_says_of_each_token(folder, runner, pipe, texts):
    import torch

    lines = [text.replace("<mask>", "word") for text in texts[:10]]
    task = PseudoLikelihood(runner.tokenizer, runner.config.usable_length)
    found = runner.answer(task, [Record(0, "argument 1", {"text": line}) for line in lines])
    for line, answer in zip(lines, found, strict=True):
        ids = pipe.tokenizer(line, return_tensors="pt").input_ids[0]
        places = range(1, len(ids) - 1)
        masked = ids.repeat(len(places), 1)
        masked[torch.arange(len(places)), torch.tensor(places)] = pipe.tokenizer.mask_token_id
        with torch.no_grad():
            logprobs = pipe.model(masked).logits.double().log_softmax(-1)
        expected = [logprobs[row, place, ids[place]].item() for row, place in enumerate(places)]
        assert [token["logprob"] for token in answer.result["tokens"]] == pytest.approx(expected, abs=NEAR)
        assert answer.result["logprob"] == pytest.approx(math.fsum(expected), rel=NEAR)
        assert [token["id"] for token in answer.result["tokens"]] == ids[1:-1].tolist()
