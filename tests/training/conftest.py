"""A small vocabulary and a page of text to learn from."""

import random
from pathlib import Path

import pytest
import torch

from roberta.model.models import RobertaForMaskedLM
from roberta.tokenizer import RobertaTokenizer
from roberta.training.pretrain import Beginning
from roberta.training.start import Sizes

TINY = Path(__file__).parents[1] / "data" / "tiny_vocabulary"
_TALK = "the cat sat on a mat and rat harbour was quiet in morning people walked Moon capital is"
# A model of two thin layers, which makes a step in a few milliseconds.
SMALL = ["--layers", "2", "--hidden", "16", "--heads", "2", "--ffn", "32", "--positions", "32"]
PLAN = ["--steps", "9", "--save-every", "3", "--batch-tokens", "96", "--lr", "1e-2", "--dev", "10%"]


@pytest.fixture(autouse=True)
def one_thread():
    """So small models have nothing to share, and threads that wait for each other take the time of the tests."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def words():
    """The tokenizer of the small vocabulary, for tests that change nothing."""
    return RobertaTokenizer.from_pretrained(TINY)


def sample_text(documents=12, seed=0):
    """Documents of one to three paragraphs of one to five sentences, blank lines between them."""
    draw = random.Random(seed)

    def sentence():
        return " ".join(draw.choices(_TALK.split(), k=draw.randint(3, 12))).capitalize() + draw.choice(".?!")

    def paragraph():
        return " ".join(sentence() for _ in range(draw.randint(1, 5)))

    return "\n\n".join("\n".join(paragraph() for _ in range(draw.randint(1, 3))) for _ in range(documents)) + "\n"


@pytest.fixture
def corpus(tmp_path):
    """A file of sample text."""
    path = tmp_path / "corpus.txt"
    path.write_text(sample_text(), encoding="utf-8")
    return path


def plan_for(corpus):
    """Arguments of `roberta train mlm` that make a small model of the corpus in nine steps; give it an -o."""
    return ["train", "mlm", str(corpus), "--tokenizer", str(TINY), *SMALL, *PLAN]


@pytest.fixture
def plan(corpus):
    """The same for a corpus of this test."""
    return plan_for(corpus)


def save_thin(folder, **sizes):
    """A checkpoint of a fresh language model over the small vocabulary. sizes: as `Sizes` takes them."""
    model, words = Beginning(tokenizer=str(TINY), sizes=Sizes(**sizes)).open(RobertaForMaskedLM, 0)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def base(tmp_path_factory, words):
    """A small language model that fine-tuning starts from; for tests that change nothing."""
    from tests.training.tuning import language_model  # late: transformers

    return language_model(tmp_path_factory.mktemp("base"), words)
