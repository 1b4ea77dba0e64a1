"""Exit codes and what stderr says, for every way to end."""

import errno
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from roberta import errors
from roberta_cli.endings import ExitCode, Terminated, end

README = Path(__file__).parents[2] / "README.md"
FAMILY = [kind for kind in vars(errors).values() if isinstance(kind, type) and errors.RobertaError in kind.__bases__]


def ending(error: BaseException, capsys) -> tuple[int, str]:
    def fail():
        print("a finished result")
        raise error

    code = end(fail)
    captured = capsys.readouterr()
    assert captured.out == "a finished result\n"
    return code, captured.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InputError("no"), 1),
        (errors.UsageError("no"), 2),
        (errors.ReadError("no"), 3),
        (errors.CheckpointError("no"), 4),
        (errors.ResourceError("no"), 5),
        (errors.NetworkError("no"), 7),
        (errors.CheckFailed("no"), 8),
    ],
)
def test_each_error_has_its_code_and_is_one_sentence(error, code, capsys):
    assert ending(error, capsys) == (code, "error: no\n")


def test_no_error_of_the_family_is_without_a_code(capsys):
    assert len(FAMILY) >= 8
    codes = {ending(kind.__new__(kind), capsys)[0] for kind in FAMILY}
    assert len(codes) == len(FAMILY), "two kinds of error share a code"
    assert ExitCode.BUG not in codes


def test_an_error_derived_from_the_family_keeps_its_code(capsys):
    class Particular(errors.NetworkError):
        pass

    assert ending(Particular("no"), capsys)[0] == ExitCode.NO_NETWORK


def test_a_missing_extra_prints_the_install_command(capsys):
    code, err = ending(errors.MissingExtra("h5py", "convert", "reading .h5 files"), capsys)
    assert code == 6
    assert err == "error: reading .h5 files needs the package h5py; install it with: pip install 'roberta[convert]'\n"


def test_an_unexpected_error_is_our_fault_in_one_sentence(capsys):
    code, err = ending(KeyError("x"), capsys)
    assert code == 70
    assert err == "error: a fault in roberta itself (KeyError: 'x'); --debug shows where, please report it\n"


def test_a_sentence_stays_on_one_line(capsys):
    assert ending(errors.ReadError("first\nsecond"), capsys) == (3, "error: first second\n")


@pytest.mark.parametrize("kind", [KeyboardInterrupt, Terminated, BrokenPipeError])
def test_what_the_user_did_is_not_explained_to_them(kind, capsys):
    code, err = ending(kind(), capsys)
    assert code == {KeyboardInterrupt: 130, Terminated: 143, BrokenPipeError: 141}[kind]
    assert err == ""


def test_out_of_memory_and_a_full_disk_are_named(capsys):
    code, err = ending(MemoryError(), capsys)
    assert code == 5 and "out of memory" in err
    code, err = ending(OSError(errno.ENOSPC, "No space left on device"), capsys)
    assert code == 5 and "cannot be written (No space left on device)" in err


def test_debug_shows_the_traceback_and_still_the_sentence(roberta, monkeypatch):
    def broken(*args):
        raise KeyError("a planted fault")

    monkeypatch.setattr("roberta_cli.stream.records_from", broken)
    quiet = roberta("tokenize", "x")
    assert quiet.code == 70 and "Traceback" not in quiet.err
    loud = roberta("tokenize", "x", "--debug")
    assert loud.code == 70
    assert "Traceback" in loud.err and "in broken" in loud.err
    assert loud.err.splitlines()[-1] == quiet.err.splitlines()[-1]


def test_the_readme_lists_exactly_these_codes():
    section = README.read_text(encoding="utf-8").split("## Exit codes")[1].split("\n## ")[0]
    cells = re.findall(r"^\| ([\d, ]+) \|", section, flags=re.MULTILINE)
    assert [int(code) for cell in cells for code in cell.split(",")] == [code.value for code in ExitCode]


SLOW = """
import sys
from roberta_cli import app, stream
def records_from(texts, files):
    print("ready", flush=True)
    import time
    for _ in range(600):  # not one long sleep: a signal just before it would be handled at its end
        time.sleep(0.1)
stream.records_from = records_from
sys.argv[1:] = ["tokenize", "x"]
app.main()
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_with_their_codes_and_silently(number, code):
    with subprocess.Popen([sys.executable, "-c", SLOW], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout.readline() == b"ready\n"
        running.send_signal(number)
        _, err = running.communicate(timeout=30)
    assert (running.returncode, err) == (code, b"")


def roberta_into(stdout, *args: str) -> subprocess.CompletedProcess:
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        [sys.executable, "-m", "roberta_cli", *args],
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=buffered,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("args", [["--version"], ["--help"], ["tokenize", "-q", "Hello"]])
def test_a_closed_pipe_is_silent_and_141(args):
    reader, writer = os.pipe()
    os.close(reader)
    ran = roberta_into(writer, *args)
    os.close(writer)
    assert (ran.returncode, ran.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
@pytest.mark.parametrize("args", [["--version"], ["--help"], ["tokenize", "-q", "Hello"]])
def test_a_full_disk_is_an_error_not_a_lost_result(args):
    with Path("/dev/full").open("w") as full:
        ran = roberta_into(full, *args)
    assert ran.returncode == 5
    assert ran.stderr == "error: the output cannot be written (No space left on device)\n"
