"""Records and the runner: whole or not there, failures recorded, nothing done twice."""

import contextlib
import copy
import hashlib
import json
import math
import os
import re
import subprocess
import sys
import textwrap
import time
import warnings
from pathlib import Path

import made
import numpy as np
import older
import pytest

from mtbench import files
from mtbench.errors import RecordError
from mtbench.plugin.hooks import hookimpl
from mtbench.records import store as records
from mtbench.records.beside import read_arrays
from mtbench.records.record import NEEDED
from mtbench.records.results import Results
from mtbench.report import summarize
from mtbench.report.page.page import page

FAILING = '''
import mtbench

class Failing(mtbench.LossWeighting):
    """Raises."""
    name = "failing"
    fail: bool = True
    def build(self, tasks):
        import pathlib
        if pathlib.Path("FLAG").exists():
            return lambda losses: losses[0] + losses[1]
        raise ArithmeticError("on purpose")

@mtbench.hookimpl
def mtbench_weightings():
    return [Failing]
'''


pytestmark = pytest.mark.usefixtures("traced")
RECORD = made.record("x", 0)
FAILED = made.record("x", 0, status="failed")
KEYS = """
    run_id question_id suite scenario status started seed question question.engine
    question.engine.threads question.dataset question.dataset.name question.split question.tasks
    answer answer.towers answer.tasks answer.trained_tasks answer.weighting answer.train
    environment environment.cpu environment.python timings peak_memory_bytes
    error error.type error.message
""".split()
"""What every record has that failed at once, by dotted key."""


class Observer:
    """Keeps what it is told, and does what an observer should not."""

    def __init__(self):
        self.told = []

    @hookimpl
    def mtbench_run_started(self, run):
        self.told.append(("started", run.scenario, run.seed))

    @hookimpl
    def mtbench_epoch_ended(self, run, epoch, losses):
        self.told.append(("epoch", epoch, sorted(losses)))
        losses.clear()

    @hookimpl
    def mtbench_run_finished(self, run, record):
        self.told.append(("finished", record.status))
        record.metrics["ranking"]["rmse"] = 0.0
        raise RuntimeError("an observer's own")


@pytest.fixture
def failing(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "failing.py").write_text(FAILING)
    text = tiny.read_text().replace("weighting: fixed", "weighting: failing")
    tiny.write_text(text.replace("name: tiny", "name: tiny\nplugins: [failing.py]"))
    return tiny


def execute(path, folder, **filters):
    suite, plan, registry = made.planned(path, **filters)
    return plan, made.perform(suite, registry, folder, filters.get("scenarios", ()))


@pytest.mark.thorough
def test_a_failed_run_is_recorded_and_retried(failing, tmp_path):
    folder = tmp_path / "results"
    plan, done = execute(failing, folder)
    assert [r.status for r in done] == ["ok"] * 4 + ["failed"] * 2
    error = records.read(records.path_of(folder, plan[-1].id)).error
    assert (error.type, error.message) == ("ArithmeticError", "on purpose")
    assert any("failing.py" in line for line in error.traceback)
    (tmp_path / "FLAG").touch()
    _, again = execute(failing, folder)
    assert [(r.scenario, r.status) for r in again] == [("joint", "ok")] * 2
    assert execute(failing, folder)[1] == []


def test_a_record_has_everything(tiny, tmp_path):
    _, (record, _) = execute(tiny, tmp_path / "r", scenarios=["joint"])
    told, made_up = made.as_json(record), made.as_json(RECORD)
    assert sorted(told) == sorted(
        textwrap.dedent(
            """
            schema_version run_id question_id suite scenario seed status error started arms question
            answer environment timings peak_memory_bytes data floors metric_info
            curve validation epoch diagnostics parameters metrics files
            """
        ).split()
    )
    assert told.keys() == made_up.keys()
    for part in ("data", "environment", "question", "answer", "timings"):
        assert told[part].keys() == made_up[part].keys(), part
    timings = """
        import_s data_s build_s trace_s train_s validate_s train_examples_per_s evaluate_s
        evaluate_examples_per_s run_s cpu_s step_s step_cpu_s reference_s step_per_reference
    """
    assert sorted(record.timings) == sorted(timings.split())
    assert record.parameters == (30 + 40) * 4 + 8 * 8 + 8 + 8 + 1
    assert (record.data.train, record.data.test) == (240, 60)
    assert record.data.synthetic is True
    assert set(record.floors["ranking"]) == {"global mean", "user+item bias"}
    assert set(record.floors["retrieval"]) == {"chance", "popularity"}
    assert record.answer.towers["query"].origin.distribution == "mtbench"
    assert record.answer.weighting.name == "fixed"
    stored = records.read(next(iter((tmp_path / "r").glob(f"{record.run_id}.json"))))
    assert stored == record
    assert not stored.upgraded


