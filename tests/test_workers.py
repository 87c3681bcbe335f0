"""Worker processes: what is seen of each way to end, and who gets which work."""

import os
import select
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import bombs
import made
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mtbench.workers.supervisor as module
from mtbench.cli.main import main
from mtbench.errors import MtbenchError
from mtbench.plugin.executor import Event, Work
from mtbench.plugin.registry import installed
from mtbench.records import leases, store
from mtbench.suite.reader import load_suite
from mtbench.workers.agenda import Agenda, Wanted
from mtbench.workers.bundle import bundle_of, unpacked
from mtbench.workers.frames import Buffer, of_event, packed
from mtbench.workers.limits import Limits, in_bytes
from mtbench.workers.output import HEAD, TAIL, Output, last_lines, last_words
from mtbench.workers.supervisor import Supervisor

BUNDLE = {"path": [*sys.path, str(Path(__file__).parent)]}


@pytest.fixture
def supervisor(monkeypatch):
    """Makes supervisors of simple workers; ends them."""
    monkeypatch.setattr(module, "PROGRAM", "simple_worker")
    made_up = []

    def make(**limits):
        made_up.append(Supervisor(BUNDLE, 1, Limits(**limits), place={"node": "here"}))
        return made_up[-1]

    yield make
    for each in made_up:
        each.close()


def events(supervisor, key, how="", seconds=30):
    """What is told of a work until it has ended."""
    supervisor.give(Work(key, "group", {"how": how}))
    told, deadline = [], time.monotonic() + seconds
    while supervisor.work and time.monotonic() < deadline:
        select.select(supervisor.waits_on, [], [], 0.1)
        told += supervisor.poll()
    assert not supervisor.work, [each.told for each in told]
    return told


def test_a_sound_worker_does_one_work_after_another(supervisor):
    worker = supervisor()
    for key in ("a", "b"):
        told = events(worker, key)
        assert [each.told for each in told] == ["ready", "started", "finished", "ended"]
        assert {each.work for each in told} == {key}
        assert told[2].content["output"] == "hello\n"
    assert worker.alive
    pid = worker.pid
    worker.close()
    assert not psutil.pid_exists(pid)


def group_lives(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("how", "limits", "kind", "message"),
    [
        ("hard-exit", {}, "died", "the worker ended with exit code 0; its last output: hello"),
        ("kill", {}, "died", "the worker was ended by SIGKILL; its last output: hello"),
        ("segfault", {}, "died", "the worker was ended by SIGSEGV; its last output: hello"),
        ("abort", {}, "died", "ended by SIGABRT; its last output: hello | words before the end"),
        ("sleep", {"timeout": 0.3}, "timeout", "ran for more than 0.3 s; its last output: hello"),
        ("spin", {"timeout": 0.3}, "timeout", "ran for more than 0.3 s"),
        ("loud", {"timeout": 0.5}, "timeout", "ran for more than 0.5 s; its last output: x"),
        ("memory", {"memory": "150MB"}, "memory", "took more than 150MB of memory"),
        ("child", {}, "died", "the worker ended with exit code 3"),
        ("thread", {}, "died", "the worker closed its line and did not end"),
    ],
)
def test_a_way_to_end(supervisor, how, limits, kind, message):
    worker = supervisor(**limits)
    group = worker.pid
    *before, lost = events(worker, "a", how)
    assert [each.told for each in before] == ["ready", "started"]
    assert (lost.told, lost.work) == ("lost", "a")
    assert lost.content["kind"] == kind
    assert message in lost.content["message"]
    assert lost.content["run"] == "a"
    assert lost.content["place"] == {"node": "here"}
    assert not worker.alive
    assert len(lost.content["output"]) < HEAD + TAIL + 100
    deadline = time.monotonic() + 10
    while group_lives(group) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not group_lives(group)
    assert list(worker.poll()) == []


def test_a_worker_that_never_comes(monkeypatch):
    monkeypatch.setattr(module, "PROGRAM", "no_such_module")
    worker = Supervisor(BUNDLE, 1)
    (lost,) = events(worker, "a")
    assert lost.content["run"] is None
    assert "No module named no_such_module" in lost.content["message"]


def test_one_that_takes_too_long_to_come(tmp_path, monkeypatch):
    script = tmp_path / "sleeps"
    script.write_text("#!/bin/sh\nexec sleep 60\n")
    script.chmod(0o700)
    monkeypatch.setattr(module.sys, "executable", str(script))
    worker = Supervisor(BUNDLE, 1, Limits(start_timeout=0.2))
    (lost,) = events(worker, "a")
    assert lost.content["kind"] == "timeout"
    assert lost.content["message"] == "was not ready after 0.2 s"


