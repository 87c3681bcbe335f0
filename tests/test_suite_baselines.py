"""Baselines in a suite: read, planned, fitted, scored by the tasks' own metrics, recorded."""

import pytest
from made import perform, planned, run_suite

from mtbench.errors import MtbenchError, SuiteError
from mtbench.plugin.registry import installed
from mtbench.records import store
from mtbench.runs.plan import pending
from mtbench.suite.reader import load_suite

PLUGIN = '''
import numpy as np

import mtbench


class Counts(mtbench.Baseline):
    """How often a candidate is in the rows."""

    name = "counts"
    gives = ("scores",)
    power: float = 1.0
    """Exponent."""

    def fit(self, rows, labels, seed):
        assert labels is None
        counts = np.bincount(rows.candidate, minlength=rows.num_candidates)
        return Fitted(counts.astype(float) ** self.power)


class Mean(mtbench.Baseline):
    """The mean."""

    name = "mean"
    gives = ("predictions",)

    def fit(self, rows, labels, seed):
        return Fitted(labels.mean())


class Both(Counts):
    """Both."""

    name = "both"
    gives = ("scores", "predictions")

    def fit(self, rows, labels, seed):
        return Counts.fit(self, rows, labels, seed) if labels is None else Fitted(labels.mean())


class Absent(Mean):
    """Lacks a package."""

    name = "absent"

    def require(self):
        raise mtbench.MtbenchError("absent needs a package: pip install it")


class Nan(Mean):
    """Not a number."""

    name = "nan"

    def fit(self, rows, labels, seed):
        return Fitted(float("nan"))


class Fitted:
    def __init__(self, value):
        self.value = value

    def scores(self, queries):
        return np.tile(self.value, (len(queries), 1))

    def predictions(self, query, candidate):
        return np.full(len(query), self.value)


@mtbench.hookimpl
def mtbench_baselines():
    return [Counts, Mean, Both, Absent, Nan]
'''


@pytest.fixture
def suite(tiny):
    """The small suite, whose folder has the plugin."""
    (tiny.parent / "simple.py").write_text(PLUGIN)
    tiny.write_text(f"plugins: [simple.py]\n{tiny.read_text()}")
    return tiny


def test_what_one_gives_is_scored_as_a_floor_is(suite, tmp_path):
    """The metrics are the task's own: of counts those of the floor that counts."""
    names = ["counts", "mean"]
    records = run_suite(suite, tmp_path, "baselines=[counts, mean]", scenarios=names)
    assert [(r.scenario, r.seed) for r in records] == [(n, s) for n in names for s in (0, 1)]
    for record in records[:2]:
        assert record.metrics == {"retrieval": record.floors["retrieval"]["popularity"]}
    for record in records[2:]:
        floor = record.floors["ranking"]["global mean"]
        assert record.metrics == {"ranking": pytest.approx(floor, rel=1e-12)}


def test_its_record(suite, tmp_path):
    baselines = "baselines={counts: {power: 2}, all: {name: both}}"
    (one, two) = run_suite(suite, tmp_path, baselines, "seeds=[0]", scenarios=["counts", "all"])
    assert one.ok
    assert not one.lacking
    assert one.answer.baseline.name == "counts"
    assert one.answer.baseline.options == {"power": 2.0}
    assert one.answer.baseline.origin.plugin == "simple.py"
    assert (one.answer.trained_tasks, one.answer.weighting) == (("retrieval",), None)
    assert (one.answer.towers, one.answer.train) == ({}, {})
    assert list(one.metric_info) == list(one.metrics) == ["retrieval"]
    assert set(one.floors) == {"ranking", "retrieval"}
    assert set(one.timings) >= {"train_s", "evaluate_s", "run_s"}
    assert (one.curve, one.parameters) == ((), None)
    assert set(two.metrics) == {"ranking", "retrieval"}
    assert two.scenario == "all"
    by_query = store.read_by_query(tmp_path, two.run_id)
    assert set(by_query) >= {"ranking/rmse", "retrieval/top_5_seen_kept"}
    assert store.read(store.path_of(tmp_path, one.run_id)) == one


