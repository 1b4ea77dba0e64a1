"""Several processes are one run: torchrun's environment, gloo between them, children of this process in torchrun's
place."""

import os
import signal
import socket

import numpy as np
import pytest
import torch

from roberta.errors import ResourceError
from roberta.training.processes import Processes, own_device
from roberta.training.run_log import read_log
from roberta.weights import safetensors_file
from roberta_cli import app
from tests.training.children import start_child

EXACT = ["--threads", "1", "-q", "--dropout", "0"]


@pytest.fixture
def together(plan, tmp_path):
    """Calls `roberta train mlm` with the plan in so many processes at once; gives how each of them ended.

    moments: what happens to the process of a rank, as `start_child` takes it.
    """

    def call(processes, output, *more, moments=None):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]

        def action(rank):
            def act():
                where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "LOCAL_RANK": str(rank)}
                os.environ.update(where | {"RANK": str(rank), "WORLD_SIZE": str(processes)})
                return int(app.run([*plan, "-o", str(output), *EXACT, *more]))

            return act

        waiting = [
            start_child(action(rank), watched=tmp_path, **(moments or {}).get(rank, {})) for rank in range(processes)
        ]
        return [wait() for wait in waiting]

    return call


@pytest.fixture
def alone(plan, capfd):
    def call(output, *more):
        code = int(app.run([*plan, "-o", str(output), *EXACT, *more]))
        return code, capfd.readouterr().err

    return call


def apart(one, other):
    """The largest difference of two folders' weights."""
    ours, theirs = (safetensors_file.read(folder / "model.safetensors") for folder in (one, other))
    assert ours.keys() == theirs.keys()
    return max(float(np.abs(ours[name] - theirs[name]).max()) for name in ours)


# The last one has steps of a single block, so that one process or two have nothing to do.
@pytest.mark.parametrize(("processes", "budget"), [(2, "96"), (3, "96"), (3, "32")])
def test_several_processes_equal_one_on_the_same_global_batch(together, alone, tmp_path, processes, budget):
    assert alone(tmp_path / "one", "--batch-tokens", budget) == (0, "")
    ended = together(processes, tmp_path / "several", "--batch-tokens", budget)
    assert [(died.code, died.said) for died in ended] == [(0, "")] * processes
    assert apart(tmp_path / "several", tmp_path / "one") < 1e-5
    logs = [read_log(tmp_path / name / "log.jsonl") for name in ("several", "one")]
    for name in ("step", "tokens", "loss", "lr", "norm"):
        ours, theirs = ([line[name] for line in log if name in line] for log in logs)
        assert ours == pytest.approx(theirs, rel=1e-4), name


def test_only_the_first_process_writes(together, tmp_path):
    first, second = together(2, tmp_path / "run")
    assert first.changes > 100
    assert second.changes == 0


def test_what_the_first_process_refuses_the_others_do_not_begin(together, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text("{}", encoding="utf-8")
    first, second = together(2, tmp_path / "run")
    assert (first.code, second.code) == (2, 5)
    assert "holds config.json already" in first.said
    assert second.said == "error: another process of this run has ended; what it said comes first\n"


def test_a_run_of_several_goes_on_with_one(together, alone, tmp_path):
    ended = together(2, tmp_path / "run", moments={0: {"signal_at": (80, signal.SIGTERM)}})
    assert {died.code for died in ended} == {143}, "one signal, to the first, ends both"
    assert [("stopped after step" in died.said) for died in ended] == [True, False], "said once"
    assert alone(tmp_path / "run", "--resume") == (0, "")
    alone(tmp_path / "one")
    assert apart(tmp_path / "run", tmp_path / "one") < 1e-5


def test_a_process_that_is_lost_ends_the_others_with_a_sentence(together, tmp_path):
    first, second = together(2, tmp_path / "run", moments={1: {"kill_at": 3}})  # as it opens the tokens
    assert second.code == -signal.SIGKILL
    assert first.code == 5
    assert first.said.startswith("error: another process of this run has ended")
    assert first.said.count("\n") == 1


def test_alone_nothing_is_asked_of_anybody():
    one = Processes.join(torch.device("cpu"))
    assert (one.rank, one.size, one.writes) == (0, 1, True)
    assert one.total([1.5, 2.0]) == [1.5, 2.0]
    assert one.from_first("x") == "x"
    assert one.first_then_others(lambda: 3) == 3


def test_each_process_of_a_machine_has_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert own_device(torch.device("cuda")) == torch.device("cuda", 1)
    assert own_device(torch.device("cpu")) == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ResourceError, match="process 1 of this machine has no GPU of its own"):
        own_device(torch.device("cuda"))
