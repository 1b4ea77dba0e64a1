"""A flag that is not given is what the environment, ./roberta.toml or the user's file says, in this order."""

import json
import re
from pathlib import Path

import pytest

from roberta.builtin import MINI
from roberta_cli import app, configuration
from tests.promises.test_help_is_light import HEAVY, modules_after

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture
def configure(roberta, tmp_path, monkeypatch):
    """Calls configure(project="...", user="...", ROBERTA_TOP="3"): the texts of the two files, and variables."""

    def write(*, project: str | None = None, user: str | None = None, **variables: str) -> None:
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
        (tmp_path / "xdg" / "roberta").mkdir(parents=True, exist_ok=True)
        if user is not None:
            (tmp_path / "xdg" / "roberta" / "config.toml").write_text(user, encoding="utf-8")
        if project is not None:
            (tmp_path / "roberta.toml").write_text(project, encoding="utf-8")
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return write


def shown(ended) -> list[str]:
    """The keys of a result of `tokenize`, which show what --show was."""
    assert ended.code == 0, ended.err
    return list(json.loads(ended.out))[1:]


def test_the_nearest_place_that_says_something_counts(roberta, configure):
    ask = ("tokenize", "-q", "A cat.")
    configure(user='show = "ids"\n[tokenize]\nno-specials = true')
    assert shown(roberta(*ask)) == ["ids"]
    configure(user='[tokenize]\nshow = "spans"')
    assert shown(roberta(*ask)) == ["spans"]
    configure(project='show = "words"')
    assert shown(roberta(*ask)) == ["words"], "the project's file, even what it says to all commands"
    configure(project='show = "words"\n[tokenize]\nshow = "count"')
    assert shown(roberta(*ask)) == ["count"]
    configure(ROBERTA_SHOW="ids")
    assert shown(roberta(*ask)) == ["ids"]
    assert shown(roberta(*ask, "--show", "spans")) == ["spans"]


def test_no_config_leaves_the_files_alone_but_not_the_environment(roberta, configure):
    configure(project='[tokenize]\nshow = "ids"\nquiet = true', user="top = ")
    assert shown(roberta("tokenize", "-q", "A", "--no-config")) == ["tokens", "ids", "spans", "count"]
    configure(ROBERTA_SHOW="words")
    assert shown(roberta("tokenize", "-q", "A", "--no-config")) == ["words"]


def test_an_empty_variable_says_nothing(roberta, configure):
    configure(ROBERTA_SHOW="", project='show = "ids"')
    assert shown(roberta("tokenize", "-q", "A")) == ["ids"]


def test_a_variable_has_a_line_for_each_value(roberta, configure, tmp_path):
    (tmp_path / "one.txt").write_text("A\n", encoding="utf-8")
    (tmp_path / "two.txt").write_text("B\nC\n", encoding="utf-8")
    configure(ROBERTA_INPUT="one.txt\ntwo.txt", ROBERTA_QUIET="yes")
    assert len(roberta("tokenize").out.splitlines()) == 3


def test_a_file_has_a_list_or_one_value_of_a_flag_that_may_be_repeated(roberta, configure, tmp_path):
    (tmp_path / "two.txt").write_text("B\nC\n", encoding="utf-8")
    configure(project='input = ["two.txt", "two.txt"]')
    assert len(roberta("tokenize").out.splitlines()) == 4
    configure(project='input = "two.txt"')
    assert len(roberta("tokenize").out.splitlines()) == 2


