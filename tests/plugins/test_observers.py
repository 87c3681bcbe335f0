"""Trackers: what they store is what the record says, and a run does not notice them."""

import dataclasses
import importlib
import json
import os
import shutil
import sys
from datetime import datetime
from types import SimpleNamespace

import made
import numpy as np
import pytest

from mtbench.errors import MtbenchError
from mtbench.plugin.hooks import hookimpl
from mtbench.records import flatten
from mtbench.records import store as records
from mtbench_plugins.observers.mlflow import MLflow, MLflowRuns
from mtbench_plugins.observers.tensorboard import TensorBoard
from mtbench_plugins.tasks.ranking import RankingHead

pytest.importorskip("tensorboard")
pytest.importorskip("sqlalchemy")
pytest.importorskip("mlflow")
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import api_pb2, metadata

pytestmark = pytest.mark.usefixtures("traced")


def execute(path, folder, *observers, seeds="1", scenarios=("joint",)):
    """Run the small suite; returns its runs and their records."""
    chosen = {"observers": observers, "scenarios": scenarios, "seeds": seeds}
    suite, plan, registry = made.planned(path, "train.diagnostics=true", **chosen)
    return plan, made.perform(suite, registry, folder, scenarios)


def results(done):
    keys = ("metrics", "curve", "floors", "diagnostics", "parameters", "status")
    return [{key: getattr(record, key) for key in keys} for record in done]


class Look:
    """Keeps what an event file holds after each epoch, while the run goes on."""

    def __init__(self, folder):
        self.folder, self.seen = folder, []

    @hookimpl
    def mtbench_epoch_ended(self, run):
        path = event_files(self.folder)[-1]
        self.seen.append(sorted(read_events(path.parent)[0].get("loss/ranking", {})))


