"""Run ids: equal for equal results, and only then."""

import json
import re

import pytest
from made import plan_of, run_suite

from mtbench.errors import SuiteError
from mtbench.runs import identity as module
from mtbench.runs.plan import make_plan
from mtbench.suite.reader import load_suite

PLUGIN = '''
import mtbench

class Mine(mtbench.LossWeighting):
    """Mine."""
    name = "mine"

@mtbench.hookimpl
def mtbench_weightings():
    return [Mine]
'''


def ids(path, *overrides, scenarios=()):
    runs = plan_of(path, *overrides, scenarios=scenarios)
    return {(run.scenario, run.seed): run.id for run in runs}


def changed(before, after):
    assert before.keys() == after.keys()
    return {key for key in before if before[key] != after[key]}


def test_order_and_uniqueness(tiny):
    found = ids(tiny)
    names = ["rating-only", "retrieval-only", "joint"]
    assert list(found) == [(name, seed) for name in names for seed in (0, 1)]
    assert len(set(found.values())) == 6


def test_scenarios_come_in_the_order_of_the_suite(tiny):
    found = ids(tiny, "seeds=[7, 3, 7]", scenarios=["joint", "rating-only"])
    assert list(found) == [(name, seed) for name in ("rating-only", "joint") for seed in (7, 3)]


def test_form_of_the_plan(tiny):
    runs = plan_of(tiny)
    assert all(re.fullmatch("[0-9a-f]{16}", run.id) for run in runs)
    assert len({run.run.question_id for run in runs}) == 1
    question = json.loads(json.dumps(runs[0].run.question))  # it goes into every record
    assert question == runs[0].run.question
    assert question["dataset"]["options"]["num_users"] == 30
    assert set(question["engine"]) == {"mtbench", "threads", "device", "code", *module.PACKAGES}
    assert runs[0].run.answer["towers"]["query"]["options"]["embedding_dim"] == 4


def test_an_unknown_scenario_is_refused(tiny):
    with pytest.raises(SuiteError) as caught:
        plan_of(tiny, scenarios=["joint", "joined"])
    message = "--scenario joined: unknown scenario (did you mean 'joint'?)"
    assert str(caught.value) == message


def test_what_does_not_decide_a_result(tiny):
    before = ids(tiny)
    assert ids(tiny, "seeds=[1]").items() <= before.items()
    assert ids(tiny, scenarios=["joint"]).items() <= before.items()
    assert before.items() <= ids(tiny, "scenarios.more={tasks: [ranking]}").items()
    lines = tiny.read_text().splitlines()
    tiny.write_text("\n".join(["# a comment", *lines[3:], *lines[:3]]))
    assert ids(tiny) == before


def test_another_way_to_write_the_suite_does_not_decide(tiny, tmp_path):
    """Neither does the folder, nor the order of keys and of a scenario's tasks."""
    other = tmp_path / "elsewhere" / "other.yaml"
    other.parent.mkdir()
    other.write_text(
        "seeds: [1, 0]\n"
        "train:\n  batch_size: 6_4\n  epochs: 2   # few\n"
        "scenarios:\n"
        "  joint: {weighting: {weights: {}, name: fixed}, tasks: [retrieval, ranking]}\n"
        "  retrieval-only: {tasks: [retrieval]}\n"
        "  rating-only: {tasks: [ranking]}\n"
        "tasks: {ranking: {units: [8], name: ranking}, retrieval: {top_k: [1, 5]}}\n"
        "towers: {candidate: &t {embedding_dim: 4, name: embedding}, query: *t}\n"
        "split: {test_share: 2e-1, name: random}\n"
        "dataset: {num_ratings: 300, num_items: 40, num_users: 30, name: synthetic}\n"
        "name: tiny\n"
    )
    assert ids(other) == ids(tiny)


def test_a_default_that_is_written_out_does_not_decide(tiny):
    written_out = [
        "dataset.seed=0",
        "dataset.latent_dim=4",
        "tasks.ranking.reduction=mean",
        "tasks.retrieval.temperature=1",
        "train.optimizer={name: adagrad, learning_rate: 0.1}",
        "train.reshuffle=true",
        "scenarios.joint.weighting={name: fixed, weights: {}}",
    ]
    assert ids(tiny, *written_out) == ids(tiny)


