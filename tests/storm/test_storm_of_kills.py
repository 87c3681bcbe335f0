"""Commands that are killed at any moment, in any way, and run again, end as if none had been."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import bombs
import psutil
import pytest
from storms import SHARE

pytestmark = pytest.mark.storm
KILLS = max(int(200 * SHARE), 3)
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def start(suite, folder, executor):
    command = [sys.executable, "-m", "mtbench.cli", "run", str(suite), "--results", str(folder)]
    command += ["--scenario", "sound", "--scenario", "raise", "--executor", executor]
    variables = {k: v for k, v in os.environ.items() if k != "MTBENCH_EXECUTOR"}
    return subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=variables,
        preexec_fn=heeds,  # noqa: PLW1509 - no threads here
    )


def heeds():
    """Heed what the shell that started the tests may ignore: in its background, under `nohup`."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def lives(process):
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def state(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.json")}


def results(folder):
    found = {}
    for path in folder.glob("*.json"):
        record = json.loads(path.read_text())
        found[record["run_id"]] = (record["status"], record.get("metrics"), record.get("floors"))
    return found


@pytest.mark.parametrize("executor", ["processes", "inline", "dask"])
def test_storm_of_kills(tmp_path, executor):
    if executor == "dask":
        pytest.importorskip("distributed")
    suite = bombs.write(tmp_path, "sound", "raise")
    suite.write_text(suite.read_text().replace("seeds: 1", "seeds: 6"))
    began = time.monotonic()
    assert start(suite, tmp_path / "whole", executor).wait(timeout=300) == 1  # `raise` fails
    took = time.monotonic() - began
    expected = results(tmp_path / "whole" / "bombs")
    assert len(expected) == 12
    chance, kills, folder = random.Random(1), 0, tmp_path / "r" / "bombs"
    while kills < KILLS:
        running = start(suite, tmp_path / "r", executor)
        deadline = time.monotonic() + chance.uniform(0.2, took)
        started = []
        while time.monotonic() < deadline and running.poll() is None:
            started = psutil.Process(running.pid).children(recursive=True) or started
            time.sleep(0.02)
        done = {name for name, record in results(folder).items() if record[0] == "ok"}
        before = {name: when for name, when in state(folder).items() if name[:-5] in done}
        if running.poll() is None:
            kills += 1
            running.send_signal(chance.choice(SIGNALS))
        running.wait(timeout=60)
        deadline = time.monotonic() + 10
        while any(map(lives, started)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not [process for process in started if lives(process)]
        after = state(folder)
        assert {name: after[name] for name in before} == before  # nothing done twice, none lost
        if len(done) == 6 and not chance.randrange(3):  # begin anew
            for path in folder.iterdir():
                path.unlink()
    assert start(suite, tmp_path / "r", executor).wait(timeout=300) == 1
    assert results(folder) == expected
    left = {path.suffix for path in folder.iterdir()}
    assert left <= {".json", ".npz", ".npy", ".jsonl", ".log"}