@pytest.fixture(scope="module")
def alone(shared_tiny, tmp_path_factory):
    """Runs that nothing tracks, and their records."""
    return execute(shared_tiny, tmp_path_factory.mktemp("alone"), seeds="2")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """The address of a database, which takes seconds to make."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.fixture(scope="module")
def tracked(shared_tiny, store, tmp_path_factory):
    """The same runs with both trackers: plan, records, event files, what was seen, folder."""
    folder = tmp_path_factory.mktemp("tracked")
    look = Look(folder / "deep" / "board")
    observers = [TensorBoard(where=str(look.folder)).build(), MLflow(where=store).build(), look]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        plan, done = execute(shared_tiny, folder / "r", *observers, seeds="2")
    return SimpleNamespace(plan=plan, made=done, board=look.folder, seen=look.seen, folder=folder)


@pytest.fixture(scope="module")
def broken(shared_tiny, store, tmp_path_factory):
    """A tracked run whose task raises when it is evaluated, after its training."""

    def evaluate(self, view):
        raise ArithmeticError("on purpose")

    folder = tmp_path_factory.mktemp("broken")
    observers = [TensorBoard(where=str(folder / "b")).build(), MLflow(where=store).build()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RankingHead, "evaluate", evaluate)
        _, (record,) = execute(shared_tiny, folder / "r", *observers)
    assert record.status == "failed"
    return SimpleNamespace(record=record, board=folder / "b")


def expected_series(record):
    """`{name: {epoch: value}}` as the record has it, read from it by hand."""
    found = {}
    for epoch in record.curve:
        for task in ("ranking", "retrieval"):
            found.setdefault(f"loss/{task}", {})[epoch["epoch"]] = epoch[f"{task}_loss"]
    for epoch in record.diagnostics:
        n, pair = epoch["epoch"], "ranking|retrieval"
        for key in ("weights", "gradient_norms"):
            for task in ("ranking", "retrieval"):
                found.setdefault(f"{key}/{task}", {})[n] = epoch[key][task]
        for key in ("cosines", "conflicts"):
            found.setdefault(f"{key}/{pair}", {})[n] = epoch[key][pair]
        found.setdefault("norm_ratio", {})[n] = epoch["norm_ratio"]
    for task, metrics in record.metrics.items():
        found |= {f"metrics/{task}/{name}": {2: value} for name, value in metrics.items()}
    timings = {k: v for k, v in record.timings.items() if v is not None}
    found |= {f"timings/{key}": {2: value} for key, value in timings.items()}
    return found | {key: {2: getattr(record, key)} for key in ("parameters", "peak_memory_bytes")}


@pytest.mark.thorough
def test_the_suite_of_these_tests_has_something_to_show(alone):
    """A guard of `expected_series`: two epochs, a pair of tasks, every kind of number."""
    found = expected_series(alone[1][0])
    assert len(found) > 25
    assert set(found["cosines/ranking|retrieval"]) == {1, 2}
    assert found["weights/ranking"] == {1: 1.0, 2: 1.0}


def test_settings(tiny):
    run = made.plan_of(tiny, scenarios=["joint"])[1]
    found = flatten.settings(run.run)
    some = {
        "suite": "tiny",
        "scenario": "joint",
        "seed": 1,
        "trained_tasks": "ranking, retrieval",
        "weighting": "fixed",
        "weighting.normalize": None,
        "dataset": "synthetic",
        "dataset.num_users": 30,
        "split.test_share": 0.2,
        "towers.query": "embedding",
        "towers.query.embedding_dim": 4,
        "tasks.ranking": "ranking",
        "tasks.ranking.units": "[8]",
        "tasks.retrieval.sampling_correction": False,
        "tasks.retrieval.num_hard_negatives": "null",
        "train.epochs": 2,
        "train.optimizer.name": "adagrad",
        "train.optimizer.learning_rate": 0.1,
        "stands_in_for": "null",
        "task_order": '["ranking", "retrieval"]',
    }
    assert {key: found.get(key) for key in some} == some
    assert found["engine.threads"] >= 1
    assert not [key for key in found if "origin" in key or "sha256" in key]
    single = flatten.settings(made.plan_of(tiny, scenarios=["rating-only"])[0].run)
    assert "weighting" not in single


@pytest.mark.thorough
def test_outcome_of_a_failed_run(broken):
    record = broken.record
    assert flatten.outcome(record) == {
        **{
            f"timings/{key}": record.timings[key]
            for key in ("import_s", "data_s", "run_s", "cpu_s")
        },
        "peak_memory_bytes": record.peak_memory_bytes,
        "parameters": record.parameters,
    }
    assert list(flatten.diagnostics(made.record("x", 0, status="failed"))) == []


# --- TensorBoard


def event_files(folder):
    return sorted(folder.rglob("events.out.tfevents.*"))


def read_events(path):
    """`{tag: {step: value}}` and the two messages of the hyperparameter dashboard."""
    import tensorflow as tf

    events = EventAccumulator(str(path), size_guidance={"tensors": 0})
    events.Reload()
    found, hparams = {}, {}
    for tag in events.Tags()["tensors"]:
        content = events.SummaryMetadata(tag).plugin_data.content
        if tag == metadata.SESSION_START_INFO_TAG:
            started = metadata.parse_session_start_info_plugin_data(content)
            hparams["settings"] = {
                key: getattr(value, value.WhichOneof("kind"))
                for key, value in started.hparams.items()
            }
        elif tag == metadata.SESSION_END_INFO_TAG:
            hparams["status"] = metadata.parse_session_end_info_plugin_data(content).status
        else:
            points = [(e.step, tf.make_ndarray(e.tensor_proto)) for e in events.Tensors(tag)]
            assert len(points) == len(dict(points))
            found[tag] = {n: v.item() if v.shape == () else v.tolist() for n, v in points}
    return found, hparams


def single(series):
    """The numbers as float32, which is what an event file holds."""
    return {k: {n: np.float32(v).item() for n, v in each.items()} for k, each in series.items()}


@pytest.mark.thorough
def test_event_files_hold_what_the_record_says(tracked):
    paths = event_files(tracked.board)
    assert [path.parent.relative_to(tracked.board).as_posix() for path in paths] == [
        f"tiny/joint seed {run.seed} {run.id}" for run in tracked.plan
    ]
    for path, run, record in zip(paths, tracked.plan, tracked.made, strict=True):
        found, hparams = read_events(path.parent)
        assert found == single(expected_series(record))
        status = api_pb2.STATUS_SUCCESS
        assert hparams == {"settings": flatten.settings(run.run), "status": status}


@pytest.mark.thorough
def test_event_files_of_a_failed_run(broken):
    (path,) = event_files(broken.board)
    found, hparams = read_events(path.parent)
    assert hparams["status"] == api_pb2.STATUS_FAILURE
    assert found["error"] == {2: b"ArithmeticError: on purpose"}
    assert set(found["loss/ranking"]) == {1, 2}
    assert not [tag for tag in found if tag.startswith("metrics")]


def test_losses_are_there_before_the_run_ends(tracked):
    assert tracked.seen == [[1], [1, 2]] * 2


@pytest.mark.thorough
def test_a_run_that_is_done_again_replaces_its_event_files(tiny, tmp_path):
    kept = tmp_path / "b" / "tiny" / "events.out.tfevents.of.another"
    for _ in range(2):
        execute(tiny, tmp_path / "r", TensorBoard(where=str(tmp_path / "b")).build())
        kept.touch()
    assert len(event_files(tmp_path / "b")) == 2
    assert kept.exists()


def test_a_run_whose_file_cannot_be_made_does_not_end_up_in_that_of_another(alone, tmp_path):
    first, second = alone[0]
    first, second = first.run, second.run
    files = TensorBoard(where=str(tmp_path / "b")).build()
    files.mtbench_run_started(first)
    with pytest.raises(AttributeError):
        files.mtbench_run_finished(first, None)
    (tmp_path / "b").rename(tmp_path / "was")
    (tmp_path / "b").touch()
    with pytest.raises(Exception, match="not a directory"):
        files.mtbench_run_started(second)
    files.mtbench_epoch_ended(second, 1, {"ranking_loss": 0.5})
    (path,) = event_files(tmp_path / "was")
    assert read_events(path.parent)[0] == {}


@pytest.mark.thorough
def test_a_scenario_of_any_name_stays_in_the_folder(tiny, tmp_path):
    name = 'a/../../../b|c: "[x]" é'
    tiny.write_text(tiny.read_text().replace("  joint:", f"  {json.dumps(name)}:"))
    where = tmp_path / "deep" / "b"
    execute(tiny, tmp_path / "r", TensorBoard(where=str(where)).build(), scenarios=[name])
    (path,) = event_files(tmp_path)
    assert path.parent.parent == where / "tiny"


@pytest.mark.parametrize(
    "tracker", [TensorBoard(where="file/b"), MLflow(where="sqlite:///file/b/mlflow.db")]
)
def test_a_folder_that_cannot_be_written_to(tmp_path, monkeypatch, tracker):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(MtbenchError) as error:
        tracker.build()
    assert str(error.value) == "file/b: cannot store results there: not a directory"


def test_where_mlflow_writes(tmp_path, monkeypatch):
    """Where it is told, else where its own variable says, else in the working directory."""
    asked = []

    class Asked(Client):
        def __init__(self, uri):
            super().__init__()
            asked.append(uri)

        def search_experiments(self, max_results):
            return []

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mlflow.MlflowClient", Asked)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    MLflow().build()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://a.server")
    MLflow().build()
    MLflow(where="sqlite:///deep/b.db").build()
    assert asked == [f"sqlite:///{tmp_path}/mlflow.db", "http://a.server", "sqlite:///deep/b.db"]
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]


@pytest.mark.parametrize(
    ("tracker", "package"),
    [(TensorBoard, "tensorboard"), (MLflow, "mlflow"), (MLflow, "sqlalchemy"), (MLflow, "alembic")],
)
def test_without_a_package(tmp_path, monkeypatch, tracker, package):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MtbenchError) as error:
        tracker().build()
    install = f"pip install 'mtbench[{tracker.name}]'"
    assert str(error.value) == f"{package} is needed for this and not installed: {install}"
    assert list(tmp_path.iterdir()) == []


# --- MLflow


@pytest.fixture
def client(store):
    from mlflow import MlflowClient

    return MlflowClient(store)


def read_run(client, record):
    """The one run of MLflow of a record, and `{name: {step: value}}`."""
    (experiment,) = client.search_experiments(filter_string=f"name = '{record.suite}'")
    found = client.search_runs(
        [experiment.experiment_id], f"tags.`mtbench.run_id` = '{record.run_id}'"
    )
    (run,) = [run for run in found if run.info.start_time == milliseconds(record)]
    series = {}
    for name in run.data.metrics:
        points = [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, name)]
        assert len(points) == len(dict(points))
        series[name] = dict(points)
    return run, series


def milliseconds(record):
    return int(datetime.fromisoformat(record.started).timestamp() * 1000)


def test_mlflow_holds_what_the_record_says(tracked, client):
    assert {path.name for path in tracked.folder.iterdir()} == {"deep", "r"}  # nothing of MLflow's
    for planned, record in zip(tracked.plan, tracked.made, strict=True):
        run, series = read_run(client, record)
        expected = expected_series(record)
        assert series == {name.replace("|", "_"): each for name, each in expected.items()}
        settings = flatten.settings(planned.run)
        assert run.data.params == {key: str(value) for key, value in settings.items()}
        assert run.info.status == "FINISHED"
        assert run.info.run_name == f"joint seed {record.seed}"
        assert run.data.tags["mtbench.question_id"] == record.question_id
        assert "mtbench.error" not in run.data.tags
        assert run.info.end_time >= run.info.start_time + int(record.timings["run_s"] * 1000)


def test_mlflow_of_a_failed_run(broken, client):
    run, series = read_run(client, broken.record)
    assert run.info.status == "FAILED"
    assert run.data.tags["mtbench.error"] == "ArithmeticError: on purpose"
    assert set(series["loss/ranking"]) == {1, 2}
    assert not [name for name in series if name.startswith("metrics")]


class Client:
    """Stands in for MLflow's: keeps what it is sent."""

    def __init__(self):
        self.sent = []

    def get_experiment_by_name(self, name):
        return None

    def create_experiment(self, name):
        return "7"

    def create_run(self, experiment, **about):
        return SimpleNamespace(info=SimpleNamespace(run_id=f"run of {experiment}"))

    def log_batch(self, run_id, metrics=(), params=()):
        assert len(metrics) <= 1000
        assert len(params) <= 100
        self.sent += [(m.key, m.step) for m in metrics] + [p.key for p in params]

    def set_terminated(self, run_id, status, end_time):
        self.sent.append((run_id, status))


