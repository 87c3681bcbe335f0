"""A command that is killed or interrupted: all records whole, nothing done twice, nobody left."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest

from mtbench.cli.main import main


def start(suite, folder, *words):
    command = [sys.executable, "-m", "mtbench.cli", "run", str(suite), "--results", str(folder)]
    variables = {k: v for k, v in os.environ.items() if k != "MTBENCH_EXECUTOR"}
    return subprocess.Popen(
        [*command, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=variables,
        preexec_fn=heeds,  # noqa: PLW1509 - no threads here
    )


def heeds():
    """Heed an interrupt, though the shell that started the tests in its background ignores them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def within(seconds, condition):
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def lives(process):
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def state(folder):
    return {path: path.stat().st_mtime_ns for path in folder.glob("*.json")}


@pytest.mark.thorough
def test_kill_and_resume(tiny, tmp_path, capsys):
    folder = tmp_path / "results" / "tiny"
    words = ["-o", "train.epochs=20", "--seeds", "6", "--scenario", "rating-only"]
    killed = start(tiny, tmp_path / "results", *words)
    assert within(120, lambda: len(state(folder)) >= 2)
    workers = psutil.Process(killed.pid).children(recursive=True)
    assert workers
    (worker,) = workers
    assert any("tensorflow" in each.path for each in worker.memory_maps())
    assert not any("tensorflow" in each.path for each in psutil.Process(killed.pid).memory_maps())
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert within(10, lambda: not any(map(lives, workers)))
    before = state(folder)
    assert 2 <= len(before) < 6
    assert all(json.loads(path.read_text())["status"] == "ok" for path in before)

    run = ["run", str(tiny), "--results", str(tmp_path / "results"), *words]
    assert main(run) == 0  # in this process: what executes makes no difference
    assert f"{len(before)} of 6 runs are done already" in capsys.readouterr().err
    after = state(folder)
    assert len(after) == 6
    assert {path: after[path] for path in before} == before
    suffixes = {path.suffix for path in folder.iterdir()}
    assert suffixes == {".json", ".npz", ".npy", ".jsonl"}
    assert main(["run", str(tiny), "--results", str(tmp_path / "whole"), *words]) == 0
    for path in after:
        found, expected = (
            json.loads(each.read_text()) for each in (path, tmp_path / "whole/tiny" / path.name)
        )
        assert found["metrics"] == expected["metrics"]
        assert found["curve"] == expected["curve"]

    code = (
        "import sys; from mtbench.cli import main; code = main(sys.argv[1:]);"
        "assert 'tensorflow.python' not in sys.modules; sys.exit(code)"
    )
    subprocess.run([sys.executable, "-c", code, *run], check=True, capture_output=True)
    assert state(folder) == after


@pytest.mark.thorough
def test_interrupt(tiny, tmp_path):
    running = start(tiny, tmp_path / "results")
    command = psutil.Process(running.pid)
    workers = within(120, command.children)
    assert workers
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=120)
    assert running.returncode == 130
    assert b"Traceback" not in told
    assert b"interrupted; what is stored is whole" in told
    assert within(10, lambda: not any(map(lives, workers)))
    assert not list((tmp_path / "results" / "tiny").iterdir())
    shutil.rmtree(tmp_path / "results")