@pytest.mark.parametrize(
    "override",
    [
        "name=other",
        "dataset.num_ratings=301",
        "dataset.seed=1",
        "dataset.noise=0.25",
        "split.test_share=0.3",
        "towers.query={name: mlp, embedding_dim: 4}",
        "tasks.ranking.units=[9]",
        "tasks.ranking.loss=huber",
        "tasks.ranking.reduction=sum",
        "tasks.retrieval.top_k=[1, 6]",
        "tasks.retrieval.temperature=0.5",
        "tasks.more={name: ranking}",
        "train.epochs=3",
        "train.batch_size=65",
        "train.reshuffle=false",
        "train.optimizer.name=adam",
        "train.optimizer.learning_rate=0.2",
    ],
)
def test_what_decides_every_result(tiny, override):
    before, after = ids(tiny), ids(tiny, override)
    assert changed(before, after) == before.keys()
    assert not set(before.values()) & set(after.values())


@pytest.mark.parametrize(
    "override",
    [
        "scenarios.joint.weighting={name: fixed, weights: {ranking: 2}}",
        "scenarios.joint.weighting=uncertainty",
    ],
)
def test_a_weighting_decides_its_scenario(tiny, override):
    assert changed(ids(tiny), ids(tiny, override)) == {("joint", 0), ("joint", 1)}


def test_the_trained_tasks_decide_their_scenario(tiny):
    after = ids(tiny, "scenarios.rating-only.tasks=[retrieval]")
    assert changed(ids(tiny), after) == {("rating-only", 0), ("rating-only", 1)}


def test_a_stand_in_is_not_taken_for_the_same_data_by_its_own_name(tiny, registry):
    replaced = load_suite(tiny, registry, overrides=["dataset=movielens"], synthetic=True)
    spec = {"name": "synthetic", **replaced.dataset.options()}
    named = load_suite(tiny, registry, overrides=[f"dataset={json.dumps(spec)}"])
    assert named.dataset == replaced.dataset
    plans = [make_plan(suite, registry) for suite in (named, replaced)]
    assert not {run.id for run in plans[0]} & {run.id for run in plans[1]}


@pytest.mark.parametrize("package", ["mtbench", *module.PACKAGES])
def test_versions_decide(tiny, monkeypatch, package):
    before, engine = ids(tiny), module.engine()
    assert package in engine
    monkeypatch.setattr(module, "engine", lambda: {**engine, package: "99.0"})
    assert changed(before, ids(tiny)) == before.keys()


def test_threads_and_plugin_code_decide(tiny, tmp_path, monkeypatch):
    plugin = tmp_path / "mine.py"
    plugin.write_text(PLUGIN)
    words = [f"plugins=[{tmp_path}/mine.py]", "scenarios.joint.weighting=mine"]
    before = ids(tiny, *words)
    plugin.write_text(PLUGIN + "# changed\n")
    assert changed(before, ids(tiny, *words)) == {("joint", 0), ("joint", 1)}
    before = ids(tiny)
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "7")
    module.engine.cache_clear()
    assert changed(before, ids(tiny)) == before.keys()
    monkeypatch.undo()
    module.engine.cache_clear()
    assert ids(tiny) == before


def test_the_folder_of_a_plugin_file_does_not_decide(tiny, tmp_path):
    found = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(PLUGIN)
        words = [f"plugins=[{tmp_path}/{folder}/mine.py]", "scenarios.joint.weighting=mine"]
        found.append(ids(tiny, *words))
    assert found[0] == found[1]


@pytest.mark.thorough
def test_runs_of_one_id_have_one_result(tiny, tmp_path):
    """Two suites that differ in the order of their tasks: other ids, or the same numbers."""
    first, second = "  a: {name: ranking, units: [8]}\n", "  b: {name: ranking, units: [16]}\n"
    head, tasks, _ = tiny.read_text().partition("tasks:\n")
    tail = "scenarios: {one: {tasks: [a]}}\ntrain: {epochs: 1, batch_size: 64}\nseeds: 1\n"
    found = []
    for name, order in (("x", first + second), ("y", second + first)):
        path = tmp_path / f"{name}.yaml"
        path.write_text(head + tasks + order + tail)
        (record,) = run_suite(path, tmp_path / name)
        assert record.status == "ok"
        found.append((record.run_id, record.metrics["a"]))
    assert found[0][0] != found[1][0] or found[0][1] == found[1][1]


def test_every_run_knows_the_order_of_its_suite(tiny):
    for run in plan_of(tiny, scenarios=["joint"]):
        assert run.arms == ("rating-only", "retrieval-only", "joint")
