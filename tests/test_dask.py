"""The executor `dask`: nodes that die and join, SLURM, Ctrl-C; its contract is in test_contract.py.

Nodes are Dask workers in processes of their own. Their worker processes are simple ones, so that
TensorFlow is imported by none, but for one run of a suite on SLURM's stand-in.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import bombs
import psutil
import pytest
from jobs import Job, lives, wait_until

from mtbench.errors import MtbenchError
from mtbench.records import store
from mtbench_plugins.executors import dask

distributed = pytest.importorskip("distributed")

pytestmark = pytest.mark.thorough
TESTS = Path(__file__).parent


@pytest.fixture(scope="module")
def scheduler():
    """One without workers, in this process."""
    quiet = {"n_workers": 0, "dashboard_address": None, "silence_logs": 50}
    with distributed.LocalCluster(**quiet) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def node(scheduler):
    """Starts Dask workers without a nanny, which would start them again."""
    made = []

    def start():
        command = [sys.executable, "-m", "distributed.cli.dask_worker", scheduler, "--no-nanny"]
        command += ["--nthreads", "1", "--memory-limit", "0", "--no-dashboard"]
        command += ["--preload", str(TESTS / "simple_node.py")]
        environment = {**os.environ, "MALLOC_TRIM_THRESHOLD_": "65536"}
        made.append(subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL))
        return made[-1]

    yield start
    for process in made:
        process.kill()
        process.wait()


def executing(job, scheduler, **options):
    """A thread that executes a job."""
    executor = dask.Dask(scheduler=scheduler, **options)
    thread = threading.Thread(target=executor.execute, args=[job], daemon=True)
    thread.start()
    return thread


def workers_below(process):
    return [child.pid for child in psutil.Process(process.pid).children()]


def test_a_node_is_killed_and_another_joins(scheduler, node, tmp_path):
    """What it was at is done by another, once; results are those of the one that had it last."""
    flag = tmp_path / "go"
    job = Job("a1", "b1", "a2", "b2", how=dict.fromkeys(("a1", "b1"), f"until {flag}"))
    first = node()
    thread = executing(job, scheduler, start_timeout=60.0)
    wait_until(lambda: job.of("a1") == ["ready", "started"], 60)
    assert job.of("b1") == []  # there is no one else
    (child,) = workers_below(first)
    environment = psutil.Process(child).environ()
    assert "MALLOC_TRIM_THRESHOLD_" not in environment
    assert environment["OMP_NUM_THREADS"] == "2"
    os.kill(first.pid, signal.SIGKILL)
    wait_until(lambda: not job.doing, 60)
    assert not lives(child)  # the system, or the closed socket, has ended it
    second, third = node(), node()
    wait_until(lambda: workers_below(second) and workers_below(third), 60)  # both have work
    flag.touch()
    thread.join(60)
    assert not thread.is_alive()
    assert job.over
    again = ["ready", "started", "finished", "ended"]
    assert job.of("a1") == ["ready", "started", *again]
    assert all(job.of(key) == again for key in ("b1", "a2", "b2"))
    wait_until(lambda: not workers_below(second) + workers_below(third))  # the job is over


def test_a_run_that_loses_its_nodes_has_failed(scheduler, node, tmp_path):
    job = Job("a1", how={"a1": f"until {tmp_path / 'never'}"})
    first = node()
    thread = executing(job, scheduler, losses=0, start_timeout=60.0)
    wait_until(lambda: job.of("a1") == ["ready", "started"], 60)
    first.kill()
    thread.join(60)
    assert job.of("a1") == ["ready", "started", "lost"]
    assert job.last.content["message"].startswith("its worker tcp://127.0.0.1:")
    assert job.last.content["place"]["node"] == "127.0.0.1"


def test_a_worker_process_that_dies_costs_its_run(scheduler, node):
    job = Job("a1", "a2", "a3", how={"a1": "segfault", "a2": "spin"})
    node()
    thread = executing(job, scheduler, timeout=1.0, start_timeout=60.0)
    thread.join(90)
    assert [job.of(key)[-1] for key in ("a1", "a2", "a3")] == ["lost", "lost", "ended"]


def test_a_command_that_is_killed_leaves_nothing(scheduler, node, tmp_path):
    """Its run is ended on the node, even one that holds the interpreter's lock."""
    code = "import sys, jobs; from mtbench_plugins.executors.dask import Dask;"
    code += "Dask(scheduler=sys.argv[1]).execute(jobs.Job('a1', how={'a1': 'spin'}))"
    there = node()
    command = [sys.executable, "-c", code, scheduler]
    driver = subprocess.Popen(command, cwd=TESTS, stderr=subprocess.DEVNULL)
    wait_until(lambda: workers_below(there), 60)
    (child,) = workers_below(there)
    time.sleep(0.5)
    driver.kill()
    driver.wait()
    wait_until(lambda: not lives(child), 10)
    assert there.poll() is None


