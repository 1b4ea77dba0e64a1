"""A job as shards: which file goes where, and what one of them comes to."""

import pickle
from pathlib import Path

import pytest

from roberta.engine.shards import TRIES, Shard, Work, attempt, clear, plan_shards
from roberta.errors import ReadError, ResourceError, UsageError
from roberta.records import Fields

NAMES = ["part-1.jsonl", "part-0.jsonl", "2024/part-0.jsonl.gz", "2024/words.txt", "b.ndjson", "notes", ".hidden.jsonl"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def planned(*inputs, output="out", **options):
    return {shard.source: shard.target for shard in plan_shards(inputs, Path(output), **options)}


def test_each_output_has_the_name_and_place_of_its_input(folder):
    assert planned("in") == {
        "in/2024/part-0.jsonl.gz": "out/2024/part-0.jsonl",
        "in/2024/words.txt": "out/2024/words.jsonl",
        "in/b.ndjson": "out/b.ndjson",
        "in/part-0.jsonl": "out/part-0.jsonl",
        "in/part-1.jsonl": "out/part-1.jsonl",
    }
    assert planned("in/part-*.jsonl", "in/2024/words.txt") == {
        "in/part-0.jsonl": "out/part-0.jsonl",
        "in/part-1.jsonl": "out/part-1.jsonl",
        "in/2024/words.txt": "out/words.jsonl",
    }
    assert planned("in/**/part-0*") == {
        "in/part-0.jsonl": "out/part-0.jsonl",
        "in/2024/part-0.jsonl.gz": "out/2024/part-0.jsonl",
    }
    assert planned("in/notes") == {"in/notes": "out/notes.jsonl"}


def test_parquet_stays_parquet_unless_another_form_is_asked_for(folder):
    (folder / "in" / "a.parquet").touch()
    assert planned("in/a.parquet") == {"in/a.parquet": "out/a.parquet"}
    assert planned("in/a.parquet", form="jsonl") == {"in/a.parquet": "out/a.jsonl"}
    assert planned("in/b.ndjson", form="parquet") == {"in/b.ndjson": "out/b.parquet"}
    assert planned("in/notes", format="parquet") == {"in/notes": "out/notes.parquet"}


@pytest.mark.parametrize(
    ("inputs", "options", "kind", "sentence"),
    [
        (["-"], {}, UsageError, "standard input has no shards"),
        (["in/part-7.jsonl"], {}, ReadError, "no such file"),
        (["in"], {"form": "csv"}, UsageError, "written as jsonl or parquet, not as csv"),
        (["in"], {"format": "xml"}, UsageError, 'no format is called "xml"'),
        (["in/part-0.jsonl", "in/2024/part-0.jsonl.gz"], {}, UsageError, "would both be written to out/part-0.jsonl"),
        (["in"], {"output": "in"}, UsageError, "in/b.ndjson: would replace an input"),
    ],
)
def test_what_cannot_be_told_apart_or_would_be_lost_is_refused(folder, inputs, options, kind, sentence):
    with pytest.raises(kind, match=sentence):
        planned(*inputs, **options)


@pytest.fixture
def answered(tmp_path):
    """Answers these lines as one shard of `tokenize`, sent to another process and back; gives outcome and output."""

    def answer(*lines, target="out/a.jsonl", **options):
        (tmp_path / "a.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        work = Work("tokenize", options={"show": "count"}, reading={"format": "txt"}, **options)
        opened = pickle.loads(pickle.dumps(work)).open()
        outcome = opened.answer(Shard(str(tmp_path / "a.txt"), str(tmp_path / target)))
        output = tmp_path / target
        return pickle.loads(pickle.dumps(outcome)), output.read_text(encoding="utf-8") if output.exists() else None

    return answer


def test_a_shard_is_answered_and_counted(answered):
    outcome, output = answered("A cat.", "B.", fields=Fields.parse(keep="text"))
    assert output == '{"text":"A cat.","id":1,"count":5}\n{"text":"B.","id":2,"count":4}\n'
    assert (outcome.tally.records, outcome.tally.failed, outcome.error) == (2, 0, None)


def test_a_failure_leaves_no_output_and_says_where_it_was(answered, tmp_path):
    outcome, output = answered("A cat.", "", "B.")
    assert output is None
    assert list((tmp_path / "out").iterdir()) == []
    assert str(outcome.error) == f"{tmp_path}/a.txt:2: text is empty; give it at least one character"
    assert "in _checked" in outcome.error.__notes__[0] or "in results" in outcome.error.__notes__[0]


def test_failures_are_left_out_or_described_in_their_place(answered, tmp_path):
    outcome, output = answered("A cat.", "", on_error="skip")
    assert output == '{"id":1,"count":5}\n'
    assert outcome.skipped == [f"{tmp_path}/a.txt:2: text is empty; give it at least one character"]
    outcome, output = answered("A cat.", "", on_error="record")
    assert '{"id":2,"error":{"code":"empty_text"' in output
    assert (outcome.tally.failed, outcome.skipped) == (1, [])
    outcome, _ = answered("", "", on_error="record", max_errors=1)
    assert "more than --max-errors allows" in str(outcome.error)


def test_what_the_records_are_checked_by_goes_along(answered):
    _, output = answered("A cat.", "B.", on_error="skip", checks=(refuse_b,))
    assert output == '{"id":1,"count":5}\n'


def test_a_rule_that_there_is_not_is_refused_before_any_shard():
    with pytest.raises(UsageError, match="no rule 'ignore'"):
        Work("tokenize", on_error="ignore").open()


def refuse_b(record, result):
    from roberta.errors import InputError

    if record.text == "B.":
        raise InputError("a B")


def lefts(folder):
    return sorted(path.suffix for path in folder.iterdir())


def killed_in(shard):
    """An attempt that is begun and, as long as this is kept, never left."""
    begun = attempt(shard)
    begun.__enter__()
    return begun


def test_a_shard_that_kills_its_process_is_given_up(tmp_path):
    shard = Shard("in/a.jsonl", str(tmp_path / "a[1].jsonl"))
    lost = [killed_in(shard) for _ in range(TRIES)]
    with pytest.raises(ResourceError, match=f"its process was killed {TRIES} times"), attempt(shard):
        pass
    clear([Shard("in/b.jsonl", str(tmp_path / "b.jsonl"))])
    assert lefts(tmp_path) == [".try"] * len(lost), "those of another job"
    clear([shard])
    assert lefts(tmp_path) == []


def test_one_that_is_answered_after_all_leaves_nothing(tmp_path):
    shard = Shard("in/a.jsonl", str(tmp_path / "out" / "a.jsonl"))
    lost = killed_in(shard)
    (tmp_path / "out" / ".a.jsonl.x8z.part").touch()
    with attempt(shard):
        assert lefts(tmp_path / "out") == [".part", ".try", ".try"]
    assert lefts(tmp_path / "out") == []
    del lost
