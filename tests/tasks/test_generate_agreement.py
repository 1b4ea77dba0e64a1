"""generate against the forward pass of transformers: each token the best one after the whole text so far."""

import gzip
import json
import math

import pytest

from roberta.engine.job import Job
from roberta.engine.open_task import open_task
from roberta.engine.runner import open_runner
from roberta.records import given_records
from tests.shared import SHARED, needs_shared
from tests.tasks.tiny_author import ROOM, tiny_author
from tests.tasks.tiny_classifier import OWN_TEXTS, real_lines

NEW = 6
NEAR = 1e-3  # float32 on both sides, over NEW tokens


def prompts():
    texts = [*OWN_TEXTS, *real_lines("odd_text.txt", 130), *real_lines("sentences.txt", 170)]
    if SHARED is not None:
        with gzip.open(SHARED / "tasks" / "long_documents.jsonl.gz", "rt", encoding="utf-8") as lines:
            texts += [json.loads(line)["text"] for _, line in zip(range(10), lines)]
    return texts


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_author(tmp_path_factory.mktemp("author"))


@pytest.fixture(scope="module")
def reference(folder):
    """Ids of a text's end and the best ids after it, by whole forward passes: their own generate() counts wrongly."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    transformers.logging.set_verbosity_error()
    model = transformers.RobertaForCausalLM.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)

    @torch.no_grad()
    def continued(text):
        ids = tokenizer(text, add_special_tokens=False).input_ids
        line = [0, *ids[-(ROOM - NEW - 1) :]]
        new, logprob, finish = [], 0.0, "length"
        while len(new) < NEW and finish == "length":
            logprobs = model(torch.tensor([[*line, *new]])).logits[0, -1].double().log_softmax(-1)
            new.append(int(logprobs.argmax()))
            logprob += logprobs.max().item()
            finish = "eos" if new[-1] == model.config.eos_token_id else "length"
        added = tokenizer.decode(new, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return {
            "text": text + added,
            "new": added,
            "tokens": len(new),
            "finish": finish,
            "logprob": pytest.approx(logprob, abs=NEAR),
            "method": "causal",
            **({"truncated": len(ids) + 1 + NEW - ROOM} if len(ids) + 1 + NEW > ROOM else {}),
        }

    return continued


@needs_shared
def test_texts_go_on_as_by_forward_passes_of_the_reference(folder, reference):
    texts = prompts()
    assert len(texts) >= 300 and any("🎉" in text for text in texts)
    runner = open_runner(folder, device="cpu", dtype="fp32")
    found = list(Job(runner, open_task("generate", runner, max_new=NEW)).results(given_records(texts)))
    assert sum("truncated" in result for result in found) >= 10
    for text, result in zip(texts, found, strict=True):
        del result["id"]
        assert math.isfinite(result["logprob"])
        assert result == reference(text)
    assert len({result["new"] for result in found}) > 100, "they say different things"
