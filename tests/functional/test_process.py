"""A run in a process of its own, as a user starts one: what it says, leaves, and computes."""

import csv
import io
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from mtbench.cli.main import main


@pytest.fixture(scope="module")
def other(shared_tiny, tmp_path_factory):
    """Such a process with a tracker, once it has ended, and its folder."""
    pytest.importorskip("tensorboard")
    folder = tmp_path_factory.mktemp("other")
    words = ["run", str(shared_tiny), "--scenario", "joint", "--seeds", "2", "--format", "csv"]
    command = [sys.executable, "-m", "mtbench.cli", *words, "--track", "tensorboard:board"]
    variables = {k: v for k, v in os.environ.items() if k != "MTBENCH_EXECUTOR"}
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=300, env=variables
    )
    assert done.returncode == 0
    return SimpleNamespace(done=done, folder=folder)


@pytest.mark.thorough
def test_standard_output_is_the_report_only(other):
    rows = list(csv.DictReader(io.StringIO(other.done.stdout)))
    assert {row["name"] for row in rows if row["kind"] == "scenario"} == {"joint"}
    # what it tells on the way is ours alone: nothing of TensorFlow's, nor of the tracker's
    lines = other.done.stderr.splitlines()
    assert len(lines) == 2
    for seed, line in enumerate(lines):
        assert line.startswith(f"[{seed + 1}/2] joint seed {seed}: ranking/rmse ")


@pytest.mark.thorough
def test_tensorboard_from_the_command_line(other):
    paths = sorted((other.folder / "board").glob("tiny/joint seed * */*"))
    assert [path.parent.name.split()[2] for path in paths] == ["0", "1"]
    assert all(path.name.startswith("events.out.tfevents.") for path in paths)


@pytest.mark.thorough
def test_another_process_gives_the_same_bits(other, shared_tiny, tmp_path):
    # this process has the second seed only, from a graph of its own
    words = ["run", str(shared_tiny), "--scenario", "joint", "--seeds", "[1]"]
    assert main([*words, "--results", str(tmp_path)]) == 0
    found = []
    for folder in (other.folder / "results", tmp_path):
        records = [json.loads(path.read_text()) for path in (folder / "tiny").glob("*.json")]
        found.append(next(record for record in records if record["seed"] == 1))
    assert found[0]["run_id"] == found[1]["run_id"]
    assert found[0]["metrics"] == found[1]["metrics"]
    assert found[0]["curve"] == found[1]["curve"]
