"""The tasks that the reference documentation shows for RoBERTa, written as there, with `roberta` in the import line.

Names of published checkpoints are replaced by folders with the tokenizer of the built-in model and random weights; the
built-in model itself fills the mask. `promises/test_published_numbers` asks the published ones.
"""

import shutil
from pathlib import Path

import pytest
import torch

import roberta.builtin
from roberta import (
    AutoConfig,
    AutoTokenizer,
    RobertaConfig,
    RobertaForCausalLM,
    RobertaForMaskedLM,
    RobertaForMultipleChoice,
    RobertaForQuestionAnswering,
    RobertaForSequenceClassification,
    RobertaForTokenClassification,
    RobertaModel,
    RobertaTokenizer,
    RobertaTokenizerFast,
)
from tests.conftest import seeded, tiny_config

BUILT_IN = Path(roberta.builtin.__file__).parent / "mini"
EMOTIONS = ["anger", "joy", "optimism", "sadness"]
ENTITIES = ["O", "MISC", "PER", "ORG", "LOC"]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Saves a random model of a class beside the built-in tokenizer; gives what stands for the checkpoint's name."""

    def publish(kind, labels=("LABEL_0", "LABEL_1")):
        folder = tmp_path_factory.mktemp(kind.__name__)
        words = len(AutoTokenizer.from_pretrained(BUILT_IN))
        config = tiny_config(vocab_size=words, max_position_embeddings=130, id2label=dict(enumerate(labels)))
        seeded(kind, config).save_pretrained(folder)
        for name in ("vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json"):
            shutil.copy(BUILT_IN / name, folder)
        return str(folder)

    return publish


@pytest.mark.parametrize("kind", [RobertaTokenizer, RobertaTokenizerFast])
def test_tokenizer(kind):
    tokenizer = kind.from_pretrained(str(BUILT_IN))
    first, later = tokenizer("Hello world")["input_ids"], tokenizer(" Hello world")["input_ids"]
    assert first[0] == later[0] == tokenizer.bos_token_id == 0
    assert first[-1] == later[-1] == tokenizer.eos_token_id == 2
    assert first != later, "a word is another one behind a blank"
    assert tokenizer.decode(first, skip_special_tokens=True) == "Hello world"
    assert tokenizer.decode(later, skip_special_tokens=True) == " Hello world"


def test_configuration():
    # A configuration in the style of roberta-base, and a model with random weights from it.
    configuration = RobertaConfig()
    model = RobertaModel(configuration)
    assert model.config is configuration
    # The published model has two positions more and one token type less.
    assert model.num_parameters() == 124_645_632 - 2 * 768 + 768


def test_model(published):
    name = published(RobertaModel)
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = RobertaModel.from_pretrained(name)

    inputs = tokenizer("Hello, my dog is cute", return_tensors="pt")
    outputs = model(**inputs)

    last_hidden_states = outputs.last_hidden_state
    assert last_hidden_states.shape == (*inputs.input_ids.shape, 16)


def test_causal_language_model(published):
    name = published(RobertaForCausalLM)
    tokenizer = AutoTokenizer.from_pretrained(name)
    config = AutoConfig.from_pretrained(name)
    config.is_decoder = True
    model = RobertaForCausalLM.from_pretrained(name, config=config)

    inputs = tokenizer("Hello, my dog is cute", return_tensors="pt")
    outputs = model(**inputs)

    prediction_logits = outputs.logits
    assert prediction_logits.shape == (*inputs.input_ids.shape, len(tokenizer))


def test_masked_language_model():
    tokenizer = AutoTokenizer.from_pretrained(str(BUILT_IN))
    model = RobertaForMaskedLM.from_pretrained(str(BUILT_IN))

    inputs = tokenizer("She opened the <mask> and went in.", return_tensors="pt")

    with torch.no_grad():
        logits = model(**inputs).logits

    # find the place of <mask>
    mask_token_index = (inputs.input_ids == tokenizer.mask_token_id)[0].nonzero(as_tuple=True)[0]

    predicted_token_id = logits[0, mask_token_index].argmax(axis=-1)
    assert tokenizer.decode(predicted_token_id).startswith(" ")

    labels = tokenizer("She opened the door and went in.", return_tensors="pt")["input_ids"]
    # only the masked token counts
    labels = torch.where(inputs.input_ids == tokenizer.mask_token_id, labels, -100)

    outputs = model(**inputs, labels=labels)
    expected = -logits[0, mask_token_index].log_softmax(-1)[0, labels[0, mask_token_index]]
    assert outputs.loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert outputs.loss.item() < 9.7, "better than a blind guess among 16,384 words"


