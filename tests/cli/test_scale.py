"""docs/scale.md is true: its sums follow from what was measured, and its examples run."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "scale.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```sh\n(.*?)\n```$", PAGE, flags=re.MULTILINE)
[SPLIT, _, RAY, PARALLEL, XARGS, TORCHRUN] = EXAMPLES
TOKENS = 64e9  # of a billion records


def test_the_sums_follow_from_what_was_measured():
    rate = float(re.search(r"\*\*([\d,]+) tokens a second", PAGE)[1].replace(",", ""))
    core_hours = TOKENS / rate / 3600
    rows = re.findall(r"^\| ([\d,]+) \| ([\d,.]+) (hours|days) \|$", PAGE, flags=re.MULTILINE)
    assert len(rows) >= 3
    for cores, time, unit in rows:
        hours = float(time.replace(",", "")) * {"hours": 1, "days": 24}[unit]
        assert hours == pytest.approx(core_hours / float(cores.replace(",", "")), rel=0.02)
    stated, price, cost = re.search(
        r"\*\*([\d,]+) core-hours\*\*, at \$([\d.]+) each \*\*\$([\d,]+)\*\*", PAGE
    ).groups()
    assert float(stated.replace(",", "")) == pytest.approx(core_hours, rel=0.01)
    assert float(cost.replace(",", "")) == pytest.approx(core_hours * float(price), rel=0.01)
    minutes = float(re.search(r"takes a core about (\d+)\s+minutes", PAGE)[1])
    assert minutes == pytest.approx(10_000 * 64 / rate / 60, rel=0.05)


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """Runs a line in a folder of reviews, where `roberta` and `torchrun` are those of this Python."""
    stars = [{"id": f"r{number}", "text": f"Review {number}.", "stars": str(number % 2)} for number in range(8)]
    (tmp_path / "reviews.jsonl").write_text("".join(json.dumps(row) + "\n" for row in stars), encoding="utf-8")
    for name, module in {"roberta": "roberta_cli", "torchrun": "torch.distributed.run"}.items():
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'#!/bin/sh\nexec {sys.executable} -m {module} "$@"\n', encoding="utf-8")
        path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def run(line):
        ended = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr

    run(SPLIT.replace("64", "2"))
    return run


def shards(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir() if not path.name.startswith(".")}


@pytest.mark.ray
def test_on_ray_and_with_xargs_the_shards_are_the_same(cluster, shell, roberta, tmp_path):
    assert sorted(shards("shards")) == ["part-00.jsonl", "part-01.jsonl"]
    ended = roberta(*shlex.split(RAY)[1:])
    assert ended.code == 0
    assert json.loads(ended.err.splitlines()[-1])["records"] == 8
    shell(XARGS)
    assert shards("by-xargs") == shards("vectors")


@pytest.mark.skipif(shutil.which("parallel") is None, reason="GNU parallel is not installed")
def test_with_gnu_parallel_each_shard_is_answered(shell):
    shell(PARALLEL)
    assert sorted(shards("by-parallel")) == ["part-00.jsonl", "part-01.jsonl"]


def test_two_processes_train_as_the_page_says(shell, tmp_path):
    shell(TORCHRUN)
    assert (tmp_path / "my-model" / "model.safetensors").exists()
