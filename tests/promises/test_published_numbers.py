"""Published checkpoints give the documented answers. Needs the network, or their files fetched before."""

import os
import urllib.request

import pytest
import torch

from roberta import (
    AutoTokenizer,
    RobertaForMaskedLM,
    RobertaForQuestionAnswering,
    RobertaForSequenceClassification,
    RobertaForTokenClassification,
)
from roberta.errors import NetworkError
from roberta.hub import Origin

pytestmark = pytest.mark.published


def fetched(name: str) -> bool:
    """Whether the files of a repository were fetched before."""
    try:
        return Origin(name, local_files_only=True).file("config.json") is not None
    except NetworkError:
        return False


@pytest.fixture(scope="module")
def hub_answers() -> bool:
    """One short question to the hub, through the proxy that the environment names."""
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    try:
        with urllib.request.urlopen(f"{endpoint}/FacebookAI/roberta-base/resolve/main/config.json", timeout=3):
            return True
    except (OSError, ValueError):
        return False


@pytest.fixture
def opened(hub_answers):
    """(class, name) -> the checkpoint's tokenizer and model; skips the test where it cannot be had."""

    def open_checkpoint(kind, name):
        if not hub_answers and not fetched(name):
            pytest.skip("the hub cannot be reached")
        return AutoTokenizer.from_pretrained(name), kind.from_pretrained(name, strict=True)

    return open_checkpoint


@torch.no_grad()
def test_roberta_base_knows_the_capital_of_france(opened):
    tokenizer, model = opened(RobertaForMaskedLM, "FacebookAI/roberta-base")
    inputs = tokenizer("The capital of France is <mask>.", return_tensors="pt")
    logits = model(**inputs).logits
    masked = inputs.input_ids == tokenizer.mask_token_id
    assert tokenizer.decode(logits[masked].argmax(-1)) == " Paris"
    labels = tokenizer("The capital of France is Paris.", return_tensors="pt")["input_ids"]
    labels = torch.where(masked, labels, -100)
    assert round(model(**inputs, labels=labels).loss.item(), 2) == 0.1


@torch.no_grad()
def test_a_cute_dog_is_optimism(opened):
    name = "cardiffnlp/twitter-roberta-base-emotion"
    tokenizer, model = opened(RobertaForSequenceClassification, name)
    inputs = tokenizer("Hello, my dog is cute", return_tensors="pt")
    assert model.config.id2label[model(**inputs).logits.argmax().item()] == "optimism"
    assert round(model(**inputs, labels=torch.tensor([1])).loss.item(), 2) == 0.08


@torch.no_grad()
def test_entities_of_a_company_and_its_cities(opened):
    name = "Jean-Baptiste/roberta-large-ner-english"
    tokenizer, model = opened(RobertaForTokenClassification, name)
    text = "HuggingFace is a company based in Paris and New York"
    inputs = tokenizer(text, add_special_tokens=False, return_tensors="pt")
    best = model(**inputs).logits.argmax(-1)
    found = [model.config.id2label[number] for number in best[0].tolist()]
    assert " ".join(found) == "O ORG ORG O O O O O LOC O LOC LOC"
    assert round(model(**inputs, labels=best).loss.item(), 2) == 0.01


@torch.no_grad()
def test_jim_henson_was_a_puppet(opened):
    tokenizer, model = opened(RobertaForQuestionAnswering, "deepset/roberta-base-squad2")
    inputs = tokenizer("Who was Jim Henson?", "Jim Henson was a nice puppet", return_tensors="pt")
    output = model(**inputs)
    start, end = output.start_logits.argmax().item(), output.end_logits.argmax().item()
    assert tokenizer.decode(inputs.input_ids[0, start : end + 1], skip_special_tokens=True) == " puppet"
    loss = model(**inputs, start_positions=torch.tensor([14]), end_positions=torch.tensor([15])).loss
    assert round(loss.item(), 2) == 0.86