def test_silence_is_told_of(supervisor, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    told = [each.told for each in events(supervisor(timeout=1.0), "a", "sleep")]
    assert told.count("silent") >= 2
    assert told[-1] == "lost"


def test_a_run_s_threads_are_pinned(supervisor, monkeypatch):
    seen = {}
    real = subprocess.Popen
    monkeypatch.setattr(
        module.subprocess, "Popen", lambda *a, **k: seen.update(k["env"]) or real(*a, **k)
    )
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "65536")
    worker = Supervisor(BUNDLE, 3, without=["MALLOC_TRIM_THRESHOLD_"])
    worker.close()
    assert {seen[name] for name in module.NUMERIC} == {"3"}
    assert "MALLOC_TRIM_THRESHOLD_" not in seen


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.text(max_size=5), st.integers() | st.text()),
            st.dictionaries(st.text(max_size=3), st.binary(max_size=50), max_size=3),
        ),
        max_size=5,
    ),
    st.integers(1, 40),
)
def test_messages_come_whole_however_they_are_cut(messages, size):
    content = b"".join(packed({"value": value}, files) for value, files in messages)
    buffer, found = Buffer(), []
    for start in range(0, len(content), size):
        found += buffer.feed(content[start : start + size])
    assert found == [({"value": value}, files) for value, files in messages]


def test_an_event_is_the_same_on_the_other_side():
    event = Event("finished", "k", {"x": [1.5, None]}, {"weights": b"\0\1"})
    ((message, files),) = Buffer().feed(of_event(event))
    assert Event(**message, arrays=files) == event


def test_output_keeps_beginning_and_end():
    read, write = os.pipe()
    output = Output(read)
    os.set_blocking(write, False)
    total = 0
    for n in range(2000):
        os.write(write, f"{n:09d}\n".encode() * 50)
        total += 500
        output.drain()
    text = output.taken()
    assert text.startswith("000000000\n")
    assert text.endswith("000001999\n")
    assert f"[{total - HEAD - TAIL:,} bytes left out]" in text
    os.write(write, b"noise" + output.mark.encode() + b"words\n")
    os.close(write)
    output.drain()
    assert output.taken() == "words\n"
    assert output.closed
    output.close()


def test_last_words():
    assert last_words("a\n\nb\n \x1b[31mc\x1b[0m\nd\n") == "b | c | d"
    assert last_words("") == ""
    text = 'x\nFatal Python error: Aborted\n\nThread 1 (most recent call first):\n  File "a.py"\n'
    text += 'Current thread 2 (most recent call first):\n  File "b.py", line 3 in f\n  File "c"\n'
    assert last_words(text) == 'Fatal Python error: Aborted | File "b.py", line 3 in f'
    assert last_lines("\n".join(map(str, range(50)))) == tuple(map(str, range(30, 50)))


@pytest.mark.parametrize(
    ("text", "size"),
    [("4GB", 4 * 10**9), ("1.5 gib", 3 * 2**29), ("800MB", 8 * 10**8), ("12", 12), ("3kB", 3000)],
)
def test_sizes(text, size):
    assert in_bytes(text) == size


@pytest.mark.parametrize("text", ["", "GB", "4 GBB", "-1GB", "0", "1e9", "4G B"])
def test_no_sizes(text, tiny, capsys):
    with pytest.raises(ValueError, match="expected a size such as 4GB"):
        in_bytes(text)
    assert main(["check", str(tiny), "-o", f"executor={{name: processes, memory: '{text}'}}"]) == 2
    assert "executor.memory: expected a size such as 4GB" in capsys.readouterr().err


@pytest.fixture
def agenda(tiny, tmp_path):
    def make(*overrides, folder="r", **wanted):
        registry = installed()
        suite = load_suite(tiny, registry, overrides=overrides)
        place = tmp_path / folder
        store.prepare_folder(place)
        return Agenda(suite, registry, place, Wanted(**wanted))

    return make


def test_seeds_of_a_scenario_stay_on_one_worker_and_idle_ones_take_from_the_largest(agenda):
    plan = agenda("seeds=4")
    first, other = plan.take(), plan.take()
    assert (first.group, other.group) == ("rating-only", "retrieval-only")
    assert [plan.take("rating-only").of.seed for _ in range(3)] == [1, 2, 3]
    third = plan.take("rating-only")  # nobody is at it
    assert third.group == "joint"
    plan.take("joint")
    assert plan.take("rating-only").group == "retrieval-only"  # has most left
    plan.put_back(third.key)
    assert plan.take("joint").key == third.key
    while plan.take():
        pass
    assert not plan.over
    assert plan.groups == 3
    for key in list(plan._doing):
        plan.ended(key)
    assert plan.over
    plan.close()


def test_shards_are_a_partition(agenda):
    whole = [run.id for run in agenda().plan]
    for of in (1, 2, 3, 4, 7):
        parts = [agenda(shard=(n, of)).plan for n in range(1, of + 1)]
        assert sorted(run.id for part in parts for run in part) == sorted(whole)
        if of <= 3:
            names = [{run.scenario for run in part} for part in parts]
            assert sum(map(len, names)) == 3  # a scenario is in one alone


