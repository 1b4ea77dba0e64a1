"""roberta convert and roberta info, as typed."""

import json

import pytest

from roberta_cli import app
from tests.cli.closed_schema import agrees_with_its_schema
from tests.cli.test_every_flag import flags_of
from tests.convert.checkpoints import saved

MODEL = "my-model"
# flag: the arguments beside it, and its value; True for a flag without one
CONVERT = {
    "--from": ([], "pytorch"),
    "--to": ([], "pytorch"),
    "--head": ([], "mnli"),
    "--adapter": ([], "nowhere/at/all"),
    "--max-shard": ([], "12KB"),
    "--dtype": ([], "bf16"),
    "--atol": (["--dtype", "bf16"], "0"),
    "--no-verify": ([], True),
    "--dry-run": ([], True),
    "--force": (["--to", "flax"], True),
    "--output-format": ([], "table"),
    "--schema": ([], True),
    "--quiet": ([], True),
    "--no-config": ([], True),
    "--debug": (["--from", "tf"], True),
    "--revision": ([], "v9"),
    "--offline": ([], True),
}
INFO = {
    "--from": ([], "pytorch"),
    "--head": ([], "mnli"),
    "--adapter": ([], "nowhere/at/all"),
    "--output-format": ([], "table"),
    "--schema": ([], True),
    "--no-config": ([], True),
    "--debug": (["--from", "tf"], True),
    "--revision": ([], "v9"),
    "--offline": ([], True),
}
HUB = {"--revision", "--offline"}  # of a model on the hub
FLAGS = {"convert": CONVERT, "info": INFO}


@pytest.fixture
def model(tmp_path):
    return saved(tmp_path / MODEL, "RobertaForTokenClassification", id2label={0: "O", 1: "B-PER"})


@pytest.mark.parametrize("command", FLAGS)
def test_the_table_has_every_flag_and_no_other(command):
    assert FLAGS[command].keys() == flags_of(command)


@pytest.mark.parametrize(("command", "flag"), [(command, flag) for command in FLAGS for flag in FLAGS[command]])
def test_the_flag_makes_a_difference(roberta, model, tmp_path, monkeypatch, command, flag):
    beside, value = FLAGS[command][flag]
    given = [flag] if value is True else [flag, value]
    if flag in HUB:
        monkeypatch.delenv("HF_HUB_OFFLINE")
        monkeypatch.setattr("roberta.hub.Origin._fetch", lambda origin, name: _no_network(origin))
    if flag == "--no-config":
        (tmp_path / "roberta.toml").write_text('output-format = "table"', encoding="utf-8")
    if flag == "--quiet":  # what there is to be quiet about: weights beyond the range of fp16
        _make_large(model)
        beside = ["--dtype", "fp16"]

    def outcome(name, *more):
        folder = tmp_path / name
        if flag == "--force":
            saved(folder)
        source = "some/model" if flag in HUB else MODEL
        ended = roberta(command, source, *([str(folder)] if command == "convert" else []), *beside, *more)
        out = ended.out.replace(str(folder), "DST"), ended.err.replace(str(folder), "DST")
        return ended.code, out, sorted(path.name for path in folder.iterdir()) if folder.is_dir() else None

    without, with_flag = outcome("one"), outcome("two", *given)
    assert with_flag != without
    for _, (out, _), _ in (without, with_flag) if flag not in ("--output-format", "--schema") else (without,):
        if flag != "--no-config":
            agrees_with_its_schema(command, out)
    assert 70 not in (with_flag[0], without[0]), (without, with_flag)


def _no_network(origin):
    from roberta.errors import NetworkError

    raise NetworkError(f"{origin}: asked for {origin.revision}, offline {origin.local_files_only}")


def _make_large(folder):
    import roberta

    model = roberta.RobertaForTokenClassification.from_pretrained(folder)
    model.classifier.bias.data[0] = 1e6
    model.save_pretrained(folder)


def test_a_conversion_prints_one_line(roberta, model, tmp_path):
    ended = roberta("convert", MODEL, "new", "--to", "pytorch")
    assert (ended.code, ended.err) == (0, "")
    line = json.loads(ended.out)
    assert list(line)[:2] == ["from", "to"]
    assert (line["verified"], line["max_abs_diff"], line["output"]) == (True, 0.0, "new")
    assert (tmp_path / "new" / "pytorch_model.bin").is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([MODEL], 2, "DST is missing; see roberta convert --help"),
        ([MODEL, MODEL], 2, "holds what is converted"),
        ([MODEL, "there"], 2, "there: holds config.json already; replace it with --force"),
        ([MODEL, "new", "--to", "word"], 2, "no format 'word' to convert to; choose safetensors"),
        ([MODEL, "new", "--dtype", "bf16", "--to", "tf"], 2, "tf has no bf16"),
        (["nowhere/at/all", "new"], 4, "nowhere/at/all: no such folder"),
        (["org/model", "new"], 7, "HF_HUB_OFFLINE is set"),
        ([MODEL, "new", "--dtype", "bf16", "--atol", "0"], 8, "the outputs differ by"),
        (["empty", "new"], 4, "none of model.safetensors"),
    ],
)
def test_each_way_to_fail_is_one_sentence_and_leaves_nothing(roberta, model, tmp_path, arguments, code, message):
    saved(tmp_path / "there")
    (tmp_path / "empty").mkdir()
    ended = roberta("convert", *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.startswith("error: ") and ended.err.count("\n") == 1
    assert message in ended.err
    assert {path.name for path in tmp_path.iterdir()} == {MODEL, "there", "empty"}


def test_a_dry_run_is_a_table_for_people_and_changes_nothing(roberta, model, tmp_path):
    ended = roberta("convert", MODEL, "new", "--dry-run", "--output-format", "table")
    rows = ended.out.splitlines()
    assert rows[0].split() == ["roberta.embeddings.word_embeddings.weight", "60", "x", "16", "float32", "3,840"]
    assert not (tmp_path / "new").exists()


def test_info_is_a_line_of_json_or_a_table(roberta, model):
    line = json.loads(roberta("info", MODEL).out)
    assert (line["class"], line["labels"]) == ("RobertaForTokenClassification", ["O", "B-PER"])
    table = roberta("info", MODEL, "--output-format", "table").out
    assert "labels             O, B-PER\n" in table
    assert f"parameters         {line['parameters']:,}\n" in table
    cells = roberta("info", MODEL, "--output-format", "csv").out.splitlines()
    assert cells[0].startswith("model,format,class,heads.0")
    assert roberta("info", MODEL, "--output-format", "npy").code == 2


def test_without_a_model_info_is_about_the_one_that_ships(roberta):
    assert json.loads(roberta("info").out)["vocab_size"] == 16384


def test_both_commands_are_in_the_list():
    assert {"convert", "info"} <= set(app.COMMANDS)


def test_what_is_configured_for_computing_changes_no_stored_numbers(roberta, model, tmp_path, monkeypatch):
    monkeypatch.setenv("ROBERTA_DTYPE", "bf16")
    (tmp_path / "roberta.toml").write_text('dtype = "bf16"\n', encoding="utf-8")
    ended = roberta("convert", MODEL, "new", "-q")
    assert (ended.code, json.loads(ended.out)["dtype"]) == (0, "float32")
    (tmp_path / "roberta.toml").write_text('[convert]\ndtype = "bf16"\n', encoding="utf-8")
    assert json.loads(roberta("convert", MODEL, "rounded", "-q").out)["dtype"] == "bfloat16"