def test_observers_see_and_cannot_change(tiny, tmp_path):
    observer, folder = Observer(), tmp_path / "r"
    chosen = {"observers": [observer], "scenarios": ["rating-only"], "seeds": "1"}
    with pytest.warns(RuntimeWarning, match="observer failed in mtbench_run_finished"):
        (record,) = made.run_suite(tiny, folder, **chosen)
    assert observer.told == [
        ("started", "rating-only", 0),
        ("epoch", 1, ["ranking_loss"]),
        ("epoch", 2, ["ranking_loss"]),
        ("finished", "ok"),
    ]
    assert record.metrics["ranking"]["rmse"] > 0
    assert set(record.curve[0]) == {"epoch", "ranking_loss"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = records.path_of(folder, record.run_id)
        assert records.read(path).metrics["ranking"]["rmse"]


def test_write_leaves_the_record_only(tmp_path):
    record = made.changed(RECORD, run_id="a")
    records.write(tmp_path, record)
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    with pytest.raises(ValueError, match="Out of range float"):
        records.write(tmp_path, record.model_copy(update={"diagnostics": ({"x": math.nan},)}))
    assert records.read(tmp_path / "a.json") == record
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"schema_version": 1', "found a damaged file"),
        ('{"schema_version": 99}', "expected schema_version 2, found 99"),
        ("[1]", "expected schema_version 2, found None"),
        ("\udcff", "found a damaged file"),
    ],
)
def test_what_is_no_record_is_refused(tmp_path, content, message):
    path = tmp_path / "x.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(RecordError, match=message):
        records.read(path)
    with pytest.raises(RecordError, match="has no record"):
        records.read_folder(tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="cannot store results there"):
        records.prepare_folder(tmp_path / "file" / "suite")


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("content", ['{"schema_version": N}', '{"schema_version": N, "status": 1}'])
def test_a_record_that_lacks_keys_is_refused(tmp_path, content, version):
    """Somebody's own JSON in the folder stops neither a run nor a report."""
    (tmp_path / "x.json").write_text(content.replace("N", str(version)))
    assert records.done(tmp_path, "x") is None
    with pytest.raises(RecordError):
        records.read_folder(tmp_path)


def without(record, key):
    """A copy that lacks a dotted key."""
    first, _, rest = key.partition(".")
    return {
        k: without(v, rest) if k == first else v for k, v in record.items() if k != first or rest
    }


@pytest.mark.parametrize("key", ["nothing", *KEYS])
def test_a_failed_record_is_reported_or_one_clear_line(tmp_path, key):
    """Whatever it lacks, or has of another type, no report stumbles over it."""
    failed = made.as_json(FAILED)
    lacking = without(failed, key)
    (tmp_path / "x-0.json").write_text(json.dumps(lacking))
    if key == "nothing":
        found, _ = records.read_folder(tmp_path)
        assert summarize(Results.of(found)).notes == ("FAILED: x seed 0: ValueError: on\npurpose",)
        assert "on purpose" in " ".join(page(Results.of(found)).split())
        return
    line = f"{tmp_path}/x-0.json: is not the record of a run: "
    with pytest.raises(RecordError) as caught:
        records.read_folder(tmp_path)
    assert str(caught.value).splitlines()[1:] == [f"{line}it lacks {key}"]
    *above, last = key.split(".")
    node = wrong = copy.deepcopy(failed)
    for part in above:
        node = node[part]
    node[last] = 1.5
    (tmp_path / "x-0.json").write_text(json.dumps(wrong))
    with pytest.raises(RecordError) as caught:
        records.read_folder(tmp_path)
    (found,) = str(caught.value).splitlines()[1:]
    assert re.fullmatch(rf"{re.escape(line + key)}: expected .+, found 1.5", found)


