"""generate with small causal models: prompts, results, batches, seeds, errors."""

import json
import shutil
from itertools import pairwise

import pytest

from roberta.engine.job import Job
from roberta.engine.open_task import open_task
from roberta.engine.run import run
from roberta.engine.runner import open_runner
from roberta.errors import CheckpointError, UsageError
from roberta.records import Record, given_records
from tests.tasks.tiny_author import ROOM, tiny_author
from tests.tasks.tiny_classifier import OWN_TEXTS, tiny_classifier

TEXTS = ("A cat", "A dog and a cat", "No", "Zoë 🎉", "A cat and", *OWN_TEXTS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_author(tmp_path_factory.mktemp("author"))


@pytest.fixture(scope="module")
def runner(folder):
    return open_runner(folder, device="cpu", dtype="fp32")


def answers(runner, texts=TEXTS, **options):
    """Results by text, without those of the input."""
    records = [{"id": text, "text": text} for text in texts]
    return {result["id"]: result for result in results(runner, records, **options)}


def results(runner, records, **options):
    return list(Job(runner, open_task("generate", runner, **options)).results(given_records(records)))


def test_the_prompt_has_no_end_and_keeps_room_for_what_is_new(runner):
    task = open_task("generate", runner, max_new=10)
    ids = runner.tokenizer.encode_ids("word " * 200)
    [short], [long] = (task.prepare(Record(0, "argument 1", {"text": text})) for text in ("A cat", "word " * 200))
    assert list(short.input_ids) == [0, *runner.tokenizer.encode_ids("A cat")]
    assert list(long.input_ids) == [0, *ids[-(ROOM - 11) :]]


def test_the_documented_shape(runner):
    [result] = answers(runner, ["A cat"], max_new=5).values()
    assert list(result) == ["id", "text", "new", "tokens", "finish", "logprob", "method"]
    assert result["text"] == "A cat" + result["new"]
    assert (result["tokens"], result["finish"], result["method"]) == (5, "length", "causal")
    assert result["logprob"] < 0


def test_what_was_left_out_is_counted_and_the_text_is_whole(runner):
    text = OWN_TEXTS[-1]
    count = len(runner.tokenizer.encode_ids(text))
    [result] = answers(runner, [text], max_new=20).values()
    assert result["truncated"] == count - (ROOM - 21)
    assert result["text"].startswith(text)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sample": True, "seed": 3},
        {"sample": True, "num": 3, "temperature": 2.0, "sample_top_p": 0.9},
        {"beams": 3, "num": 2},
        {"repetition_penalty": 3.0, "no_repeat": 2},
    ],
)
def test_neither_batches_nor_order_nor_neighbours_matter(folder, options):
    options = {"max_new": 8, **options}
    alone = {}
    for text in TEXTS:
        alone |= answers(open_or(folder, 1), [text], **options)
    for batch_tokens, texts in ((64, TEXTS), (4096, TEXTS[::-1]), (4096, [*TEXTS[3:], *TEXTS[:3]])):
        found = answers(open_or(folder, batch_tokens), texts, **options)
        for text in TEXTS:
            assert plain(found[text]) == plain(alone[text])


_RUNNERS = {}


def open_or(folder, batch_tokens):
    key = folder, batch_tokens
    if key not in _RUNNERS:
        _RUNNERS[key] = open_runner(folder, device="cpu", dtype="fp32", batch_tokens=batch_tokens)
    return _RUNNERS[key]


def plain(result):
    """All but the last digits, which a batch may change: float32 sums."""
    one = {name: value for name, value in result.items() if name not in ("logprob", "outputs")}
    near = pytest.approx(result["logprob"], abs=1e-3) if "logprob" in result else None
    return one, near, [plain(text) for text in result.get("outputs", ())]


