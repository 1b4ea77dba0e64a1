"""What all kinds of fine-tuning promise: parts of a step, rates, frozen layers, scores, and a folder that answers."""

import json

import pytest
import torch
import transformers

import roberta
from roberta.errors import InputError, UsageError
from roberta.model.models import RobertaForTokenClassification
from roberta.records import Fields
from roberta.training.heads import head_parameters
from roberta.training.loop import Trainer
from roberta.training.open_fine_tuning import KINDS, Request, open_fine_tuning
from roberta.training.settings import Settings
from roberta_cli import app
from tests.conftest import seeded, tiny_config
from tests.training.tuning import ROWS, changed, opened, scores, trained, weights

WITH_HEAD = [kind for kind in KINDS if kind != "embed"]
TASKS = {"regress": "classify", "multilabel": "classify"}  # which answers, where it is not the kind's own name


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", WITH_HEAD)
def test_the_parts_of_a_step_count_by_what_is_in_them(base, tmp_path, kind):
    """Words of ner, weights of labels, windows of qa: not the mean of the parts' means."""
    weighted = {"class_weights": "balanced"} if kind in ("classify", "multilabel") else {}
    lines = []
    for parts in (1, 2, 3):
        trained(opened(kind, base, **weighted), tmp_path / str(parts), accumulate=parts)
        lines.append(json.loads((tmp_path / str(parts) / "log.jsonl").read_text(encoding="utf-8").splitlines()[0]))
    first, *others = lines
    for line in others:
        assert line["loss"] == pytest.approx(first["loss"], rel=1e-5)
        assert line["norm"] == pytest.approx(first["norm"], rel=1e-4)


@pytest.mark.parametrize("kind", WITH_HEAD)
def test_the_rate_of_the_head_is_for_the_head_alone(base, tmp_path, kind):
    objective = opened(kind, base)
    before, head = weights(objective.model), head_parameters(objective.model)
    trained(objective, tmp_path, head=head, lr=1e-30, head_lr=1e-2)
    assert changed(before, objective.model) == head
    parts = {"qa": {"qa_outputs"}, "choose": {"classifier", "roberta.pooler"}}.get(kind, {"classifier"})
    assert head == {name for name in before if any(name.startswith(f"{part}.") for part in parts)}


def test_vectors_have_no_head_to_give_a_rate_to(base, tmp_path):
    objective = opened("embed", base)
    with pytest.raises(UsageError, match="head-lr is for a new head"):
        Trainer(objective, Settings(head_lr=1e-3), tmp_path, head=head_parameters(objective.model))


@pytest.mark.parametrize("kind", ["classify", "choose", "embed"])
@pytest.mark.parametrize("layers", [0, 1])
def test_frozen_layers_and_the_embeddings_stay_as_they_are_to_the_bit(base, tmp_path, kind, layers):
    objective = opened(kind, base, freeze=layers)
    before = weights(objective.model)
    trained(objective, tmp_path, steps=2)
    now = changed(before, objective.model)
    assert not any("embeddings." in name for name in now)
    learnt = {int(name.split("layer.")[1].split(".")[0]) for name in now if "layer." in name}
    assert learnt == set(range(layers, 2))
    assert kind == "embed" or head_parameters(objective.model) <= now


def test_with_all_layers_frozen_the_head_learns_and_without_one_it_is_refused(base, tmp_path):
    objective = opened("ner", base, freeze=2)
    before = weights(objective.model)
    trained(objective, tmp_path)
    assert changed(before, objective.model) == head_parameters(objective.model)
    with pytest.raises(UsageError, match="--freeze 2 leaves nothing to learn, since vectors have no head"):
        opened("embed", base, freeze=2)


def test_more_frozen_layers_than_there_are_and_frozen_layers_beside_an_adapter_are_refused(base):
    with pytest.raises(UsageError, match="--freeze 3; this model has 2 layers"):
        opened("classify", base, freeze=3)
    with pytest.raises(UsageError, match="give --lora or --freeze, not both"):
        opened("classify", base, freeze=1, lora=2)


@pytest.mark.parametrize("how", [{"lora_alpha": 4.0}, {"lora_modules": ("query",)}])
def test_how_an_adapter_is_made_without_an_adapter_is_refused(base, how):
    with pytest.raises(UsageError, match="give --lora R as well"):
        opened("classify", base, **how)


@pytest.mark.parametrize("kind", KINDS)
def test_a_score_that_may_choose_the_checkpoint_is_among_the_scores(base, kind):
    rows = ROWS[kind]
    objective = opened(kind, base, rows, rows)
    assert {name.removeprefix("-") for name in objective.metrics} <= scores(objective).keys()


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("classify", {"label": "d"}, "the label 'd' is not in the training data"),
        ("multilabel", {"label": ["x", "d"]}, "the gold label 'd' is not a label of this model"),
        ("regress", {"label": "much"}, "the gold value 'much' is not a number"),
        ("ner", {"tags": ["O"]}, "1 tags for 4 words"),
        ("qa", {"answers": 3}, "the right answers must be texts"),
        ("choose", {"label": "E"}, "the gold choice 'E' is none of the 2 choices"),
        ("embed", {"score": None}, "the gold value None is not a number"),
    ],
)
def test_a_development_record_that_cannot_be_scored_is_refused_before_the_first_step(base, kind, change, said):
    with pytest.raises((InputError, UsageError), match=f"^dev\\.jsonl:2: {said}"):
        opened(kind, base, dev=[ROWS[kind][0], ROWS[kind][0] | change])


