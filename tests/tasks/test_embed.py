import numpy as np
import pytest

from roberta.errors import InputError, UsageError
from roberta.records import Record
from roberta.tasks.embed import Embed
from roberta.tasks.long_text import LongText
from roberta.weights.sentence_folder import Dense

from .blank_letters import BlankLetters


def states(window):
    """(rows, 2): a token's state is its id and its id squared, whatever the window."""
    rows = range(len(window.input_ids)) if window.rows is None else window.rows
    return np.array([[window.input_ids[row], window.input_ids[row] ** 2] for row in rows], np.float32)


def embed(text, room=100, overlap=0, long="window", **options):
    fields = options.pop("fields", {})
    task = Embed(BlankLetters(), LongText(room, long, overlap), **options)
    record = Record(0, "argument 1", {"text": text, **fields})
    windows = task.prepare(record)
    return task.decode(record, windows, [task.condense(record, window, states(window)) for window in windows])


def test_a_text_is_the_mean_of_all_its_tokens_the_framing_included():
    ids = [0, ord("a"), ord("b"), 2]
    assert embed("ab") == {
        "embedding": pytest.approx([np.mean(ids), np.mean(np.square(ids))]),
        "dims": 2,
    }


def test_a_long_text_is_the_mean_of_its_windows_by_their_tokens():
    found = embed("abcde", room=5)  # abc, cde: the last window is as full as the others
    means = [np.mean([0, *map(ord, part), 2]) for part in ("abc", "cde")]
    assert found["embedding"][0] == pytest.approx(np.mean(means))
    assert found["windows"] == 2


def test_truncating_says_how_many_tokens_were_left_out():
    assert embed("abcde", room=5, long="truncate")["truncated"] == 2
    assert "truncated" not in embed("abc", room=5, long="truncate")


def test_every_token_has_its_own_vector_and_slice_whatever_the_windows():
    for room, overlap in ((100, 0), (5, 1), (6, 2)):
        tokens = embed("ab cdé fg", room, overlap, level="token")["tokens"]
        assert "".join(token["text"] for token in tokens) == "abcdéfg"
        for token in tokens:
            assert "ab cdé fg"[token["start"] : token["end"]] == token["text"]
            assert int(token["embedding"][0]) % 128 == ord(token["text"]) % 128


def test_a_word_is_the_mean_of_its_tokens():
    class TwoLetterWords(BlankLetters):
        def pieces(self, text):
            found = super().pieces(text)
            found.word_ids = [place // 2 for place in range(len(found.ids))]
            return found

    task = Embed(TwoLetterWords(), LongText(100), level="word")
    record = Record(0, "argument 1", {"text": "abcde"})
    [window] = task.prepare(record)
    words = task.decode(record, [window], [states(window)])["words"]
    assert [word["text"] for word in words] == ["ab", "cd", "e"]
    assert words[1]["embedding"][0] == (ord("c") + ord("d")) / 2


def test_spans_count_in_the_unit_asked_for():
    assert [token["start"] for token in embed("é😀x", level="token", offsets="bytes")["tokens"]] == [0, 2, 6]
    assert [token["start"] for token in embed("é😀x", level="token", offsets="utf16")["tokens"]] == [0, 1, 3]


def test_a_prompt_is_read_but_its_tokens_and_the_start_are_pooled_only_if_asked():
    both = embed("ab", prompt="q:")
    text_only = embed("ab", prompt="q:", pools_prompt=False)
    assert both["embedding"][0] == pytest.approx(np.mean([0, ord("q"), ord(":"), ord("a"), ord("b"), 2]))
    assert text_only["embedding"][0] == pytest.approx(np.mean([ord("a"), ord("b"), 2]))


def test_every_window_of_a_long_text_has_the_prompt_before_it():
    task = Embed(BlankLetters(), LongText(6, overlap=0), prompt="q:")
    windows = task.prepare(Record(0, "argument 1", {"text": "abcd"}))
    assert [bytes(window.input_ids[1:-1]) for window in windows] == [b"q:ab", b"q:cd"]


def test_dense_layers_normalizing_and_cutting_come_in_the_folders_order():
    dense = [Dense(np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 2.0]], np.float32), np.ones(3, np.float32), "linear")]
    plain = embed("ab")["embedding"]
    wide = np.array([plain[0] + 1, plain.sum() + 1, 2 * plain[1] + 1])
    assert embed("ab", dense=dense)["embedding"] == pytest.approx(wide)
    unit = wide / np.linalg.norm(wide)
    assert embed("ab", dense=dense, module_normalizes=True, dims=2)["embedding"] == pytest.approx(unit[:2])
    assert embed("ab", dense=dense, module_normalizes=True, normalize=False)["embedding"] == pytest.approx(wide)
    cut = wide[:2] / np.linalg.norm(wide[:2])
    assert embed("ab", dense=dense, normalize=True, dims=2)["embedding"] == pytest.approx(cut)


def test_a_pair_gives_its_cosine_and_no_vectors():
    found = embed("ab", pair_field="other", fields={"other": "zzz"})
    one, other = embed("ab")["embedding"], embed("zzz")["embedding"]
    cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
    assert found == {"score": pytest.approx(cosine, abs=1e-6)}
    assert embed("ab", pair_field="other", fields={"other": "ab"})["score"] == pytest.approx(1, abs=1e-6)


def test_what_cannot_be_embedded_is_refused():
    with pytest.raises(InputError, match="empty"):
        embed("")
    assert embed("", allow_empty=True)["dims"] == 2
    with pytest.raises(UsageError, match="level"):
        embed("a", level="page")
    with pytest.raises(UsageError, match="precision"):
        embed("a", precision="int4")
    with pytest.raises(UsageError, match="--level"):
        embed("a", level="word", pair_field="other")