def test_the_flag_that_turns_another_off_has_the_last_word(roberta, configure, surroundings):
    configure(project="[generate]\nsample = true\n[embed]\nnormalize = true\n")
    assert roberta("generate", "-m", "my-causal-model", "A", "--temperature", "0.5").code == 0
    assert "--sample" in roberta("generate", "-m", "my-causal-model", "A", "--greedy", "--temperature", "0.5").err
    plain = roberta("embed", "A", "--no-normalize").out
    assert plain == roberta("embed", "A", "--no-config").out != roberta("embed", "A").out


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[fill-mask]\ntopp = 3", "roberta.toml [fill-mask]: no flag 'topp'; did you mean top?"),
        ("[fill-mask]\nzzz = 3", "roberta.toml [fill-mask]: no flag 'zzz'; see roberta fill-mask --help"),
        ("batch_tokens = 3", "roberta.toml: no flag 'batch_tokens'; did you mean batch-tokens?"),
        ("zzz = 3", "roberta.toml: no flag 'zzz'; see roberta --help"),
        ("no-config = true", "roberta.toml: no flag 'no-config'"),
        ("[fil-mask]\ntop = 3", "roberta.toml: no command 'fil-mask'; did you mean fill-mask?"),
        ("fill-mask = 3", "roberta.toml: fill-mask is a command; write its flags in a table: [fill-mask]"),
        ("[fill-mask.x]\ntop = 3", "roberta.toml [fill-mask]: no command 'x'; see roberta fill-mask --help"),
        ("[fill-mask]\ntop = 0", "top in roberta.toml [fill-mask]: 0 is below 1, the least there is"),
        ('top = "few"', "top in roberta.toml: 'few' is not a whole number; see roberta fill-mask --help"),
        ("top = 1.5", "top in roberta.toml: '1.5' is not a whole number"),
        ("top = true", "top in roberta.toml: 'true' is not a whole number"),
        ("top = [1, 2]", "top in roberta.toml: [1, 2] is not one value; write it as it stands after --top"),
        ("score = 2", "score in roberta.toml: '2' is not yes or no"),
        ('dtype = "fp99"', "fp16, int8 (--dtype comes from dtype in roberta.toml)"),
        ('input = ["a", "b"]', "texts and --input do not go together; give one or the other (--input comes from input"),
        ('model = "no/such/dir"', "name a hub id: org/name (--model comes from model in roberta.toml)"),
        (
            "top = ",
            "roberta.toml: cannot be read (Invalid value (at end of document)); mend it, or go without it: --no",
        ),
    ],
)
def test_what_cannot_be_meant_is_one_sentence_with_its_place(roberta, configure, text, sentence):
    configure(project=text)
    ended = roberta("fill-mask", "A <mask>.")
    assert (ended.code, ended.out) == (4 if "org/name" in sentence else 2, "")
    assert sentence in ended.err.splitlines()[-1]


def test_a_variable_is_named_when_its_value_is_refused(roberta, configure):
    configure(ROBERTA_TOP="few")
    ended = roberta("fill-mask", "A <mask>.")
    assert (ended.code, ended.err) == (
        2,
        "error: ROBERTA_TOP: 'few' is not a whole number; see roberta fill-mask --help\n",
    )


def test_the_origin_of_one_of_several_values_is_told(roberta, configure):
    configure(project='input = ["no/such/file", "other"]')
    ended = roberta("tokenize")
    assert (ended.code, ended.err.endswith("(--input comes from input in roberta.toml)\n")) == (3, True)


def test_a_value_that_was_typed_is_never_called_configured(roberta, configure):
    configure(project='dtype = "fp99"')
    assert "comes from" not in roberta("fill-mask", "A <mask>.", "--dtype", "fp98").err


def test_what_another_command_is_told_is_its_own_matter(roberta, configure):
    configure(project='dtype = "fp32"\nmask-prob = 0.5\n[fill-mask]\nnonsense = 1')
    assert roberta("tokenize", "A").code == 0


def test_training_has_tables_for_all_kinds_and_for_one(roberta, configure, tmp_path):
    (tmp_path / "corpus.txt").write_text("A cat.\n" * 20, encoding="utf-8")
    configure(project="[train]\nsteps = 7\n[train.mlm]\nlength = 16\n")
    ended = roberta("train", "mlm", "corpus.txt", "-o", "out", "--dry-run", "-m", str(MINI))
    assert json.loads(ended.out)["steps"] == 7, ended.err
    configure(project="[train.mlm]\nsteps = 5\n[train]\nsteps = 7\n")
    ended = roberta("train", "mlm", "corpus.txt", "-o", "out", "--dry-run", "-m", str(MINI))
    assert json.loads(ended.out)["steps"] == 5
    configure(project="[train]\nstep = 7\n")
    assert "roberta.toml [train]: no flag 'step'; did you mean steps?" in roberta("train", "mlm", "x", "-o", "y").err


def test_help_shows_what_is_built_in_whatever_the_files_say(roberta, configure):
    before = roberta("fill-mask", "--help").out
    configure(project="[fill-mask]\ntop = 9\nbeams = ")
    assert roberta("fill-mask", "--help").out == before


def test_commands_about_roberta_itself_read_no_files(roberta, configure):
    configure(project="top = ")
    for name in app.HELPING:
        assert "--no-config" not in {opt for param in app.build(name).params for opt in param.opts}
    assert roberta("man").code == 0


def test_every_flag_has_its_own_variable():
    for names in app.LEAVES:
        keys = [key for param in app.build(*names).params if (key := configuration.key_of(param))]
        assert len({configuration.variable_of(key) for key in keys}) == len(keys)


def test_a_configured_run_loads_nothing_heavy_before_it_is_wanted(tmp_path, monkeypatch):
    (tmp_path / "roberta.toml").write_text('dtype = "fp32"\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    code, modules = modules_after("tokenize")
    assert code == 2
    assert modules.isdisjoint({*HEAVY, "roberta_cli.tree"})


def test_the_example_of_the_readme_is_taken(roberta, configure, surroundings):
    [example] = re.findall(r"^```toml\n(.*?)^```$", README.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    configure(project=example)
    assert len(json.loads(roberta("classify", "Good.").out)["labels"]) == 2