def test_mlflow_gets_no_more_at_once_than_it_takes(alone):
    """1,500 epochs and 300 options, none lost or doubled, and nothing of the run before."""
    client = Client()
    observer = MLflowRuns(client)
    (run, _), (record, _) = alone
    observer.mtbench_epoch_ended(run.run, 7, {"ranking_loss": 0.25})
    options = {f"option {n}": n for n in range(300)}
    large = dataclasses.replace(run.run, seed=0, question={**run.run.question, **options})
    observer.mtbench_run_started(large)
    for epoch in range(1, 1501):
        observer.mtbench_epoch_ended(large, epoch, {"ranking_loss": 0.5})
    observer.mtbench_run_finished(large, made.changed(record, diagnostics=[]))
    losses = [entry for entry in client.sent if entry[0] == "loss/ranking"]
    assert losses == [("loss/ranking", epoch) for epoch in range(1, 1501)]
    assert [e for e in client.sent if str(e).startswith("option")] == list(options)
    assert {entry[1] for entry in client.sent if entry[0].startswith("metrics")} == {1500}
    assert client.sent[-1] == ("run of 7", "FINISHED")


@pytest.mark.thorough
def test_trackers_take_in_what_was_done_before(alone, tmp_path):
    """As they would have had it, but for the order in time; and no second time."""
    where = f"sqlite:///{tmp_path / 'mlflow.db'}"
    trackers = TensorBoard(where=str(tmp_path / "board")), MLflow(where=where)
    from mlflow import MlflowClient

    client = MlflowClient(where)
    for _ in range(2):
        for tracker in trackers:
            observer = tracker.build()
            for run, record in zip(*alone, strict=True):
                observer.mtbench_run_found(run.run, record)
        for record in alone[1]:
            run, series = read_run(client, record)
            expected = expected_series(record)
            assert series == {name.replace("|", "_"): each for name, each in expected.items()}
            assert (run.info.status, run.info.run_name) == ("FINISHED", f"joint seed {record.seed}")
            seconds = (run.info.end_time - run.info.start_time) / 1000
            assert seconds == pytest.approx(record.timings["run_s"], abs=0.002)
        assert len([*(tmp_path / "board").rglob("events.*")]) == len(alone[1])
    (experiment,) = client.search_experiments(filter_string="name = 'tiny'")
    found = client.search_runs([experiment.experiment_id])
    assert len(found) == len(alone[1])
    # one that was cut off while it was sent is sent again
    client.update_run(found[0].info.run_id, status="RUNNING")
    observer = trackers[1].build()
    for run, record in zip(*alone, strict=True):
        observer.mtbench_run_found(run.run, record)
    assert len(client.search_runs([experiment.experiment_id])) == len(alone[1]) + 1


