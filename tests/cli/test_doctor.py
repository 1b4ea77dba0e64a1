"""`roberta doctor` says what there is, finds what is wrong, and shows where configured values come from."""

import json

import pytest

from roberta.version import __version__
from roberta_cli import health
from roberta_cli.health import Finding
from tests.cli.test_configuration import configure  # noqa: F401 - a fixture


def test_all_is_well_here_and_the_findings_are_named(roberta):
    ended = roberta("doctor", "--json")
    found = json.loads(ended.out)
    assert (ended.code, ended.err, found["ok"]) == (0, "", True)
    values = {(row["about"], row["name"]): row["value"] for row in found["findings"]}
    assert values["versions", "roberta"] == __version__
    assert values["versions", "torch"] and values["devices", "threads"] >= 1
    for about, name in [
        ("kernels", "instructions"),
        ("cache", "folder"),
        ("disk", "here"),
        ("built-in model", "weights"),
        ("self-test", "numpy"),
        ("self-test", "cpu"),
    ]:
        assert values[about, name]


def test_for_people_a_topic_has_its_findings_below_it(roberta):
    lines = roberta("doctor").out.splitlines()
    assert lines[0] == "versions"
    assert f"  roberta          {__version__}" in lines[1 : lines.index("devices")]
    assert "FAILED" not in "".join(lines)
    assert lines[-1] == "all is well"


def test_what_is_wrong_is_told_with_advice_and_ends_with_8(roberta, monkeypatch):
    findings = [Finding("versions", "torch", "1.0", "pip install 'torch>=2.6'"), Finding("disk", "here", "9 MiB")]
    monkeypatch.setattr(health, "examine", lambda: findings)
    ended = roberta("doctor")
    assert ended.code == 8
    assert "  torch            1.0  FAILED: pip install 'torch>=2.6'" in ended.out.splitlines()
    assert ended.err == "error: versions, torch: pip install 'torch>=2.6'\n"
    assert "all is well" not in ended.out
    found = json.loads(roberta("doctor", "--json").out)
    assert (found["ok"], [row["ok"] for row in found["findings"]]) == (False, [False, True])


def test_a_package_that_is_too_old_or_absent_is_found(monkeypatch):
    monkeypatch.setattr(health, "_version", {"torch": "2.5.9", "numpy": "2.13.0+local"}.get)
    declared = ["torch>=2.6", "numpy>=2.9", "absent>=1", 'h5py>=3; extra == "convert"', 'pytest>=8; extra == "test"']
    monkeypatch.setattr(health.importlib.metadata, "requires", lambda name: declared)
    found = {finding.name: (finding.about, finding.advice) for finding in health._versions()}
    assert found["torch"][1] == "pip install 'torch>=2.6'"
    assert found["numpy"][1] == ""
    assert found["absent"][1] == "pip install 'absent>=1'"
    assert found["h5py"] == ("extra convert", "")
    assert "pytest" not in found


def test_a_device_that_computes_wrong_numbers_or_none_is_found(monkeypatch):
    from roberta.engine import self_test

    def broken(backend: str) -> float:
        if backend == "cpu":
            raise RuntimeError("no kernel\nfor it")
        return 0.5

    monkeypatch.setattr(self_test, "largest_difference", broken)
    found = {finding.name: finding for finding in health._self_tests()}
    assert found["numpy"].advice.startswith("numbers are wrong on numpy")
    assert found["cpu"].advice == "RuntimeError: no kernel"


def test_a_full_disk_is_found(monkeypatch):
    monkeypatch.setattr(health, "LEAST_FREE", 1 << 62)
    assert all(finding.advice.startswith("free space in ") for finding in health._free_space())


def test_config_shows_each_value_where_it_came_from_and_what_it_hides(roberta, configure):  # noqa: F811
    configure(project='top = 2\n[fill-mask]\nmask = "_"', user="top = 4", ROBERTA_TOP="3", ROBERTA_TOPP="3")
    ended = roberta("doctor", "--config", "--json")
    found = json.loads(ended.out)
    assert (ended.code, found["ok"]) == (0, True)
    assert list(found["files"].values()) == [True, True]
    rows = {row["flag"]: row for row in found["settings"]}
    assert rows.keys() == {"--top", "--mask"}
    assert (rows["--top"]["value"], rows["--top"]["origin"]) == ("3", "ROBERTA_TOP")
    assert rows["--top"]["hides"][0] == "top in roberta.toml" and len(rows["--top"]["hides"]) == 2
    assert {"fill-mask", "classify"} < set(rows["--top"]["commands"])
    assert rows["--mask"]["commands"] == ["fill-mask"]
    assert found["unknown_variables"] == ["ROBERTA_TOPP; did you mean ROBERTA_TOP?"]


def test_config_of_one_command_shows_what_is_built_in_too(roberta, configure):  # noqa: F811
    configure(project="[train.mlm]\nsteps = 9")
    lines = roberta("doctor", "--config", "train", "mlm").out.splitlines()
    assert "--steps            9                steps in roberta.toml [train.mlm]" in lines
    assert "--mask-prob        0.15             built in" in lines


def test_config_names_all_that_is_wrong_and_ends_with_8(roberta, configure):  # noqa: F811
    configure(project="[fill-mask]\ntop = 0\n[ner]\ntypess = 'x'\n[clasify]")
    ended = roberta("doctor", "--config")
    assert ended.code == 8
    assert "roberta.toml: no command 'clasify'; did you mean classify?" in ended.err
    configure(project="[fill-mask]\ntop = 0\n[ner]\ntypess = 'x'")
    sentence = roberta("doctor", "--config").err
    assert "top in roberta.toml [fill-mask]: 0 is below 1, the least there is" in sentence
    assert "roberta.toml [ner]: no flag 'typess'; did you mean types?" in sentence


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["fill-mask"], "doctor looks at roberta as a whole; for the flags of fill-mask add --config"),
        (["--config", "man"], "man cannot be configured; name a command that answers or learns"),
        (["--config", "fil-mask"], "no such command 'fil-mask'; did you mean fill-mask?"),
    ],
)
def test_wrong_use_is_one_sentence(roberta, args, sentence):
    ended = roberta("doctor", *args)
    assert (ended.code, ended.out, ended.err) == (2, "", f"error: {sentence}\n")
