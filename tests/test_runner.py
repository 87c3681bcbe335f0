"""The runner: a failure stops nothing, a rerun retries it, observers have no influence."""

import json
import os

import made
import numpy as np
import pytest

from mtbench.cli.main import main
from mtbench.plugin.hooks import hookimpl
from mtbench.records import store
from mtbench.runs.plan import pending
from mtbench_plugins.tasks.ranking import Ranking, RankingHead

PLUGIN = '''
import pathlib
import numpy as np
import mtbench

class Half(mtbench.Split):
    """Raises for the first seed, unless the file beside it says that all is well."""
    name = "half"
    def build(self, data, seed):
        if seed == 0 and not pathlib.Path("well").exists():
            raise ArithmeticError("on purpose")
        order = np.random.default_rng(seed).permutation(len(data.interactions))
        return mtbench.Parts(order[:150], order[150:])

@mtbench.hookimpl
def mtbench_splits():
    return [Half]
'''

KEYS = """
    answer arms curve data diagnostics environment epoch error files floors metric_info metrics
    parameters peak_memory_bytes question question_id run_id scenario schema_version seed started
    status suite timings validation
""".split()
pytestmark = pytest.mark.usefixtures("traced")
LATER = set("curve data diagnostics epoch floors metric_info metrics parameters validation".split())
ALWAYS = set(KEYS) - LATER