def test_a_scheduler_that_is_lost(tmp_path):
    file = tmp_path / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0"]
    command += ["--no-dashboard", "--scheduler-file", str(file)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait_until(file.is_file, 60)
        address, killed = json.loads(file.read_text())["address"], []
        timer = threading.Timer(1.0, lambda: killed.append(process.kill()))
        timer.start()
        with pytest.raises(MtbenchError, match="the scheduler is gone; what is done is stored"):
            dask.Dask(scheduler=address).execute(Job("a1"))
        assert killed
    finally:
        process.kill()
        process.wait()


def test_a_scheduler_without_workers_and_none(scheduler):
    with pytest.raises(MtbenchError, match=r"no Dask worker for 0\.5 s"):
        dask.Dask(scheduler=scheduler, start_timeout=0.5).execute(Job("a1"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dask, "CONNECT", 0.5)
        with pytest.raises(MtbenchError, match=r"no scheduler at tcp://127\.0\.0\.1:1"):
            dask.Dask(scheduler="tcp://127.0.0.1:1").execute(Job("a1"))


SBATCH = """\
#!/bin/sh
# SLURM's `sbatch FILE`, on this machine, at once
number=$(ls "$SLURM_STAND_IN" | wc -l)
cp "$1" "$SLURM_STAND_IN/$number.script"  # what asks for the job removes the file at once
setsid sh "$SLURM_STAND_IN/$number.script" > "$SLURM_STAND_IN/$number.out" 2>&1 &
echo $! > "$SLURM_STAND_IN/$number"
echo "Submitted batch job $number"
"""
SCANCEL = """\
#!/bin/sh
kill -TERM -- -$(cat "$SLURM_STAND_IN/$1")
"""


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Stand-ins of its commands on the path; the folder of their jobs."""
    pytest.importorskip("dask_jobqueue")
    jobs, programs = tmp_path / "jobs", tmp_path / "bin"
    jobs.mkdir()
    programs.mkdir()
    for name, text in {"sbatch": SBATCH, "scancel": SCANCEL}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o700)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_STAND_IN", str(jobs))
    yield jobs
    started = [int(path.read_text()) for path in jobs.glob("*[0-9]")]
    wait_until(lambda: not any(map(lives, started)))


def test_jobs_of_slurm(slurm, tmp_path):
    """A whole suite; a job is asked for, does runs, and is cancelled."""
    path = bombs.write(tmp_path, "sound", "hard-exit")
    options = "{queue: cpu, cores: 2, processes: 1, memory: 4GB, walltime: '01:00:00'}"
    executor = (
        f"executor={{name: dask, cluster: dask_jobqueue.SLURMCluster, cluster_options: {options}}}"
    )
    command = ["run", str(path), "--results", str(tmp_path / "r"), "-o", executor]
    words = [*command, "--scenario", "sound", "--scenario", "hard-exit"]
    done = subprocess.run([sys.executable, "-m", "mtbench.cli", *words], check=False, timeout=300)
    assert done.returncode == 1
    found = {r.scenario: r for r in store.read_folder(tmp_path / "r" / "bombs")[0]}
    assert found["sound"].ok
    assert found["sound"].environment.place.executor == "dask"
    assert found["hard-exit"].error.line.startswith("WorkerDied: the worker ended with exit code 0")
    (script,) = slurm.glob("*.script")
    assert "#SBATCH -p cpu" in script.read_text()


def test_a_job_that_slurm_ends_is_asked_for_again(slurm, tmp_path, monkeypatch):
    monkeypatch.setattr(dask, "ASK_AGAIN", 2.0)
    monkeypatch.setenv("DASK_DISTRIBUTED__DEPLOY__LOST_WORKER_TIMEOUT", "1s")
    distributed_config = pytest.importorskip("dask").config
    options = {"cores": 1, "memory": "1GB", "walltime": "01:00:00"}
    options["worker_extra_args"] = ["--preload", str(TESTS / "simple_node.py")]
    flag = tmp_path / "go"
    job = Job("a1", how={"a1": f"until {flag}"})
    executor = dask.Dask(cluster="dask_jobqueue.SLURMCluster", cluster_options=options)
    with distributed_config.set({"distributed.deploy.lost-worker-timeout": "1s"}):
        thread = threading.Thread(target=executor.execute, args=[job], daemon=True)
        thread.start()
        wait_until(lambda: job.of("a1") == ["ready", "started"], 90)
        (first,) = slurm.glob("*[0-9]")
        os.killpg(int(first.read_text()), signal.SIGKILL)
        flag.touch()
        thread.join(120)
    assert not thread.is_alive()
    assert job.of("a1")[-1] == "ended"
    assert len([*slurm.glob("*.script")]) == 2