def test_records_of_another_suite_are_a_line_each(tmp_path):
    """The suite of most records is reported, whichever is the newest."""
    made.write(tmp_path, [made.record("joint", seed) for seed in range(2)])
    made.write(tmp_path, [made.record("x", 7, suite="other", started="2026-03")])
    found, problems = records.read_folder(tmp_path)
    assert [record.seed for record in found] == [0, 1]
    assert problems == [f"{tmp_path}/x-7.json: expected a record of made, found one of other"]


def test_a_record_that_cannot_be_placed_leaves_nothing(tmp_path):
    (tmp_path / "a.json").mkdir()
    with pytest.raises(RecordError, match=r"a\.json: cannot be written"):
        records.write(tmp_path, made.changed(RECORD, run_id="a"))
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    with pytest.raises(RecordError, match="cannot be written: no such file"):
        records.write(tmp_path / "nowhere", made.changed(RECORD, run_id="a"))


def test_what_is_not_json_leaves_the_old_record(tmp_path):
    record = made.changed(RECORD, run_id="a", answer__train__x=1)
    records.write(tmp_path, record)
    train = {**record.answer.train, "x": object()}
    answer = record.answer.model_copy(update={"train": train})
    with pytest.raises(TypeError):
        records.write(tmp_path, record.model_copy(update={"answer": answer}))
    assert records.read(tmp_path / "a.json").answer.train["x"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_records_come_in_the_order_they_were_made(tmp_path):
    for name, day in {"a": "3", "b": "1", "c": "2"}.items():
        started = f"2026-01-0{day}T00:00:00"
        records.write(tmp_path, made.changed(RECORD, run_id=name, started=started))
    (tmp_path / "d.json").write_text('{"schema_version": 1, "run')
    (tmp_path / "e.1.tmp").write_text("{")
    found, problems = records.read_folder(tmp_path)
    assert [record.run_id for record in found] == ["b", "c", "a"]
    assert problems == [f"{tmp_path / 'd.json'}: expected JSON, found a damaged file"]


@pytest.mark.parametrize(("status", "done"), [("ok", True), ("failed", False), ("other", False)])
def test_done(tmp_path, status, done):
    told = made.as_json(RECORD) | {"run_id": "a", "status": status}
    (tmp_path / "a.json").write_text(json.dumps(told))
    assert bool(records.done(tmp_path, "a")) == done
    assert records.done(tmp_path, "b") is None


def test_only_what_nobody_writes_any_more_is_left_over(tmp_path):
    """A process here can be asked for; of another machine or container the age tells."""
    code = (
        "import sys; from pathlib import Path; from mtbench import files;"
        "files.temporary_for(Path(sys.argv[1]) / 'dead').touch()"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path], check=True)
    (dead,) = tmp_path.iterdir()
    mine = files.temporary_for(tmp_path / "mine")
    other = tmp_path / "other.01234567-1-1-abc.tmp"
    for path in (mine, other, tmp_path / "unknown.tmp", tmp_path / "unknown.7.tmp"):
        path.touch()
    number = re.sub(r"-\d+-([0-9a-f]+)\.tmp$", r"-1-\1.tmp", mine.name)  # which another process had
    mine.with_name(number).touch()
    assert set(records.leftovers(tmp_path)) == {dead, mine.with_name(number)}
    long_ago = time.time() - files.LONG_AGO_S - 60
    for path in tmp_path.iterdir():
        os.utime(path, (long_ago, long_ago))
    assert set(records.leftovers(tmp_path)) == {*tmp_path.iterdir()} - {mine}


def test_values_by_query_lie_beside_the_record(tiny, tmp_path):
    """They come and go with a record that went well."""
    _, found = execute(tiny, tmp_path / "r", scenarios=["joint"])
    record = found[0]
    values = records.read_by_query(tmp_path / "r", record.run_id)
    assert set(values) == {f"{t}/{m}" for t, each in record.metrics.items() for m in each}
    assert all(v.dtype == np.float32 and v.shape == (30,) for v in values.values())
    records.write(tmp_path / "r", record)
    assert records.read_by_query(tmp_path / "r", record.run_id) == {}


VALUES = {"ranking/rmse": np.arange(3, dtype=np.float32)}
OTHERS = {"ranking/rmse": np.arange(3, 6, dtype=np.float32)}