def test_each_of_the_same_prompts_gets_its_own_text_by_its_id(runner):
    records = [{"id": id, "text": "A cat"} for id in (1, "1", "x", None, [1])]
    options = {"sample": True, "sample_top_k": 0, "max_new": 8}
    found = results(runner, records, **options)
    assert len({result["text"] for result in found}) == 5
    backwards = results(runner, [records[2], records[0]], **options)
    assert [result["text"] for result in backwards] == [found[2]["text"], found[0]["text"]]
    other = results(runner, records[:1], **options, seed=1)
    assert other[0]["text"] != found[0]["text"]


def test_the_field_that_names_the_record_is_the_one_that_was_chosen(runner):
    records = [{"id": 1, "name": name, "text": "A cat"} for name in "ab"]
    one, other = results(runner, records, sample=True, max_new=8, id_field="name")
    assert one["text"] != other["text"]


def test_several_texts_are_different_and_the_first_is_that_of_one(runner):
    options = {"sample": True, "sample_top_k": 0, "max_new": 8}
    [result] = results(runner, ["A cat"], num=3, **options)
    assert list(result) == ["id", "outputs", "method"]
    assert len({one["text"] for one in result["outputs"]}) == 3
    assert result["outputs"][0]["text"] == results(runner, ["A cat"], **options)[0]["text"]