def test_its_id_is_of_its_options_and_of_how_it_is_scored_alone(suite):
    def ids(*overrides):
        _, plan, _ = planned(suite, "baselines=[counts]", *overrides, scenarios=["counts"])
        return [run.id for run in plan]

    before = ids()
    assert (
        ids(
            "tasks.ranking.units=[4]",
            "train.epochs=7",
            "towers.query={name: mlp, embedding_dim: 4}",
        )
        == before
    )
    assert ids("tasks.retrieval.temperature=0.5") == before
    assert not {*ids("tasks.retrieval.top_k=[2]")} & {*before}
    assert not {*ids("baselines={counts: {power: 2}}")} & {*before}
    assert not {*ids("split.test_share=0.3")} & {*before}


def test_it_answers_the_question_of_the_scenarios(suite):
    _, plan, _ = planned(suite, "baselines=[counts]")
    assert len({run.run.question_id for run in plan}) == 1
    assert [run.scenario for run in plan[-2:]] == ["counts"] * 2


def test_it_has_no_weights_to_save(suite, tmp_path):
    read, plan, registry = planned(suite, "baselines=[counts]", scenarios=["counts"])
    assert all(record.ok for record in perform(read, registry, tmp_path, ["counts"], models=True))
    assert not pending(plan, tmp_path, models=True)
    assert not list(tmp_path.glob("*.weights.*npz"))


def test_on_the_validation_part_the_test_part_is_sealed(suite, tmp_path):
    overrides = ["baselines=[counts]", "evaluate_on=validation", "split.validation_share=0.2"]
    for record in run_suite(suite, tmp_path, *overrides, scenarios=["counts"]):
        assert record.ok
        assert record.metrics["retrieval"] == record.floors["retrieval"]["popularity"]


def test_a_package_it_lacks_is_told_before_anything_starts(suite, tmp_path):
    read, _, registry = planned(suite, "baselines=[absent]")
    with pytest.raises(MtbenchError, match="absent needs a package: pip install it"):
        perform(read, registry, tmp_path)
    assert not list(tmp_path.glob("*.json"))


def test_what_is_no_number_fails_its_run_alone(suite, tmp_path):
    records = run_suite(suite, tmp_path, "baselines=[nan, mean]", scenarios=["nan", "mean"])
    assert [record.status for record in records] == ["failed"] * 2 + ["ok"] * 2
    assert "FloatingPointError" in str(records[0].error)


@pytest.mark.parametrize(
    ("baselines", "told"),
    [
        ("3", "baselines: expected baselines by name, found 3"),
        ("[3]", "baselines.0: expected the name of a baseline, found 3"),
        ("[counts, counts]", "baselines.1: baseline 'counts' is given twice"),
        ("[cuonts]", "baselines.0: unknown baseline 'cuonts' (did you mean 'counts'?)"),
        ("{x: cuonts}", "baselines.x.name: unknown baseline 'cuonts' (did you mean 'counts'?)"),
        ("{joint: counts}", "baselines.joint: expected another name, since a scenario has this"),
        ("{counts: {powr: 1}}", "baselines.counts.powr: unknown key (did you mean 'power'?)"),
        ("{counts: {power: x}}", "baselines.counts.power: expected a number, found 'x'"),
    ],
)
def test_a_wrong_one_is_told(suite, baselines, told):
    with pytest.raises(SuiteError) as caught:
        load_suite(suite, installed(), overrides=[f"baselines={baselines}"])
    (fault,) = caught.value.faults
    assert told in str(fault)


def test_one_that_serves_no_task_is_refused(suite):
    overrides = ["baselines=[counts]", "tasks={ranking: {units: [8]}}"]
    overrides += ["scenarios={rating-only: {tasks: [ranking]}}"]
    with pytest.raises(SuiteError, match="gives scores, which no task of the suite wants"):
        load_suite(suite, installed(), overrides=overrides)