def test_damaged_values_by_query(tmp_path):
    stored = records.write(tmp_path, RECORD, VALUES)
    path = records.beside(tmp_path, stored, "by_query")
    whole = bytearray(path.read_bytes())
    whole[-3] ^= 1
    path.write_bytes(whole)
    with pytest.raises(RecordError, match="expected the arrays of the record, found a damaged"):
        records.read_by_query(tmp_path, RECORD.run_id)
    path.unlink()
    with pytest.raises(RecordError, match="no such file"):
        records.read_by_query(tmp_path, RECORD.run_id)


def test_values_by_query_of_before_records_named_them(tmp_path):
    """They are read, and go when the run is done again."""
    plain = {key: value for key, value in RECORD.plain().items() if key != "files"}
    (tmp_path / f"{RECORD.run_id}.json").write_text(json.dumps(plain))
    old = tmp_path / f"{RECORD.run_id}.npz"
    np.savez(old, **VALUES)
    assert_equal(records.read_by_query(tmp_path, RECORD.run_id), VALUES)
    records.write(tmp_path, RECORD, OTHERS)
    assert not old.exists()
    assert_equal(records.read_by_query(tmp_path, RECORD.run_id), OTHERS)


@pytest.mark.parametrize("writes", range(6))
def test_a_run_that_is_replaced_is_there_whole_at_every_moment(tmp_path, monkeypatch, writes):
    """The record that is there has its own arrays, wherever the process is killed."""

    class Killed(BaseException):
        pass

    left = [writes]

    def step(function):
        def stepped(*words, **more):
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return function(*words, **more)

        return stepped

    records.write(tmp_path, made.changed(RECORD, seed=1), VALUES, VALUES)
    with monkeypatch.context() as patch:
        for name in ("replace", "unlink"):
            patch.setattr(Path, name, step(getattr(Path, name)))
        with contextlib.suppress(Killed):
            records.write(tmp_path, made.changed(RECORD, seed=2), OTHERS, OTHERS)
    record = records.read(records.path_of(tmp_path, RECORD.run_id))
    expected = {1: VALUES, 2: OTHERS}[record.seed]
    for what in ("by_query", "weights"):
        assert_equal(read_arrays(tmp_path, record, what), expected)


def test_of_a_replaced_run_nothing_is_left(tmp_path):
    records.write(tmp_path, RECORD, VALUES, VALUES)
    stored = records.write(tmp_path, RECORD, OTHERS)
    assert sorted(tmp_path.iterdir()) == sorted(records.files_of(tmp_path, stored))
    living = tmp_path / f"{RECORD.run_id}.0123456789abcdef.npz"  # of another writer of this run
    living.touch()
    records.write(tmp_path, RECORD)
    assert living.exists()


def test_every_flipped_bit_of_a_record_is_noticed_or_does_no_harm(tmp_path):
    path = records.path_of(tmp_path, RECORD.run_id)
    stored = records.write(tmp_path, RECORD)
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        with contextlib.suppress(RecordError):
            assert records.read(path) == stored, place


def test_a_number_changed_by_hand_is_noticed_and_another_form_is_not(tmp_path):
    path = records.path_of(tmp_path, RECORD.run_id)
    records.write(tmp_path, RECORD)
    told = json.loads(path.read_text())
    path.write_text(json.dumps(told, ensure_ascii=False))
    assert records.read(path).metrics == RECORD.metrics
    told["metrics"]["ranking"]["rmse"] = 0.5
    path.write_text(json.dumps(told))
    with pytest.raises(RecordError, match=r"is damaged: its checksum is of another content"):
        records.read(path)
    told["check"] = told.pop("checksum")  # damaged as well
    path.write_text(json.dumps(told))
    with pytest.raises(RecordError, match=r"is damaged"):
        records.read(path)
    del told["check"]  # of before there was one
    path.write_text(json.dumps(told))
    assert records.read(path).metrics["ranking"]["rmse"] == 0.5


def test_a_record_under_the_name_of_another_run_does_not_count_as_done(tmp_path):
    records.write(tmp_path, RECORD)
    path = records.path_of(tmp_path, RECORD.run_id)
    assert records.done(tmp_path, RECORD.run_id)
    path.rename(tmp_path / "other.json")
    assert records.done(tmp_path, "other") is None


