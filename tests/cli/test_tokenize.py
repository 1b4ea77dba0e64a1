"""roberta tokenize, on the built-in model."""

import json

from roberta.builtin import MINI

NOTE = "note: the small built-in model answers; name a checkpoint with --model for real work\n"


def results(out: str) -> list[dict]:
    return [json.loads(line) for line in out.splitlines()]


def test_one_text_one_line_with_the_documented_keys_in_order(roberta):
    ended = roberta("tokenize", "Hello world")
    assert (ended.code, ended.err) == (0, NOTE)
    [result] = results(ended.out)
    assert list(result) == ["id", "tokens", "ids", "spans", "count"]
    assert result["id"] == 1
    assert result["tokens"][0] == "<s>" and result["tokens"][-1] == "</s>"
    assert result["spans"][0] is None and result["spans"][-1] is None
    assert result["count"] == len(result["ids"]) == len(result["tokens"]) == len(result["spans"])


def test_spans_are_code_points_of_the_text(roberta):
    text = "Zoë 🎈 waves"
    [result] = results(roberta("tokenize", text, "-q").out)
    words = [text[start:end] for span in result["spans"] if span for start, end in [span]]
    assert words[0].startswith("Z") and words[-1].endswith("s")
    assert max(end for span in result["spans"] if span for end in span) == len(text)


def test_every_text_is_a_record_in_order(roberta):
    one, two = roberta("tokenize", "-q", "first").out, roberta("tokenize", "-q", "second").out
    both = results(roberta("tokenize", "-q", "first", "second").out)
    assert both == [results(one)[0], {**results(two)[0], "id": 2}]


def test_texts_files_and_pipes_say_the_same(roberta, tmp_path):
    given = roberta("tokenize", "-q", "Hello world", "Zoë")
    (tmp_path / "texts.txt").write_text("Hello world\nZoë\n", encoding="utf-8")
    (tmp_path / "texts.jsonl").write_text('{"text": "Hello world"}\n{"text": "Zoë"}\n', encoding="utf-8")
    piped = b"Hello world\nZo\xc3\xab\n"
    for other in (
        roberta("tokenize", "-q", "-i", "texts.txt"),
        roberta("tokenize", "-q", "--input", "texts.jsonl"),
        roberta("tokenize", "-q", stdin=piped),
        roberta("tokenize", "-q", "-i", "-", stdin=piped),
    ):
        assert (other.code, other.out, other.err) == (0, given.out, "")


def test_the_id_of_a_record_is_kept(roberta):
    [result] = results(roberta("tokenize", "-q", stdin=b'{"id": "r7", "text": "Hello"}\n').out)
    assert result["id"] == "r7"


def test_several_files_are_one_stream(roberta, tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(f"{name}\n", encoding="utf-8")
    assert [r["id"] for r in results(roberta("tokenize", "-q", "-i", "a.txt", "-i", "b.txt").out)] == [1, 2]


def test_an_empty_pipe_is_no_records_and_no_error(roberta):
    ended = roberta("tokenize", "-q", stdin=b"")
    assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_the_table_has_a_line_for_each_token(roberta):
    ended = roberta("tokenize", "-q", "Hello", "--output-format", "table")
    [result] = results(roberta("tokenize", "-q", "Hello").out)
    lines = ended.out.splitlines()
    assert [line.split()[-1] for line in lines] == result["tokens"]
    assert [int(line.split()[0]) for line in lines] == result["ids"]


def test_a_text_may_begin_with_a_dash(roberta):
    [result] = results(roberta("tokenize", "-q", "--", "--top 3").out)
    assert result["tokens"][1].startswith("-")


def test_a_named_model_answers_and_nothing_is_said(roberta, monkeypatch):
    ended = roberta("tokenize", "-m", str(MINI), "Hello")
    assert (ended.code, ended.err) == (0, "")
    monkeypatch.setenv("ROBERTA_MODEL", "no/such/folder")
    assert roberta("tokenize", "Hello").code == 4
    assert roberta("tokenize", "-m", str(MINI), "Hello").out == ended.out, "the flag wins over the environment"


def test_a_model_that_is_not_there_is_code_4_and_says_so(roberta):
    ended = roberta("tokenize", "-m", "./nowhere", "Hello")
    assert (ended.code, ended.out) == (4, "")
    assert ended.err.startswith("error: ") and "nowhere" in ended.err and ended.err.count("\n") == 1


def test_a_hub_model_offline_is_code_7(roberta, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    ended = roberta("tokenize", "-m", "somebody/something", "Hello")
    assert (ended.code, ended.out) == (7, "")
    assert "somebody/something" in ended.err


def test_a_file_that_is_not_there_is_code_3(roberta):
    ended = roberta("tokenize", "-q", "-i", "missing.txt")
    assert (ended.code, ended.out) == (3, "")
    assert ended.err.startswith("error: missing.txt")


def test_what_stands_before_a_broken_record_is_answered(roberta):
    ended = roberta("tokenize", "-q", stdin=b'{"text": "Hello"}\n{"review": "no text"}\n{"text": "never"}\n')
    assert ended.code == 1
    assert [r["id"] for r in results(ended.out)] == [1]
    assert ended.err == 'error: stdin:2: no field "text" (found: "review"); try --field review\n'


def test_words_and_places_alone_are_written_as_in_the_table(roberta):
    show = ("tokenize", "Hello", "--output-format", "table", "--quiet", "--show")
    assert roberta(*show, "words").out == "words: - 0 0 -\n"
    assert roberta(*show, "spans").out == "spans: - 0-1 1-5 -\n"