def test_two_commands_share_the_work(agenda, tmp_path):
    one, two = agenda("seeds=1"), agenda("seeds=1")
    taken = [one.take(), two.take(), one.take()]
    assert len({item.key for item in taken}) == 3
    assert two.take() is None
    assert not two.over
    record = made.record(taken[0].of.scenario, 0)
    store.write(tmp_path / "r", made.changed(record, run_id=taken[0].key))
    one.ended(taken[0].key)
    two._looked = 0.0
    assert two.take() is None  # that is done, the other is not
    one.put_back(taken[2].key)
    two._looked = 0.0
    assert two.take().key == taken[2].key
    assert one.take() is None
    for each in (one, two):
        each.close()
    assert not list((tmp_path / "r").glob("*.lease"))


def test_a_lease_of_a_process_that_is_gone_is_taken_over(tmp_path, monkeypatch):
    code = "import sys; from pathlib import Path; from mtbench.records.leases import Leases;"
    code += "Leases().take(Path(sys.argv[1]), 'a')"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    assert [path.name for path in leases.abandoned(tmp_path)] == ["a.lease"]
    assert not leases.held(tmp_path, "a")
    mine, others = leases.Leases(), leases.Leases()
    assert mine.take(tmp_path, "a")
    assert mine.take(tmp_path, "a")
    assert not others.take(tmp_path, "a")
    assert leases.held(tmp_path, "a")
    old = time.time() - 2 * leases.STALE  # its owner cannot be asked, being elsewhere
    path = tmp_path / "a.lease"
    path.write_text(path.read_text().replace('"machine": "', '"machine": "other '))
    assert not others.take(tmp_path, "a")
    os.utime(path, (old, old))
    assert others.take(tmp_path, "a")
    others.close()
    assert not list(tmp_path.iterdir())


def test_a_lease_is_touched_until_it_is_given_back(tmp_path, monkeypatch):
    monkeypatch.setattr(leases, "BEAT", 0.02)
    mine = leases.Leases()
    assert mine.take(tmp_path, "a")
    os.utime(tmp_path / "a.lease", (0, 0))
    deadline = time.monotonic() + 10
    while (tmp_path / "a.lease").stat().st_mtime == 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (tmp_path / "a.lease").stat().st_mtime > 0
    mine.release(tmp_path, "a")
    assert not leases.held(tmp_path, "a")
    mine.close()


def test_a_bundle_is_the_same_suite_wherever_it_is_unpacked(tmp_path, monkeypatch):
    path = bombs.write(tmp_path, "sound", "kill")
    (tmp_path / "mine.py").write_text(made.plugin_source())
    monkeypatch.chdir(tmp_path)
    registry = installed()
    registry.load_file(Path("mine.py"))
    suite = load_suite(Path(path.name), registry, overrides=["seeds=[3]", "executor=inline"])
    bundle, ids = bundle_of(suite, registry, ["sound"]), {}
    for where in ("here", "elsewhere"):
        read, found = unpacked(bundle)
        ids[where] = [run.id for run in Agenda(read, found, tmp_path / "r", Wanted()).plan]
        for file in ("mine.py", "bombs.py", "bombs.yaml"):  # then on a machine without them
            (tmp_path / file).unlink(missing_ok=True)
    assert ids["here"] == ids["elsewhere"]
    assert found.find("weighting", "mine")
    with pytest.raises(MtbenchError, match="expected one that was read from a file or a mapping"):
        bundle_of(replace(suite, asked=None), registry, [])


@pytest.mark.thorough
def test_runs_that_end_their_process_cost_no_other(tmp_path, monkeypatch, capsys):
    """All ways at once, two workers; and a run in this process has the same bits."""
    names = ["sound", "raise", "exit", "hard-exit", "segfault", "spin", "memory", "eager"]
    path = bombs.write(tmp_path, *names)
    words = [word for name in names for word in ("--scenario", name)]
    options = "executor={name: processes, workers: 2, timeout: 6, memory: 3GB}"
    run = ["run", str(path), *words, "--results", str(tmp_path / "r"), "-o", options]
    assert main(run) == 1
    told = capsys.readouterr().err
    found = {r.scenario: r for r in store.read_folder(tmp_path / "r" / "bombs")[0]}
    assert set(found) == set(names)
    errors = {name: record.error and record.error.type for name, record in found.items()}
    assert errors == {
        "sound": None,
        "raise": "ArithmeticError",
        "exit": "SystemExit",
        "hard-exit": "WorkerDied",
        "segfault": "WorkerDied",
        "spin": "RunTimeout",
        "memory": errors["memory"],
        "eager": "RuntimeError",
    }
    assert errors["memory"] in ("RunOutOfMemory", "RunTimeout", "MemoryError")
    assert "numpy.mean" in found["eager"].error.message
    assert "Traceback" not in told
    log = store.log_path(tmp_path / "r" / "bombs", found["segfault"].run_id)
    assert "Fatal Python error: Segmentation fault" in log.read_text()
    assert found["segfault"].error.output
    assert not list((tmp_path / "r" / "bombs").glob("*.lease"))
    here = ["run", str(path), "--scenario", "sound", "--results", str(tmp_path / "here")]
    assert main([*here, "--executor", "inline"]) == 0
    (alone,) = store.read_folder(tmp_path / "here" / "bombs")[0]
    assert (alone.run_id, alone.metrics) == (found["sound"].run_id, found["sound"].metrics)
    assert found["sound"].environment.place.workers_on_node == 2