def test_sequence_classification_with_one_label(published):
    name = published(RobertaForSequenceClassification, EMOTIONS)
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = RobertaForSequenceClassification.from_pretrained(name)

    inputs = tokenizer("Hello, my dog is cute", return_tensors="pt")

    with torch.no_grad():
        logits = model(**inputs).logits

    predicted_class_id = logits.argmax().item()
    assert model.config.id2label[predicted_class_id] in EMOTIONS

    # To train a model on `num_labels` classes, pass `num_labels=num_labels` to `.from_pretrained(...)`
    num_labels = len(model.config.id2label)
    model = RobertaForSequenceClassification.from_pretrained(name, num_labels=num_labels)

    labels = torch.tensor([1])
    loss = model(**inputs, labels=labels).loss
    assert loss.item() == pytest.approx(-logits.log_softmax(-1)[0, 1].item(), rel=1e-5)


def test_sequence_classification_with_several_labels(published):
    name = published(RobertaForSequenceClassification, EMOTIONS)
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = RobertaForSequenceClassification.from_pretrained(name, problem_type="multi_label_classification")

    inputs = tokenizer("Hello, my dog is cute", return_tensors="pt")

    with torch.no_grad():
        logits = model(**inputs).logits

    predicted_class_ids = torch.arange(0, logits.shape[-1])[torch.sigmoid(logits).squeeze(dim=0) > 0.5]

    # To train a model on `num_labels` classes, pass `num_labels=num_labels` to `.from_pretrained(...)`
    num_labels = len(model.config.id2label)
    model = RobertaForSequenceClassification.from_pretrained(
        name, num_labels=num_labels, problem_type="multi_label_classification"
    )

    labels = torch.sum(
        torch.nn.functional.one_hot(predicted_class_ids[None, :].clone(), num_classes=num_labels), dim=1
    ).to(torch.float)
    loss = model(**inputs, labels=labels).loss
    # Each label is given the likelier answer: less than the loss of a coin.
    assert 0 < loss.item() < 0.6931
    loss.backward()


def test_multiple_choice(published):
    name = published(RobertaForMultipleChoice)
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = RobertaForMultipleChoice.from_pretrained(name)

    prompt = "In Italy, pizza served in formal settings, such as at a restaurant, is presented unsliced."
    choice0 = "It is eaten with a fork and a knife."
    choice1 = "It is eaten while held in the hand."
    labels = torch.tensor(0).unsqueeze(0)  # choice0 is correct (according to Wikipedia ;)), batch size 1

    encoding = tokenizer([prompt, prompt], [choice0, choice1], return_tensors="pt", padding=True)
    outputs = model(**{k: v.unsqueeze(0) for k, v in encoding.items()}, labels=labels)  # batch size is 1

    # the linear classifier still needs to be trained
    loss = outputs.loss
    logits = outputs.logits
    assert logits.shape == (1, 2)
    assert loss.item() == pytest.approx(-logits.log_softmax(-1)[0, 0].item(), rel=1e-5)


def test_token_classification(published):
    name = published(RobertaForTokenClassification, ENTITIES)
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = RobertaForTokenClassification.from_pretrained(name)

    inputs = tokenizer(
        "HuggingFace is a company based in Paris and New York", add_special_tokens=False, return_tensors="pt"
    )

    with torch.no_grad():
        logits = model(**inputs).logits

    predicted_token_class_ids = logits.argmax(-1)

    # Tokens are classified rather than words, so there may be more classes than words.
    predicted_tokens_classes = [model.config.id2label[t.item()] for t in predicted_token_class_ids[0]]
    assert len(predicted_tokens_classes) == inputs["input_ids"].shape[1]
    assert set(predicted_tokens_classes) <= set(ENTITIES)

    labels = predicted_token_class_ids
    loss = model(**inputs, labels=labels).loss
    assert loss.item() == pytest.approx(-logits.log_softmax(-1).amax(-1).mean().item(), rel=1e-5)


def test_question_answering(published):
    name = published(RobertaForQuestionAnswering)
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = RobertaForQuestionAnswering.from_pretrained(name)

    question, text = "Who was Jim Henson?", "Jim Henson was a nice puppet"

    inputs = tokenizer(question, text, return_tensors="pt")
    with torch.no_grad():
        outputs = model(**inputs)

    answer_start_index = outputs.start_logits.argmax()
    answer_end_index = outputs.end_logits.argmax()

    predict_answer_tokens = inputs.input_ids[0, answer_start_index : answer_end_index + 1]
    assert isinstance(tokenizer.decode(predict_answer_tokens, skip_special_tokens=True), str)

    target_start_index = torch.tensor([7])
    target_end_index = torch.tensor([8])

    outputs = model(**inputs, start_positions=target_start_index, end_positions=target_end_index)
    expected = -(outputs.start_logits.log_softmax(-1)[0, 7] + outputs.end_logits.log_softmax(-1)[0, 8]) / 2
    assert outputs.loss.item() == pytest.approx(expected.item(), rel=1e-5)
