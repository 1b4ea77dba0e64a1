"""Fine-tuning of entities: the first piece of each word carries its tag, once, and the folder remembers how."""

import json

import pytest
import torch
from transformers import RobertaTokenizerFast

from roberta.engine.open_task import open_task
from roberta.engine.runner import open_runner
from roberta.errors import InputError, UsageError
from roberta.training.masking import IGNORED
from roberta.training.ner import tag_names, tags_of
from tests.training.tuning import PRECISE, ROOM, ROWS, mean_loss, opened, records, scores, theirs, trained, whole

ENTITY = {"text": "Moon. The harbour sat", "entities": [{"label": "LOC", "start": 0, "end": 4}]}


def labels_by_offsets(tokenizer, rows, number_of):
    """(records, length): a word's label at the first token with a letter of it, -100 elsewhere: not at a lone blank."""
    texts = [" ".join(row["tokens"]) for row in rows]
    given = tokenizer(texts, padding=True, return_tensors="pt", return_offsets_mapping=True)
    labels = torch.full_like(given["input_ids"], -100)
    for place, row in enumerate(rows):
        starts = {
            start: token for token, (start, end) in enumerate(given["offset_mapping"][place].tolist()) if start < end
        }
        at = 0
        for word, tag in zip(row["tokens"], row["tags"]):
            labels[place, starts[at]] = number_of[tag]
            at += len(word) + 1
    return {name: given[name] for name in ("input_ids", "attention_mask")}, labels


def test_the_loss_is_that_of_transformers_with_each_word_at_its_first_piece(base, tmp_path):
    objective = opened("ner", base)
    model = theirs(objective, tmp_path)
    tokenizer = RobertaTokenizerFast.from_pretrained(tmp_path)
    given, labels = labels_by_offsets(tokenizer, ROWS["ner"], model.config.label2id)
    assert (labels != -100).sum() == 9 < given["attention_mask"].sum() - 2 * 3, "some words have several pieces"
    assert not given["attention_mask"].all()
    batch = whole(objective)
    assert batch.weight == 9
    assert torch.equal(batch.tensors["labels"], labels)
    with torch.no_grad():
        expected = float(model(**given, labels=labels).loss)
    assert mean_loss(objective) == pytest.approx(expected, rel=PRECISE)


def test_the_windows_of_a_long_record_count_each_word_once(base, words):
    said = ["Moon", "harbour", "unbelievable", "cat"] * 12
    tags = [("O", "B-LOC", "I-LOC")[place % 3] for place in range(len(said))]
    objective = opened("ner", base, [{"tokens": said, "tags": tags}], window=20)
    assert len(objective.examples) > 3
    number_of = objective.model.config.label2id
    found = []
    for example in objective.examples:
        [ids] = example.input_ids
        assert len(ids) <= 20
        found += [(ids[place], label) for place, label in enumerate(example.target.tolist()) if label != IGNORED]
    pieces = [words.encode(f" {word}" if place else word)[1:-1] for place, word in enumerate(said)]
    first = [next(piece for piece in of_word if words.decode([piece]).strip()) for of_word in pieces]
    assert found == [(piece, number_of[tag]) for piece, tag in zip(first, tags)]


def test_tags_are_made_of_entities_over_the_words_that_the_task_finds(base):
    rows = [ENTITY, {"text": "a rat sat", "entities": [{"label": "X", "start": 2, "end": 9}]}]
    objective = opened("ner", base, rows)
    assert objective.model.config.id2label == {0: "O", 1: "B-LOC", 2: "I-LOC", 3: "B-X", 4: "I-X"}
    tagged = [tags_of(record, objective.task) for record in objective.train]
    assert tagged == [["B-LOC", "O", "O", "O", "O"], ["O", "B-X", "I-X"]]


def test_entities_are_scored_as_they_are_learnt(base):
    objective = opened("ner", base, [ENTITY], [ENTITY])
    objective.model.classifier.bias.data[:] = torch.tensor([50.0, 0, 0])  # O everywhere
    assert scores(objective)["f1"] == 0.0
    objective.model.classifier.bias.data[:] = torch.tensor([0, 50.0, 0])  # B-LOC everywhere: one of five is right
    assert scores(objective)["f1"] == pytest.approx(2 * 1 * 0.2 / 1.2)


