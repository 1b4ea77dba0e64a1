"""The list of commands, help and wrong use."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from roberta.version import __version__
from roberta_cli import app
from roberta_cli.options import OutputFormat


def test_version_is_one_line_on_stdout(roberta):
    ended = roberta("--version")
    assert (ended.code, ended.out, ended.err) == (0, f"roberta {__version__}\n", "")


def test_the_module_is_the_program():
    ran = subprocess.run([sys.executable, "-m", "roberta_cli", "--version"], capture_output=True, text=True, check=True)
    assert ran.stdout == f"roberta {__version__}\n"


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_names_every_command_and_the_first_line_of_its_help(roberta, flag):
    ended = roberta(flag)
    assert ended.code == 0
    for name in app.COMMANDS:
        line = app.build(name).help.splitlines()[0]
        assert re.search(rf"{name}\s+{re.escape(line)}", ended.out), name


@pytest.mark.parametrize("outer", app.INNER)
def test_help_of_a_command_with_commands_names_each(roberta, outer):
    ended = roberta(outer, "--help")
    assert ended.code == 0
    for name in app.INNER[outer]:
        line = app.build(outer, name).help.splitlines()[0]
        assert re.search(rf"{name}\s+{re.escape(line)}", ended.out), name


def test_without_arguments_help_goes_to_stderr_and_the_code_is_2(roberta):
    ended = roberta()
    assert ended.code == 2
    assert ended.out == ""
    assert "fill-mask" in ended.err


def test_train_alone_shows_what_can_be_trained_on_stderr_and_ends_with_2(roberta):
    ended = roberta("train")
    assert (ended.code, ended.out) == (2, "")
    assert "multilabel" in ended.err and "error:" not in ended.err


@pytest.mark.parametrize("names", app.LEAVES, ids=" ".join)
def test_every_command_explains_itself(roberta, names):
    name = " ".join(names)
    ended = roberta(*names, "--help")
    assert ended.code == 0
    assert ended.err == ""
    assert f"roberta {name} [OPTIONS]" in ended.out
    assert not re.search(r"<(bool|str|path|list)\b", ended.out), "Python's types are not for people"
    assert ended.out.count(f"roberta {name} ") >= 3, "the usage and at least two examples"


@pytest.mark.parametrize("names", app.LEAVES, ids=" ".join)
def test_every_flag_has_help(names):
    command = app.build(*names)
    assert [param.name for param in command.params if not param.help] == []


@pytest.mark.parametrize("names", app.LEAVES, ids=" ".join)
def test_no_two_flags_of_a_command_share_a_name(names):
    flags = [opt for param in app.build(*names).params for opt in param.opts]
    assert len(flags) == len(set(flags))


@pytest.mark.parametrize("name", app.ANSWERING)
def test_a_command_has_its_file_and_its_table(name):
    word = name.replace("-", "_")
    module = sys.modules[app.function(name).__module__]
    assert Path(module.__file__).name == f"{word}.py"
    assert callable(module.as_views)


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["fil-mask", "x"], "no such command 'fil-mask'; did you mean fill-mask?"),
        (["zzz"], "no such command 'zzz'; see roberta --help"),
        (["--versoin"], "no such option --versoin; did you mean --version?"),
        (["fill-mask", "x", "--beam", "3"], "no such option --beam; did you mean --beams?"),
        (
            ["tokenize", "-5 degrees"],
            "no such option -5; see roberta tokenize --help, or write -- before a text that begins with a dash",
        ),
        (["embed", "x", "--dim", "3"], "no such option --dim; did you mean --dims?"),
        (["tokenize", "x", "--max-window", "8"], "no such option --max-window; did you mean --window or --windows?"),
        (["info", "-m", "x"], "no such option -m; use it as roberta info [MODEL], and see roberta info --help"),
        (
            ["convert", "x", "-o", "y"],
            "no such option -o; use it as roberta convert SRC DST, and see roberta convert --help",
        ),
        (["fill-mask", "x", "--top", "0"], "--top: 0 is below 1, the least there is; see roberta fill-mask --help"),
        (["fill-mask", "x", "-k", "few"], "--top: 'few' is not a whole number; see roberta fill-mask --help"),
        (
            ["tokenize", "x", "--output-format", "xml"],
            f"--output-format: 'xml' is not one of {', '.join(OutputFormat)}; see roberta tokenize --help",
        ),
        (["tokenize", "x", "--model"], "option '--model' requires an argument; see roberta tokenize --help"),
        (["tokenize", "x", "-i", "y"], "texts and --input do not go together; give one or the other"),
    ],
)
def test_wrong_use_is_one_sentence_and_code_2(roberta, args, sentence):
    ended = roberta(*args)
    assert (ended.code, ended.out, ended.err) == (2, "", f"error: {sentence}\n")


@pytest.mark.parametrize("name", app.ANSWERING)
def test_nothing_to_read_prints_usage_and_never_waits(roberta, name):
    ended = roberta(name)
    assert (ended.code, ended.out) == (2, "")
    usage, error = ended.err.splitlines()
    assert usage == f"Usage: roberta {name} [OPTIONS] [TEXT]..."
    assert error == "error: nothing to read; give a text, a file with --input, or pipe lines in"


def test_a_terminal_is_nothing_to_read():
    import pty  # a real terminal, since that is what would wait

    _ours, theirs = pty.openpty()
    ran = subprocess.run(
        [sys.executable, "-m", "roberta_cli", "tokenize"], stdin=theirs, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 2
    assert "nothing to read" in ran.stderr
