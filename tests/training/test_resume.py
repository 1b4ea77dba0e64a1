"""Whatever stops a run, and whenever: the run that goes on ends in the same bytes as one that was never stopped."""

import json
import random
import shutil
import signal

import pytest

from roberta_cli import app
from roberta_cli.endings import raise_on_sigterm
from tests.training.children import in_child
from tests.training.conftest import plan_for, sample_text

QUIET = ["--threads", "1", "-q"]


@pytest.fixture
def run(plan, capfd):
    """Calls `roberta train mlm` with the plan, an output and more; gives the exit code and what it printed."""

    def call(output, *more):
        code = int(app.run([*plan, "-o", str(output), *QUIET, *more]))
        return code, capfd.readouterr()

    return call


@pytest.fixture
def run_in_child(plan):
    """The same in a child that is killed, or whose disk is full, at a moment."""

    def call(output, *more, **moment):
        def action():
            raise_on_sigterm()
            return int(app.run([*plan, "-o", str(output), *QUIET, *more]))

        return in_child(action, watched=output, **moment)

    return call


@pytest.fixture
def events(run_in_child, tmp_path):
    """How often a whole run touches files."""
    died = run_in_child(tmp_path / "count")
    assert (died.code, died.events > 100) == (0, True)
    return died.events


def outcome(output):
    """Everything that must be equal: the model's bytes, and the log but for its speeds."""
    lines = (output / "log.jsonl").read_text(encoding="utf-8").splitlines()
    log = [{name: value for name, value in json.loads(line).items() if name != "speed"} for line in lines]
    return {path.name: path.read_bytes() for path in output.iterdir() if path.suffix != ".md" and path.is_file()} | {
        "log.jsonl": log,
        "report.html": None,
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of an uninterrupted run."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "corpus.txt").write_text(sample_text(), encoding="utf-8")
    assert app.run([*plan_for(folder / "corpus.txt"), "-o", str(folder / "run"), *QUIET]) == 0
    return folder / "run"


@pytest.fixture(scope="module")
def whole(finished):
    """What an uninterrupted run leaves."""
    return outcome(finished)


def test_the_same_command_gives_the_same_bytes(run, tmp_path, whole):
    assert run(tmp_path / "again")[0] == 0
    assert outcome(tmp_path / "again") == whole
    assert len([line for line in whole["log.jsonl"] if "loss" in line]) == 9


def test_killed_at_any_moment_it_goes_on_as_if_it_had_not_been(run, run_in_child, tmp_path, whole, events):
    """While tokens are written, while it trains, while checkpoints are written and removed, while the result is."""
    draw = random.Random(0)
    for moment in range(draw.randrange(3), events, events // 15):
        output = tmp_path / f"killed-{moment}"
        assert run_in_child(output, kill_at=moment).code == -signal.SIGKILL
        code, printed = run(output, "--resume")
        assert code == 0, (moment, printed.err)
        assert outcome(output) == whole, moment
        assert not list(output.rglob(".*")), "what was half written is cleared away"
        shutil.rmtree(output)


def test_killed_again_and_again_it_gets_there(run, run_in_child, tmp_path, whole):
    output = tmp_path / "often"
    deaths = 0
    for moment in (60, 30, 45, 50, 70, 40):
        code = run_in_child(output, "--resume", kill_at=moment).code
        deaths += code == -signal.SIGKILL
    assert deaths >= 3
    assert run(output, "--resume")[0] == 0
    assert outcome(output) == whole


def test_a_full_disk_loses_nothing_and_the_error_says_what_is_whole(run, run_in_child, tmp_path, whole, events):
    said = ""
    for moment in range(2, events, events // 8):
        output = tmp_path / f"full-{moment}"
        died = run_in_child(output, full_from=moment)
        assert died.code == 5, (moment, died.said)
        assert died.said.startswith("error: ")
        assert died.said.count("\n") == 1, died.said
        said += died.said
        code, printed = run(output, "--resume")
        assert code == 0, (moment, printed.err)
        assert outcome(output) == whole, moment
        shutil.rmtree(output)
    assert "step-00000003: the checkpoint cannot be written" in said
    assert "step-00000003 is whole, free some space and go on with --resume" in said


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--lr", "2e-2"], "lr 0.01, now it is 0.02"),
        (["--mask-prob", "0.3"], "mask-prob 0.15, now it is 0.3"),
        (["--length", "20"], "no length, now it is 20"),
        (["--whole-words"], "no whole-words, now it is given"),
        (["--dev", "20%"], "dev 10%, now it is 20%"),
        (["--steps", "12"], "steps 9, now it is 12"),
        (["--hidden", "32"], "hidden 16, now it is 32"),
        (["--accumulate", "2"], "accumulate 1, now it is 2"),
        (["--seed", "1"], "seed 0, now it is 1"),
        (["--batch-tokens", "64"], "batch-tokens 96, now it is 64"),
        (["--save-every", "4"], "save-every 3, now it is 4"),
        (["--patience", "3"], "no patience, now it is 3"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_resumed_run_with_another_flag_is_refused_by_name(run, finished, whole, flags, named):
    code, printed = run(finished, "--resume", *flags)
    assert code == 2
    assert f"was started with {named}; resume with the same, or train into another folder" in printed.err
    assert printed.err.count("\n") == 1
    assert outcome(finished) == whole


def test_a_resumed_run_on_changed_data_is_refused(run, tmp_path, corpus):
    run(tmp_path / "run")
    corpus.write_text(sample_text(seed=1), encoding="utf-8")
    code, printed = run(tmp_path / "run", "--resume")
    assert code == 2
    assert "was started with training-data" in printed.err


def test_a_resumed_run_may_find_its_data_elsewhere(run, tmp_path, corpus, plan):
    run(tmp_path / "run")
    moved = corpus.rename(tmp_path / "moved.txt")
    plan[plan.index(str(corpus))] = str(moved)
    assert run(tmp_path / "run", "--resume")[0] == 0


def test_what_may_differ_in_a_resumed_run(run, tmp_path):
    run(tmp_path / "run")
    assert run(tmp_path / "run", "--resume", "--keep-last", "4", "--license", "mit", "--require", "accuracy=0")[0] == 0


# Signals


@pytest.mark.parametrize(("name", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals_end_the_run_with_a_checkpoint_from_which_it_goes_on(
    run, run_in_child, tmp_path, whole, events, name, code
):
    """Once the tokens are written: in a step, in a checkpoint, in the last one, while the result is written."""
    said = set()
    for moment in range(events // 8, events, events // 10):
        output = tmp_path / f"{name}-{moment}"
        died = run_in_child(output, signal_at=(moment, name))
        if died.code == 0:  # it came while the result was written
            assert outcome(output) == whole
            continue
        done = max(int(path.name.removeprefix("step-")) for path in (output / "checkpoints").iterdir())
        assert died.code == code
        assert died.said == f"stopped after step {done}; go on with the same command and --resume\n"
        assert len([line for line in outcome(output)["log.jsonl"] if "loss" in line]) == done
        said.add(done)
        assert run(output, "--resume")[0] == 0
        assert outcome(output) == whole
    assert len(said) > 1


@pytest.mark.parametrize(("name", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_before_the_first_step_leaves_no_half(run_in_child, tmp_path, name, code):
    died = run_in_child(tmp_path / "run", signal_at=(7, name))
    assert (died.code, died.said) == (code, "")
    assert not list((tmp_path / "run").iterdir())