def test_nothing_of_a_record_moves_a_terminal(tmp_path):
    error = {"type": "\x1b[31mE", "message": "a\rb\u202e\x9b2J\nc\td", "traceback": ["\x07"]}
    bad = made.changed(made.failed(RECORD), error=error)
    path = records.path_of(tmp_path, RECORD.run_id)
    for as_ascii in (True, False):
        path.write_text(json.dumps(bad.plain(), ensure_ascii=as_ascii))
        found = records.read(path).error
        assert found.message == "a\ufffdb\ufffd\ufffd2J\nc\td"
        assert (found.type, found.traceback) == ("\ufffd[31mE", ("\ufffd",))


def assert_equal(found, expected):
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)


def fault_of(path, told):
    """What the refusal of a record says."""
    path.write_text(json.dumps(told))
    with pytest.raises(RecordError) as caught:
        records.read(path)
    start, of, fault = str(caught.value).partition("is not the record of a run: ")
    assert (start, bool(of)) == (f"{path}: ", True)
    return fault


@pytest.mark.parametrize("key", NEEDED["ok"])
def test_a_run_that_went_well_has_results(tmp_path, key):
    told = made.as_json(RECORD)
    assert fault_of(tmp_path / "x.json", without(told, key)) == f"it lacks {key}"
    null = {
        "curve": "curve: expected a list, found nothing",
        "data": "it lacks data",
        "parameters": "it lacks parameters",
    }
    mapping = f"{key}: expected a mapping of keys to values, found nothing"
    assert fault_of(tmp_path / "x.json", {**told, key: None}) == null.get(key, mapping)


def test_a_run_that_failed_has_its_error(tmp_path):
    told = made.as_json(FAILED) | {"error": None}
    assert fault_of(tmp_path / "x.json", told) == "it lacks error"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"suite": 3}, "suite: expected text, found 3"),
        ({"seed": 1.5}, "seed: expected an integer, found 1.5"),
        ({"seed": "1"}, "seed: expected an integer, found '1'"),
        ({"status": "other"}, "status: expected 'ok' or 'failed', found 'other'"),
        ({"timings": []}, "timings: expected a mapping of keys to values, found []"),
        ({"timings__run_s": "2"}, "timings.run_s: expected a number, found '2'"),
        ({"answer__trained_tasks": "a"}, "answer.trained_tasks: expected a list, found 'a'"),
        (
            {"question__engine__threads": 2.5},
            "question.engine.threads: expected an integer, found 2.5",
        ),
        (
            {"metrics__ranking__rmse": math.inf},
            "metrics.ranking.rmse: expected a finite number, found inf",
        ),
    ],
)  # fmt: skip
def test_what_is_of_another_type_is_said_by_its_key(tmp_path, changes, fault):
    told = made.put(made.as_json(RECORD), **changes)
    assert fault_of(tmp_path / "x.json", told) == fault


def test_keys_of_later_versions_are_left_alone(tmp_path):
    told = made.put(made.as_json(RECORD), later=1, data__later=2, environment__later=3)
    checksum = hashlib.sha256(json.dumps(told, indent=1).encode()).hexdigest()
    (tmp_path / "x.json").write_text(json.dumps(told | {"checksum": checksum}))
    assert records.read(tmp_path / "x.json") == RECORD


@pytest.mark.parametrize("version", [1, 2])
def test_half_a_surrogate_pair_is_no_reason_to_lose_a_run(tmp_path, version):
    """A file name that is no UTF-8 may stand in an error."""
    told = older.of_schema_1("x", 0) if version == 1 else made.as_json(RECORD)
    (tmp_path / "x.json").write_text(json.dumps(told | {"scenario": "a\udcff😀"}))
    record = records.read(tmp_path / "x.json")
    assert record.scenario == "a\ufffd😀"
    again = made.failed(record, "no such file: '\udcff'")
    assert again.error.message == "no such file: '\ufffd'"
    records.write(tmp_path, made.changed(again, run_id="y"))
    assert records.read(tmp_path / "y.json").error == again.error


def test_a_record_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        RECORD.status = "failed"


@pytest.mark.parametrize("key", ["seed", "parameters", "peak_memory_bytes", "data.train"])
def test_a_number_that_no_table_holds_is_none(tmp_path, key):
    told = made.put(made.as_json(RECORD), **{key.replace(".", "__"): 2**63})
    assert fault_of(tmp_path / "x.json", told).startswith(f"{key}: expected")