def test_mlflow_reports_no_usage_unless_told(store, monkeypatch):
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)
    MLflow(where=store).build()
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "false")
    MLflow(where=store).build()
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "false"


# --- no run notices


def test_results_are_the_same_with_trackers(alone, tracked):
    assert results(tracked.made) == results(alone[1])
    assert results(records.read_folder(tracked.folder / "r")[0]) == results(alone[1])


@pytest.mark.thorough
@pytest.mark.filterwarnings("always")
def test_a_tracker_that_raises_changes_nothing(alone, shared_tiny, tmp_path):
    class Broken(Client):
        def create_run(self, experiment, **about):
            raise ConnectionError("server went away")

    files = TensorBoard(where=str(tmp_path / "b")).build()
    shutil.rmtree(tmp_path / "b")
    (tmp_path / "b").touch()  # a file where the folder was
    with pytest.warns(RuntimeWarning, match="observer failed") as warned:
        _, done = execute(shared_tiny, tmp_path / "r", files, MLflowRuns(Broken()), seeds="2")
    assert results(done) == results(alone[1])
    lines = [str(w.message) for w in warned if w.category is RuntimeWarning]
    assert len(lines) == 4  # one a run and tracker
    assert sum("mtbench_run_started" in line for line in lines) == 2
    assert sum("server went away" in line for line in lines) == 2


def test_installing_a_tracker_has_no_effect():
    """Their modules implement no observer hook: they act only where an object of theirs is."""
    for tracker in (TensorBoard, MLflow):
        module = importlib.import_module(tracker.__module__)
        hooks = [name for name in vars(module) if name.startswith("mtbench_")]
        assert hooks == ["mtbench_observers"]
        assert module.mtbench_observers() == [tracker]
