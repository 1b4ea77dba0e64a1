"""The warm start from counts against a dense computation that is read at a glance."""

import numpy as np
import pytest
import torch

from roberta.model.models import RobertaForMaskedLM
from roberta.training import svd_start
from roberta.training.start import Sizes, start
from roberta.training.svd_start import WINDOW, count_pairs, leading_vectors, positive_information, start_from_counts

WORDS = 24


@pytest.fixture
def ids():
    """A text with structure: words of one half keep to themselves, some are frequent, the last one never occurs."""
    draw = np.random.default_rng(3)
    halves = [draw.zipf(1.5, 200) % 11, 11 + draw.zipf(1.5, 200) % 12]
    return np.concatenate(halves * 2).astype(np.uint16)


def dense_counts(ids, words=WORDS):
    """How often b stands within the window on either side of a: (words, words)."""
    counts = np.zeros((words, words))
    for place, word in enumerate(ids.tolist()):
        for other in ids[max(0, place - WINDOW) : place].tolist() + ids[place + 1 : place + 1 + WINDOW].tolist():
            counts[word, other] += 1
    return counts


def dense_information(ids, words=WORDS):
    """max(0, log P(a, b) / P(a) P'(b)), where P' is of counts raised to 0.75."""
    counts = dense_counts(ids, words)
    each = counts.sum(1)
    context = each**0.75 / (each**0.75).sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.log(counts / counts.sum() / (each[:, None] / counts.sum() * context[None, :]))
    return np.where(counts > 0, np.maximum(value, 0), 0)


def test_pairs_are_counted_as_a_loop_over_the_text_does(ids):
    pairs, counts = count_pairs(ids, WORDS)
    assert (np.diff(pairs) > 0).all(), "sorted, each once"
    table = np.zeros(WORDS * WORDS)
    table[pairs] = counts
    table = table.reshape(WORDS, WORDS)
    assert np.array_equal(table + table.T, dense_counts(ids))


@pytest.mark.parametrize("chunk", [7, 64, 399])
def test_counting_in_pieces_changes_nothing(ids, monkeypatch, chunk):
    whole = count_pairs(ids, WORDS)
    monkeypatch.setattr(svd_start, "_CHUNK", chunk)
    for found, expected in zip(count_pairs(ids, WORDS), whole):
        assert np.array_equal(found, expected)


def test_information_is_that_of_the_dense_formula(ids):
    found = positive_information(*count_pairs(ids, WORDS), WORDS).to_dense().numpy()
    assert found == pytest.approx(dense_information(ids), abs=1e-5)
    assert (found[-1] == 0).all() and (found[:, -1] == 0).all(), "the word that does not occur"


def test_the_leading_vectors_are_those_of_a_dense_decomposition(ids):
    information = dense_information(ids)
    left, strength, _ = np.linalg.svd(information)
    sparse = torch.from_numpy(information.astype(np.float32)).to_sparse_coo()
    found_left, found_strength = leading_vectors(sparse, 6, seed=0)
    assert (found_left.shape, found_strength.shape) == ((WORDS, 6), (6,))
    assert found_strength.numpy() == pytest.approx(strength[:6], rel=1e-4)
    # Signs are free, and so are rotations among equal values: what the vectors span is not.
    ours = found_left.numpy() * found_strength.numpy() @ found_left.numpy().T
    assert ours == pytest.approx(left[:, :6] * strength[:6] @ left[:, :6].T, abs=1e-3)


@pytest.fixture
def model(words):
    def make(seed=0):
        return start(RobertaForMaskedLM, None, words, Sizes(1, 8, 1, 16, 16), seed)

    return make


@pytest.fixture
def text(words):
    """Ids of eight subjects that come in runs, each with words of its own, rare ones among them; the special ones
    stand between. So many directions stand out, which a random projection finds to the last digits."""
    draw = np.random.default_rng(0)
    subjects = [5 + sum(range(6, 6 + subject)) + np.arange(6 + subject) for subject in range(8)]
    runs = [draw.choice(subjects[draw.integers(8)], draw.integers(20, 60)) for _ in range(90)]
    return np.concatenate([np.append(run, words.eos_token_id) for run in runs]).astype(np.uint16)


def special(words):
    marked = np.zeros(len(words), bool)
    marked[words.all_special_ids] = True
    return marked


def test_the_word_table_is_the_scaled_vectors_and_the_bias_the_frequencies(model, words, text):
    ours, before = model(), model().get_input_embeddings().weight.detach().numpy()
    start_from_counts(ours, text, special=special(words))
    table = ours.get_input_embeddings().weight.detach().numpy()

    left, strength, _ = np.linalg.svd(dense_information(text, len(words)))
    vectors = left[:, :8] * np.sqrt(strength[:8])
    frequency = np.bincount(text, minlength=len(words))
    learnt = (frequency > 0) & ~special(words)
    assert 20 < learnt.sum() < len(words) - 20
    ours_alike, theirs_alike = (each[learnt] @ each[learnt].T for each in (table, vectors))  # free of signs
    scale = np.linalg.norm(ours_alike) / np.linalg.norm(theirs_alike)
    assert ours_alike == pytest.approx(theirs_alike * scale, abs=1e-4)
    assert table[learnt].std() == pytest.approx(0.04, rel=0.05), "</s>, which is counted and not set, is among them"
    assert np.array_equal(table[~learnt], before[~learnt]), "special words and those of no text keep what was drawn"
    expected = np.log((frequency + 1) / (len(text) + len(words)))
    assert ours.lm_head.bias.detach().numpy() == pytest.approx(expected, abs=1e-6)
    assert np.exp(expected).sum() == pytest.approx(1.0)
    assert ours.lm_head.decoder.weight is ours.get_input_embeddings().weight, "still tied"


def test_the_same_seed_gives_the_same_numbers(model, words, text):
    one, same = model(), model()
    for each in (one, same):
        start_from_counts(each, text, special=special(words), seed=4)
    assert torch.equal(one.get_input_embeddings().weight, same.get_input_embeddings().weight)


def test_only_the_first_part_of_a_long_text_is_counted(model, words, text, monkeypatch):
    monkeypatch.setattr(svd_start, "TOKENS", 1000)
    long, short = model(), model()
    start_from_counts(long, text, special=special(words))
    start_from_counts(short, text[:1000], special=special(words))
    assert torch.equal(long.lm_head.bias, short.lm_head.bias)
    assert torch.equal(long.get_input_embeddings().weight, short.get_input_embeddings().weight)
