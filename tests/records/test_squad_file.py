"""SQuAD files in and predictions out."""

import io
import json

import pytest

from roberta.errors import InputError, ReadError, UsageError
from roberta.records import BrokenRecord, JsonObjectWriter, Record, SquadWriter, read_records
from roberta.records.input_file import InputFile
from roberta.records.squad_file import read_json_or_squad
from tests.shared import SHARED, needs_shared

FILE = {
    "version": "v2.0",
    "data": [
        {
            "title": "Ada",
            "paragraphs": [
                {
                    "context": "Ada wrote it.",
                    "qas": [
                        {"id": "a", "question": "Who?", "answers": [{"text": "Ada", "answer_start": 0}]},
                        {"id": "b", "question": "When?", "answers": [], "is_impossible": True},
                    ],
                },
                {"context": "Zoë read it.", "qas": [{"id": "c", "question": "Who read?", "answers": []}]},
            ],
        },
        {"paragraphs": [{"context": "Bob.", "qas": [{"id": "d", "question": "Who?"}]}]},
    ],
}


@pytest.fixture
def read(tmp_path):
    def read(value, name="dev.json", **options):
        path = tmp_path / name
        path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
        return list(read_records([path], **options))

    return read


@pytest.mark.parametrize("name", ["dev.json", "dev"])
@pytest.mark.parametrize("format", [None, "squad"])
def test_each_question_is_a_record_with_its_context(read, name, format):
    records = read(FILE, name, format=format)
    assert [record.fields["id"] for record in records] == ["a", "b", "c", "d"]
    assert [record.fields["context"] for record in records] == ["Ada wrote it."] * 2 + ["Zoë read it.", "Bob."]
    assert [record.fields.get("title") for record in records] == ["Ada"] * 3 + [None]
    assert records[1].fields["is_impossible"] is True
    assert records[2].source.endswith(f"{name}:data[0].paragraphs[1].qas[0]")


def test_an_indented_file_is_known_by_its_suffix(read):
    assert len(read(json.dumps(FILE, indent=1))) == 4


@pytest.mark.parametrize("value", [{"data": []}, {"data": [1]}, {"data": [{"paragraphs": [{"text": "x"}]}]}, {"a": 1}])
def test_other_json_stays_what_it_was(read, value):
    [record] = read(value)
    assert record.fields == value
    with pytest.raises(ReadError, match="no SQuAD file"):
        read(value, format="squad")


def test_json_lines_that_speak_of_squad_are_still_lines(read):
    line = json.dumps({"text": '"data": [ "paragraphs": [ "qas": ['})
    assert [type(record) for record in read(f"{line}\n{line}\n", "a.jsonl")] == [Record, Record]
    assert len(read(f"{line}\n{line}\n", "stdin")) == 2


def test_what_is_broken_in_a_file_takes_nothing_else_with_it(read):
    broken = json.loads(json.dumps(FILE))
    broken["data"][0]["paragraphs"][0]["qas"][0] = "what?"
    broken["data"][0]["paragraphs"][1] = 7
    broken["data"].append({"paragraphs": None})
    broken["data"].append(None)
    records = read(broken)
    assert [type(record) for record in records] == [
        BrokenRecord,
        Record,
        BrokenRecord,
        Record,
        BrokenRecord,
        BrokenRecord,
    ]
    assert str(records[0]).endswith("qas[0]: an object was expected, this is a string")
    assert [record.index for record in records] == list(range(6))


def test_a_damaged_file_ends_the_reading(read):
    with pytest.raises(ReadError, match="not valid JSON"):
        read(json.dumps(FILE)[:-9], format="squad")


@pytest.mark.parametrize(
    "value", ["{}", "[]", '{"data":[{"paragraphs":[]}]}', '{"data":[{"paragraphs":[{"qas":{}}]}]}']
)
def test_odd_shapes_never_break_the_reader(value):
    found = list(read_json_or_squad(InputFile("a", io.BytesIO(value.encode()))))
    assert all(isinstance(row, dict | InputError) for _, row in found)


@needs_shared
@pytest.mark.parametrize(
    ("name", "count"), [("qa_squad1_dev.json", 427), ("qa_squad2_dev.json", 794), ("qa_squad2_train.json", 4234)]
)
def test_every_question_of_real_files_is_read(name, count):
    records = list(read_records([SHARED / "tasks" / name]))
    assert len(records) == count
    for record in records:
        for answer in record.fields["answers"]:
            start = answer["answer_start"]
            assert record.fields["context"][start : start + len(answer["text"])] == answer["text"]


def test_predictions_are_one_object_of_ids_and_answers():
    out = io.BytesIO()
    writer = SquadWriter(out)
    writer.write({"id": "a", "answer": "Zoë 🙂", "score": 0.5})
    writer.write({"id": 7, "answer": ""})
    writer.write({"id": "c", "error": {"code": "too_long"}})
    writer.finish()
    assert json.loads(out.getvalue()) == {"a": "Zoë 🙂", "7": ""}
    assert out.getvalue().isascii()


def test_no_predictions_are_an_empty_object():
    out = io.BytesIO()
    JsonObjectWriter(out).finish()
    assert json.loads(out.getvalue()) == {}


def test_an_id_given_twice_and_results_without_answers_are_refused():
    writer = SquadWriter(io.BytesIO())
    writer.write({"id": 1, "answer": "x"})
    with pytest.raises(UsageError, match='two questions have the id "1"'):
        writer.write({"id": "1", "answer": "y"})
    with pytest.raises(UsageError, match="answers to questions"):
        writer.write({"id": 2, "label": "good"})
