"""The same vectors as sentence-transformers, where that is installed, on folders that it wrote itself."""

import json
import shutil

import numpy as np
import pytest

import roberta
from roberta.builtin import MINI
from tests.conftest import seeded, tiny_config

from .tiny_classifier import OWN_TEXTS, ROOM, TOKENIZER_FILES, real_lines

st = pytest.importorskip("sentence_transformers")
parts = pytest.importorskip("sentence_transformers.sentence_transformer.modules")

TEXTS = [*OWN_TEXTS, *real_lines("sentences.txt", 300)]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoder")
    words = len(json.loads((MINI / "vocab.json").read_text(encoding="utf-8")))
    config = tiny_config(vocab_size=words, max_position_embeddings=ROOM + 2, type_vocab_size=1)
    seeded(roberta.RobertaModel, config, 5).save_pretrained(folder)
    for name in TOKENIZER_FILES:
        shutil.copyfile(MINI / name, folder / name)
    return folder


def folder_of(tmp_path, encoder, *, pooling, dense=False, normalize=False, **options):
    """A folder written by sentence-transformers, and the model that wrote it."""
    transformer = parts.Transformer(str(encoder), max_seq_length=ROOM)
    width = transformer.get_embedding_dimension()
    pool = parts.Pooling(width, pooling_mode=pooling, include_prompt=options.pop("include_prompt", True))
    modules = [transformer, pool]
    if dense:
        modules.append(parts.Dense(pool.get_embedding_dimension(), 7))
    if normalize:
        modules.append(parts.Normalize())
    model = st.SentenceTransformer(modules=modules, device="cpu", **options)
    model.save(str(tmp_path / "folder"))
    return tmp_path / "folder", model


def ours(folder, texts=TEXTS, **options):
    results = roberta.run("embed", texts, model=folder, long="truncate", allow_empty=True, **options)
    return np.stack([result["embedding"] for result in results])


@pytest.mark.parametrize(
    ("pooling", "dense", "normalize"),
    [
        ("cls", False, False),
        ("max", False, True),
        ("mean", False, False),
        ("mean", True, True),
        ("mean_sqrt_len_tokens", False, False),
        ("weightedmean", False, False),
        ("lasttoken", True, False),
        (("cls", "mean"), False, False),
    ],
)
def test_every_folder_gives_the_vectors_of_sentence_transformers(tmp_path, encoder, pooling, dense, normalize):
    folder, model = folder_of(tmp_path, encoder, pooling=pooling, dense=dense, normalize=normalize)
    theirs = model.encode(TEXTS, show_progress_bar=False)
    # Sums of float32 in another order.
    assert np.abs(ours(folder) - theirs).max() <= 1e-5 * max(1, np.abs(theirs).max())


@pytest.mark.parametrize("include_prompt", [True, False])
def test_prompts_agree_by_name_and_by_default(tmp_path, encoder, include_prompt):
    prompts = {"query": "query: ", "passage": "Represent this passage:"}
    folder, model = folder_of(
        tmp_path, encoder, pooling="mean", include_prompt=include_prompt, prompts=prompts, default_prompt_name="query"
    )
    texts = [text for text in TEXTS if len(text) < 100]
    for name in (None, "passage"):
        theirs = model.encode(texts, prompt_name=name, show_progress_bar=False)
        assert np.abs(ours(folder, texts, prompt_name=name) - theirs).max() <= 1e-5 * max(1, np.abs(theirs).max())


def test_a_plain_checkpoint_is_pooled_by_the_mean_as_there(encoder):
    model = st.SentenceTransformer(str(encoder), device="cpu")
    model.max_seq_length = ROOM  # the tokenizer's limit is larger than this encoder's, and is not checked there
    theirs = model.encode(TEXTS, show_progress_bar=False)
    assert np.abs(ours(encoder) - theirs).max() <= 1e-5 * max(1, np.abs(theirs).max())


def test_cut_dimensions_agree(tmp_path, encoder):
    folder, _ = folder_of(tmp_path, encoder, pooling="mean", normalize=True)
    theirs = st.SentenceTransformer(str(folder), device="cpu", truncate_dim=5).encode(TEXTS, show_progress_bar=False)
    assert np.abs(ours(folder, dims=5) - theirs).max() <= 1e-5