@pytest.fixture
def half(tiny, tmp_path, monkeypatch):
    """The small suite with a split that fails for seed 0, so that each scenario begins badly."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "half.py").write_text(PLUGIN)
    text = tiny.read_text().replace("{name: random, test_share: 0.2}", "half")
    tiny.write_text(text.replace("name: tiny", "name: tiny\nplugins: [half.py]"))
    return tiny


def stored(folder):
    return [store.read(path) for path in folder.glob("*.json")]


def results(record):
    return record.metrics, record.curve, record.floors


def run(path, folder, *observers, seeds="1", scenarios=("rating-only",)):
    return made.run_suite(path, folder, observers=observers, scenarios=scenarios, seeds=seeds)


def test_a_failure_stops_nothing_and_is_retried_alone(half, tmp_path, capsys):
    folder = tmp_path / "results" / "tiny"
    words = ["run", "tiny.yaml", "--seeds", "2"]
    assert main(words) == 1
    assert "FAILED: joint seed 0: ArithmeticError: on purpose" in capsys.readouterr().out
    records = {(r.scenario, r.seed): r for r in stored(folder)}
    assert {key: r.status for key, r in records.items()} == {
        (scenario, seed): ["failed", "ok"][seed]
        for scenario in ("rating-only", "retrieval-only", "joint")
        for seed in (0, 1)
    }
    failed = records["joint", 0]
    assert set(failed.plain()) == ALWAYS == set(made.record("x", 0, status="failed").plain())
    assert failed.error.type == "ArithmeticError"
    assert failed.error.message == "on purpose"
    assert failed.error.traceback[0] == "Traceback (most recent call last):"
    assert failed.error.traceback[-1] == "ArithmeticError: on purpose"
    assert any("half.py" in line for line in failed.error.traceback)
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*.json")}

    (tmp_path / "well").touch()
    assert main(words) == 0
    assert "3 of 6 runs are done already" in capsys.readouterr().err
    changed = {path for path in folder.glob("*.json") if path.stat().st_mtime_ns != before[path]}
    assert {json.loads(path.read_text())["seed"] for path in changed} == {0}
    assert len(changed) == 3
    assert {r.status for r in stored(folder)} == {"ok"}
    assert all(set(r.plain()) == set(KEYS) for r in stored(folder))


@pytest.mark.thorough
def test_a_run_after_a_failure_has_the_bits_of_one_alone(half, tmp_path):
    after = run(half, tmp_path / "a", seeds="2", scenarios=["joint"])[1]
    (alone,) = run(half, tmp_path / "b", seeds="[1]", scenarios=["joint"])
    assert after.run_id == alone.run_id
    assert results(after) == results(alone)


@pytest.mark.thorough
def test_a_failure_in_training_keeps_what_was_known(tiny, tmp_path):
    override = "train.optimizer={name: sgd, learning_rate: 1.0e+30}"
    found = made.run_suite(tiny, tmp_path / "r", override, scenarios=["joint"], seeds="2")
    assert [r.status for r in found] == ["failed"] * 2
    assert [r.error.type for r in found] == ["FloatingPointError"] * 2
    assert set(found[0].plain()) == ALWAYS | {"data", "metric_info"}
    by_seed = sorted(stored(tmp_path / "r"), key=lambda r: r.seed)
    assert by_seed == found


def test_a_metric_that_is_no_number_fails_the_run(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(
        RankingHead, "evaluate", lambda self, view: {"rmse": float("nan"), "mae": 1.0}
    )
    (record,) = run(tiny, tmp_path / "r")
    assert record.status == "failed"
    assert record.error.message == "ranking/rmse is nan"


@pytest.fixture(scope="module")
def undisturbed(shared_tiny, tmp_path_factory):
    """The record of a run without an observer."""
    (record,) = run(shared_tiny, tmp_path_factory.mktemp("undisturbed"))
    return record


def raising(hook):
    class Observer:
        @hookimpl
        def mtbench_run_started(self, run):
            self.on("mtbench_run_started")

        @hookimpl
        def mtbench_epoch_ended(self, run, epoch, losses):
            losses.clear()
            self.on("mtbench_epoch_ended")

        @hookimpl
        def mtbench_run_finished(self, run, record):
            record.metrics.clear()
            self.on("mtbench_run_finished")

        def on(self, name):
            if name == hook:
                raise RuntimeError("an observer's own")

    return Observer()


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("hook", "times"),
    [("mtbench_run_started", 1), ("mtbench_epoch_ended", 2), ("mtbench_run_finished", 1)],
)
def test_an_observer_that_raises_only_warns(tiny, undisturbed, tmp_path, hook, times):
    with pytest.warns(RuntimeWarning) as caught:
        (record,) = run(tiny, tmp_path / "r", raising(hook))
    told = [str(w.message) for w in caught if "observer" in str(w.message)]
    assert told == [f'observer failed in {hook}: RuntimeError("an observer\'s own")'] * times
    for found in (record, *stored(tmp_path / "r")):
        assert found.status == "ok"
        assert results(found) == results(undisturbed)


class Told:
    def __init__(self):
        self.told = []

    @hookimpl
    def mtbench_run_started(self, run):
        self.told.append("started")

    @hookimpl
    def mtbench_run_finished(self, run, record):
        self.told.append(record.status)


@pytest.mark.filterwarnings("ignore:observer failed:RuntimeWarning")
def test_an_observer_that_raises_silences_no_other(tiny, tmp_path):
    first, last = Told(), Told()
    run(tiny, tmp_path / "r", first, raising("mtbench_run_finished"), last)
    assert last.told == ["started", "ok"]
    assert first.told == ["started", "ok"]


def test_an_observer_cannot_change_the_setup(tiny, tmp_path):
    class Changes:
        @hookimpl
        def mtbench_run_started(self, run):
            run.answer["train"]["epochs"] = 99

    run(tiny, tmp_path / "r", Changes())
    assert [r.answer.train["epochs"] for r in stored(tmp_path / "r")] == [2]


@pytest.mark.thorough
@pytest.mark.parametrize("where", ["metric of float32", "floor of nan"])
def test_values_of_a_plugin_that_json_lacks_do_not_end_the_suite(
    tiny, tmp_path, monkeypatch, where
):
    """A NumPy scalar may be stored or fail its run; in both cases the next run goes on."""
    if where == "metric of float32":
        values = {"rmse": np.float32(1.5), "mae": np.float32(1.0)}
        monkeypatch.setattr(RankingHead, "evaluate", lambda self, view: values)
        status, message = "ok", None
    else:
        floors = {"nothing": {"rmse": float("nan"), "mae": 1.0}}
        monkeypatch.setattr(Ranking, "floors", lambda self, train, test, known: floors)
        status, message = "failed", "floor 'nothing': ranking/rmse is nan"
    made = run(tiny, tmp_path / "r", seeds="2")
    assert [record.status for record in made] == [status] * 2
    assert [record.error and record.error.message for record in made] == [message] * 2
    assert len(stored(tmp_path / "r")) == 2


def test_results_that_no_record_can_hold_fail_the_run(tiny, tmp_path, monkeypatch):
    """JSON has a form for a truth value, a metric has none."""
    values = {"rmse": True, "mae": 1.0}
    monkeypatch.setattr(RankingHead, "evaluate", lambda self, view: values)
    (record,) = run(tiny, tmp_path / "r")
    assert record.status == "failed"
    assert str(record.error) == ("ValueError: metrics.ranking.rmse: expected a number, found True")
    assert stored(tmp_path / "r") == [record]


def test_metrics_of_other_names_fail_the_run(tiny, tmp_path, monkeypatch):
    """Stored as a success, such a record makes the report raise KeyError."""
    monkeypatch.setattr(RankingHead, "evaluate", lambda self, view: {"other": 1.0})
    (record,) = run(tiny, tmp_path / "r")
    assert record.status == "failed"


@pytest.mark.thorough
def test_floors_are_those_of_the_seed(tiny, tmp_path, tiny_data, make_suite):
    found = run(tiny, tmp_path / "r", seeds="2", scenarios=["rating-only", "retrieval-only"])
    suite = make_suite()
    assert [r.seed for r in found] == [0, 1, 0, 1]
    for record in found:
        rows = suite.split.build(tiny_data, record.seed)[:2]
        parts = [tiny_data.interactions.take(np.sort(part)) for part in rows]
        expected = {name: task.floors(*parts[:2], parts[0]) for name, task in suite.tasks.items()}
        assert record.floors == expected
    assert found[0].floors != found[1].floors


def test_records_are_stored_one_by_one(tiny, tmp_path):
    told = []

    class Looking:
        @hookimpl
        def mtbench_run_finished(self, record):
            told.append((record.run_id, {path.name for path in (tmp_path / "r").iterdir()}))

    chosen = {"scenarios": ["rating-only"], "seeds": "2", "observers": [Looking()]}
    suite, plan, registry = made.planned(tiny, **chosen)
    (tmp_path / "r").mkdir()
    dead = tmp_path / "r" / "dead.tmp"
    dead.write_text("{")
    os.utime(dead, (0, 0))
    made.perform(suite, registry, tmp_path / "r", ["rating-only"])
    for n, (run_id, names) in enumerate(told, 1):
        ids = [run.id for run in plan[:n]]
        found = [store.read(store.path_of(tmp_path / "r", run)) for run in ids]
        digests = [each.files["by_query"][:16] for each in found]
        beside = {f"{run}.{digest}.npz" for run, digest in zip(ids, digests, strict=True)}
        own = {name for name in names if not name.endswith((".queries.npy", ".jsonl"))}
        assert own == {*(f"{run}.json" for run in ids), *beside, f"{ids[-1]}.lease"}
        assert run_id == ids[-1]
    suffixes = {path.suffix for path in (tmp_path / "r").iterdir()}
    assert suffixes == {".json", ".npz", ".npy", ".jsonl"}


def test_nothing_to_do_touches_nothing(tiny, tmp_path):
    _, plan, _ = made.planned(tiny)
    assert pending(plan, tmp_path / "r") == list(plan)
    assert pending(plan, tmp_path / "r", force=True) == list(plan)
