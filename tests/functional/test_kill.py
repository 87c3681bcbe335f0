"""Killed in mid-run and run again: all records whole, nothing done twice."""

import json
import os
import signal
import subprocess
import sys
import time


def start(tiny, folder, *words):
    command = [sys.executable, "-m", "mtbench.cli", "run", str(tiny), "--results", str(folder)]
    return subprocess.Popen([*command, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_kill_and_resume(tiny, tmp_path):
    folder = tmp_path / "results" / "tiny"
    words = ["-o", "train.epochs=40", "--seeds", "6", "--scenario", "rating-only"]
    first = start(tiny, tmp_path / "results", *words)
    deadline = time.monotonic() + 120
    while len(list(folder.glob("*.json"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*.json")}
    assert 2 <= len(before) < 6
    assert all(json.loads(path.read_text())["status"] == "ok" for path in before)

    second = start(tiny, tmp_path / "results", *words)
    _, told = second.communicate()
    assert second.returncode == 0
    assert f"{len(before)} of 6 runs are done already".encode() in told
    after = {path: path.stat().st_mtime_ns for path in folder.glob("*.json")}
    assert len(after) == 6
    assert all(json.loads(path.read_text())["status"] == "ok" for path in after)
    assert {path: after[path] for path in before} == before

    code = (
        "import sys; from mtbench.cli import main; code = main(sys.argv[1:]);"
        "assert 'tensorflow.python' not in sys.modules; sys.exit(code)"
    )
    run = ["run", str(tiny), "--results", str(tmp_path / "results"), *words]
    subprocess.run([sys.executable, "-c", code, *run], check=True, capture_output=True)
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*.json")} == after


def test_interrupt(tiny, tmp_path):
    folder = tmp_path / "results" / "tiny"
    running = start(tiny, tmp_path / "results", "-o", "train.epochs=2000", "--seeds", "2")
    deadline = time.monotonic() + 120
    while not folder.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(5)  # TensorFlow is imported and trains
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=60)
    assert running.returncode == 130
    assert b"Traceback" not in told
    assert b"interrupted; what is stored is whole" in told
    assert all(json.loads(path.read_text()) for path in folder.glob("*.json"))