def test_the_report_has_the_scores_of_each_label_and_what_was_taken_for_what(base):
    objective = opened("classify", base, dev=ROWS["classify"])
    objective.model.classifier.out_proj.bias.data[:] = torch.tensor([0.0, 50, 0])  # b is always given
    scores(objective)
    tables = objective.tables()
    assert tables["Confusion"] == {
        "columns": ["true", *"abc"],
        "rows": [["a", 0, 3, 0], ["b", 0, 1, 0], ["c", 0, 1, 0]],
    }
    assert tables["By label"]["columns"] == ["label", "precision", "recall", "f1", "support"]
    assert tables["By label"]["rows"][1] == ["b", 0.2, 1.0, pytest.approx(1 / 3), 1]
    tagger = opened("ner", base, dev=ROWS["ner"])
    scores(tagger)
    assert [row[0] for row in tagger.tables()["By label"]["rows"]] == ["LOC", "ORG"]
    assert opened("qa", base, dev=ROWS["qa"]).tables() == {}


def test_development_data_are_scored_by_the_fields_that_were_named(base, tmp_path):
    """Not by other columns that happen to have the names that fields have here."""
    rows = {
        "classify": [{"text": "a", "label": "of another sort", "stars": stars} for stars in ("1", "2")],
        "ner": [{"tokens": ["a", "cat"], "tags": [7, 7], "stars": ["O", "B-X"]}],
        "qa": [{"question": "who", "context": "a cat", "stars": [{"text": "cat", "answer_start": 2}]}],
    }
    for kind, role in (("classify", "label"), ("ner", "tags"), ("qa", "answers")):
        path = str(write(tmp_path / f"{kind}.jsonl", rows[kind]))
        request = Request([path], dev=path, model=str(base), fields=Fields.parse([f"{role}=stars"]))
        objective, _ = open_fine_tuning(kind, request)
        assert objective.metrics[0] in scores(objective), kind


@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_with_another_head_gives_a_new_one(tmp_path, words, kind):
    """A tagger of five labels has a `classifier` too, and five labels in its config."""
    config = tiny_config(vocab_size=len(words), max_position_embeddings=50, type_vocab_size=1, num_labels=5)
    tagger = seeded(RobertaForTokenClassification, config)
    tagger.save_pretrained(tmp_path)
    words.save_pretrained(tmp_path)
    objective = opened(kind, tmp_path)
    query = "encoder.layer.1.attention.self.query.weight"
    assert torch.equal(objective.model.body.state_dict()[query], tagger.roberta.state_dict()[query])
    trained(objective, tmp_path / "run")


def their_answer(kind, model, folder, row):
    """The outputs of the class in transformers for one record, by the words that our results use."""
    tokenizer = transformers.RobertaTokenizerFast.from_pretrained(folder)
    texts = {"ner": [" ".join(row.get("tokens", []))], "qa": [row.get("question"), row.get("context")]}.get(kind)
    texts = texts or [row["text"], *([row["text_pair"]] if "text_pair" in row else [])]
    with torch.no_grad():
        found = model(**tokenizer(*texts, return_tensors="pt"))
    if kind == "classify":
        return found.logits[0].softmax(0).max().item()
    if kind == "multilabel":
        return found.logits[0].sigmoid().max().item()
    if kind == "regress":
        return found.logits.item()
    if kind == "ner":
        return found.logits[0].softmax(1).amax(1)
    return (found.start_logits[0, 0] + found.end_logits[0, 0]).item()


@pytest.mark.parametrize("kind", ["classify", "regress", "multilabel", "ner", "qa"])
def test_the_folder_answers_here_as_in_transformers(base, tmp_path, capfd, kind):
    path = str(write(tmp_path / "train.jsonl", ROWS[kind]))
    arguments = ["train", kind, path, "-o", str(tmp_path / "model"), "-m", str(base), "--steps", "2", "--lr", "1e-2"]
    assert app.run([*arguments, "--threads", "1", "--quiet"]) == 0, capfd.readouterr().err
    model, report = getattr(
        transformers, json.loads((tmp_path / "model" / "config.json").read_text())["architectures"][0]
    ).from_pretrained(tmp_path / "model", output_loading_info=True)
    assert not any(report.values()), report
    options = {"ner": {"aggregate": "none", "ignore": ()}}.get(kind, {})
    results = roberta.run(TASKS.get(kind, kind), ROWS[kind], model=tmp_path / "model", **options)
    for row, result in zip(ROWS[kind], results):
        expected = their_answer(kind, model.eval(), tmp_path / "model", row)
        if kind == "ner":
            found = {entity["score"] for entity in result["entities"]}
            assert all(min(abs(expected - score)) < 1e-5 for score in found)
            assert len(found) >= len(row["tokens"])
        elif kind == "qa":
            best = result["answers"][0]["logit"]
            assert result["null_odds"] == pytest.approx(expected - best, abs=1e-4)
        else:
            assert result["value" if kind == "regress" else "score"] == pytest.approx(expected, abs=1e-5)


def test_class_weights_of_another_name_are_refused(base):
    with pytest.raises(UsageError, match="no class weights 'even'; there is balanced"):
        opened("classify", base, class_weights="even")