@pytest.mark.parametrize(
    ("entities", "said"),
    [
        ([(0, 3)], "the entity LOC at 0 to 3 does not begin and end with words; mend its offsets, or split words"),
        ([(1, 4)], "the entity LOC at 1 to 4 does not begin and end with words"),
        ([(90, 95)], "the entity LOC at 90 to 95 does not begin and end with words"),
        ([(0, 4), (0, 5)], "two entities at 0 to 5; a word has one tag"),
        ([("a", 4)], "an entity lacks label, start or end"),
    ],
)
def test_offsets_that_are_broken_are_refused_by_file_and_line(base, entities, said):
    wrong = [{"label": "LOC", "start": start, "end": end} for start, end in entities]
    with pytest.raises(InputError, match=f"^train\\.jsonl:2: {said}"):
        opened("ner", base, [ENTITY, ENTITY | {"entities": wrong}])
    with pytest.raises(InputError, match=f"^dev\\.jsonl:1: {said}"):
        scores(opened("ner", base, [ENTITY], [ENTITY | {"entities": wrong}]))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"tokens": ["a", "cat"], "tags": ["O"]}, "1 tags for 2 words; give one for each word"),
        ({"text": "a cat sat", "tags": ["O", "O"]}, "2 tags for 3 words"),
        ({"tokens": ["a"], "tags": "O"}, "tags must be a list of strings"),
        ({"tokens": ["a"]}, 'no field "tags"'),
    ],
)
def test_tags_that_do_not_fit_the_words_are_refused_by_file_and_line(base, row, said):
    with pytest.raises(InputError, match=f"^train\\.jsonl:2: {said}"):
        opened("ner", base, [ROWS["ner"][0], row])


def test_tags_are_sorted_by_type_after_o_and_every_type_may_go_on():
    given = [{"tokens": ["a"] * 4, "tags": ["B-PER", "O", "B-LOC", "I-ORG"]}]
    assert tag_names(records(given)) == ["O", "B-LOC", "I-LOC", "I-ORG", "B-PER", "I-PER"]
    with pytest.raises(UsageError, match="no entities"):
        tag_names(records([{"tokens": ["a"], "tags": ["O"]}]))


def test_the_folder_says_how_words_were_split_and_labels_read_and_ner_does_the_same(base, tmp_path):
    """Between blanks "Moon." is a word, so that the entity in it is none."""
    with pytest.raises(InputError, match="does not begin and end with words"):
        opened("ner", base, [ENTITY], options={"words": "blank"})
    whole_word = ENTITY | {"entities": [{"label": "LOC", "start": 0, "end": 5}]}
    objective = opened("ner", base, [whole_word], options={"words": "blank", "decode": "legal"})
    objective.save(tmp_path)
    said = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert (said["ner_words"], said["ner_decode"]) == ("blank", "legal")
    task = open_task("ner", open_runner(str(tmp_path), command="ner"))
    assert (task.words, task.path) == (objective.task.words, objective.task.path) == ("blank", "legal")


def test_separable_words_are_learnt(base, tmp_path):
    tag = {"harbour": "B-LOC", "Moon": "B-LOC", "cat": "O", "rat": "O", "the": "O", "a": "O"}
    said = [["the", "Moon"], ["the", "cat"], ["a", "harbour"], ["a", "rat"], ["the", "rat"], ["a", "Moon"]]
    rows = [{"tokens": words, "tags": [tag[word] for word in words]} for words in said]
    dev = [{"tokens": words, "tags": [tag[word] for word in words]} for words in (["the", "harbour"], ["a", "cat"])]
    objective = opened("ner", base, rows, dev)
    assert scores(objective)["f1"] < 1
    found = scores(trained(objective, tmp_path, steps=40, lr=2e-2))
    assert (found["f1"], found["f1_strict"]) == (1.0, 1.0)


def test_a_record_without_a_word_that_counts_is_left_out_of_the_batches(base):
    rows = [ROWS["ner"][0], {"tokens": ["", " "], "tags": ["O", "O"]}]
    assert {example.record.index for example in opened("ner", base, rows, window=ROOM).examples} == {0}