def test_a_stop_string_ends_the_text(runner):
    [free] = results(runner, ["A cat"], max_new=12)
    letter = free["new"][len(free["new"]) // 2]
    [stopped] = results(runner, ["A cat"], max_new=12, stop=[letter, "never this"])
    assert stopped["finish"] == "stop" and letter in stopped["new"]
    assert free["new"].startswith(stopped["new"]) and stopped["tokens"] < 12


def test_an_end_of_text_ends_it_and_is_not_printed(runner, folder, tmp_path):
    [free] = results(runner, ["A cat"], max_new=1)
    end = runner.tokenizer.encode_ids("A cat" + free["new"])[-1]
    tiny_author(tmp_path, eos_token_id=end)
    other = open_runner(tmp_path, device="cpu", dtype="fp32")
    [ended] = results(other, ["A cat"], max_new=9)
    assert (ended["finish"], ended["tokens"]) == ("eos", 1)


def test_ids_that_spell_nothing_are_never_made(tmp_path):
    tiny_author(tmp_path, vocab_size=40000)  # most rows of it lie beyond the vocabulary
    runner = open_runner(tmp_path, device="cpu", dtype="fp32")
    assert len(runner.tokenizer) < 20000
    for result in results(runner, list(TEXTS), sample=True, sample_top_k=0, temperature=9.0, max_new=8):
        assert result["tokens"] == 8 or result["finish"] == "eos"


def test_the_text_is_told_while_it_is_made(runner):
    told = []
    [result] = results(runner, ["A cat"], max_new=6, on_text=told.append)
    assert told[-1] == result["new"] and len(told) == 6
    assert all(after.startswith(before.rstrip("\ufffd")) for before, after in pairwise(told))


def test_an_empty_text_is_an_error_unless_allowed(runner):
    job = Job(runner, open_task("generate", runner, max_new=3), on_error="record")
    empty, cat = job.results(given_records(["", "A cat"]))
    assert empty["error"]["code"] == "empty_text" and cat["tokens"] == 3
    [result] = results(runner, [""], max_new=3, allow_empty=True)
    assert result["tokens"] == 3


def test_the_built_in_model_continues_by_masks():
    runner = open_runner(device="cpu", dtype="fp32")
    [result] = results(runner, ["The capital of France is"], max_new=3)
    assert result["method"] == "mask" and result["text"] == "The capital of France is" + result["new"]
    with pytest.raises(CheckpointError) as caught:
        open_task("generate", runner, method="causal")
    assert str(caught.value) == (
        "this checkpoint was trained to fill masks, not to continue text;"
        " use --method mask, or a checkpoint with is_decoder"
    )


@pytest.mark.parametrize("options", [{}, {"sample": True, "num": 2}])
def test_masks_are_filled_alike_in_any_batch(options):
    texts = [*TEXTS[:7], "She <mask> <mask> to <mask>.", "<mask>", "long " * 600 + "<mask> <mask>."]
    alone, together = (
        answers(open_runner(device="cpu", dtype="fp32", batch_tokens=tokens), order, max_new=4, **options)
        for tokens, order in ((1, texts), (4096, texts[::-1]))
    )
    for text in texts:
        assert plain(together[text]) == plain(alone[text])
    assert "<mask>" not in (alone["<mask>"].get("text") or alone["<mask>"]["outputs"][0]["text"])


def test_methods_that_do_not_fit_are_refused(runner, tmp_path):
    with pytest.raises(CheckpointError, match="trained to continue text, not to fill masks"):
        open_task("generate", runner, method="mask")
    with pytest.raises(UsageError, match="no method 'best'; choose from auto, causal, mask"):
        open_task("generate", runner, method="best")
    with pytest.raises(UsageError, match=f"this model takes {ROOM} in all, so at most {ROOM - 2} new ones"):
        open_task("generate", runner, max_new=ROOM - 1)
    tiny_classifier(tmp_path, {0: "no", 1: "yes"})
    for method in ("auto", "causal"):
        with pytest.raises(CheckpointError, match="no language model head; use roberta classify"):
            open_task("generate", open_runner(tmp_path), method=method)


def test_the_most_that_fits_is_made(runner):
    [result] = results(runner, ["On and on it goes. " * 20], max_new=ROOM - 2)
    assert result["tokens"] == ROOM - 2


def test_unless_told_half_of_a_small_model_is_room_for_what_is_new(tmp_path):
    tiny_author(tmp_path, max_position_embeddings=18)
    [result] = results(open_runner(tmp_path, device="cpu", dtype="fp32"), ["A cat"])
    assert result["tokens"] == 8


def test_from_python_the_field_of_the_id_is_known_too(folder):
    records = [{"id": 1, "name": name, "text": "A cat"} for name in "ab"]
    one, other = run("generate", records, model=folder, id="name", sample=True, max_new=8)
    assert one["text"] != other["text"]


@pytest.mark.parametrize(
    ("config", "method"),
    [
        ({"architectures": ["RobertaForMaskedLM"], "is_decoder": True}, "causal"),
        ({"architectures": None, "is_decoder": True}, "causal"),
        ({"architectures": ["RobertaForCausalLM"], "is_decoder": False}, "causal"),
        ({"architectures": ["RobertaForMaskedLM"], "is_decoder": False}, "mask"),
        ({"architectures": None, "is_decoder": False}, "mask"),
    ],
)
def test_the_checkpoint_says_which_method_it_was_trained_for(folder, tmp_path, config, method):
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    said = json.loads((tmp_path / "config.json").read_text(encoding="utf-8")) | config
    (tmp_path / "config.json").write_text(json.dumps(said), encoding="utf-8")
    runner = open_runner(tmp_path, device="cpu", dtype="fp32")
    [result] = results(runner, ["A cat"], max_new=3)
    assert result["method"] == method
    assert results(runner, ["A cat"], max_new=3, method=method) == [result]


def test_rules_that_forbid_every_token_fail_only_their_record(folder, tmp_path):
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    runner = open_runner(tmp_path, device="cpu", dtype="fp32")
    start = {"suppress_tokens": [id for id in range(runner.config.vocab_size) if id != 2]}  # only </s> is left
    (tmp_path / "generation_config.json").write_text(json.dumps(start), encoding="utf-8")
    job = Job(runner, open_task("generate", runner, max_new=3, no_repeat=1), on_error="record")
    texts = ["A cat", "A </s> cat", "A dog"]
    fine, stuck, also_fine = job.results(given_records(texts))
    assert (fine["finish"], also_fine["finish"]) == ("eos", "eos")
    assert "no token can follow" in stuck["error"]["message"]
